"""CycleGAN: unpaired translation between two domains (Zhu et al. 2017, https://arxiv.org/abs/1703.10593)."""

from collections.abc import Iterator
from itertools import chain
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from ganctl.data.batches import Batch
from ganctl.gans.base import Family, Jitter, Preview, Shape, TrainingModule, Update, adam
from ganctl.gans.diffaug import augmentation
from ganctl.gans.image_pool import ImagePool
from ganctl.gans.losses import adversarial, luminance_correlation
from ganctl.gans.nets import patchgan, resnet, unet
from ganctl.gans.options.cyclegan import DEFAULT_PRESET, PRESETS, SUMMARY, Options


class Generators(nn.Module):
    """The two generators, the part that is shipped."""

    def __init__(self, a_to_b: nn.Module, b_to_a: nn.Module) -> None:
        super().__init__()
        self.a_to_b = a_to_b
        self.b_to_a = b_to_a

    def generator_to(self, side: int) -> nn.Module:
        """The generator that makes pictures of the second domain (1), or of the first (0)."""
        return self.a_to_b if side else self.b_to_a


def model(options: Options, shape: Shape) -> Generators:
    """Both generators: pictures [N, channels, H, W] in [-1, 1] → the same.

    Raises:
        ValueError: these nets cannot redraw that size.
    """
    return Generators(generator(options, shape), generator(options, shape))


def generator(options: Options, shape: Shape) -> nn.Module:
    """One generator.

    Raises:
        ValueError: it cannot redraw that size.
    """
    channels, size, _ = shape
    if options.arch == "unet":
        return unet.Generator(size, channels, options.width)
    if size % resnet.MULTIPLE or size < resnet.LEAST:
        raise ValueError(f"The ResNet needs a size that is a multiple of {resnet.MULTIPLE}, not {size}.")
    blocks = options.blocks or (9 if size >= 256 else 6)
    return resnet.Generator(channels, blocks, options.width, options.upsample, options.output)


def discriminator(options: Options, shape: Shape) -> nn.Module:
    """One discriminator: pictures [N, channels, H, W] in [-1, 1] → logits [N, 1, h, w].

    Raises:
        ValueError: the pictures are smaller than it needs.
    """
    channels, size, _ = shape
    net: patchgan.Discriminator | unet.Discriminator
    if options.arch == "unet":
        net = unet.Discriminator(channels, options.discriminator_width)
    else:
        net = patchgan.Discriminator(channels, options.discriminator_width, options.discriminator_layers)
    if size < net.least:
        raise ValueError(f"The discriminators need pictures of {net.least} pixels or more, not {size}.")
    return net


