"""CycleGAN's options and presets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ganctl.data.info import Needs
from ganctl.gans.options import common
from ganctl.option import Value, option

SUMMARY = "pictures of one domain translated to another, from unpaired pictures"
DEFAULT_PRESET = "small"
NEEDS = Needs(("a", "b"))


@dataclass(frozen=True)
class Options:
    """CycleGAN's own options; the defaults are the preset `paper`."""

    arch: Literal["resnet", "unet"] = option(
        "resnet", "Generators to train; the discriminators are PatchGANs either way.", "Nets"
    )
    blocks: int | None = option(
        None, "Residual blocks of resnet; without it, 9 from 256 pixels and 6 below.", "Nets", ge=1, le=64
    )
    width: int = option(64, "Channels of the generators' first layer.", "Nets", ge=1)
    upsample: Literal["deconv", "resize"] = option(
        "deconv", "How resnet upsamples; resize leaves no checkerboard artifacts.", "Nets"
    )
    output: Literal["image", "residual", "mask"] = option(
        "image", "What resnet's last layer returns: the image, a change to the input, or an image and its mask.", "Nets"
    )
    discriminator_width: int = option(64, "Channels of the discriminators' first layer.", "Nets", ge=1)
    discriminator_layers: int = option(
        3, "Layers of resnet's discriminators; each one more doubles the size of their patches.", "Nets", ge=1, le=8
    )
    loss: Literal["lsgan", "bce", "hinge"] = option("lsgan", "Adversarial loss.", "Optimisation")
    augment: Literal["none", "diffaug"] = common.augmentation("the discriminators see")
    lambda_cycle: float = option(10.0, "Weight λ of the cycle loss.", "Optimisation", ge=0)
    lambda_identity: float = option(
        0.5, "Weight of the identity loss as a multiple of λ; 0 skips it.", "Optimisation", ge=0
    )
    pool_size: int = option(50, "Earlier translations kept to show to the discriminators.", "Optimisation", ge=0)
    simultaneous: bool = option(
        False, "Update discriminators and generators at once, without the pool.", "Optimisation"
    )
    jitter: float = option(
        286 / 256, "Load pictures this many times as large, and crop them at random.", "Data", ge=1, le=4
    )
    hflip: bool = option(True, "Mirror pictures at random.", "Data")
    lr_generator: float = common.learning_rate(2e-4, "generator", "the generators")
    lr_discriminator: float = common.learning_rate(2e-4, "discriminator", "the discriminators")
    beta1: float = common.adam_beta1(0.5)
    beta2: float = common.adam_beta2(0.999)
    epsilon: float = common.adam_epsilon()
    lr_decay_fraction: float = option(
        0.5,
        "Fraction of the training, at its end, over which the learning rates fall to 0.",
        "Optimisation",
        ge=0,
        le=1,
    )
    ema: float = common.ema_decay(0.0)


PRESETS: Mapping[str, Mapping[str, Value]] = {
    # The paper's section 4 and appendix 7.1; what they leave open follows the authors' PyTorch code.
    "paper": {"batch_size": 1, "epochs": 200},
    # https://www.tensorflow.org/tutorials/generative/cyclegan. Deviations: pictures are resized to 286 by Lanczos
    # and not by the nearest neighbour; Keras's Adam adds ε to the square root before its bias correction, torch's
    # after it.
    "tutorial": {
        "arch": "unet",
        "loss": "bce",
        "pool_size": 0,
        "simultaneous": True,
        "epsilon": 1e-7,
        "lr_decay_fraction": 0.0,
        "batch_size": 1,
        "epochs": 10,
    },
    # The best quality per second on two CPU cores; see examples/RESULTS.md. A residual keeps the background from
    # the first step, smaller patches teach stripes sooner, and averaged weights are calmer (Yazıcı 2019).
    "small": {
        "width": 24,
        "blocks": 4,
        "output": "residual",
        "discriminator_width": 32,
        "discriminator_layers": 2,
        "ema": 0.999,
        "batch_size": 1,
        "epochs": 50,
    },
}
