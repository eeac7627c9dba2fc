"""CycleGAN: unpaired translation between two domains (Zhu et al. 2017, https://arxiv.org/abs/1703.10593)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from ganctl.data.batches import Batch
from ganctl.data.info import DataInfo
from ganctl.errors import UsageError
from ganctl.gans.base import Clock, Family, Jitter, Preview, TrainingModule, Update, adam
from ganctl.gans.diffaug import augmentation
from ganctl.gans.image_pool import ImagePool
from ganctl.gans.losses import adversarial_loss, luminance_correlation
from ganctl.gans.nets import patchgan, resnet, unet
from ganctl.gans.options.cyclegan import DEFAULT_PRESET, NEEDS, PRESETS, SUMMARY, Options
from ganctl.option import option


class Generators(nn.Module):
    """Both generators: what is averaged, saved and used."""

    def __init__(self, a_to_b: nn.Module, b_to_a: nn.Module) -> None:
        super().__init__()
        self.a_to_b = a_to_b
        self.b_to_a = b_to_a

    def generator_to(self, domain: int) -> nn.Module:
        """Return the generator that translates to the first domain (0) or to the second (1)."""
        return self.a_to_b if domain else self.b_to_a


def model(options: Options, info: DataInfo) -> Generators:
    """Build both generators: images [N, channels, H, W] in [-1, 1] → the same.

    Raises:
        ValueError: these nets cannot translate that size.
    """
    return Generators(generator(options, info), generator(options, info))


@dataclass(frozen=True)
class Controls:
    """What a trained CycleGAN can be asked for."""

    to: str | None = option(None, "Domain to translate to; without it, the second.")


def bind(model: Generators, controls: Controls, info: DataInfo) -> nn.Module:
    """Return the generator that translates to the domain that was asked for.

    Raises:
        UsageError: there is no such domain.
    """
    domain = info.domains[1] if controls.to is None else controls.to
    if domain not in info.domains:
        raise UsageError(f"There is no domain {domain!r}.", f"It translates to: {', '.join(info.domains)}.")
    return model.generator_to(info.domains.index(domain))


def generator(options: Options, info: DataInfo) -> nn.Module:
    """Build one generator.

    Raises:
        ValueError: it cannot translate that size.
    """
    channels, size, _ = info.shape
    if options.arch == "unet":
        return unet.Generator(size, channels, options.width)
    if size % resnet.MULTIPLE or size < resnet.MIN_SIZE:
        raise ValueError(f"The ResNet needs a size that is a multiple of {resnet.MULTIPLE}, not {size}.")
    blocks = options.blocks or (9 if size >= 256 else 6)
    return resnet.Generator(channels, blocks, options.width, options.upsample, options.output)


def discriminator(options: Options, info: DataInfo) -> nn.Module:
    """Build one discriminator: images [N, channels, H, W] in [-1, 1] → logits [N, 1, h, w], high for real.

    Raises:
        ValueError: the images are smaller than it needs.
    """
    channels, size, _ = info.shape
    net: patchgan.Discriminator | unet.Discriminator
    if options.arch == "unet":
        net = unet.Discriminator(channels, options.discriminator_width)
    else:
        net = patchgan.Discriminator(channels, options.discriminator_width, options.discriminator_layers)
    if size < net.min_size:
        raise ValueError(f"The discriminators need pictures of {net.min_size} pixels or more, not {size}.")
    return net


class CycleGAN(TrainingModule):
    """Both generators move as one player, then both discriminators; or all simultaneously, as in the tutorial."""

    def __init__(self, options: Options, model: Generators, info: DataInfo) -> None:
        super().__init__()
        self.options = options
        self.model: Generators = model
        self.discriminator_a = discriminator(options, info)
        self.discriminator_b = discriminator(options, info)
        self.pool_a = ImagePool(info.shape, options.pool_size)
        self.pool_b = ImagePool(info.shape, options.pool_size)
        self.domains = info.domains
        self.ema = options.ema
        self.loss = adversarial_loss(options.loss)
        self.augment = augmentation(options.augment)
        # The paper halves the discriminators' objective and not the generators'; `LeastSquares` halves both.
        self.scale = 2.0 if options.loss == "lsgan" else 1.0

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam for both generators, one for both discriminators."""
        discriminators = chain(self.discriminator_a.parameters(), self.discriminator_b.parameters())
        return adam(self.options, generator=self.model.parameters(), discriminator=discriminators)

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        """Generators, then discriminators (Zhu et al. 2017, equations 1 to 3, and section 5.2 on identity)."""
        a, b = contiguous_on_cpu(batch["a"]), contiguous_on_cpu(batch["b"])
        fake_b, identity_b = self._translate(self.model.a_to_b, a, b)
        fake_a, identity_a = self._translate(self.model.b_to_a, b, a)
        cycle = F.l1_loss(self.model.b_to_a(fake_b), a) + F.l1_loss(self.model.a_to_b(fake_a), b)
        fake_logits_a = self.discriminator_a(self.augment(fake_a))
        fake_logits_b = self.discriminator_b(self.augment(fake_b))
        adversarial = self.scale * (self.loss.generator(fake_logits_a) + self.loss.generator(fake_logits_b))
        loss = adversarial + self.options.lambda_cycle * cycle
        metrics = {"adversarial": adversarial.detach() / 2, "cycle": cycle.detach() / 2}
        if identity_a is not None and identity_b is not None:
            identity = F.l1_loss(identity_a, a) + F.l1_loss(identity_b, b)
            loss = loss + self.options.lambda_cycle * self.options.lambda_identity * identity
            metrics["identity"] = identity.detach() / 2
        luminance = luminance_correlation(a, fake_b) + luminance_correlation(b, fake_a)
        metrics["luminance"] = luminance.mean() / 2
        if self.options.simultaneous:
            real_logits_a = self.discriminator_a(self.augment(a))
            real_logits_b = self.discriminator_b(self.augment(b))
            discriminator_loss, outputs = self._discriminator_loss(
                real_logits_a, fake_logits_a, real_logits_b, fake_logits_b
            )
            yield Update({"generator": loss, "discriminator": discriminator_loss}, metrics | outputs)
            return
        yield Update({"generator": loss}, metrics)
        pooled_a, pooled_b = self.pool_a(fake_a.detach()), self.pool_b(fake_b.detach())
        # One pass for real and fake: instance norm keeps the images of a batch apart.
        logits_a = self.discriminator_a(self.augment(torch.cat([a, pooled_a]))).chunk(2)
        logits_b = self.discriminator_b(self.augment(torch.cat([b, pooled_b]))).chunk(2)
        discriminator_loss, outputs = self._discriminator_loss(*logits_a, *logits_b)
        yield Update({"discriminator": discriminator_loss}, outputs)

    def _translate(self, net: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """The translation of `source`, and the identity mapping of `target` unless it has no weight, in one pass."""
        if not self.options.lambda_identity:
            return net(source), None
        translation, identity = net(torch.cat([source, target])).chunk(2)
        return translation, identity

    def _discriminator_loss(
        self, real_a: Tensor, fake_a: Tensor, real_b: Tensor, fake_b: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of both discriminators from their logits, and their mean outputs and accuracy."""
        loss = self.scale / 2 * (self.loss.discriminator(real_a, fake_a) + self.loss.discriminator(real_b, fake_b))
        real = (self.loss.mean_output(real_a) + self.loss.mean_output(real_b)) / 2
        fake = (self.loss.mean_output(fake_a) + self.loss.mean_output(fake_b)) / 2
        accuracy = (self.loss.accuracy(real_a, fake_a) + self.loss.accuracy(real_b, fake_b)) / 2
        return loss, {"D(x)": real, "D(G(x))": fake, "accuracy": accuracy}

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        """A row for each held-out image: the image, its translation, that translated back, and its identity mapping."""
        generators, cells, rows = cast("Generators", model), [], []
        for domain, name in enumerate("ab"):
            forward, backward = generators.generator_to(1 - domain), generators.generator_to(domain)
            rows += [" → ".join(self.domains[:: -1 if domain else 1])] * len(batch[name])
            for image in contiguous_on_cpu(batch[name]).chunk(len(batch[name])):  # one at a time, as `translate` does
                translation = forward(image)
                cells += [image, translation, backward(translation), backward(image)]
        titles = ("input", "translation", "translated back", "identity mapping")
        return Preview(torch.cat(cells), 4, torch.cat(cells[1::4]), titles, rows)


def contiguous_on_cpu(images: Tensor) -> Tensor:
    """Images [N, C, H, W] in the memory format in which these nets are fastest: channels-last stays on CUDA only."""
    return images if images.is_cuda else images.contiguous()


def schedule(options: Options, clock: Clock) -> float:
    """1, then a straight line that would reach 0 after the last step (section 4)."""
    decay_steps = options.lr_decay_fraction * clock.total_steps
    return min(1.0, (clock.total_steps - clock.step) / decay_steps) if options.lr_decay_fraction else 1.0


def jitter(options: Options, size: int) -> Jitter:
    """286 to 256 pixels in the paper (appendix 7.1 and the authors' code), and that ratio at other sizes."""
    return Jitter(round(size * options.jitter), options.hflip)


FAMILY = Family(
    name="cyclegan",
    summary=SUMMARY,
    verbs=("translate",),
    options=Options,
    presets=PRESETS,
    default_preset=DEFAULT_PRESET,
    default_data=("horse2zebra", "plain2striped"),
    model=model,
    training=CycleGAN,
    schedule=schedule,
    needs=NEEDS,
    controls=Controls,
    bind=bind,
    jitter=jitter,
    light_preset="small",
    default_size=256,
)
