"""AC-GAN's options and presets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ganctl.data.info import LABELS, Needs
from ganctl.gans.options import common
from ganctl.option import Value, option

SUMMARY = "pictures of a class from noise"
DEFAULT_PRESET = "compact"
NEEDS = Needs(columns=(LABELS,))


@dataclass(frozen=True)
class Options:
    """AC-GAN's own options; the defaults are the preset `compact`."""

    latent_dim: int = option(64, "Length of the latent vector.", "Nets", ge=1)
    embedding_dim: int = option(32, "Length of the vector that stands for a class.", "Nets", ge=1)
    width: int = option(64, "Channels of the second finest feature map.", "Nets", ge=1)
    loss: Literal["bce", "lsgan", "hinge"] = option("bce", "Adversarial loss.", "Optimisation")
    lambda_class: float = option(1.0, "Weight of the class loss for both players.", "Optimisation", ge=0)
    classify_fakes: bool = option(
        True, "The discriminator learns the classes of generated pictures, too, as in the paper.", "Optimisation"
    )
    augment: Literal["none", "diffaug"] = common.augmentation("the discriminator sees")
    lr_generator: float = common.learning_rate(3e-3, "generator", "the generator")
    lr_discriminator: float = common.learning_rate(1.5e-3, "discriminator", "the discriminator")
    lr_decay_steps: int = common.lr_decay_steps()
    beta1: float = common.adam_beta1(0.0)
    beta2: float = common.adam_beta2(0.99)
    epsilon: float = common.adam_epsilon()
    r1: float = common.r1_weight(0.1)
    r1_every: int = common.r1_interval(8)
    ema: float = common.ema_decay(0.9995)


PRESETS: Mapping[str, Mapping[str, Value]] = {
    # DCGAN's compact preset, which was tuned for quality per second on two CPU cores; see examples/RESULTS.md.
    "compact": {"batch_size": 32, "lr_decay_steps": 400},
}
