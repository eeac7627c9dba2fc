"""Which pictures a command names, and the file that each becomes."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganctl.errors import UsageError
from ganctl.images import scanning
from ganctl.images.formats import FORMATS
from ganctl.images.scanning import UNNAMED, unusable
from ganctl.images.writing import can_hold, kept_ending, require_format
from ganctl.text import quote


@dataclass(frozen=True)
class Job:
    """A picture, and the file that it becomes."""

    source: Path
    output: Path


@dataclass(frozen=True)
class Skipped:
    """What was named or found and cannot be translated, and why."""

    source: Path
    reason: str


@dataclass(frozen=True)
class Excluded:
    """What lies in a folder and is passed by, although it may be a picture or hold some, and why."""

    source: Path
    reason: str


def plan_jobs(inputs: Sequence[str], domain: str, output: str | None, force: bool) -> list[Job | Skipped | Excluded]:
    """What becomes of each picture, in a fixed order and before anything is written.

    A folder is walked to any depth, but for hidden files, thumbnails, files without a picture's ending and the folder
    of the results. Two pictures
    never become the same file: the later gets a number.

    Args:
        inputs: pictures, folders, and patterns such as ``*.jpg`` where nothing has that name.
        domain: what the results are called after.
        output: a file for one picture, a folder for more; None is here, in names with the domain.
        force: results may take the place of files that exist.

    Raises:
        UsageError: `output` cannot be what it has to be, a picture would overwrite itself, or is on the network.
    """
    # It comes from a model's file, and shall lead to no other folder.
    domain = "".join(sign if sign.isprintable() and sign not in "/\\" else "-" for sign in domain)
    named = [path for text in inputs for path in _expanded(text)]
    alone = len(named) == 1 and not _is_folder(named[0])
    folder = _folder(output, alone)
    if folder is not None and not force and any(_is_same(path, folder) for path in named):
        raise UsageError(f"{folder} holds the pictures themselves.", "Name another -o, or overwrite them with --force.")
    found = _once(found for path in named for found in _find(path, domain, folder))
    if output is not None and folder is None:
        found = [_to_file(one, Path(output)) for one in found]
    return _without_clashes(found, force)


def _expanded(text: str) -> list[Path]:
    if not text:
        raise UsageError("The name of a picture is empty.", "Name pictures, or . for all that are here.")
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE) and not os.path.lexists(text):
        raise UsageError(
            f"{text} is an address, and pictures are read from files.", f"Fetch it: curl -LO {quote(text)}"
        )
    if glob.has_magic(text) and not os.path.lexists(text):
        return [Path(path) for path in sorted(glob.glob(text, recursive=True))] or [Path(text)]  # noqa: PTH207 - anywhere
    return [Path(text)]


def _folder(output: str | None, alone: bool) -> Path | None:
    """The folder that `output` names; None where it is not given, or is the file for the only picture."""
    if output is None:
        return None
    if output == "-":
        raise UsageError("Pictures are not written to stdout.", "Name a file or a folder with -o.")
    path = Path(output)
    if _is_folder(path) or output.endswith(("/", os.sep)):
        return path
    if alone and path.suffix:
        require_format(path)
        return None
    if path.exists() or path.suffix.lower() in FORMATS:
        raise UsageError(f"{output} is no folder.", "Name one with -o: several pictures cannot be one file.")
    return path


def _find(path: Path, domain: str, folder: Path | None) -> Iterator[Job | Skipped | Excluded]:
    """The pictures that a path names, and the file that each becomes, but for clashes."""
    if not _is_folder(path):
        yield _route(path, Path() if folder is None else folder, f"-{domain}" if folder is None else "")
        return
    into = Path(f"{path.resolve().name or 'pictures'}-{domain}") if folder is None else folder
    below = scanning.scan(path, exclude=into)
    yield from (_route(file, into / file.relative_to(path).parent) for file in below.files)
    yield from (Skipped(file, reason) for file, reason in below.unreadable)
    yield from (Excluded(thumbnails, "thumbnails and the like") for thumbnails in below.thumbnails)
    yield from (Excluded(file, UNNAMED) for file in below.unnamed)
    if not below.files and not below.unreadable:
        yield Skipped(path, "it holds no file with a picture's ending" if below.unnamed else "it holds no pictures")


def _route(source: Path, into: Path, suffix: str = "") -> Job | Skipped:
    if reason := unusable(source):
        return Skipped(source, reason)
    return Job(source, into / f"{source.stem}{suffix}{kept_ending(source)}")


def _to_file(found: Job | Skipped | Excluded, output: Path) -> Job | Skipped | Excluded:
    if not isinstance(found, Job):
        return found
    if not can_hold(output, found.source):
        raise UsageError(f"{output} cannot hold the transparency of {found.source}.", "Use .png or .webp.")
    return Job(found.source, output)


def _once(found: Iterable[Job | Skipped | Excluded]) -> list[Job | Skipped | Excluded]:
    """Without what was named twice."""
    kept: dict[tuple[str, str], Job | Skipped | Excluded] = {}
    for one in found:
        kept.setdefault((os.path.realpath(one.source.parent), one.source.name), one)
    return list(kept.values())


def _without_clashes(found: Sequence[Job | Skipped | Excluded], force: bool) -> list[Job | Skipped | Excluded]:
    """Numbers for files that two pictures would become, or that are pictures themselves and may not be overwritten."""
    unread = {os.path.realpath(one.source) for one in found}
    planned: list[Job | Skipped | Excluded] = []
    taken: set[Path] = set()
    for one in found:
        if not isinstance(one, Job):
            planned.append(one)
            continue
        number, output, own = 1, one.output, os.path.realpath(one.source)
        if force:
            unread.discard(own)  # from here on it may be overwritten
        while output in taken or os.path.realpath(output) in unread - {own}:
            number += 1
            output = one.output.with_name(f"{one.output.stem}-{number}{one.output.suffix}")
        if not force and _is_same(one.source, output):
            raise UsageError(f"{output} is the picture itself.", "Name another -o, or overwrite it with --force.")
        taken.add(output)
        planned.append(Job(one.source, output))
    return planned


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a name is too long


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return False
