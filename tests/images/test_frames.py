"""Frames of an animation: an image over its label, of a sensible size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganctl.errors import GanctlError
from ganctl.images import grids
from ganctl.images.frames import label_frame, read_frame


def test_a_frame_is_the_picture_over_its_label() -> None:
    grid = grids.make_grid(torch.rand(64, 1, 28, 28) * 2 - 1, 8)
    frame = label_frame(grid, "epoch 12")
    assert np.array_equal(frame[: grid.height, : grid.width], np.asarray(grid))
    label = frame[grid.height :]
    assert label.shape[0] >= 30
    assert (label > 150).any(axis=-1).sum() > 50, "there are letters"
    assert not np.array_equal(label, label_frame(grid, "epoch 13")[grid.height :])


def test_the_label_is_inside_its_bar_and_centred() -> None:
    grid = Image.new("RGB", (560, 560))
    rows, columns = np.nonzero(label_frame(grid, "epoch 12")[560:, :, 0] > 100)
    assert 3 < rows.min() < rows.max() < 30
    assert abs((columns.min() + columns.max()) / 2 - 280) < 3


def test_no_text_needs_no_label() -> None:
    assert label_frame(Image.new("RGB", (560, 560)), "").shape == (560, 560, 3)


@pytest.mark.parametrize("size", [(100, 100), (4000, 3000), (561, 431), (30, 600)])
def test_frames_have_an_even_and_sensible_size(size: tuple[int, int]) -> None:
    height, width, _ = label_frame(Image.new("RGB", size), "epoch 1").shape
    assert height % 2 == width % 2 == 0
    assert 400 <= max(height, width) <= 900


def test_a_frame_that_cannot_be_read_is_named() -> None:
    Path("epoch-0003.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(GanctlError, match=r"epoch-0003\.png cannot be read.*Remove it"):
        read_frame(Path("epoch-0003.png"), "epoch 3")
