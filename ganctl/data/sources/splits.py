"""Which pictures of a folder are held out: those in folders that are called so, else a seeded few."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ganctl.seeds import RandomStream, mix

_PICTURES_PER_HELD_OUT = 20
# What folders to train on and to test with are called: train and val, trainA and testA, train2017, test-set.
_TRAIN_NAME, _TEST_NAME = (
    re.compile(rf"({names})([-_. ]?(a|b|\d+|set|data|images|imgs))?", re.IGNORECASE)
    for names in ("train|training", "test|tests|testing|val|valid|validation|eval|evaluation|holdout|held[-_. ]?out")
)


def held_out_folders(root: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    """Find the folders below a root that are called test, val or the like, each beside one that is called train."""
    folders = {folder for file in files for folder in file.relative_to(root).parents} - {Path()}
    beside_train = {folder.parent for folder in folders if _TRAIN_NAME.fullmatch(folder.name)}
    matches = [folder for folder in folders if _TEST_NAME.fullmatch(folder.name) and folder.parent in beside_train]
    return tuple(root / folder for folder in sorted(matches))


def are_splits(names: Iterable[str]) -> bool:
    """Whether the folders in a folder are those to train on and to test with, so that what they are of is below them.

    They are where test, val or the like is beside train, and where all that there is is called train.
    """
    train = [bool(_TRAIN_NAME.fullmatch(name)) for name in names]
    return any(train) and (all(train) or any(_TEST_NAME.fullmatch(name) for name in names))


def split_files(files: Sequence[Path], test: Sequence[Path] = ()) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Split files into those to train on and those to hold out: what is in the test folders, else a seeded 5 %."""
    if test:
        held_out = {i for i, path in enumerate(files) if any(path.is_relative_to(folder) for folder in test)}
    else:
        order = np.random.default_rng(mix(0, RandomStream.HELD_OUT)).permutation(len(files))
        held_out = set(order[: len(files) // _PICTURES_PER_HELD_OUT].tolist())
    train = tuple(path for i, path in enumerate(files) if i not in held_out)
    return train, tuple(path for i, path in enumerate(files) if i in held_out)
