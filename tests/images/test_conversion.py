"""Images converted from one size to another."""

import numpy as np

from ganctl.images import conversion


def test_squares_are_resized_smoothly_and_keep_their_channels() -> None:
    chequered = (np.indices((16, 16)).sum(0)[None, ..., None] % 2 * 255).astype(np.uint8).repeat(3, -1)
    chequered.flags.writeable = False  # as what is mapped from a file
    small = conversion.resize(chequered, 4)
    assert small.shape == (1, 4, 4, 3)
    assert np.abs(small.astype(int) - 127).max() <= 2, "it is averaged, not picked out"
