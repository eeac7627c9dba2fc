"""An awkward guest: a family that is unlike DCGAN and CycleGAN wherever the interface leaves a family free.

Its players are called critic and painter; its net returns a tuple; its noise is uniform; a pretrained part is frozen in
the model and another one in the training module; the critic moves twice in a step, by an optimizer whose step count
lives on the CPU; and it wants random crops and mirrors of a single set.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn, optim

from ganctl import gans
from ganctl.data.batches import Batch
from ganctl.data.info import DataInfo
from ganctl.gans.base import Clock, Family, Jitter, NoControls, Preview, TrainingModule, Update
from ganctl.gans.frozen import Frozen
from ganctl.gans.options.common import learning_rate
from ganctl.option import option
from ganctl.runs.metric_names import ROLES

NAME, NAME_WITHOUT_ROLES = "awkward", "roleless"


@dataclass(frozen=True)
class RatelessOptions:
    """None of its options is called as in another family, and its learning rates are no options."""

    noise_length: int = option(6, "Length of the noise.", "Nets", ge=1)
    strokes: int = option(8, "Channels of both nets.", "Nets", ge=1)
    jitter: float = option(1.25, "Load pictures this many times as large, and crop them.", "Data", ge=1)
    lr_critic = lr_painter = 1e-3


@dataclass(frozen=True)
class OneRateOptions(RatelessOptions):
    """One learning rate for both players, with a name that `train` has a flag of its own for."""

    lr: float = option(1e-3, "Learning rate of both.", "Optimisation", gt=0, learning_rate_of=("critic", "painter"))


@dataclass(frozen=True)
class Options(RatelessOptions):
    """A learning rate for each player."""

    lr_critic: float = learning_rate(1e-3, "critic", "the critic")
    lr_painter: float = learning_rate(2e-3, "painter", "the painter")


def pretrained(channels: int, features: int) -> nn.Module:
    """Weights that were learnt elsewhere, with a batch norm and a dropout that show if they are put to training."""
    net = nn.Sequential(nn.Conv2d(channels, features, 3, padding=1), nn.BatchNorm2d(features), nn.Dropout(0.5))
    generator = torch.Generator().manual_seed(5)
    shapes = {name: value.shape for name, value in net.state_dict().items()}
    net.load_state_dict(
        {name: torch.rand(shape, generator=generator, device="cpu") / 3 for name, shape in shapes.items()}
    )
    return net


class Painter(nn.Module):
    """Noise [N, noise_length] → images [N, *shape] in [-1, 1], and what else there is to know of them."""

    def __init__(self, options: RatelessOptions, info: DataInfo) -> None:
        super().__init__()
        channels, size, _ = info.shape
        if size % 4:
            raise ValueError(f"It paints sizes that are a multiple of 4, not {size}.")
        w = options.strokes
        plan = w * (size // 4) ** 2
        self.plan = nn.Sequential(nn.Linear(options.noise_length, plan), nn.BatchNorm1d(plan))
        self.unflatten = nn.Unflatten(1, (w, size // 4, size // 4))
        self.texture = Frozen(pretrained(w, w), in_model_file=True)
        self.paint = nn.Conv2d(w, 2 * channels, 3, padding=1)

    def forward(self, noise: Tensor) -> tuple[Tensor, dict[str, Tensor | None]]:
        """Paint, and lay the picture over a mask."""
        features = F.interpolate(self.texture(self.unflatten(self.plan(noise)).relu()), scale_factor=4.0)
        picture, mask = self.paint(features).chunk(2, 1)
        return picture.tanh() * mask.sigmoid(), {"mask": mask, "caption": None}


class OnlyImages(nn.Module):
    """The painter without what else it returns."""

    def __init__(self, painter: nn.Module) -> None:
        super().__init__()
        self.painter = painter

    def forward(self, noise: Tensor) -> Tensor:
        """Noise → images."""
        images: Tensor = self.painter(noise)[0]
        return images


class Awkward(TrainingModule):
    """A relativistic critic of frozen features, at whatever size they are."""

    ema = 0.9

    def __init__(self, options: RatelessOptions, model: Painter, info: DataInfo) -> None:
        super().__init__()
        self.options, self.model = options, model
        self.features = Frozen(pretrained(info.shape[0], options.strokes))
        self.critic = nn.Sequential(nn.Conv2d(options.strokes, options.strokes, 3, stride=2), nn.LeakyReLU(0.2))
        self.verdict = nn.Linear(options.strokes, 1)

    def optimizers(self) -> dict[str, optim.Optimizer]:
        critic = [*self.critic.parameters(), *self.verdict.parameters()]
        return {
            "painter": optim.SGD(self.model.parameters(), self.options.lr_painter, momentum=0.5),
            "critic": optim.RMSprop(critic, self.options.lr_critic),
        }

    def judge(self, images: Tensor) -> Tensor:
        """Images of any size → logits [N], high for real."""
        logits: Tensor = self.verdict(self.critic(self.features(images)).mean((2, 3)))[:, 0]
        return logits

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        real = batch["images"]
        noise = torch.rand(len(real), self.options.noise_length, device=real.device)
        painted, _ = self.model(noise)
        for _ in range(2):
            real_logits, fake_logits = self.judge(real), self.judge(painted.detach())
            loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
            accuracy = ((real_logits > 0).float().mean() + (fake_logits < 0).float().mean()) / 2
            yield Update({"critic": loss}, {"accuracy": accuracy, "D(x)": real_logits.detach().sigmoid().mean()})
        yield Update({"painter": F.softplus(-self.judge(painted)).mean()})

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        noise = torch.rand(4, self.options.noise_length, device=batch["images"].device)
        painted = model(noise)[0]
        real = batch["images"][torch.arange(4) % len(batch["images"])]
        return Preview(torch.stack([painted, real], 1).flatten(0, 1), 2, painted, ("painted", "photographed"))


def bind(model: Painter, controls: NoControls, info: DataInfo) -> nn.Module:
    """The net that returns images and nothing else."""
    return OnlyImages(model)


def noise(options: RatelessOptions, generator: Generator) -> Tensor:
    """Uniform in [0, 1)."""
    return torch.rand(options.noise_length, generator=generator)


def jitter(options: RatelessOptions, size: int) -> Jitter:
    """Crops and mirrors of a single set."""
    return Jitter(round(size * options.jitter), True)


FAMILY = Family(
    name=NAME,
    summary="pictures by an awkward guest",
    verbs=("sample",),
    options=Options,
    presets={"only": {"batch_size": 8}},
    default_preset="only",
    default_data=("digits", "digits"),
    model=Painter,
    training=Awkward,
    bind=bind,
    noise=noise,
    jitter=jitter,
    roles={"discriminator": "critic", "generator": "painter"},
)


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ganctl know the family and others like it for the rest of a test."""
    monkeypatch.setattr(gans, "FAMILIES", dict(gans.FAMILIES))
    gans.register(FAMILY)
    gans.register(replace(FAMILY, name=NAME_WITHOUT_ROLES, roles={}))
    gans.register(replace(FAMILY, name="forgetful", roles=ROLES))  # which are not its players
    gans.register(replace(FAMILY, name="rateless", options=RatelessOptions))
    gans.register(replace(FAMILY, name="one-rate", options=OneRateOptions))