class CycleGAN(TrainingModule):
    """The two generators move as one player, then the two discriminators; or both at once, as in the tutorial."""

    def __init__(self, options: Options, model: Generators, shape: Shape) -> None:
        super().__init__()
        self.options = options
        self.model: Generators = model
        self.discriminator_a = discriminator(options, shape)
        self.discriminator_b = discriminator(options, shape)
        self.pool_a = ImagePool(shape, options.pool_size)
        self.pool_b = ImagePool(shape, options.pool_size)
        self.ema = options.ema
        self.loss = adversarial(options.loss)
        self.augment = augmentation(options.augment)
        # The paper halves the discriminators' objective and not the generators'; `LeastSquares` halves both.
        self.scale = 2.0 if options.loss == "lsgan" else 1.0

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam for both generators, one for both discriminators."""
        o = self.options
        judges = chain(self.discriminator_a.parameters(), self.discriminator_b.parameters())
        return {
            "generator": adam(self.model.parameters(), o.lr_generator, (o.beta1, o.beta2), o.epsilon),
            "discriminator": adam(judges, o.lr_discriminator, (o.beta1, o.beta2), o.epsilon),
        }

    def updates(self, batch: Batch, step: int) -> Iterator[Update]:
        """Generators, then discriminators (Zhu et al. 2017, equations 1 to 3, and section 5.2 on identity)."""
        a, b = in_layout(batch["a"]), in_layout(batch["b"])
        fake_b, same_b = self._translated(self.model.a_to_b, a, b)
        fake_a, same_a = self._translated(self.model.b_to_a, b, a)
        cycle = F.l1_loss(self.model.b_to_a(fake_b), a) + F.l1_loss(self.model.a_to_b(fake_a), b)
        judged_a, judged_b = self.discriminator_a(self.augment(fake_a)), self.discriminator_b(self.augment(fake_b))
        fooling = self.scale * (self.loss.generator(judged_a) + self.loss.generator(judged_b))
        loss = fooling + self.options.lambda_cycle * cycle
        metrics = {"adversarial": fooling.detach() / 2, "cycle": cycle.detach() / 2}
        if same_a is not None and same_b is not None:
            identity = F.l1_loss(same_a, a) + F.l1_loss(same_b, b)
            loss = loss + self.options.lambda_cycle * self.options.lambda_identity * identity
            metrics["identity"] = identity.detach() / 2
        alike = luminance_correlation(a, fake_b) + luminance_correlation(b, fake_a)
        metrics["luminance"] = alike.mean() / 2
        if self.options.simultaneous:
            real_a, real_b = self.discriminator_a(self.augment(a)), self.discriminator_b(self.augment(b))
            judging, seen = self._judged(real_a, judged_a, real_b, judged_b)
            yield Update({"generator": loss, "discriminator": judging}, metrics | seen)
            return
        yield Update({"generator": loss}, metrics)
        shown_a, shown_b = self.pool_a(fake_a.detach()), self.pool_b(fake_b.detach())
        logits_a = self.discriminator_a(self.augment(torch.cat([a, shown_a]))).chunk(
            2
        )  # instance norm keeps the halves apart
        logits_b = self.discriminator_b(self.augment(torch.cat([b, shown_b]))).chunk(2)
        judging, seen = self._judged(*logits_a, *logits_b)
        yield Update({"discriminator": judging}, seen)

    def _translated(self, net: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """The translation of `source`, and what becomes of `target`, which should stay as it is, in one pass."""
        if not self.options.lambda_identity:
            return net(source), None
        translated, same = net(torch.cat([source, target])).chunk(2)  # instance norm keeps the halves apart
        return translated, same

    def _judged(
        self, real_a: Tensor, fake_a: Tensor, real_b: Tensor, fake_b: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminators' loss, and what they said of real pictures and of translations."""
        loss = self.scale / 2 * (self.loss.discriminator(real_a, fake_a) + self.loss.discriminator(real_b, fake_b))
        real = (self.loss.mean_output(real_a) + self.loss.mean_output(real_b)) / 2
        fake = (self.loss.mean_output(fake_a) + self.loss.mean_output(fake_b)) / 2
        told = (self.loss.accuracy(real_a, fake_a) + self.loss.accuracy(real_b, fake_b)) / 2
        return loss, {"D(x)": real, "D(G(x))": fake, "accuracy": told}

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        """A row for each held-out picture: itself, its translation, that translated back, and its identity."""
        translators, cells = cast("Generators", model), []
        for side, name in enumerate("ab"):
            there, back = translators.generator_to(1 - side), translators.generator_to(side)
            for picture in in_layout(batch[name]).chunk(len(batch[name])):  # one at a time, as `translate` does
                translated = there(picture)
                cells += [picture, translated, back(translated), back(picture)]
        return Preview(torch.cat(cells), 4, torch.cat(cells[1::4]))


def in_layout(pictures: Tensor) -> Tensor:
    """Pictures [N, C, H, W] in the memory layout in which these nets are fastest: channels-last on CUDA only."""
    return pictures if pictures.is_cuda else pictures.contiguous()


def schedule(options: Options, step: int, total: int) -> float:
    """1, then a straight line that would reach 0 after the last step (section 4)."""
    return min(1.0, (total - step) / (options.lr_decay_fraction * total)) if options.lr_decay_fraction else 1.0


def jitter(options: Options, size: int) -> Jitter:
    """286 to 256 pixels in the paper (appendix 7.1 and the authors' code), and that ratio at other sizes."""
    return Jitter(round(size * options.jitter), options.hflip)


FAMILY = Family(
    name="cyclegan",
    summary=SUMMARY,
    verb="translate",
    options=Options,
    presets=PRESETS,
    default_preset=DEFAULT_PRESET,
    default_data=("horse2zebra", "plain2striped"),
    model=model,
    training=CycleGAN,
    schedule=schedule,
    domains=True,
    jitter=jitter,
    light_preset="small",
    default_size=256,
)
