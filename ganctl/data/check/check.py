"""What is wrong with a folder of pictures, before a training finds out."""

import hashlib
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from ganctl.data.check import findings
from ganctl.data.check.findings import Finding
from ganctl.data.sources import layout
from ganctl.data.sources.folder import folders_to_hold_out
from ganctl.data.sources.layout import TEST, TRAIN, Layout, Picture
from ganctl.images.probing import Probe, probe
from ganctl.images.reading import MAX_MEGAPIXELS
from ganctl.threads import usable

SIZE = 256  # the side that sets of two domains are trained at if nothing else is said
_COMPARED = 200  # pictures of equal name and size that `quick` compares between two folders
_PIECE = 2**18


class Contents(NamedTuple):
    """The readable pictures of a folder.

    Attributes:
        sides: width and height of the smallest, the median and the largest, by their shorter sides; empty if none.
        modes: how many there are of each Pillow mode, the most frequent first.
    """

    sides: tuple[tuple[int, int], ...]
    modes: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """A set that was looked at.

    Attributes:
        layout: what lies where.
        contents: of each of its folders.
        findings: the worst first.
        skipped: every file and folder that a training would do without, with the reason.
    """

    layout: Layout
    contents: tuple[Contents, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[tuple[Path, str], ...]

    @property
    def problems(self) -> list[Finding]:
        """What makes a training impossible."""
        return [finding for finding in self.findings if finding.severity == "problem"]


def quick(root: Path, train: Sequence[str] = TRAIN, test: Sequence[str] = TEST) -> list[Finding]:
    """What names and sizes of files tell of a set of two domains, in a fraction of a second.

    Args:
        root: its folder.
        train: the names of the two folders to learn from.
        test: of the two with held-out pictures; empty if there are to be none.

    Raises:
        DataError: there is no such folder, or it cannot be read.
    """
    lies = layout.of_pair(root, train, test)
    found = [*findings.of_tree(lies)]
    for first, second in combinations(lies.folders, 2):
        candidates = list(_namesakes(first.pictures, second.pictures))
        same = [theirs.path for ours, theirs in candidates[:_COMPARED] if _equal(ours, theirs)]
        found += findings.of_shared(first, second, same, more=len(candidates) > _COMPARED)
    return _worst_first(found)


def examine(
    root: Path,
    domains: tuple[str, str] | None = None,
    size: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Report:
    """Look at every picture of a set: each is decoded, and those of equal length are compared.

    Args:
        root: its folder.
        domains: the names of its two domains' folders, where they are not trainA and trainB.
        size: the side to train at; 256 for two domains if not given.
        max_megapixels: see `images.reading.decode`.

    Raises:
        DataError: there is no such folder, or it cannot be read.
    """
    lies = layout.find(root, domains)
    size = size or (SIZE if lies.paired else None)
    found, contents, skipped = [*findings.of_tree(lies)], list[Contents](), list[tuple[Path, str]]()
    if not lies.paired:
        found += _held_out(lies.folders[0])
    with warnings.catch_warnings(), ThreadPoolExecutor(usable()) as pool:
        warnings.simplefilter("ignore")  # Pillow's, on oddities of a file: either it can read it, or it raises
        for folder in lies.folders:
            paths = [picture.path for picture in folder.pictures]
            tried = dict(zip(paths, pool.map(partial(_tried, max_megapixels), paths), strict=True))
            good = {path: at for path, at in tried.items() if isinstance(at, Probe)}
            broken = {path: at for path, at in tried.items() if isinstance(at, str)}
            bad = dict(sorted({**broken, **dict(folder.unreadable)}.items()))
            found += findings.of_broken(folder, bad)
            skipped += bad.items()
            skipped += ((path, "it is left out") for path in (*folder.thumbnails, *folder.unnamed))
            found += findings.of_looks(folder, good, size)
            contents.append(_contents(good.values()))
        found += _repeated(lies, _digests(pool, lies))
    return Report(lies, tuple(contents), tuple(_worst_first(found)), tuple(skipped))


def _held_out(folder: layout.Folder) -> Iterator[Finding]:
    """What is not learnt from because of its name, where one set is to be learnt from."""
    if folders := folders_to_hold_out(folder.path, folder.paths):
        count = sum(any(path.is_relative_to(test) for test in folders) for path in folder.paths)
        yield Finding("note", findings.of_held_out(folders, count), "Rename a folder to learn from it too.")


def _worst_first(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: ("problem", "warning", "note").index(finding.severity))


def _namesakes(ours: Sequence[Picture], theirs: Sequence[Picture]) -> Iterator[tuple[Picture, Picture]]:
    """Pairs that have the same name and length."""
    named = {(picture.path.name, picture.size): picture for picture in ours if picture.size}
    for picture in theirs:
        if other := named.get((picture.path.name, picture.size)):
            yield other, picture


def _equal(one: Picture, other: Picture) -> bool:
    """Whether two files hold the same bytes."""
    if one.file == other.file:
        return True
    try:
        with one.path.open("rb") as ours, other.path.open("rb") as theirs:
            while piece := ours.read(_PIECE):
                if piece != theirs.read(_PIECE):
                    return False
            return not theirs.read(1)
    except OSError:
        return False


def _tried(max_megapixels: float, path: Path) -> Probe | str:
    """What a picture is, or why it cannot be read."""
    try:
        return probe(path, max_megapixels)
    except OSError as error:
        return str(error)


def _contents(probes: Iterable[Probe]) -> Contents:
    known = sorted(probes, key=lambda at: (min(at.width, at.height), max(at.width, at.height)))
    chosen = (known[0], known[len(known) // 2], known[-1]) if known else ()
    modes = Counter(at.mode for at in known)
    return Contents(tuple((at.width, at.height) for at in chosen), dict(modes.most_common()))


def _digests(pool: Executor, lies: Layout) -> dict[Path, bytes]:
    """The hash of every picture that is as long as another one: no others can be copies."""
    by_size = defaultdict(list)
    for folder in lies.folders:
        for picture in folder.pictures:
            by_size[picture.size].append(picture.path)
    paths = [path for size, alike in by_size.items() if size and len(alike) > 1 for path in alike]
    return {path: digest for path, digest in zip(paths, pool.map(_digest, paths), strict=True) if digest}


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:  # which is said of it already
        return b""


def _repeated(lies: Layout, digests: Mapping[Path, bytes]) -> Iterator[Finding]:
    """Pictures that are there twice, in a folder or in two."""
    firsts: list[dict[bytes, Path]] = []
    for folder in lies.folders:
        first: dict[bytes, Path] = {}
        known = [(picture.path, digests[picture.path]) for picture in folder.pictures if picture.path in digests]
        copies = [(path, first[digest]) for path, digest in known if first.setdefault(digest, path) != path]
        yield from findings.of_copies(folder, copies)
        firsts.append(first)
    for (first_folder, ours), (second_folder, theirs) in combinations(zip(lies.folders, firsts, strict=True), 2):
        shared = [path for digest, path in theirs.items() if digest in ours]
        yield from findings.of_shared(first_folder, second_folder, shared)
