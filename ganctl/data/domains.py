"""Two sets of pictures without pairs, for translation: what ``--data`` means to a family of two domains."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ganctl.data import sets, striped
from ganctl.data.cache import Dataset, open_dataset
from ganctl.data.drawn import Striped
from ganctl.data.folder import LOWRES, Folder, Reduced, name_of, pictures_below, split
from ganctl.data.layout import TEST, TRAIN
from ganctl.data.source import Source
from ganctl.errors import DataError, UsageError

BUILT_IN = "plain2striped"
NAMES = (*sets.NAMES, BUILT_IN)


@dataclass(frozen=True)
class Domains:
    """Two sources whose pictures have nothing to do with each other.

    Attributes:
        name: what runs are called after.
        origin: what ``--data`` has to say to open them again, from anywhere.
        names: of the two domains.
        sides: the source of each.
        tree: the folder that both lie in, and the names of theirs to train on and to test with; None if drawn or
            made from one folder.
    """

    name: str
    origin: str
    names: tuple[str, str]
    sides: tuple[Source, Source]
    tree: tuple[Path, tuple[str, str], tuple[str, ...]] | None = None

    def native_size(self) -> int | None:
        """The side of its pictures in pixels; None where they differ."""
        return self.sides[0].native_size()


@dataclass(frozen=True)
class TwoDatasets:
    """Two decoded sets.

    Attributes:
        name: of their source.
        origin: what ``--data`` has to say to open them again, from anywhere.
        names: of the two domains.
        sides: the set of each; both have as many channels.
    """

    name: str
    origin: str
    names: tuple[str, str]
    sides: tuple[Dataset, Dataset]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of what the nets see: channels, height, width."""
        return self.sides[0].shape

    @property
    def counts(self) -> tuple[int, int]:
        """Pictures of the larger side to learn from, and held-out pictures of both."""
        (train_a, test_a), (train_b, test_b) = (side.counts for side in self.sides)
        return max(train_a, train_b), test_a + test_b

    @property
    def fingerprint(self) -> str:
        """SHA-256 of both sets'."""
        return hashlib.sha256("".join(side.fingerprint for side in self.sides).encode()).hexdigest()

    @property
    def broken(self) -> list[str]:
        """Files that could not be read, each with its domain and the reason."""
        return [f"{name}: {file}" for name, side in zip(self.names, self.sides, strict=True) for file in side.broken]

    @property
    def enlarged(self) -> int:
        """How many pictures had fewer pixels than asked for."""
        return sum(side.enlarged for side in self.sides)


def open_domains(domains: Domains, size: int, channels: int | None, load: int) -> TwoDatasets:
    """Both sets, decoded now unless they were before; a grey side becomes colour beside a coloured one.

    Args:
        domains: where they come from.
        size: side of the pictures that the nets see, and of the held-out ones.
        channels: 1 grey, 3 colour, None as the pictures are.
        load: side of the pictures to learn from, before they are cropped.

    Raises:
        DataError: none of a side's pictures can be read.
        OSError: the cache cannot be written.
    """
    sides = [open_dataset(side, size, channels, load) for side in domains.sides]
    depth = max(side.shape[0] for side in sides)
    a, b = (
        open_dataset(source, size, depth, load) if side.shape[0] < depth else side
        for source, side in zip(domains.sides, sides, strict=True)
    )
    return TwoDatasets(domains.name, domains.origin, domains.names, (a, b))


def domains(data: str, names: str | None = None, pair: str | None = None, limit: int | None = None) -> Domains:
    """What ``--data`` means: a set's name, a folder of ``trainA trainB [testA testB]``, or of two folders by name.

    Args:
        data: one of `NAMES`, or the path of a folder.
        names: the two domains as ``a,b``: what to call them, or which two folders to take.
        pair: ``lowres`` builds both sides from one folder of pictures.
        limit: use only the first so many pictures of each side.

    Raises:
        UsageError: `names` are not two, or `pair` is unknown.
        DataError: it is none of these, or it cannot be had.
    """
    told = None if names is None else two_names(names)
    if pair is not None:
        return _paired(data, pair, told, limit)
    if data == BUILT_IN:
        plain, other = (Striped(domain) for domain in striped.DOMAINS)
        return Domains(data, data, told or (plain.domain, other.domain), (plain, other))
    root = folder(data)
    if _is_tree(root):
        a, b = _sides_of_tree(root, limit)
        known = data if data in sets.NAMES else name_of(root)
        origin = data if data in sets.NAMES else str(root.resolve())
        return Domains(known, origin, told or sets.DOMAINS.get(known, ("A", "B")), (a, b), (root, TRAIN, TEST))
    if told is None:
        raise DataError(
            f"{data} is no set of two domains: it has no trainA and trainB.",
            "Name those folders so, or name two of its folders with --domains a,b.",
        )
    a, b = (_side(root, root / name, None, limit) for name in told)
    return Domains(name_of(root), str(root.resolve()), told, (a, b), (root, told, ()))


def two_names(names: str) -> tuple[str, str]:
    """The two names in ``a,b``.

    Raises:
        UsageError: they are not two, or could not be folders'.
    """
    told = [name.strip() for name in names.split(",")]
    if len(told) != 2 or not all(told) or told[0] == told[1] or any("/" in name or name[0] == "." for name in told):
        raise UsageError(f"--domains {names!r} does not name two domains.", "Write --domains horse,zebra.")
    return told[0], told[1]


def folder(data: str) -> Path:
    """The folder of a set's name, fetched if it is nowhere on this machine, or of a path.

    Raises:
        DataError: there is none, or the set cannot be had.
    """
    path = Path(os.path.expanduser(data))  # noqa: PTH111 - Path.expanduser raises where there is no such user
    if data in sets.NAMES and (sets.find(data) or not _is_tree(path)):
        return sets.fetch(data)
    if not data or not path.exists():
        raise DataError(f"There is no data {data!r}.", f"Name a folder, or one of: {', '.join(NAMES)}.")
    if not path.is_dir():
        raise DataError(f"{data} is a file.", "Name the folder that holds trainA and trainB.")
    return path


def _is_tree(root: Path) -> bool:
    return all((root / name).is_dir() for name in TRAIN)


def _sides_of_tree(root: Path, limit: int | None) -> tuple[Folder, Folder]:
    a, b = (_side(root, root / train, root / test, limit) for train, test in zip(TRAIN, TEST, strict=True))
    return a, b


def _side(root: Path, train: Path, test: Path | None, limit: int | None) -> Folder:
    """One domain's pictures; some are held out where there are none to test with."""
    learnt, held_out = pictures_below(train), pictures_below(test) if test else ()
    if not learnt:
        what = "holds no pictures" if train.is_dir() else "is no folder"
        raise DataError(f"{train} {what}.", "Each side needs pictures: ganctl check shows what is there.")
    if not held_out:
        learnt, held_out = split(learnt)
    return Folder(f"{name_of(root)}-{train.name}", root, learnt, held_out, limit)


def _paired(data: str, pair: str, told: tuple[str, str] | None, limit: int | None) -> Domains:
    """Both sides from one folder of pictures."""
    if pair != LOWRES:
        raise UsageError(f"There is no pair {pair!r}.", f"There is: {LOWRES}.")
    root = folder(data)
    original = _side(root, root, None, limit)
    return Domains(
        f"{name_of(root)}-{LOWRES}", str(root.resolve()), told or (LOWRES, "original"), (Reduced(original), original)
    )
