"""Every set decoded once, into files of bytes that are memory-mapped: a training's memory holds one batch."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganctl import progress
from ganctl.data.cache.entries import drop_useless
from ganctl.data.cache.integrity import fingerprint, is_whole, marks
from ganctl.data.cache.store import compute_once, room_for, share
from ganctl.data.sources.base import Source, Split, user_cache
from ganctl.errors import DataError
from ganctl.files import atomic_folder, remove_folder

_FORMAT = 3  # raise it when what is stored for the same source changes


@dataclass(frozen=True)
class Dataset:
    """A decoded set, memory-mapped.

    Attributes:
        name: of its source.
        spec: what ``--data`` has to say to open it again, from anywhere.
        train: levels [N, load, load, channels] to learn from.
        test: the held-out pictures [N, size, size, channels].
        train_labels: [N], or empty.
        test_labels: likewise.
        fingerprint: SHA-256 of all of it.
        broken: files that could not be read, each with the reason.
        enlarged: how many pictures were smaller than the nets see them.
    """

    name: str
    spec: str
    train: NDArray[np.uint8]
    test: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    fingerprint: str
    broken: list[str]
    enlarged: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a held-out picture, and of what the nets see: channels, height, width."""
        return self.test.shape[3], self.test.shape[1], self.test.shape[2]

    @property
    def counts(self) -> tuple[int, int]:
        """Pictures to learn from, and held-out ones."""
        return len(self.train), len(self.test)


def open_dataset(
    source: Source, size: int, channels: int | None, load: int | None = None, *, thorough: bool = False
) -> Dataset:
    """The set at a size, decoded now unless it was before, or what was decoded is damaged.

    Args:
        source: where it comes from.
        size: side of the pictures, in pixels.
        channels: 1 grey, 3 colour, None as the pictures are.
        load: side of the pictures to learn from, where it is another: they are to be cropped later.
        thorough: whether all bytes of what was decoded before are compared with its fingerprint, and not samples only.

    Raises:
        DataError: none of its pictures can be read.
        StorageError: the cache has no room for it, or cannot be used.
    """
    load = load or size
    key = json.dumps([_FORMAT, source.identity(), size, channels, *([load] if load != size else [])])
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    folder = user_cache() / "decoded" / f"{source.name[:40]}-{load}-{digest}"

    def make() -> Dataset:
        drop_useless(_FORMAT)
        with room_for(f"the decoded pictures of {source.name}", _needed(source, load, channels)):
            _decode(source, {"train": load, "test": size}, channels, folder)
        if (decoded := _decoded(source, folder)) is None:
            raise DataError(f"{folder} is changed by something else.", "Remove it, and try again.")
        return decoded

    with room_for(f"the decoded pictures of {source.name}"):
        return compute_once(
            folder,
            load=lambda: _decoded(source, folder, thorough),
            make=make,
            shown=progress.task(f"Decoding {source.name}", "pictures", source.count()),
        )


def _needed(source: Source, size: int, channels: int | None) -> int | None:
    """Bytes that decoding takes at most: colours first, and then grey beside them where all turn out to be grey."""
    depth = channels or source.native_channels() or 4
    return None if (count := source.count()) is None else count * size * size * depth


def _decoded(source: Source, folder: Path, thorough: bool = False) -> Dataset | None:
    """What a folder of the cache holds; None where that is nothing whole."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        if not is_whole(folder, meta, thorough):
            return None
        maps = {name: _mapped(folder / name, tuple(shape)) for name, shape in meta["shapes"].items()}
        return Dataset(
            source.name,
            source.spec,
            maps["train"],
            maps["test"],
            maps["train-labels"],
            maps["test-labels"],
            meta["fingerprint"],
            [*source.skipped, *meta["broken"]],
            int(meta["enlarged"]),
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _decode(source: Source, sizes: Mapping[Split, int], channels: int | None, folder: Path) -> None:
    """Stream every part into its file, then rename the folder into place. The caller holds the lock."""
    with atomic_folder(folder) as staged:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on oddities of a file: either it can read it, or it raises
            meta = _write(source, sizes, channels, staged)
        (staged / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        if folder.exists():  # which is nothing whole
            remove_folder(folder)


def _write(source: Source, sizes: Mapping[Split, int], channels: int | None, staged: Path) -> dict[str, Any]:
    """Write all parts; what is to be known of them."""
    meta: dict[str, Any] = {"shapes": {}, "broken": [], "enlarged": 0}
    native = channels or source.native_channels()
    coloured = False
    for part, size in sizes.items():
        coloured |= _write_part(source, part, size, sizes["test"], native, staged, meta)
    if not meta["shapes"]["train"][0]:
        raise DataError(f"None of the pictures in {source.spec} can be read; {meta['broken'][0]}.")
    if native is None and not coloured:
        for part in sizes:
            _make_grey(staged / part, meta["shapes"][part])
    root = source.directory()
    about = {"format": _FORMAT, "folder": None if root is None else str(root.resolve())}
    return about | meta | {"fingerprint": fingerprint(staged, meta["shapes"]), "marks": marks(staged, meta["shapes"])}


def _write_part(
    source: Source, part: Split, size: int, seen: int, channels: int | None, staged: Path, meta: dict[str, Any]
) -> bool:
    """Write one part; whether any of its pictures has colours."""
    count, labelled, coloured = 0, 0, False
    depth = channels or 3
    with (staged / part).open("wb") as images, (staged / f"{part}-labels").open("wb") as labels:
        for block in source.blocks(part, size):
            if channels is None and not coloured:
                coloured = bool((np.ptp(block.images, axis=-1) > 8).any())
            images.write(with_channels(block.images, depth).tobytes())
            labels.write(block.labels.tobytes())
            count += len(block.images)
            labelled += len(block.labels)
            progress.advance(len(block.images) + len(block.broken))
            meta["broken"] += block.broken
            meta["enlarged"] += sum(side < seen for side in block.shorter)
    meta["shapes"] |= {part: [count, size, size, depth], f"{part}-labels": [labelled]}
    return coloured


def with_channels(images: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Pictures [n, h, w, 1 or 3] with so many channels; grey is ITU-R BT.601 luma, as Pillow's."""
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    luma = images.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32) + 0x8000 >> 16
    return luma.astype(np.uint8)[..., None]


def _make_grey(path: Path, shape: list[int]) -> None:
    """Rewrite a part whose pictures turned out to be all grey."""
    colour = _mapped(path, tuple(shape))
    with path.with_name(path.name + "-grey").open("wb") as file:
        for start in range(0, shape[0], 1000):
            file.write(with_channels(colour[start : start + 1000], 1).tobytes())
    path.with_name(path.name + "-grey").replace(path)
    shape[3] = 1


def _mapped(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """A file's bytes as an array, without reading them; an empty file cannot be mapped."""
    if not all(shape):
        return np.empty(shape, np.uint8)
    with path.open("rb") as file:
        share(file)  # as long as the array lives
        return np.memmap(file, np.uint8, "r", shape=shape)
