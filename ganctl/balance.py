"""Keeping the two sides even: learning rates that follow the discriminator's accuracy.

The tutorial's advice, that neither side may overpower the other, as a controller. Where the discriminator is right more
often than `HIGH`, its learning rate shrinks by a factor a step; where it is right less often than `LOW`, that of the
generator does; in between, and on the other side, a rate that was lowered comes back. As in Karras et al. 2020 (section
3.1), who steer augmentation so, only an accuracy over many steps is looked at.
"""

from collections.abc import Mapping

from ganctl.readings import PLAYERS

LOW, HIGH = 0.45, 0.8
STEPS = 100  # in which a rate may halve or double
LEAST = 1e-4  # no factor falls below


def balanced(factors: Mapping[str, float], accuracy: float, steps: int) -> dict[str, float]:
    """The learning rates' factors of both players, after some more steps.

    Args:
        factors: before; 1 for a player that is not in it.
        accuracy: of the discriminator, its mean over these steps.
        steps: how many.
    """
    wins = {"discriminator": accuracy > HIGH, "generator": accuracy < LOW}
    change = 2.0 ** (steps / STEPS)
    return {
        player: float(min(1.0, max(LEAST, factors.get(player, 1.0) * (1 / change if wins[player] else change))))
        for player in PLAYERS
    }
