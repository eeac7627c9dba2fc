"""The interface between the engine and a GAN: a `Family` says what it is, a `TrainingModule` how it learns.

A family of your own is a dataclass of options, a function that builds the nets for use, a `TrainingModule`, and a
`Family` that names them, given to `ganctl.gans.register`. The engine moves weights, schedules learning rates, averages
weights, logs, saves and resumes; a family only computes losses.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from ganctl.data.batches import Batch
from ganctl.option import Value

Shape = tuple[int, int, int]  # of an image: channels, height, width


class Update(NamedTuple):
    """The losses of the players that move next. The engine moves them before it asks for the following update.

    Attributes:
        losses: player → scalar, to be minimised in that player's weights alone. Several players in one update move
            simultaneously: every gradient is taken before any weight moves.
        metrics: name → detached scalar, for the log. The verdicts and the balance listen to ``accuracy``, ``D(x)`` and
            ``D(G(z))`` or ``D(G(x))``; every other name is free.
    """

    losses: Mapping[str, Tensor]
    metrics: Mapping[str, Tensor] = {}


class Preview(NamedTuple):
    """A grid of images that shows how far a training has come.

    Attributes:
        images: [N, C, H, W] in [-1, 1], row by row.
        columns: number of images in a row.
        samples: the images among them that are final outputs of the model; the sample statistics are theirs.
    """

    images: Tensor
    columns: int
    samples: Tensor


class TrainingModule(nn.Module, ABC):
    """How a family learns: its nets, their optimizers and their losses.

    Whatever must survive a restart is a parameter or a buffer of this module: attributes of other kinds are not saved.
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

        The balance and the verdicts know the players ``generator`` and ``discriminator``.
        """

    @abstractmethod
    def updates(self, batch: Batch, step: int) -> Iterator[Update]:
        """Yield the updates of one training step.

        Control comes back when the players of an update have moved, so an update that is computed afterwards uses their
        new weights. Never yield inside a ``with``: the context would stay open in the engine.

        Args:
            batch: real images in [-1, 1]: ``images`` [N, C, H, W], or ``a`` and ``b`` for a family of two domains.
            step: the number of the step, from 0.
        """

    @abstractmethod
    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        """Generate the preview, the same way at every epoch.

        Args:
            model: a copy of `self.model` with averaged weights, in evaluation mode.
            batch: the same held-out images each time, named as in `updates`. The seed is the same each time, too.
        """


def constant_lr(options: Any, step: int, total_steps: int) -> float:
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


def adam(parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], epsilon: float) -> Adam:
    """Adam (Kingma and Ba 2015), in one fused kernel where the device has one."""
    weights = list(parameters)
    return Adam(weights, lr, betas, epsilon, fused=weights[0].device.type in ("cpu", "cuda"))


@dataclass(frozen=True)
class Family:
    """A GAN, as all of ganctl knows it.

    Attributes:
        name: what is typed on the command line.
        summary: one line of help.
        verb: what a trained model does: ``sample`` images from noise, or ``translate`` images.
        options: a frozen dataclass whose fields are `ganctl.option.option`; each becomes a setting of the command
            line. A family that samples has ``latent_dim`` among them.
        presets: name → settings that replace the defaults; each should cite its source.
        default_preset: the preset of ``train`` without ``--preset``.
        default_data: the set of ``train`` without ``--data``, and a built-in one for where that cannot be had.
        model: (options, shape) → the nets for use, with random weights. A family that samples maps normal latents
            [N, latent_dim] to images [N, *shape] in [-1, 1]; one that translates has ``generator_to(domain)``, as
            `ganctl.gans.cyclegan.Generators` does. Raises ValueError, with a sentence, where that shape cannot be had.
        training: (options, model, shape) → the training module around a model.
        schedule: (options, step, total steps) → the factor by which all learning rates are multiplied at a step. A pure
            function.
        two_domains: whether the family learns from two unpaired sets (``a`` and ``b`` of a batch) instead of one.
        jitter: (options, size) → the crops and flips for training images of a size.
        light_preset: the preset to recommend where the chosen one would take days; None for none.
        default_size: height and width in pixels where neither the settings nor the data have one.
    """

    name: str
    summary: str
    verb: Literal["sample", "translate"]
    options: type
    presets: Mapping[str, Mapping[str, Value]]
    default_preset: str
    default_data: tuple[str, str]
    model: Callable[[Any, Shape], nn.Module]
    training: Callable[[Any, Any, Shape], TrainingModule]
    schedule: Callable[[Any, int, int], float] = constant_lr
    two_domains: bool = False
    jitter: Callable[[Any, int], Jitter] = no_jitter
    light_preset: str | None = None
    default_size: int = 64
