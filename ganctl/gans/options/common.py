"""Declare the options that several families share: each has one description, and every family's own default."""

from typing import Any

from ganctl.option import option


def learning_rate(default: float, player: str, nets: str) -> Any:
    """The learning rate of a player that moves `nets`, such as ``the generators``."""
    return option(default, f"Learning rate of {nets}.", "Optimisation", gt=0, learning_rate_of=(player,))


def adam_beta1(default: float) -> Any:
    """β₁ of Adam (Kingma and Ba 2015, algorithm 1)."""
    return option(default, "Adam's decay rate of the mean gradient.", "Optimisation", ge=0, le=0.99999)


def adam_beta2(default: float) -> Any:
    """β₂ of Adam."""
    return option(default, "Adam's decay rate of the mean squared gradient.", "Optimisation", ge=0, le=0.999999)


def adam_epsilon() -> Any:
    """ε of Adam."""
    return option(1e-8, "Adam's ε.", "Optimisation", gt=0)


def ema_decay(default: float) -> Any:
    """The decay of the averaged weights that are saved for use (Yazıcı et al. 2019)."""
    doc = "Decay per step of the weights' moving average; 0 uses the plain weights."
    return option(default, doc, "Optimisation", ge=0, le=1)


def lr_decay_steps() -> Any:
    """How soon the learning rates fall, as 1 / √(1 + step / N) (Robbins and Monro 1951)."""
    return option(
        0,
        "Multiply the learning rates by 1 / √(1 + step / N), which is 71 % after N steps; 0 keeps them constant.",
        "Optimisation",
        ge=0,
    )


def r1_weight(default: float) -> Any:
    """γ of R1 (Mescheder et al. 2018, equation 9)."""
    return option(default, "Weight γ of the R1 gradient penalty; 0 turns it off.", "Optimisation", ge=0)


def r1_interval(default: int) -> Any:
    """Lazy regularisation (Karras et al. 2020, appendix B)."""
    return option(default, "Apply the R1 penalty at every Nth step, with N times the weight.", "Optimisation", ge=1)


def augmentation(players: str) -> Any:
    """Differentiable augmentation (Zhao et al. 2020) of all that `players` see, as in ``the discriminator sees``."""
    return option("none", f"diffaug augments everything {players}, which helps with few pictures.", "Data")
