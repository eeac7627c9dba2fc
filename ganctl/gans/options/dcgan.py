"""DCGAN's options and presets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ganctl.data.info import ONE_SET
from ganctl.gans.options import common
from ganctl.option import Value, option

SUMMARY = "pictures from noise"
DEFAULT_PRESET = "compact"
NEEDS = ONE_SET


@dataclass(frozen=True)
class Options:
    """DCGAN's own options; the defaults are the preset `compact`."""

    arch: Literal["compact", "tutorial", "paper"] = option("compact", "Generator and discriminator to train.", "Nets")
    latent_dim: int = option(64, "Length of the latent vector.", "Nets", ge=1)
    width: int = option(
        64,
        "Channels of paper's finest feature map, or of compact's second finest; tutorial has its own.",
        "Nets",
        ge=1,
    )
    loss: Literal["bce", "lsgan", "hinge"] = option("bce", "Adversarial loss.", "Optimisation")
    lsgan_a: float = option(0.0, "Target of lsgan's discriminator for generated pictures.", "Optimisation")
    lsgan_b: float = option(1.0, "Target of lsgan's discriminator for real pictures.", "Optimisation")
    lsgan_c: float = option(1.0, "Target of lsgan's generator for generated pictures.", "Optimisation")
    augment: Literal["none", "diffaug"] = common.augmentation("the discriminator sees")
    simultaneous: bool = option(
        False, "Update discriminator and generator at once, after a single generator pass.", "Optimisation"
    )
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
    # Tuned for quality per second on two CPU cores; see examples/RESULTS.md. Sources: R1 on every eighth step
    # (Mescheder 2018; lazily, Karras 2020, appendix B), averaged weights (Yazıcı 2019), Adam without momentum
    # (Karras 2018), a discriminator that learns more slowly (Heusel 2017), no batch norm. Learning rates fall with
    # the root of the steps (Robbins and Monro 1951) and not towards an end, so that a training can be extended.
    "compact": {"batch_size": 32, "lr_decay_steps": 400},
    # https://www.tensorflow.org/tutorials/generative/dcgan. Deviations: Keras's Adam adds ε to the square root
    # before its bias correction, torch's after it; ε is 1e-7 either way. Keras shuffles in a buffer of 60,000,
    # which is a permutation; the last, partial batch of an epoch is left out.
    "tutorial": {
        "arch": "tutorial",
        "latent_dim": 100,
        "simultaneous": True,
        "lr_generator": 1e-4,
        "lr_discriminator": 1e-4,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-7,
        "r1": 0.0,
        "ema": 0.0,
        "batch_size": 256,
    },
    # The paper's section 4. Deviations, all those of https://github.com/pytorch/examples/tree/main/dcgan: 4×4
    # kernels instead of 5×5; real and generated pictures are normalised apart, as both authors do.
    "paper": {
        "arch": "paper",
        "latent_dim": 100,
        "lr_generator": 2e-4,
        "lr_discriminator": 2e-4,
        "beta1": 0.5,
        "beta2": 0.999,
        "r1": 0.0,
        "ema": 0.0,
        "batch_size": 128,
        "size": 64,
    },
}
