"""Keeping the two sides even: learning rates that follow the discriminator's accuracy.

The tutorial's advice, that neither side may overpower the other, as a controller. Where the discriminator is right more
often than `HIGH`, its learning rate shrinks, the faster the more often; where it is right less often than `LOW`, that
of the generator does. A discriminator whose loss is far above that of guessing is wrong with great confidence: its own
steps are too large, whatever its accuracy is, so its rate shrinks and not the generator's. On the other side of its
threshold a rate that was lowered comes back, slowly. As in Karras et al. 2020 (section 3.1), who steer augmentation so,
only means over many steps are looked at.
"""

from collections.abc import Mapping

from ganctl.runs.metric_names import ACCURACY, DISCRIMINATOR_LOSS, PLAYERS

LOW, HIGH = 0.45, 0.8
WILD = 4.0  # a discriminator's loss; guessing costs 1.4 with bce, 2 with hinge, and less with lsgan
FALL = 0.1  # halvings a step for each unit of accuracy too much: 50 steps of being always right halve a rate once
RISE = 0.025  # doublings a step for each unit too little
LEAST = 1 / 64  # no factor falls below: a side that stands still teaches the other nothing


def balanced_factors(factors: Mapping[str, float], line: Mapping[str, float], steps: int) -> dict[str, float]:
    """The learning rates' factors of both players, after some more steps.

    Args:
        factors: before; 1 for a player that is not in it.
        line: the means over these steps, with the discriminator's loss and its accuracy.
        steps: how many.
    """
    excess = {"discriminator": line[ACCURACY] - HIGH, "generator": LOW - line[ACCURACY]}
    if line[DISCRIMINATOR_LOSS] > WILD:
        excess = {"discriminator": 1 - HIGH, "generator": min(0.0, excess["generator"])}
    return {player: _moved(factors.get(player, 1.0), excess[player] * steps) for player in PLAYERS}


def _moved(factor: float, excess: float) -> float:
    return min(1.0, max(LEAST, factor * 2 ** (-excess * (FALL if excess > 0 else RISE))))
