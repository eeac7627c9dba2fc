"""AC-GAN: images of a class from noise (Odena et al. 2017, https://arxiv.org/abs/1610.09585)."""

from collections.abc import Iterator
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from ganctl.data.batches import Batch
from ganctl.data.info import DataInfo
from ganctl.gans import labels
from ganctl.gans.base import Clock, Family, Preview, TrainingModule, Update, adam
from ganctl.gans.dcgan import schedule
from ganctl.gans.diffaug import augmentation
from ganctl.gans.losses import LazyR1, adversarial_loss
from ganctl.gans.nets import conditional
from ganctl.gans.options.acgan import DEFAULT_PRESET, NEEDS, PRESETS, SUMMARY, Options

PREVIEW_COLUMNS = 8
MAX_PREVIEW_ROWS = 16  # a row for each class


def model(options: Options, info: DataInfo) -> nn.Module:
    """Build the generator: latents [N, options.latent_dim], labels [N] → images [N, *info.shape] in [-1, 1].

    Raises:
        ValueError: these nets cannot generate that size.
    """
    channels, size, _ = info.shape
    classes = len(info.classes)
    return conditional.Generator(options.latent_dim, options.embedding_dim, classes, size, channels, options.width)


class ACGAN(TrainingModule):
    """The discriminator says whether an image is real, and of which class it is; then the generator moves."""

    def __init__(self, options: Options, model: nn.Module, info: DataInfo) -> None:
        super().__init__()
        channels, size, _ = info.shape
        self.options = options
        self.info = info
        self.model = model
        self.discriminator = conditional.Discriminator(size, channels, options.width, len(info.classes))
        self.to(memory_format=torch.channels_last)
        self.ema = options.ema
        self.loss = adversarial_loss(options.loss)
        self.r1 = LazyR1(options.r1, options.r1_every)
        self.augment = augmentation(options.augment)

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam for each player, with its own learning rate."""
        discriminator, generator = self.discriminator.parameters(), self.model.parameters()
        return adam(self.options, discriminator=discriminator, generator=generator)

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        """The discriminator moves, then the generator (section 3). `batch` has ``images`` and ``labels``.

        Generated images take the labels of the real ones beside them: both have the classes' shares of the data.
        """
        real, classes = batch["images"], batch["labels"]
        fake = self.model(torch.randn(len(real), self.options.latent_dim, device=real.device), classes)
        loss, metrics = self._discriminator_loss(real, fake.detach(), classes, clock.step)
        yield Update({"discriminator": loss}, metrics)
        logits, class_logits = self.discriminator(self.augment(fake), classes)
        class_loss = F.cross_entropy(class_logits, classes)  # takes logits: a softmax before it would be a second one
        metrics = {"class accuracy of fakes": class_accuracy(class_logits, classes)}
        yield Update({"generator": self.loss.generator(logits) + self.options.lambda_class * class_loss}, metrics)

    def _discriminator_loss(
        self, real: Tensor, fake: Tensor, classes: Tensor, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminator's loss, L_S + L_C with the signs of a loss, and the metrics."""
        o = self.options
        penalised = self.r1.is_due(step)
        real.requires_grad_(penalised)  # R1 differentiates by the image itself, through its augmentation
        with torch.autocast(real.device.type, enabled=False) if penalised else nullcontext():  # R1 needs float32
            real_logits, real_class_logits = self.discriminator(self.augment(real), classes)
        fake_logits, fake_class_logits = self.discriminator(self.augment(fake), classes)
        class_loss = F.cross_entropy(real_class_logits, classes)
        if o.classify_fakes:
            class_loss = class_loss + F.cross_entropy(fake_class_logits, classes)
        loss = self.loss.discriminator(real_logits, fake_logits) + o.lambda_class * class_loss
        loss, penalty = self.r1.add(loss, real_logits, real, step)
        class_metrics = {"class accuracy": class_accuracy(real_class_logits, classes)}
        return loss, self.loss.metrics(real_logits, fake_logits) | class_metrics | penalty

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        """Generate a row for each class, up to sixteen, from the same latents every time.

        Every image has its own: the same ones in each row would pass for repeats where the classes look alike.
        """
        device = batch["images"].device
        rows = min(len(self.info.classes), MAX_PREVIEW_ROWS)
        latents = torch.randn(rows * PREVIEW_COLUMNS, self.options.latent_dim, device=device)
        images = model(latents, torch.arange(rows, device=device).repeat_interleave(PREVIEW_COLUMNS))
        return Preview(images, PREVIEW_COLUMNS, images, rows=self.info.classes[:rows])


def class_accuracy(class_logits: Tensor, classes: Tensor) -> Tensor:
    """The share of images whose class the discriminator says: logits [N, K], labels [N] → a detached scalar."""
    return (class_logits.detach().argmax(1) == classes).float().mean()


FAMILY = Family(
    name="acgan",
    summary=SUMMARY,
    verbs=("sample",),
    options=Options,
    presets=PRESETS,
    default_preset=DEFAULT_PRESET,
    default_data=("mnist", "digits"),
    model=model,
    training=ACGAN,
    needs=NEEDS,
    schedule=schedule,
    controls=labels.Controls,
    conditions=labels.conditions,
    alternatives=labels.alternatives,
    between=labels.between,
)
