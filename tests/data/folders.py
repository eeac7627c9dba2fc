"""Folders of small pictures, and what becomes of them when they are decoded and put into batches."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ganctl.data.batches import Batches
from ganctl.data.cache.dataset import Dataset, open_dataset
from ganctl.data.resolve import resolve_source

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def save(path: Path, colour: tuple[int, ...] = RED, size: tuple[int, int] = (8, 8)) -> Path:
    """A picture of one colour."""
    Image.new("RGB", size, colour).save(path)
    return path


def greys(folder: Path, count: int) -> Path:
    """Pictures that can be told apart: all of number i is (i, i, i)."""
    for i in range(count):
        save(folder / f"{i:03d}.png", (i, i, i))
    return folder


def noise(folder: Path, count: int, mode: str = "RGB", size: int = 12) -> Path:
    """A new folder of pictures of noise, all different."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(len(str(folder)))
    for i in range(count):
        shape = (size, size) if mode == "L" else (size, size, 3)
        Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(folder / f"{i:02d}.png")
    return folder


def opened(
    folder: Path, size: int = 8, channels: int | None = None, limit: int | None = None, *, thorough: bool = False
) -> Dataset:
    """The decoded set of a folder."""
    return open_dataset(resolve_source(str(folder), limit), size, channels, thorough=thorough)


def decoded(cache: Path) -> Path:
    """The only decoded set in a cache."""
    (folder,) = [path for path in (cache / "decoded").iterdir() if path.is_dir()]
    return folder


def close(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no folder of this name be read, not even by root."""
    scandir = os.scandir

    def refuse(path: str | int) -> object:
        if not isinstance(path, int) and Path(path).name == name:  # a folder that is removed goes by its number
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


def grey_values(images: NDArray[np.uint8]) -> list[int]:
    """The value of each image's first pixel: the number of a picture of `greys`."""
    return [int(value) for value in images[:, 0, 0, 0]]


def digest(batches: Batches, steps: Iterable[int]) -> str:
    """SHA-256 of the names and the bytes of all tensors in the batches of some steps."""
    total = hashlib.sha256()
    for step in steps:
        for name, tensor in batches.batch(step, torch.device("cpu")).items():
            total.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return total.hexdigest()
