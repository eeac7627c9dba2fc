"""A tiny GAN that learns from labels: what each image of a batch shows must be what its label says."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from ganctl.data.batches import Batch
from ganctl.data.info import DataInfo, Needs
from ganctl.gans.base import Clock, Family, Jitter, Preview, TrainingModule, Update
from ganctl.option import option


@dataclass(frozen=True)
class Options:
    """Those that ganctl itself asks for, and the crops."""

    latent_dim: int = option(4, "Length of the latent vector.", "Nets", ge=1)
    lr_generator: float = option(1e-3, "Learning rate of the generator.", "Optimisation", gt=0)
    lr_discriminator: float = option(1e-3, "Learning rate of the discriminator.", "Optimisation", gt=0)
    slack: int = option(0, "Pixels by which images are larger before they are cropped and mirrored.", ge=0)


class Net(nn.Module):
    """Rows [N, inputs] and labels [N] → rows [N, outputs]."""

    def __init__(self, inputs: int, outputs: int, classes: int) -> None:
        super().__init__()
        self.linear, self.classes = nn.Linear(inputs, outputs), nn.Embedding(classes, outputs)

    def forward(self, rows: Tensor, labels: Tensor) -> Tensor:
        output: Tensor = self.linear(rows) + self.classes(labels)
        return output


class Generator(nn.Module):
    """Latents [N, latent_dim] and labels [N], 0 if not given → images [N, *info.shape] in [-1, 1]."""

    def __init__(self, options: Options, info: DataInfo) -> None:
        super().__init__()
        self.shape, numbers = info.shape, info.shape[0] * info.shape[1] * info.shape[2]
        self.net = Net(options.latent_dim, numbers, len(info.classes))

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        labels = torch.zeros(len(latents), dtype=torch.int64) if labels is None else labels
        images: Tensor = self.net(latents, labels).tanh().unflatten(1, self.shape)
        return images


class Training(TrainingModule):
    """Hinge losses of two such nets."""

    def __init__(self, options: Options, model: nn.Module, info: DataInfo) -> None:
        super().__init__()
        self.options, self.model = options, model
        self.discriminator = Net(info.shape[0] * info.shape[1] * info.shape[2], 1, len(info.classes))

    def optimizers(self) -> dict[str, optim.Optimizer]:
        players = {"discriminator": self.discriminator, "generator": self.model}
        return {name: optim.Adam(net.parameters(), 1e-3) for name, net in players.items()}

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        real, labels = batch["images"].flatten(1), batch["labels"]
        fake = self.model(torch.randn(len(real), self.options.latent_dim), labels).flatten(1)
        margins = F.relu(1 - self.discriminator(real, labels)) + F.relu(1 + self.discriminator(fake.detach(), labels))
        yield Update({"discriminator": margins.mean()})
        yield Update({"generator": -self.discriminator(fake, labels).mean()})

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        images = model(torch.randn(len(batch["labels"]), self.options.latent_dim), batch["labels"])
        return Preview(images, columns=8, samples=images)


FAMILY = Family(
    "labelled",
    "a tiny conditional GAN",
    ("sample",),
    Options,
    {"default": {"batch_size": 4, "epochs": 1, "evaluate_every": 0}},
    "default",
    ("digits", "digits"),
    Generator,
    Training,
    needs=Needs(columns=("labels",)),
    jitter=lambda options, size: Jitter(size + options.slack, options.slack > 0),
)
