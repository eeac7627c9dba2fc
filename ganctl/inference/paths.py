"""Find the image files that a translate command names, and choose the output file of each."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganctl.errors import UsageError
from ganctl.images import scanning
from ganctl.images.formats import READABLE_SUFFIXES
from ganctl.images.scanning import NO_SUFFIX_REASON, unusable_reason
from ganctl.images.writing import can_hold_alpha, output_suffix, require_format
from ganctl.text import quote

_MAX_NAME = 50  # characters of a name out of a model, in a file name: 200 bytes


@dataclass(frozen=True)
class Job:
    """An image file to translate, and the file to write its translation to."""

    source: Path
    output: Path


@dataclass(frozen=True)
class Skipped:
    """A named or found path that cannot be translated, and why; a command that skips any has failed."""

    source: Path
    reason: str


@dataclass(frozen=True)
class Excluded:
    """A file or folder that is left out although it may be or hold images, and why; this is no failure."""

    source: Path
    reason: str


Planned = Job | Skipped | Excluded


def safe_name(text: str) -> str:
    """A part of a file name, made of a text from a model's file, which must not lead to another folder."""
    return "".join(char if char.isprintable() and char not in "/\\" else "-" for char in text)[:_MAX_NAME]


def plan_jobs(inputs: Sequence[str], domain: str, output: str | None, force: bool) -> list[Planned]:
    """Plan what becomes of each image, in a fixed order, before anything is written.

    Folders are scanned recursively, without hidden files, thumbnails, files without an image format's suffix and the
    output folder. Two images never get the same output: the later one gets a number.

    Args:
        inputs: files, folders, and patterns such as ``*.jpg`` if no file has that name.
        domain: the domain to translate to, part of the default output names.
        output: a file for one image, a folder for several; None for the working directory and default names.
        force: outputs may overwrite existing files.

    Raises:
        UsageError: an input is empty or a URL, `output` is unsuitable, or an image would overwrite itself.
    """
    domain = safe_name(domain)
    paths = [path for text in inputs for path in _expand(text)]
    is_single_file = len(paths) == 1 and not _is_folder(paths[0])
    folder = _output_folder(output, is_single_file)
    if folder is not None and not force and any(_is_same(path, folder) for path in paths):
        raise UsageError(f"{folder} holds the pictures themselves.", "Name another -o, or overwrite them with --force.")
    planned = _without_duplicates(item for path in paths for item in _plan(path, domain, folder))
    if output is not None and folder is None:
        planned = [_with_output(item, Path(output)) for item in planned]
    return _without_clashes(planned, force)


def _expand(text: str) -> list[Path]:
    if not text:
        raise UsageError("The name of a picture is empty.", "Name pictures, or . for all that are here.")
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE) and not os.path.lexists(text):
        raise UsageError(
            f"{text} is an address, and pictures are read from files.", f"Fetch it: curl -LO {quote(text)}"
        )
    if glob.has_magic(text) and not os.path.lexists(text):
        return [Path(path) for path in sorted(glob.glob(text, recursive=True))] or [Path(text)]  # noqa: PTH207 - anywhere
    return [Path(text)]


def _output_folder(output: str | None, is_single_file: bool) -> Path | None:
    """The folder that `output` names; None if it is not given, or names the output file of a single image."""
    if output is None:
        return None
    if output == "-":
        raise UsageError("Pictures are not written to stdout.", "Name a file or a folder with -o.")
    path = Path(output)
    if _is_folder(path) or output.endswith(("/", os.sep)):
        return path
    if is_single_file and path.suffix:
        require_format(path)
        return None
    if path.exists() or path.suffix.lower() in READABLE_SUFFIXES:
        raise UsageError(f"{output} is no folder.", "Name one with -o: several pictures cannot be one file.")
    return path


def _plan(path: Path, domain: str, folder: Path | None) -> Iterator[Planned]:
    """Plan the image files that a path names, not yet checked for clashes."""
    if not _is_folder(path):
        yield _plan_file(path, Path() if folder is None else folder, f"-{domain}" if folder is None else "")
        return
    output_root = Path(f"{path.resolve().name or 'pictures'}-{domain}") if folder is None else folder
    scan = scanning.scan_folder(path, exclude=output_root)
    yield from (_plan_file(file, output_root / file.relative_to(path).parent) for file in scan.files)
    yield from (Skipped(file, reason) for file, reason in scan.unreadable)
    yield from (Excluded(thumbnails, "thumbnails and the like") for thumbnails in scan.thumbnail_folders)
    yield from (Excluded(file, NO_SUFFIX_REASON) for file in scan.without_suffix)
    if not scan.files and not scan.unreadable:
        yield Skipped(
            path, "it holds no file with a picture's ending" if scan.without_suffix else "it holds no pictures"
        )


def _plan_file(source: Path, folder: Path, stem_suffix: str = "") -> Job | Skipped:
    if reason := unusable_reason(source):
        return Skipped(source, reason)
    return Job(source, folder / f"{source.stem}{stem_suffix}{output_suffix(source)}")


def _with_output(item: Planned, output: Path) -> Planned:
    if not isinstance(item, Job):
        return item
    if not can_hold_alpha(output, item.source):
        raise UsageError(f"{output} cannot hold the transparency of {item.source}.", "Use .png or .webp.")
    return Job(item.source, output)


def _without_duplicates(planned: Iterable[Planned]) -> list[Planned]:
    unique: dict[tuple[str, str], Planned] = {}
    for item in planned:
        unique.setdefault((os.path.realpath(item.source.parent), item.source.name), item)
    return list(unique.values())


def _without_clashes(planned: Sequence[Planned], force: bool) -> list[Planned]:
    """Number outputs that two images share, or that are images which are still to be read."""
    unread = {os.path.realpath(item.source) for item in planned}
    unique: list[Planned] = []
    outputs: set[Path] = set()
    for item in planned:
        if not isinstance(item, Job):
            unique.append(item)
            continue
        number, output, real_source = 1, item.output, os.path.realpath(item.source)
        if force:
            unread.discard(real_source)  # once it is read, a later output may overwrite it
        while output in outputs or os.path.realpath(output) in unread - {real_source}:
            number += 1
            output = item.output.with_name(f"{item.output.stem}-{number}{item.output.suffix}")
        if not force and _is_same(item.source, output):
            raise UsageError(f"{output} is the picture itself.", "Name another -o, or overwrite it with --force.")
        outputs.add(output)
        unique.append(Job(item.source, output))
    return unique


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a name is too long


def _is_same(a: Path, b: Path) -> bool:
    try:
        return a.samefile(b)
    except OSError:  # at least one of them does not exist
        return False
