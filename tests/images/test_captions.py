"""Captions travel inside a preview's file: they change no pixel, and what is no caption is taken for none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganctl.images import grids
from ganctl.images.captions import NO_CAPTIONS, Captions, read_captions
from ganctl.images.frames import preview_frames, read_frame
from ganctl.images.thumbnails import captions_of

NAMED = Captions(("photo", "Übersetzung\x1b[31m"), ("a → b", "b → a"))


def save(name: str, captions: Captions = NO_CAPTIONS) -> Path:
    torch.manual_seed(0)
    grids.save_preview(Path(name), torch.rand(4, 3, 8, 8) * 2 - 1, 2, captions)
    return Path(name)


def test_captions_come_back_safe_to_show_and_the_pixels_are_the_same() -> None:
    plain, named = save("plain.png"), save("named.png", NAMED)
    assert captions_of(plain) == NO_CAPTIONS
    assert captions_of(named) == (("photo", "Übersetzung\\x1b[31m"), ("a → b", "b → a"))
    assert np.array_equal(np.asarray(Image.open(plain)), np.asarray(Image.open(named)))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"titles": 3, "rows": []}', '{"titles": [3], "rows": []}', "[" * 9999]
)
def test_what_is_no_caption_is_none(text: str) -> None:
    info = PngInfo()
    info.add_text("ganctl captions", text)
    Image.new("RGB", (8, 8)).save("odd.png", pnginfo=info)
    with Image.open("odd.png") as image:
        assert read_captions(image) == NO_CAPTIONS


def test_a_film_shows_the_titles_beneath_their_columns() -> None:
    plain, named = (
        read_frame(save(name, captions), "") for name, captions in (("p.png", NO_CAPTIONS), ("n.png", NAMED))
    )
    height, width, _ = plain.shape
    assert np.array_equal(named[:height], plain)
    strip = named[height:] > 100
    columns = np.nonzero(strip.any(axis=(0, 2)))[0]
    assert columns.min() < width / 2 < columns.max()
    assert not strip[:, width // 2 - 3 : width // 2 + 3].any()


def test_a_film_of_previews_with_and_without_titles_has_room_for_both() -> None:
    frames = preview_frames([(0, save("p.png")), (1, save("n.png", NAMED))])
    heights = [frames.make(i).shape[0] for i in range(2)]
    assert heights[0] < heights[1] == frames.size[0]
