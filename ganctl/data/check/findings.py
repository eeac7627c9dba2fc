"""`Finding`: what a person should know of a set of pictures, in sentences, each with a remedy."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from ganctl.data.sources.layout import Folder, Layout
from ganctl.images.probing import Probe
from ganctl.images.scanning import NO_SUFFIX_REASON
from ganctl.text import printable
from ganctl.units import counted

Severity = Literal["problem", "warning", "note"]

_FEW_PICTURES = 50  # the smallest set of the CycleGAN paper has 400 a domain
_LONG_RATIO = 3  # of width and height: a square crop shows a third of such a picture
_MAX_NAMES = 5  # in a sentence, of skipped files
_MAX_REASONS = 9
_LEAVE_OTHER_FILES = "Leave them: what is read has the ending of a picture format."
RENAME = "Give the names of pictures an ending, such as .png."
_USE_THUMBNAILS = "To use one all the same, name it as the data."
_MODE_NAMES = {
    "1": "black-and-white",
    "L": "grey",
    "LA": "transparent grey",
    "RGB": "coloured",
    "RGBA": "transparent",
    "P": "palette",
}


class Finding(NamedTuple):
    """Something about a set that a person should know.

    Attributes:
        severity: a problem makes a training impossible, a warning makes it worse, a note only informs.
        message: one sentence.
        remedy: what to do about it.
    """

    severity: Severity
    message: str
    remedy: str


def display_name(path: Path | str) -> str:
    """Return a path as it can be printed, whatever bytes it is made of."""
    return printable(os.fspath(path))


def list_skipped(skipped: Sequence[tuple[Path | str, str]], full_list: str = "--verbose names each") -> str:
    """List skipped files with their reasons; of more than a handful, how many have which reason.

    Args:
        skipped: names and reasons.
        full_list: says where all of many names can be read.
    """
    if len(skipped) <= _MAX_NAMES:
        return ", ".join(f"{display_name(name)} ({reason})" for name, reason in skipped)
    return f"{_count_reasons(reason for _, reason in skipped)}; {full_list}"


def count_reasons(lines: Iterable[str]) -> str:
    """Say how many files have which reason to be left out, from lines of a name, a colon and the reason."""
    return _count_reasons(line.partition(": ")[2] for line in lines)


def _count_reasons(reasons: Iterable[str]) -> str:
    totals = Counter(reason.partition(" (")[0] for reason in reasons)
    counts = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    remaining = sum(count for _, count in counts[_MAX_REASONS:])
    named = [f"{reason} ({count})" for reason, count in counts[:_MAX_REASONS]]
    return ", ".join(named + ([f"other reasons ({remaining})"] if remaining else []))


def relative_names(folder: Path, skipped: Iterable[tuple[Path, str]]) -> list[tuple[Path | str, str]]:
    """Return skipped files and their reasons with the files' paths relative to a folder."""
    return [(path.relative_to(folder), reason) for path, reason in skipped]


def left_out(folder: Folder) -> Iterator[tuple[str, str]]:
    """Yield sentences on thumbnails and on pictures without a picture's ending, each with a remedy."""
    reasons = (
        (folder.thumbnails, "thumbnails that a server or a desktop keeps, or what was thrown away", _USE_THUMBNAILS),
        (folder.unnamed, NO_SUFFIX_REASON, RENAME),
    )
    for paths, reason, remedy in reasons:
        if paths:
            example, more = _relative_name(folder, paths[0]), len(paths) - 1
            subject = f"{example} and {more} more are" if more else f"{example} in {display_name(folder.name)} is"
            yield f"{subject} left out: {reason}.", remedy


def held_out_message(folders: Sequence[Path], count: int) -> str:
    """Return a sentence on folders that are held out because of their names.

    Args:
        folders: their paths.
        count: the pictures in all of them.
    """
    names = " and ".join(display_name(folder.name) for folder in folders[:_MAX_NAMES])
    more = f" and {counted(len(folders) - _MAX_NAMES, 'more folder')}" if len(folders) > _MAX_NAMES else ""
    return f"Held out by name, not to be learnt from: {counted(count, 'picture')} in {names}{more}."


