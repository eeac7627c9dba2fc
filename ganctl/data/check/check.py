"""`examine` and `quick`: find what is wrong with a folder of pictures, by decoding all of them or by their names."""

import hashlib
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from ganctl.data.check import findings
from ganctl.data.check.findings import Finding
from ganctl.data.sources import labels, layout
from ganctl.data.sources.layout import TEST, TRAIN, Layout, Picture
from ganctl.data.sources.splits import held_out_folders
from ganctl.errors import DataError
from ganctl.images.probing import Probe, probe
from ganctl.images.reading import MAX_MEGAPIXELS
from ganctl.threads import usable

SIZE = 256  # pixels: what sets of two domains are trained at unless --size says otherwise
_MAX_COMPARED = 200  # pictures of equal name and length that `quick` compares between two folders
_CHUNK_BYTES = 2**18


class Contents(NamedTuple):
    """The readable pictures of a folder.

    Attributes:
        sizes: width and height of the smallest, the median and the largest, by their shorter edges; empty if none.
        modes: how many there are of each Pillow mode, the most frequent first.
    """

    sizes: tuple[tuple[int, int], ...]
    modes: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """What `examine` found.

    Attributes:
        layout: the folders of the set.
        contents: the readable pictures of each folder.
        findings: the worst first.
        skipped: every file and folder that a training would do without, with the reason.
    """

    layout: Layout
    contents: tuple[Contents, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[tuple[Path, str], ...]

    @property
    def problems(self) -> list[Finding]:
        """The findings that make a training impossible."""
        return [finding for finding in self.findings if finding.severity == "problem"]


def quick(root: Path, train: Sequence[str] = TRAIN, test: Sequence[str] = TEST) -> list[Finding]:
    """Find what names and lengths of files tell of a set of two domains, in a fraction of a second.

    Arguments and errors are those of `layout.layout_of_two`.
    """
    set_layout = layout.layout_of_two(root, train, test)
    results = [*findings.missing_or_empty(set_layout)]
    for first, second in combinations(set_layout.folders, 2):
        candidates = list(_same_name_and_length(first.pictures, second.pictures))
        shared = [b.path for a, b in candidates[:_MAX_COMPARED] if _same_bytes(a, b)]
        results += findings.shared_pictures(first, second, shared, more=len(candidates) > _MAX_COMPARED)
    return _worst_first(results)


def examine(
    root: Path,
    domains: tuple[str, str] | None = None,
    size: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Report:
    """Decode every picture of a set, and compare those of equal length.

    Args:
        root: its folder.
        domains: the names of its two domains' folders, where they are not trainA and trainB.
        size: width and height to train at, in pixels; 256 for two domains if not given.
        max_megapixels: see `images.reading.decode`.

    Raises:
        DataError: there is no such folder, or it cannot be read.
    """
    set_layout = layout.find_layout(root, domains)
    size = size or (SIZE if set_layout.has_two_domains else None)
    results = [*findings.missing_or_empty(set_layout)]
    contents, skipped = list[Contents](), list[tuple[Path, str]]()
    if not set_layout.has_two_domains:
        results += _held_out(set_layout.folders[0])
        results += _classes(set_layout.folders[0])
    with warnings.catch_warnings(), ThreadPoolExecutor(usable()) as pool:
        warnings.simplefilter("ignore")  # Pillow's, on oddities of a file: either it can read it, or it raises
        for folder in set_layout.folders:
            probes = dict(zip(folder.paths, pool.map(partial(_probe, max_megapixels), folder.paths), strict=True))
            readable = {path: result for path, result in probes.items() if isinstance(result, Probe)}
            broken = {path: result for path, result in probes.items() if isinstance(result, str)}
            unreadable = dict(sorted({**broken, **dict(folder.unreadable)}.items()))
            results += findings.unreadable(folder, unreadable)
            skipped += unreadable.items()
            skipped += ((path, "it is left out") for path in (*folder.thumbnails, *folder.unnamed))
            results += findings.sizes_and_modes(folder, readable, size)
            contents.append(_contents(readable.values()))
        results += _repeated(set_layout, _digests(pool, set_layout))
    return Report(set_layout, tuple(contents), tuple(_worst_first(results)), tuple(skipped))


def _held_out(folder: layout.Folder) -> Iterator[Finding]:
    """Tell which pictures of a set without domains are held out because of their folders' names."""
    if folders := held_out_folders(folder.path, folder.paths):
        count = sum(any(path.is_relative_to(test) for test in folders) for path in folder.paths)
        yield Finding("note", findings.held_out_message(folders, count), "Rename a folder to learn from it too.")


def _classes(folder: layout.Folder) -> Iterator[Finding]:
    """Tell which classes the pictures of a set without domains have by their folders."""
    with suppress(DataError):  # they have none
        named = labels.from_folders(folder)
        yield findings.classes(folder, Counter(named.classes[label] for label in named.labels_by_path.values()))
        yield from (Finding("note", warning, "Leave it, or put pictures into it.") for warning in named.warnings)


def _worst_first(results: Iterable[Finding]) -> list[Finding]:
    return sorted(results, key=lambda finding: ("problem", "warning", "note").index(finding.severity))


def _same_name_and_length(first: Sequence[Picture], second: Sequence[Picture]) -> Iterator[tuple[Picture, Picture]]:
    """Yield pairs, one of each folder, of the same name and length."""
    by_name = {(picture.path.name, picture.size): picture for picture in first if picture.size}
    for picture in second:
        if namesake := by_name.get((picture.path.name, picture.size)):
            yield namesake, picture


def _same_bytes(a: Picture, b: Picture) -> bool:
    """Whether two files hold the same bytes."""
    if a.file == b.file:
        return True
    try:
        with a.path.open("rb") as file_a, b.path.open("rb") as file_b:
            while chunk := file_a.read(_CHUNK_BYTES):
                if chunk != file_b.read(_CHUNK_BYTES):
                    return False
            return not file_b.read(1)
    except OSError:
        return False


def _probe(max_megapixels: float, path: Path) -> Probe | str:
    """A picture's size and mode, or why it cannot be read."""
    try:
        return probe(path, max_megapixels)
    except OSError as error:
        return str(error)


def _contents(probes: Iterable[Probe]) -> Contents:
    by_size = sorted(probes, key=lambda probe: (min(probe.width, probe.height), max(probe.width, probe.height)))
    examples = (by_size[0], by_size[len(by_size) // 2], by_size[-1]) if by_size else ()
    modes = Counter(probe.mode for probe in by_size)
    return Contents(tuple((probe.width, probe.height) for probe in examples), dict(modes.most_common()))


def _digests(pool: Executor, set_layout: Layout) -> dict[Path, bytes]:
    """The hash of every picture that is as long as another one: no others can be copies."""
    by_length = defaultdict(list)
    for folder in set_layout.folders:
        for picture in folder.pictures:
            by_length[picture.size].append(picture.path)
    paths = [path for length, alike in by_length.items() if length and len(alike) > 1 for path in alike]
    return {path: digest for path, digest in zip(paths, pool.map(_digest, paths), strict=True) if digest}


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:  # already reported as unreadable
        return b""


def _repeated(set_layout: Layout, digests: Mapping[Path, bytes]) -> Iterator[Finding]:
    """Find pictures that are in a set twice, in one folder or in two."""
    originals: list[dict[bytes, Path]] = []  # of each folder, the first picture of each hash
    for folder in set_layout.folders:
        first: dict[bytes, Path] = {}
        hashed = [(path, digests[path]) for path in folder.paths if path in digests]
        copies = [(path, first[digest]) for path, digest in hashed if first.setdefault(digest, path) != path]
        yield from findings.duplicates(folder, copies)
        originals.append(first)
    for (folder_a, first_a), (folder_b, first_b) in combinations(zip(set_layout.folders, originals, strict=True), 2):
        shared = [path for digest, path in first_b.items() if digest in first_a]
        yield from findings.shared_pictures(folder_a, folder_b, shared)
