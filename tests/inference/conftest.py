"""Fixtures for tests of translating: a model, and a folder of everything that can be wrong with an image file."""

import os
from pathlib import Path

import pytest
from PIL import Image

from ganctl.inference import loading
from tests.inference.image_files import bomb, save_flat
from tests.translators import negative


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> str:
    """A model that makes negatives, so that every pixel is predictable, at the path m."""
    Path("m").mkdir()
    Path("m/model.safetensors").touch()
    monkeypatch.setattr(loading, "load", lambda *_: negative())
    return "m"


@pytest.fixture
def broken_folder() -> Path:
    """A folder of three images and of everything in `BROKEN`."""
    folder = Path("zoo")
    for name in ("a.png", "inner.png/b.png", "z.png"):
        save_flat(folder / name)
    (folder / "empty.jpg").touch()
    os.mkfifo(folder / "fifo.png")
    (folder / "gone.png").symlink_to("nowhere")
    (folder / "huge.png").write_bytes(bomb(13_000, 10_000))
    (folder / "huger.png").write_bytes(bomb(20_000, 10_000))
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "text.jpg").write_text("I am no picture.")
    noise = Image.effect_noise((64, 64), 50)
    for name in ("truncated.jpg", "truncated.png"):
        noise.save(folder / name)
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    return folder
