"""The interface between the engine and a GAN: a `Family` says what it is, a `TrainingModule` how it learns.

A family of your own is a dataclass of options, a function that builds the nets for use, a `TrainingModule`, and a
`Family` that names them, given to `ganctl.gans.register`. The engine moves weights, schedules learning rates, averages
weights, logs, saves and resumes; a family only computes losses.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.optim import Adam, Optimizer

from ganctl.data.batches import Batch, Batches
from ganctl.data.cache.dataset import Dataset, TwoDatasets
from ganctl.data.info import ONE_SET, DataInfo, Needs
from ganctl.errors import UsageError
from ganctl.metrics.score import Score
from ganctl.option import Value
from ganctl.runs.metric_names import ROLES
from ganctl.settings import Settings
from ganctl.units import counted


class Clock(NamedTuple):
    """How far a training has come.

    Attributes:
        step: the number of the step, from 0.
        total_steps: of the training, as it is planned now.
        steps_per_epoch: in a pass over the data.
    """

    step: int
    total_steps: int
    steps_per_epoch: int


class Update(NamedTuple):
    """The losses of the players that move next. The engine moves them before it asks for the following update.

    Attributes:
        losses: player → scalar, to be minimised in that player's weights alone. Several players in one update move
            simultaneously: every gradient is taken before any weight moves.
        metrics: name → detached scalar, for the log. The verdicts and the balance listen to ``accuracy``, ``D(x)`` and
            ``D(G(z))`` or ``D(G(x))``; every other name is free.

    In the log, the losses of a player that moves several times in a step are added up, a metric of several updates is
    their mean, and what is not in every step is averaged over the steps that have it.
    """

    losses: Mapping[str, Tensor]
    metrics: Mapping[str, Tensor] = {}


class Preview(NamedTuple):
    """A grid of images that shows how far a training has come.

    Attributes:
        images: [N, C, H, W] in [-1, 1], row by row.
        columns: number of images in a row.
        samples: the images among them that are final outputs of the model; the sample statistics are theirs.
        titles: of the columns, for the report and the film; none, or one for each. Of a family that translates, the
            report lays the first column over the second.
        rows: names of the rows, for the report; likewise.
    """

    images: Tensor
    columns: int
    samples: Tensor
    titles: Sequence[str] = ()
    rows: Sequence[str] = ()

    def require_fitting_names(self) -> None:
        """Raise ValueError unless every column has a title, or none has, and likewise the rows."""
        counts = {"column": (self.titles, self.columns), "row": (self.rows, -(-len(self.images) // self.columns))}
        for kind, (names, count) in counts.items():
            if names and len(names) != count:
                raise ValueError(f"it has {counted(count, kind)}, and {counted(len(names), 'name')} of them")


class TrainingModule(nn.Module, ABC):
    """How a family learns: its nets, their optimizers and their losses.

    Whatever must survive a restart is a parameter or a buffer of this module: attributes of other kinds are not saved,
    nor is what is `ganctl.gans.frozen.Frozen`.
    All randomness in `updates` and `preview` comes from torch's global generators, which the engine seeds before every
    step, so that a resumed training goes on with the same bits.

    Attributes:
        model: the nets for use, whose weights are averaged and written to ``model.safetensors``.
        ema: decay per step of the exponential moving average of the model's weights; 0 keeps the weights as they are.
    """

    model: nn.Module
    ema: float = 0.0

    @abstractmethod
    def optimizers(self) -> dict[str, Optimizer]:
        """Create an optimizer for each player, with the learning rate that it starts from.

        What the players are called is free: the family's `roles` say which is the generator and which the
        discriminator.
        """

    @abstractmethod
    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        """Yield the updates of one training step.

        Control comes back when the players of an update have moved, so an update that is computed afterwards uses their
        new weights. Never yield inside a ``with``: the context would stay open in the engine.

        Args:
            batch: by the names in the family's `Needs`: real images [N, C, H, W] in [-1, 1], as ``images``, or ``a``
                and ``b`` of two domains, and columns such as ``labels`` [N].
            clock: how far the training has come.
        """

    @abstractmethod
    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        """Generate the preview, the same way at every epoch.

        Args:
            model: a copy of `self.model` with averaged weights, in evaluation mode.
            batch: the same held-out images each time, named as in `updates`. The seed is the same each time, too.
        """


def constant_lr(options: Any, clock: Clock) -> float:
    """Keep the learning rates as they are, so that a training can be extended at any time."""
    return 1.0


class Jitter(NamedTuple):
    """Random crops and flips of the training images.

    Attributes:
        load_size: height and width of the images before a random square of the training's size is cropped from them.
        hflip: whether half of them are mirrored.
    """

    load_size: int
    hflip: bool


def no_jitter(options: Any, size: int) -> Jitter:
    """Take the images as they are."""
    return Jitter(size, False)


def adam(options: Any, **players: Iterable[nn.Parameter]) -> dict[str, Optimizer]:
    """Create an Adam (Kingma and Ba 2015) for each player, in one fused kernel where the device has one.

    Args:
        options: with the fields ``beta1``, ``beta2``, ``epsilon``, and ``lr_PLAYER`` of each player.
        players: player → its weights.
    """
    betas, optimizers = (options.beta1, options.beta2), dict[str, Optimizer]()
    for player, parameters in players.items():
        weights, lr = list(parameters), getattr(options, f"lr_{player}")
        optimizers[player] = Adam(weights, lr, betas, options.epsilon, fused=weights[0].device.type in ("cpu", "cuda"))
    return optimizers


@dataclass(frozen=True)
class NoControls:
    """The controls of a model that can be asked for nothing but images."""


Conditions = Mapping[str, Tensor]  # what one image is generated from beside its noise, by column: {"labels": a number}


def normal_noise(options: Any, generator: Generator) -> Tensor:
    """Draw standard normal latents [options.latent_dim]."""
    return torch.randn(options.latent_dim, generator=generator)


def no_conditions(controls: Any, info: DataInfo, generator: Generator) -> Conditions:
    """Make images of noise alone."""
    return {}


def no_alternatives(controls: Any, info: DataInfo) -> list[Any]:
    """Ask for one thing at a time."""
    return [controls]


def no_way(first: Any, second: Any, share: float, info: DataInfo) -> Any:
    """Raise UsageError: there is nothing between the two."""
    raise UsageError("There is nothing between the things that are asked for.", "Ask for one of them.")


def no_scores(model: Any, data: Dataset | TwoDatasets, references: Sequence[Any]) -> tuple[Score, ...]:
    """Measure only what is common."""
    return ()


def bind_nothing(model: Any, controls: Any, info: DataInfo) -> nn.Module:
    """Use the model as it is."""
    net: nn.Module = model
    return net


@dataclass(frozen=True)
class Family:
    """A GAN, as all of ganctl knows it.

    Attributes:
        name: what is typed on the command line.
        summary: one line of help.
        verbs: what a trained model does, the first one first: ``sample`` images from noise, ``translate`` images.
        options: a frozen dataclass whose fields are `ganctl.option.option`; each becomes a setting of the command line.
        presets: name → settings that replace the defaults; each should cite its source.
        default_preset: the preset of ``train`` without ``--preset``.
        default_data: the set of ``train`` without ``--data``, and a built-in one for where that cannot be had.
        model: (options, info of the data) → the nets for use, with random weights. Raises ValueError, with a sentence,
            where nets of that shape cannot be had.
        training: (options, model, info) → the training module around a model.
        needs: the sets that it learns from, and their columns.
        schedule: (options, clock) → the factor by which the learning rates of all players are multiplied, or player →
            factor. A pure function.
        jitter: (options, size) → the crops and flips for training images of a size.
        controls: a frozen dataclass of `ganctl.option.option` for what a trained model can be asked for, each with a
            default: ``ganctl sample --set name=value``.
        bind: (model, controls, info) → the net to apply: noise [N, …], and conditions by their names → images for
            ``sample``, images [N, C, H, W] → images for ``translate``. Raises UsageError where it cannot be asked for
            that.
        noise: (options, generator) → the noise of one image, all that the net will need.
        conditions: (controls, info, generator) → what one image is generated from beside its noise, by column. A
            measurement takes columns of real images instead. Raises UsageError likewise.
        alternatives: (controls, info) → the controls that are asked for at once, each for images of its own.
        between: (first controls, second controls, share, info) → the controls on the way from the first, where the
            share is 0, to the second, where it is 1, for ``--walk``. Raises UsageError where there is no way.
        batches: (data, settings, options) → batches by number, where they are not every set's images and columns,
            shuffled, cropped and mirrored.
        scores: (`Model`, data, references) → scores of its own, before the common ones; the first one decides which
            checkpoint is the best. Lower is better where a name begins with ``error-``.
        roles: ``generator`` and ``discriminator`` → the players that are these to the balance, the verdicts and the
            charts. A role without a player of that name is left out, and may be missing altogether: what needs it is
            then left out too, and ``--balance`` is refused.
        light_preset: the preset to recommend where the chosen one would take days; None for none.
        default_size: height and width in pixels where neither the settings nor the data have one.
    """

    name: str
    summary: str
    verbs: tuple[str, ...]
    options: type
    presets: Mapping[str, Mapping[str, Value]]
    default_preset: str
    default_data: tuple[str, str]
    model: Callable[[Any, DataInfo], nn.Module]
    training: Callable[[Any, Any, DataInfo], TrainingModule]
    needs: Needs = ONE_SET
    schedule: Callable[[Any, Clock], float | Mapping[str, float]] = constant_lr
    jitter: Callable[[Any, int], Jitter] = no_jitter
    controls: type = NoControls
    bind: Callable[[Any, Any, DataInfo], nn.Module] = bind_nothing
    noise: Callable[[Any, Generator], Tensor] = normal_noise
    conditions: Callable[[Any, DataInfo, Generator], Conditions] = no_conditions
    alternatives: Callable[[Any, DataInfo], list[Any]] = no_alternatives
    between: Callable[[Any, Any, float, DataInfo], Any] = no_way
    batches: Callable[[Dataset | TwoDatasets, Settings, Any], Batches] | None = None
    scores: Callable[[Any, Dataset | TwoDatasets, Sequence[Any]], Iterable[Score]] = no_scores
    roles: Mapping[str, str] = field(default_factory=lambda: ROLES)
    light_preset: str | None = None
    default_size: int = 64
