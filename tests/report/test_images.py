"""The images in a report: previews within a budget of bytes, and translations over their inputs."""

import base64
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganctl.images.captions import NO_CAPTIONS
from ganctl.report import images
from tests.handmade_runs import log, sheet, translating, written
from tests.report.pages import write_page


def decode(url: str | None) -> Image.Image:
    assert url is not None
    return Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/webp;base64,"))))


def test_pictures_and_their_translations_are_shown_together() -> None:
    page = write_page(translating(Path("runs/p")))
    images = [image for image in page.all("img") if "loading" in image]
    grey = [int(np.asarray(decode(image["src"])).mean().round()) for image in images]
    assert grey[1::2] == pytest.approx([20 + 30 * row for row in range(6)], abs=2)
    assert grey[::2] == pytest.approx([80 + 30 * row for row in range(6)], abs=2)  # it lies beneath its picture
    assert [image["alt"] for image in images[:2]] == ["translation 1, plain → striped", "input 1, plain → striped"]
    assert [image["alt"] for image in images[-2:]] == ["translation 6, striped → plain", "input 6, striped → plain"]
    assert "From left to right: input, translation, translated back, identity mapping." in page.words
    assert "From top to bottom: plain → striped, striped → plain." in page.words
    assert "ganctl translate runs/p PICTURE" in page.words


def test_a_preview_that_does_not_say_what_its_columns_are_is_shown_without_a_guess() -> None:
    page = write_page(translating(Path("runs/old"), NO_CAPTIONS))
    assert [image for image in page.all("img") if image.get("id") == "preview"]
    assert not [image for image in page.all("img") if "loading" in image]
    assert "From left to right" not in page.words


def test_five_hundred_epochs_of_photographs_stay_below_fifteen_megabytes() -> None:
    run = written(Path("runs/long"), log(500))
    for number in range(12):
        sheet(number, 530, colour=True).save(f"{number}.png")
    for epoch in range(501):
        os.link(f"{epoch % 12}.png", run.preview(epoch))
    write_page(run)
    assert 1e6 < run.report.stat().st_size <= 15e6


def test_previews_that_are_too_large_together_become_fewer_and_then_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = written(Path("runs/x"), previews={epoch: sheet(epoch, 200, colour=True) for epoch in range(40)})
    unlimited = images.frames(run)
    assert [frame.epoch for frame in unlimited] == list(range(40))
    total = sum(len(frame.image.content) for frame in unlimited)
    monkeypatch.setattr(images, "_MAX_PREVIEW_BYTES", total * 0.7)
    fewer = images.frames(run)
    assert 24 <= len(fewer) < 40
    assert {frame.image.width for frame in fewer} == {200}
    monkeypatch.setattr(images, "_MAX_PREVIEW_BYTES", total * 0.2)
    smaller = images.frames(run)
    assert sum(len(frame.image.content) for frame in smaller) <= total * 0.2
    assert 20 <= len(smaller) <= 24
    assert (smaller[0].epoch, smaller[-1].epoch) == (0, 39)
    assert smaller[0].image.width < 200


def test_the_first_and_last_previews_are_shown_and_early_ones_more_densely() -> None:
    indices = images.dense_early(501, 60)
    gaps = np.diff(indices)
    assert (indices[0], indices[-1], len(indices)) == (0, 500, 60)
    assert gaps[:10].mean() < gaps[-10:].mean() / 2


def test_a_preview_that_cannot_be_read_is_left_out() -> None:
    run = written(Path("runs/x"), previews={epoch: sheet(epoch, 50) for epoch in range(3)})
    run.preview(1).write_bytes(run.preview(1).read_bytes()[:100])
    assert [frame.epoch for frame in images.frames(run)] == [0, 2]
