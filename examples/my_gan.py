"""A GAN of your own in one file: copy it, change the nets and the losses, and every verb of ganctl works with it.

    python examples/my_gan.py train mygan --data digits --limit 2000 --epochs 20
    python examples/my_gan.py sample digits

This one's discriminator says which of two images is the more real (Jolicoeur-Martineau 2018, arXiv:1807.00734).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn, optim

from ganctl.__main__ import main
from ganctl.data.batches import Batch
from ganctl.data.info import DataInfo
from ganctl.gans import register
from ganctl.gans.base import Clock, Family, Preview, TrainingModule, Update
from ganctl.gans.options.common import learning_rate
from ganctl.option import option


@dataclass(frozen=True)
class Options:
    """Each has a flag and a line in --help, is checked, and is stored in the model's file."""

    latent_dim: int = option(64, "Length of the latent vector.", "Nets", ge=1)
    width: int = option(32, "Channels of the layers at half the size.", "Nets", ge=1)
    lr_generator: float = learning_rate(1e-3, "generator", "the generator")
    lr_discriminator: float = learning_rate(1e-3, "discriminator", "the discriminator")


def generator(options: Options, info: DataInfo) -> nn.Module:
    """Latents [N, latent_dim] → images [N, *info.shape] in [-1, 1]; the size is a multiple of 4."""
    (channels, size, _), w = info.shape, options.width
    start = size // 4
    if size % 4:
        raise ValueError(f"MyGAN makes images whose size is a multiple of 4, not {size}.")
    dense = [nn.Linear(options.latent_dim, 2 * w * start**2), nn.Unflatten(1, (2 * w, start, start))]
    half = [nn.BatchNorm2d(2 * w), nn.ReLU(), nn.ConvTranspose2d(2 * w, w, 4, stride=2, padding=1)]
    full = [nn.BatchNorm2d(w), nn.ReLU(), nn.ConvTranspose2d(w, channels, 4, stride=2, padding=1)]
    return nn.Sequential(*dense, *half, *full, nn.Tanh())


class MyGAN(TrainingModule):
    """The training: whatever has to survive a restart is a parameter or a buffer of it."""

    ema = 0.99  # what is saved for use is an exponential moving average of the generator

    def __init__(self, options: Options, model: nn.Module, info: DataInfo) -> None:
        super().__init__()
        self.options, self.model, w = options, model, options.width
        channels, size, _ = info.shape
        half = [nn.Conv2d(channels, w, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        quarter = [nn.Conv2d(w, 2 * w, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.discriminator = nn.Sequential(*half, *quarter, nn.Flatten(), nn.Linear(2 * w * (size // 4) ** 2, 1))

    def optimizers(self) -> dict[str, optim.Optimizer]:
        """One for each player."""
        discriminator = optim.Adam(self.discriminator.parameters(), self.options.lr_discriminator, betas=(0.5, 0.99))
        generator = optim.Adam(self.model.parameters(), self.options.lr_generator, betas=(0.5, 0.99))
        return {"discriminator": discriminator, "generator": generator}

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        """One training step: the engine moves the players of an update before it asks for the next."""
        real = batch["images"]  # [N, *info.shape] in [-1, 1]
        fake = self.model(torch.randn(len(real), self.options.latent_dim, device=real.device))
        margin = self.discriminator(real) - self.discriminator(fake.detach())
        yield Update({"discriminator": F.softplus(-margin).mean()}, {"accuracy": (margin > 0).float().mean()})
        yield Update({"generator": F.softplus(self.discriminator(real) - self.discriminator(fake)).mean()})

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        """The images of `runs/…/progress`, with the same latents at every epoch."""
        images = model(torch.randn(64, self.options.latent_dim, device=batch["images"].device))
        return Preview(images, columns=8, samples=images)


presets, data = {"default": {"batch_size": 32}}, ("digits", "digits")
register(Family("mygan", "a small relativistic GAN", ("sample",), Options, presets, "default", data, generator, MyGAN))

if __name__ == "__main__":
    main()
