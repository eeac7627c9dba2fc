"""The seam between the engine and a GAN: what a family is, and how it yields its updates."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from ganctl.data.batches import Batch
from ganctl.settings import Value

Shape = tuple[int, int, int]  # channels, height, width


class Update(NamedTuple):
    """The losses of the players that move now. Yield one; the engine moves them before control returns.

    Attributes:
        losses: player → scalar. Several players in one update make a simultaneous update: every gradient is
            taken before any weight moves.
        metrics: further detached scalars for the log, such as D(x) and D(G(z)).
    """

    losses: Mapping[str, Tensor]
    metrics: Mapping[str, Tensor] = {}


class Preview(NamedTuple):
    """A preview.

    Attributes:
        images: [N, C, H, W] in [-1, 1].
        columns: pictures in a row.
        samples: those of them that are final outputs of the model: its sample statistics are measured on these.
    """

    images: Tensor
    columns: int
    samples: Tensor


class TrainingModule(nn.Module, ABC):
    """How a family learns. Whatever must survive a restart is a parameter or a buffer of it.

    Attributes:
        model: the part that is averaged and shipped for use.
        ema: the decay of its exponential moving average per step; 0 ships the plain weights.
    """

    model: nn.Module
    ema: float = 0.0

    @abstractmethod
    def optimizers(self) -> dict[str, Optimizer]:
        """One optimizer for each player."""

    @abstractmethod
    def updates(self, batch: Batch, step: int) -> Iterator[Update]:
        """The updates of one step. Never yields inside a ``with``: it would stay open in the engine."""

    @abstractmethod
    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        """The preview of `model`, the averaged one in evaluation mode.

        The engine calls it with torch's generators seeded alike and with the same held-out `batch` each time.
        """


def constant_lr(options: Any, step: int, total: int) -> float:
    """The schedule that leaves the learning rates alone, so that a training can be extended at any time."""
    return 1.0


class Jitter(NamedTuple):
    """How pictures are varied as they are learned from.

    Attributes:
        load_size: the side at which they are decoded; a random square of the training's size is cropped from it.
        hflip: whether half of them are mirrored.
    """

    load_size: int
    hflip: bool


def no_jitter(options: Any, size: int) -> Jitter:
    """Pictures as they are."""
    return Jitter(size, False)


def adam(parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float], epsilon: float) -> Adam:
    """Adam (Kingma and Ba 2015), in one fused kernel where the device has one."""
    weights = list(parameters)
    return Adam(weights, rate, betas, epsilon, fused=weights[0].device.type in ("cpu", "cuda"))


@dataclass(frozen=True)
class Family:
    """All that the rest of ganctl may know about a GAN.

    Attributes:
        name: as typed on the command line.
        summary: one line for people.
        verb: what a finished model is for.
        options: a dataclass of documented knobs (`ganctl.settings.option`).
        presets: named layers over the options' defaults; each cites its source.
        default_preset: the preset of a bare ``train``.
        default_data: the set of a bare ``train``, and the built-in one that stands in where it cannot be had.
        model: builds the nets for use from options and picture shape, as a file's header gives them.
        training: builds the training around a model.
        schedule: the learning rates' factor at a step of a total, a pure function.
        domains: whether it learns from two sets without pairs, and not from one.
        jitter: how pictures of a size are varied.
        light_preset: the preset to name where the one asked for would take days.
        default_size: side for picture folders, in pixels.
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
    domains: bool = False
    jitter: Callable[[Any, int], Jitter] = no_jitter
    light_preset: str | None = None
    default_size: int = 64
