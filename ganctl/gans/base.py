"""The seam between the engine and a GAN: what a family is, and how it yields its turns."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from ganctl.data.batches import Batch
from ganctl.settings import Value

Shape = tuple[int, int, int]  # channels, height, width


class Turn(NamedTuple):
    """The losses of the players that move now. Yield one; the engine moves them before control returns.

    Attributes:
        losses: player → scalar. Several players in one turn make a simultaneous update: every gradient is
            taken before any weight moves.
        readings: further detached scalars for the log, such as D(x) and D(G(z)).
    """

    losses: Mapping[str, Tensor]
    readings: Mapping[str, Tensor] = {}


class Sheet(NamedTuple):
    """A progress sheet.

    Attributes:
        images: [N, C, H, W] in [-1, 1].
        columns: pictures in a row.
        drawn: those of them that the model drew for good, and not on the way: what its vital signs are taken from.
    """

    images: Tensor
    columns: int
    drawn: Tensor


class Recipe(nn.Module, ABC):
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
    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        """The turns of one step. Never yields inside a ``with``: it would stay open in the engine."""

    @abstractmethod
    def preview(self, model: nn.Module, batch: Batch) -> Sheet:
        """The progress sheet of `model`, the averaged one in evaluation mode.

        The engine calls it with torch's generators seeded alike and with the same held-out `batch` each time.
        """


def constant(options: Any, step: int, total: int) -> float:
    """The schedule that leaves the learning rates alone, so that a training can be extended at any time."""
    return 1.0


class Jitter(NamedTuple):
    """How pictures are varied as they are learned from.

    Attributes:
        load: the side at which they are decoded; a random square of the training's size is cropped from it.
        mirror: whether half of them are mirrored.
    """

    load: int
    mirror: bool


def none(options: Any, size: int) -> Jitter:
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
        recipe: builds the training around a model.
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
    recipe: Callable[[Any, Any, Shape], Recipe]
    schedule: Callable[[Any, int, int], float] = constant
    domains: bool = False
    jitter: Callable[[Any, int], Jitter] = none
    light_preset: str | None = None
    default_size: int = 64