def classes(folder: Folder, counts: Mapping[str, int]) -> Finding:
    """Return a note on the classes of a folder's pictures.

    Args:
        folder: the folder.
        counts: how many pictures each class has.
    """
    ordered = sorted(counts.items())
    examples = [f"{display_name(name)} ({count:,})" for name, count in ordered[:_MAX_NAMES]]
    more = f" and {len(counts) - _MAX_NAMES:,} more" if len(counts) > _MAX_NAMES else ""
    message = f"{display_name(folder.name)} has {len(counts):,} classes by its folders: {', '.join(examples)}{more}."
    return Finding("note", message, "They are the labels of a family that learns from classes.")


def missing_or_empty(layout: Layout) -> Iterator[Finding]:
    """Find folders that are missing, closed, empty or nearly empty, and files that are left out of them."""
    tests = [folder for folder in layout.folders if folder.split == "test"]
    untested = bool(tests) and not any(os.path.lexists(folder.path) for folder in tests)
    if untested:
        names = " or ".join(display_name(folder.name) for folder in tests)
        yield Finding("note", f"There is no {names}.", "5 % of the pictures to train on are held out instead.")
    for folder in layout.folders:
        if folder.exists or folder.split == "train" or not untested:
            yield from _missing_or_empty(layout, folder)
        yield from (Finding("note", message, remedy) for message, remedy in left_out(folder))
        if folder.other_files:
            passed_by = f"{counted(len(folder.other_files), 'file')} that training passes by"
            example = _relative_name(folder, folder.other_files[0])
            message = f"{display_name(folder.name)} holds {passed_by}, such as {example}."
            yield Finding("note", message, _LEAVE_OTHER_FILES)


def _missing_or_empty(layout: Layout, folder: Folder) -> Iterator[Finding]:
    name, count = display_name(folder.name), len(folder.pictures)
    severity = _severity_without(folder)
    if folder.error:
        yield Finding(severity, f"{name} cannot be read: {folder.error}.", "Allow it: chmod -R u+rX")
    elif not folder.exists:
        yield _missing(layout, folder, severity)
    elif not count and folder.unreadable:
        reasons = list_skipped(relative_names(folder.path, folder.unreadable))
        message = f"{name} holds no picture that can be read: {reasons}."
        yield Finding(severity, message, "Put others into it, such as JPEG or PNG files.")
    elif not count:
        yield Finding(severity, f"{name} holds no pictures.", "Put pictures into it, such as JPEG or PNG files.")
    elif folder.split == "train" and count < _FEW_PICTURES:
        message = f"{name} holds only {counted(count, 'picture')}."
        yield Finding("warning", message, "Add more: so few are learnt by heart, and a few hundred are a start.")


def _severity_without(folder: Folder) -> Severity:
    """How bad it is if a folder has no pictures."""
    return "problem" if folder.split == "train" else "warning"


def _missing(layout: Layout, folder: Folder, severity: Severity) -> Finding:
    name = display_name(folder.name)
    if os.path.lexists(folder.path):
        message = f"{name} is a link to nowhere" if folder.path.is_symlink() else f"{name} is a file"
        return Finding(severity, f"{message}.", "Put a folder of pictures in its place.")
    for unused in layout.unused:
        if re.sub(r"[\W_]", "", unused).casefold() == folder.name.casefold():
            return Finding(severity, f"{name} is missing.", f"Rename {display_name(unused)} to {name}.")
    if severity == "warning":
        return Finding(severity, f"{name} is missing.", "Make it, or do without any folders for tests.")
    remedy = (
        f"Put the pictures of that domain into {display_name(folder.path)}, or name two folders with --domains A,B."
    )
    return Finding(severity, f"{name} is missing.", remedy)


