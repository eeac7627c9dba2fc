"""Decodes a source into files, one of uint8 images and one of each column for each split, wholly or not at all."""

import json
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganctl import tasks
from ganctl.data.cache.integrity import fingerprint, marks
from ganctl.data.cache.store import mark_file_used
from ganctl.data.sources.base import Source, Split
from ganctl.errors import DataError
from ganctl.files import atomic_folder, remove_folder

FORMAT = 5  # raise it when what is stored for the same source changes
_ROWS_AT_ONCE = 1000  # of a file that is written anew
_COLOUR_THRESHOLD = 8  # of 255: a picture is grey if the channels of no pixel are further apart


def decode(source: Source, sizes: Mapping[Split, int], channels: int | None, folder: Path) -> None:
    """Stream every split of a source into its files, then rename the folder into place. The caller holds the lock.

    Args:
        source: the pictures.
        sizes: width and height of each split's images, in pixels; those of ``test`` are what the nets see.
        channels: 1 grey, 3 RGB, None as the pictures are.
        folder: where the files are to be; one that is there already is damaged, and replaced.

    Raises:
        DataError: none of the training pictures can be read.
        OSError: the disk refuses.
    """
    with atomic_folder(folder) as staged:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on oddities of a file: either it can read it, or it raises
            meta = _write(source, sizes, channels, staged)
        (staged / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        if folder.exists():
            remove_folder(folder)


def _write(source: Source, sizes: Mapping[Split, int], channels: int | None, staged: Path) -> dict[str, Any]:
    """Write all splits; return what ``meta.json`` says of them."""
    root = source.directory()
    meta: dict[str, Any] = {
        "format": FORMAT,
        "folder": None if root is None else str(root.resolve()),
        "classes": [] if root is None else list(source.classes),  # of a set without a folder, code names them
        "shapes": {},
        "dtypes": {},
        "broken": [],
        "enlarged": 0,
    }
    native = channels or source.native_channels()
    coloured = False
    for split, size in sizes.items():
        coloured |= _write_split(source, split, size, sizes["test"], native, staged, meta)
    if not meta["shapes"]["train"][0]:
        raise DataError(f"None of the pictures in {source.spec} can be read; {meta['broken'][0]}.")
    if native is None and not coloured:
        for split in sizes:
            _make_grey(staged / split, meta["shapes"][split])
    return meta | {"fingerprint": fingerprint(staged, meta), "marks": marks(staged, meta["shapes"])}


def _write_split(
    source: Source, split: Split, size: int, net_size: int, channels: int | None, staged: Path, meta: dict[str, Any]
) -> bool:
    """Write one split, and add to `meta`; whether any of its pictures has colours."""
    count, coloured = 0, False
    depth = channels or 3
    columns: dict[str, _ColumnFile] = {}
    with ExitStack() as stack:
        images = stack.enter_context((staged / split).open("wb"))
        for block in source.blocks(split, size):
            if channels is None and not coloured:
                coloured = bool((np.ptp(block.images, axis=-1) > _COLOUR_THRESHOLD).any())
            images.write(with_channels(block.images, depth).tobytes())
            for name, values in block.columns.items():
                if name not in columns:
                    columns[name] = stack.enter_context(_ColumnFile(staged / f"{split}-{name}"))
                columns[name].append(values)
            count += len(block.images)
            tasks.advance(len(block.images) + len(block.broken))
            meta["broken"] += block.broken
            meta["enlarged"] += sum(original < net_size for original in block.original_sizes)
    meta["shapes"][split], meta["dtypes"][split] = [count, size, size, depth], np.dtype(np.uint8).str
    for column in columns.values():
        meta["shapes"][column.name], meta["dtypes"][column.name] = column.finish(count)
    return coloured


class _ColumnFile(AbstractContextManager["_ColumnFile"]):
    """A column's file that is written block by block; only a block is in memory."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path, self._file = path, path.open("wb")
        self._count, self._row_shape, self._dtype = 0, (0,), np.dtype(np.uint8)

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, values: NDArray[Any]) -> None:
        """Write the rows of a block.

        Raises:
            ValueError: they are objects, or of another shape than those before.
        """
        if values.dtype.hasobject:
            raise ValueError(f"the column {self.name} has rows of objects")
        if not self._count:
            self._row_shape, self._dtype = values.shape[1:], values.dtype
        elif not len(values):
            return
        if values.shape[1:] != self._row_shape:
            raise ValueError(f"the column {self.name} has rows of {self._row_shape} and of {values.shape[1:]}")
        self._widen(np.result_type(self._dtype, values.dtype))
        self._file.write(values.astype(self._dtype, copy=False).tobytes())
        self._count += len(values)

    def finish(self, count: int) -> tuple[list[int], str]:
        """Write the last bytes, and return the column's shape and type.

        Raises:
            ValueError: there are not so many rows.
        """
        self._file.close()
        if self._count != count:
            raise ValueError(f"the column {self.name} has {self._count} rows for {count} images")
        return [count, *self._row_shape], self._dtype.str

    def _widen(self, dtype: np.dtype[Any]) -> None:
        """Write the rows so far anew, where a type that holds all takes more: a longer text, as a rule."""
        if dtype == self._dtype:
            return
        self._file.close()
        before = map_file(self._path, (self._count, *self._row_shape), self._dtype.str)
        self._dtype = dtype
        wider = self._path.with_name(f"{self.name}-wider")
        self._file = wider.open("wb")
        for start in range(0, self._count, _ROWS_AT_ONCE):
            self._file.write(before[start : start + _ROWS_AT_ONCE].astype(dtype).tobytes())
        wider.replace(self._path)


def with_channels(images: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Convert images [n, h, w, 1 or 3] to 1 or 3 channels; grey is ITU-R BT.601 luma, as Pillow's."""
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    luma = images.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32) + 0x8000 >> 16
    return luma.astype(np.uint8)[..., None]


def _make_grey(path: Path, shape: list[int]) -> None:
    """Rewrite a split whose pictures turned out to be all grey."""
    coloured = map_file(path, tuple(shape))
    with path.with_name(path.name + "-grey").open("wb") as file:
        for start in range(0, shape[0], _ROWS_AT_ONCE):
            file.write(with_channels(coloured[start : start + _ROWS_AT_ONCE], 1).tobytes())
    path.with_name(path.name + "-grey").replace(path)
    shape[3] = 1


def map_file(path: Path, shape: tuple[int, ...], dtype: str = "u1") -> NDArray[Any]:
    """Map a file's bytes as an array, without reading them; an empty file cannot be mapped, and gives an empty one."""
    if not all(shape):
        return np.empty(shape, dtype)
    with path.open("rb") as file:
        mark_file_used(file)  # as long as the array lives
        return np.memmap(file, dtype, "r", shape=shape)
