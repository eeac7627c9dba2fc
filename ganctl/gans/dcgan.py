"""DCGAN: unconditional images from noise (Radford, Metz and Chintala 2015, https://arxiv.org/abs/1511.06434).

With ``--loss lsgan`` it is LSGAN (Mao et al. 2017); the hinge loss works too, each on any of its nets.
"""

import math
from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganctl.data.batches import Batch
from ganctl.data.info import DataInfo
from ganctl.errors import UsageError
from ganctl.gans.base import Clock, Family, Preview, TrainingModule, Update, adam
from ganctl.gans.diffaug import augmentation
from ganctl.gans.losses import LazyR1, adversarial_loss
from ganctl.gans.nets import compact, dcgan_paper, dcgan_tutorial
from ganctl.gans.options.dcgan import DEFAULT_PRESET, NEEDS, PRESETS, SUMMARY, Options


def model(options: Options, info: DataInfo) -> nn.Module:
    """Build the generator: latents [N, options.latent_dim] → images [N, *info.shape] in [-1, 1].

    Raises:
        ValueError: these nets cannot generate that size.
    """
    channels, size, _ = info.shape
    match options.arch:
        case "tutorial":
            return dcgan_tutorial.Generator(options.latent_dim, size, channels)
        case "paper":
            return dcgan_paper.Generator(options.latent_dim, size, channels, options.width)
        case "compact":
            return compact.Generator(options.latent_dim, size, channels, options.width)


def discriminator(options: Options, info: DataInfo) -> nn.Module:
    """Build the discriminator: images [N, *info.shape] in [-1, 1] → logits [N], high for real."""
    channels, size, _ = info.shape
    match options.arch:
        case "tutorial":
            return dcgan_tutorial.Discriminator(size, channels)
        case "paper":
            return dcgan_paper.Discriminator(size, channels, options.width)
        case "compact":
            return compact.Discriminator(size, channels, options.width)


class DCGAN(TrainingModule):
    """Discriminator and generator move in turn, or simultaneously as in TensorFlow's tutorial."""

    def __init__(self, options: Options, model: nn.Module, info: DataInfo) -> None:
        super().__init__()
        self.options = options
        self.model = model
        self.discriminator = discriminator(options, info)
        self.to(memory_format=torch.channels_last)
        self.ema = options.ema
        self.has_batch_norm = any(isinstance(m, nn.BatchNorm2d) for m in self.discriminator.modules())
        self.loss = adversarial_loss(options.loss, options.lsgan_a, options.lsgan_b, options.lsgan_c)
        self.r1 = LazyR1(options.r1, options.r1_every)
        self.augment = augmentation(options.augment)
        if options.r1 > 0 and self.has_batch_norm:
            raise UsageError(
                f"--arch {options.arch} normalises over the batch, and R1 needs each picture's own gradient.",
                "Leave it out with --r1 0, or choose networks without batch norm: --arch compact",
            )

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam for each player, with its own learning rate."""
        discriminator, generator = self.discriminator.parameters(), self.model.parameters()
        return adam(self.options, discriminator=discriminator, generator=generator)

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        """The discriminator moves, then the generator; or both in one update. `batch` has ``images``."""
        real = batch["images"]
        # Two latents at least: batch norm of a dense layer cannot do with one.
        fake = self.model(torch.randn(max(2, len(real)), self.options.latent_dim, device=real.device))
        if self.options.simultaneous:
            loss, fake_logits, metrics = self._discriminator_loss(real, fake, clock.step)
            yield Update({"discriminator": loss, "generator": self.loss.generator(fake_logits)}, metrics)
            return
        loss, _, metrics = self._discriminator_loss(real, fake.detach(), clock.step)
        yield Update({"discriminator": loss}, metrics)
        yield Update({"generator": self.loss.generator(self.discriminator(self.augment(fake)))})

    def _discriminator_loss(self, real: Tensor, fake: Tensor, step: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The discriminator's loss, its logits of the generated images, and the metrics."""
        penalised = self.r1.is_due(step)
        real.requires_grad_(penalised)  # R1 differentiates by the image itself, through its augmentation
        if penalised or self.has_batch_norm or fake.requires_grad:
            # Two passes: batch statistics stay apart, and a gradient that flows on, into the image or the generator,
            # goes through its half only. R1's gradient of a gradient needs float32, whatever the others take.
            with torch.autocast(real.device.type, enabled=False) if penalised else nullcontext():
                real_logits = self.discriminator(self.augment(real))
            fake_logits = self.discriminator(self.augment(fake))
        else:
            logits = self.discriminator(self.augment(torch.cat([real, fake])))
            real_logits, fake_logits = logits.split([len(real), len(fake)])
        loss = self.loss.discriminator(real_logits, fake_logits)
        loss, penalty = self.r1.add(loss, real_logits, real, step)
        return loss, fake_logits, self.loss.metrics(real_logits, fake_logits) | penalty

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        """Generate 64 images from the same latents every time."""
        latents = torch.randn(64, self.options.latent_dim, device=batch["images"].device)
        images = model(latents)
        return Preview(images, 8, images)


def schedule(options: Options, clock: Clock) -> float:
    """Lower the learning rates as 1 / √(1 + step / lr_decay_steps), whatever the total."""
    return 1 / math.sqrt(1 + clock.step / options.lr_decay_steps) if options.lr_decay_steps else 1.0


FAMILY = Family(
    name="dcgan",
    summary=SUMMARY,
    verbs=("sample",),
    options=Options,
    presets=PRESETS,
    default_preset=DEFAULT_PRESET,
    default_data=("mnist", "digits"),
    model=model,
    training=DCGAN,
    needs=NEEDS,
    schedule=schedule,
)