def unreadable(folder: Folder, reasons: Mapping[Path, str]) -> Iterator[Finding]:
    """Find files that cannot be decoded and folders that are closed.

    Args:
        folder: the folder that they are in.
        reasons: why each of them cannot be read.
    """
    if not reasons or not folder.pictures:
        return
    name, files = display_name(folder.name), list_skipped(relative_names(folder.path, reasons.items()))
    if len(reasons) == len(folder.pictures) + len(folder.unreadable):
        yield Finding(_severity_without(folder), f"{name} holds no picture that can be read: {files}.", "Replace them.")
        return
    noun = "entry" if any(path.is_dir() for path in reasons) else "picture"
    message = f"{name} holds {counted(len(reasons), noun)} that cannot be read: {files}."
    yield Finding("warning", message, "Replace or remove them: training passes them by.")


def sizes_and_modes(folder: Folder, probes: Mapping[Path, Probe], size: int | None) -> Iterator[Finding]:
    """Find pictures that are too small, very long, or not of the same mode as most of the folder.

    Args:
        folder: the folder that they are in.
        probes: its readable pictures.
        size: width and height to train at, in pixels; None if that is not decided.
    """
    name, total = display_name(folder.name), f"among its {len(probes):,}"
    shorter_edges = {path: min(probe.width, probe.height) for path, probe in probes.items()}
    small = {path: edge for path, edge in shorter_edges.items() if edge < (size or 0)}
    if small:
        smallest = min(small, key=lambda path: small[path])
        message = f"{name} has {counted(len(small), 'picture')} smaller than {size} pixels {total}"
        remedy = f"They would be enlarged: remove them, or train with --size {small[smallest]}."
        yield Finding("warning", f"{message}, such as {_example(folder, smallest, probes)}.", remedy)
    longer_edges = {path: max(probe.width, probe.height) for path, probe in probes.items()}
    long = [path for path, edge in longer_edges.items() if edge > _LONG_RATIO * shorter_edges[path]]
    if long:
        message = f"{name} has {counted(len(long), 'picture')} more than {_LONG_RATIO} times as long as wide {total}"
        remedy = "A square crop shows little of them: cut them up, or leave them."
        yield Finding("note", f"{message}, such as {_example(folder, long[0], probes)}.", remedy)
    modes = Counter(probe.mode for probe in probes.values())
    for mode, count in modes.most_common()[1:]:
        noun = f"{_MODE_NAMES[mode]} picture" if mode in _MODE_NAMES else "picture"
        message = f"{name} has {counted(count, noun)} (mode {mode}) {total}."
        yield Finding("note", message, "Leave them: all pictures of a set are brought to one form.")


def duplicates(folder: Folder, copies: Sequence[tuple[Path, Path]]) -> Iterator[Finding]:
    """Find pictures that are in a folder twice.

    Args:
        folder: the folder.
        copies: each copy with the picture that it is a copy of.
    """
    if copies:
        copy, original = copies[0]
        total = counted(len(folder.pictures), "picture")
        message = f"{display_name(folder.name)} has {counted(len(copies), 'copy')} among its {total}"
        example = f"{_relative_name(folder, copy)} of {_relative_name(folder, original)}"
        yield Finding("warning", f"{message}, such as {example}.", "Remove them, or they count twice.")


def shared_pictures(first: Folder, second: Folder, paths: Sequence[Path], more: bool = False) -> Iterator[Finding]:
    """Find pictures that are in two folders of a set.

    Args:
        first: a folder.
        second: another folder.
        paths: the pictures of the second that are in the first one too.
        more: whether there may be more of them, as not all were compared.
    """
    if paths:
        count = f"{'at least ' if more else ''}{counted(len(paths), 'picture')}"
        example = _relative_name(second, paths[0])
        if first.domain == second.domain:
            reason = "what was trained on says nothing of how new pictures will look."
        else:
            reason = "a picture of both domains teaches to change nothing."
        message = f"{display_name(second.name)} shares {count} with {display_name(first.name)}, such as {example}."
        yield Finding("warning", message, f"Take them out of one of the two: {reason}")


def _relative_name(folder: Folder, path: Path) -> str:
    return display_name(path.relative_to(folder.path))


def _example(folder: Folder, path: Path, probes: Mapping[Path, Probe]) -> str:
    return f"{_relative_name(folder, path)} ({probes[path].width}×{probes[path].height})"
