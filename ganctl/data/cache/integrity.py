"""Checks that the files of a decoded set are still those that were written."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganctl.spacing import evenly_spaced

_NUM_SAMPLES, _SAMPLE_BYTES = 64, 4096  # evenly spaced samples of each file, hashed at every start

_NO_LABELS = {"train-labels": (0,), "test-labels": (0,)}  # files that sets without labels had, too, at first

Shapes = Mapping[str, Sequence[int]]
"""By the name of a file, the shape of the array in it."""


def fingerprint(folder: Path, meta: Mapping[str, Any]) -> str:
    """SHA-256 of the content of all files, their names, shapes and types, and of the names of a folder's classes.

    Runs record it and compare it when they are resumed, so that of a set stays what it was in the first release.

    Args:
        folder: where the files are.
        meta: ``shapes`` and ``dtypes`` of the files by name, and ``classes``.
    """
    digest = hashlib.sha256(json.dumps(meta["classes"]).encode() if meta["classes"] else b"")
    shapes: Shapes = {**_NO_LABELS, **meta["shapes"]}
    for name in sorted(shapes):
        dtype = np.dtype(meta["dtypes"].get(name, "u1"))
        digest.update(f"{name} {list(shapes[name])}{'' if dtype == np.uint8 else dtype.str}".encode())
        if name not in meta["shapes"]:
            digest.update(hashlib.sha256().digest())
            continue
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def marks(folder: Path, shapes: Shapes) -> dict[str, list[Any]]:
    """By the name of each file, its modification time in nanoseconds and the hash of its samples."""
    return {name: [(folder / name).stat().st_mtime_ns, _sampled(folder / name)] for name in shapes}


def is_whole(folder: Path, meta: Mapping[str, Any], thorough: bool) -> bool:
    """Whether the files are what `meta` says of them.

    Their sizes and samples are looked at; all of their bytes only if that is asked for, or where a file was touched
    since, as a copy of the cache is.

    Args:
        folder: where they are.
        meta: its ``shapes``, ``dtypes`` and ``classes``, `marks` and `fingerprint`.
        thorough: whether all bytes are looked at in any case.

    Raises:
        OSError: a file cannot be read.
        ValueError, TypeError, KeyError: `meta` is damaged.
    """
    shapes: Shapes = meta["shapes"]
    for name, shape in shapes.items():
        dtype = np.dtype(meta["dtypes"][name])
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if dtype.hasobject or (folder / name).stat().st_size != size:
            return False
    now, then = marks(folder, shapes), meta["marks"]
    if any(now[name][1] != then[name][1] for name in shapes):
        return False
    touched = any(now[name][0] != then[name][0] for name in shapes)
    return not (thorough or touched) or fingerprint(folder, meta) == meta["fingerprint"]


def _sampled(path: Path) -> str:
    last = max(0, path.stat().st_size - _SAMPLE_BYTES)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for start in evenly_spaced(last + 1, _NUM_SAMPLES):
            file.seek(start)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
