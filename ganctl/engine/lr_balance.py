"""Balance the discriminator and the generator: learning rates that follow the discriminator's accuracy.

The advice of PyTorch's DCGAN tutorial, that neither may overpower the other, as a controller. Where the discriminator
is right more often than `MAX_ACCURACY`, its learning rate shrinks, the faster the more often; where it is right less
often than `MIN_ACCURACY`, that of the generator does. A discriminator whose loss is far above that of guessing is wrong
with great confidence: its own steps are too large, whatever its accuracy is, so its rate shrinks and not the
generator's. Within the thresholds a rate that was lowered recovers, slowly. As in Karras et al. 2020 (section 3.1), who
steer augmentation so, only means over many steps count.
"""

from collections.abc import Mapping

from ganctl.runs.metric_names import ACCURACY, LOSS

MIN_ACCURACY, MAX_ACCURACY = 0.45, 0.8
MAX_DISCRIMINATOR_LOSS = 4.0  # guessing costs 1.4 with bce, 2 with hinge, and less with lsgan
HALVINGS_PER_STEP = 0.1  # for each unit of accuracy too much: 50 steps of being always right halve a rate once
DOUBLINGS_PER_STEP = 0.025  # for each unit too little
MIN_FACTOR = 1 / 64  # a player that stands still teaches the other nothing


def balanced_factors(
    factors: Mapping[str, float], line: Mapping[str, float], steps: int, roles: Mapping[str, str]
) -> dict[str, float]:
    """The factors of both players' learning rates, by player, in [`MIN_FACTOR`, 1], after some more steps.

    Args:
        factors: before; 1 for a player that is not in it.
        line: the means over these steps, with the discriminator's accuracy, and its loss where it moved.
        steps: how many.
        roles: the players that are the ``generator`` and the ``discriminator``.
    """
    excess = {"discriminator": line[ACCURACY] - MAX_ACCURACY, "generator": MIN_ACCURACY - line[ACCURACY]}
    if line.get(f"{LOSS}{roles['discriminator']}", 0.0) > MAX_DISCRIMINATOR_LOSS:
        excess = {"discriminator": 1 - MAX_ACCURACY, "generator": min(0.0, excess["generator"])}
    return {
        roles[role]: _adapted(factors.get(roles[role], 1.0), excess[role] * steps)
        for role in ("generator", "discriminator")
    }


def _adapted(factor: float, excess: float) -> float:
    octaves = excess * (HALVINGS_PER_STEP if excess > 0 else DOUBLINGS_PER_STEP)
    return min(1.0, max(MIN_FACTOR, factor * 2**-octaves))
