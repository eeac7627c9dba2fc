"""What can be said of a set of pictures, in sentences."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from ganctl.data.sources.layout import Folder, Layout
from ganctl.images.probing import Probe
from ganctl.images.scanning import UNNAMED
from ganctl.text import printable
from ganctl.units import counted

Severity = Literal["problem", "warning", "note"]

_FEW = 50  # pictures; the smallest set of the CycleGAN paper has 400 a side
_LONG = 3  # times as long as wide, and a square crop shows a third of it
_NAMED = 5  # skipped files that are named in a sentence
_REASONS = 9  # for which more of them are skipped
_READ = "Leave them: what is read has the ending of a picture format."
RENAME = "Give the names of pictures an ending, such as .png."
_AS_DATA = "To use one all the same, name it as the data."
_KINDS = {
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
        severity: a problem makes a training impossible, a warning makes it worse, a note is only to be known.
        message: one sentence.
        remedy: what to do about it.
    """

    severity: Severity
    message: str
    remedy: str


def shown(path: Path | str) -> str:
    """A name as it can be printed, whatever bytes it is made of."""
    return printable(os.fspath(path))


def listed(skipped: Sequence[tuple[Path | str, str]], where: str = "--verbose names each") -> str:
    """Files that are skipped, with their reasons; where they are more than a handful how many have which reason.

    Args:
        skipped: names and reasons.
        where: what tells the names of many.
    """
    if len(skipped) <= _NAMED:
        return ", ".join(f"{shown(name)} ({why})" for name, why in skipped)
    return f"{_counted(why for _, why in skipped)}; {where}"


def by_reason(lines: Iterable[str]) -> str:
    """How many files have which reason to be left out, from lines of a name, a colon and the reason."""
    return _counted(line.partition(": ")[2] for line in lines)


def _counted(reasons: Iterable[str]) -> str:
    counts = sorted(Counter(why.partition(" (")[0] for why in reasons).items(), key=lambda item: (-item[1], item[0]))
    others = sum(count for _, count in counts[_REASONS:])
    said = [f"{why} ({count})" for why, count in counts[:_REASONS]] + ([f"other reasons ({others})"] if others else [])
    return ", ".join(said)


def inside(folder: Path, skipped: Iterable[tuple[Path, str]]) -> list[tuple[Path | str, str]]:
    """Files that are skipped, by their names in a folder."""
    return [(path.relative_to(folder), why) for path, why in skipped]


def of_left_out(folder: Folder) -> Iterator[tuple[str, str]]:
    """Sentences on thumbnails and on pictures whose names do not say so, each with what to do about it."""
    reasons = (
        (folder.thumbnails, "thumbnails that a server or a desktop keeps, or what was thrown away", _AS_DATA),
        (folder.unnamed, UNNAMED, RENAME),
    )
    for paths, why, remedy in reasons:
        if paths:
            example, more = _inside(folder, paths[0]), len(paths) - 1
            what = f"{example} and {more} more are" if more else f"{example} in {shown(folder.name)} is"
            yield f"{what} left out: {why}.", remedy


def of_held_out(folders: Sequence[Path], count: int) -> str:
    """A sentence on folders whose pictures are to test with."""
    names = " and ".join(shown(folder.name) for folder in folders[:_NAMED])
    more = f" and {counted(len(folders) - _NAMED, 'more folder')}" if len(folders) > _NAMED else ""
    return f"Held out by name, not to be learnt from: {counted(count, 'picture')} in {names}{more}."


def of_tree(layout: Layout) -> Iterator[Finding]:
    """What is missing, empty or nearly so."""
    tests = [folder for folder in layout.folders if folder.split == "test"]
    untested = bool(tests) and not any(os.path.lexists(folder.path) for folder in tests)
    if untested:
        names = " or ".join(shown(folder.name) for folder in tests)
        yield Finding("note", f"There is no {names}.", "5 % of the pictures to train on are held out instead.")
    for folder in layout.folders:
        name, count = shown(folder.name), len(folder.pictures)
        needed: Severity = "problem" if folder.split == "train" else "warning"
        if folder.trouble:
            yield Finding(needed, f"{name} cannot be read: {folder.trouble}.", "Allow it: chmod -R u+rX")
        elif not folder.exists:
            if folder.split == "train" or not untested:
                yield _missing(layout, folder, needed)
        elif not count and folder.unreadable:
            said = f"{name} holds no picture that can be read: {listed(inside(folder.path, folder.unreadable))}."
            yield Finding(needed, said, "Put others into it, such as JPEG or PNG files.")
        elif not count:
            yield Finding(needed, f"{name} holds no pictures.", "Put pictures into it, such as JPEG or PNG files.")
        elif folder.split == "train" and count < _FEW:
            said = f"{name} holds only {counted(count, 'picture')}."
            yield Finding("warning", said, "Add more: so few are learnt by heart, and a few hundred are a start.")
        yield from (Finding("note", said, remedy) for said, remedy in of_left_out(folder))
        if folder.others:
            said = f"{name} holds {counted(len(folder.others), 'file')} that training passes by"
            yield Finding("note", f"{said}, such as {_inside(folder, folder.others[0])}.", _READ)


def _missing(layout: Layout, folder: Folder, severity: Severity) -> Finding:
    name = shown(folder.name)
    if os.path.lexists(folder.path):
        said = f"{name} is a link to nowhere" if folder.path.is_symlink() else f"{name} is a file"
        return Finding(severity, f"{said}.", "Put a folder of pictures in its place.")
    for other in layout.unused:
        if re.sub(r"[\W_]", "", other).casefold() == folder.name.casefold():
            return Finding(severity, f"{name} is missing.", f"Rename {shown(other)} to {name}.")
    if severity == "warning":
        return Finding(severity, f"{name} is missing.", "Make it, or do without any folders for tests.")
    remedy = f"Put the pictures of that domain into {shown(folder.path)}, or name two folders with --domains A,B."
    return Finding(severity, f"{name} is missing.", remedy)


def of_broken(folder: Folder, reasons: Mapping[Path, str]) -> Iterator[Finding]:
    """The files that only their names call pictures, formats that are not read, and folders that are closed."""
    if not reasons or not folder.pictures:
        return
    name, unread = shown(folder.name), listed(inside(folder.path, reasons.items()))
    if len(reasons) == len(folder.pictures) + len(folder.unreadable):
        severity: Severity = "problem" if folder.split == "train" else "warning"
        yield Finding(severity, f"{name} holds no picture that can be read: {unread}.", "Replace them.")
        return
    noun = "entry" if any(path.is_dir() for path in reasons) else "picture"
    said = f"{name} holds {counted(len(reasons), noun)} that cannot be read: {unread}."
    yield Finding("warning", said, "Replace or remove them: training passes them by.")


def of_looks(folder: Folder, probes: Mapping[Path, Probe], size: int | None) -> Iterator[Finding]:
    """Pictures that are too small, very long, or not of the same mode as most of the folder."""
    name, all_of_them = shown(folder.name), f"among its {len(probes)}"
    small = {path: min(at.width, at.height) for path, at in probes.items() if min(at.width, at.height) < (size or 0)}
    if small:
        least = min(small, key=lambda path: small[path])
        said = f"{name} has {counted(len(small), 'picture')} smaller than {size} pixels {all_of_them}"
        remedy = f"They would be enlarged: remove them, or train with --size {small[least]}."
        yield Finding("warning", f"{said}, such as {_example(folder, least, probes)}.", remedy)
    long = [path for path, at in probes.items() if max(at.width, at.height) > _LONG * min(at.width, at.height)]
    if long:
        said = f"{name} has {counted(len(long), 'picture')} more than {_LONG} times as long as wide {all_of_them}"
        remedy = "A square crop shows little of them: cut them up, or leave them."
        yield Finding("note", f"{said}, such as {_example(folder, long[0], probes)}.", remedy)
    modes = Counter(at.mode for at in probes.values())
    for mode, count in modes.most_common()[1:]:
        kind = f"{_KINDS[mode]} picture" if mode in _KINDS else "picture"
        said = f"{name} has {counted(count, kind)} (mode {mode}) {all_of_them}."
        yield Finding("note", said, "Leave them: all pictures of a set are brought to one form.")


def of_copies(folder: Folder, copies: Sequence[tuple[Path, Path]]) -> Iterator[Finding]:
    """Pictures that are there twice: each copy with the one it is of."""
    if copies:
        copy, original = copies[0]
        all_of_them = counted(len(folder.pictures), "picture")
        said = f"{shown(folder.name)} has {counted(len(copies), 'copy')} among its {all_of_them}"
        example = f"{_inside(folder, copy)} of {_inside(folder, original)}"
        yield Finding("warning", f"{said}, such as {example}.", "Remove them, or they count twice.")


def of_shared(first: Folder, second: Folder, shared: Sequence[Path], more: bool = False) -> Iterator[Finding]:
    """Pictures of the second folder that are in the first one too; ``more`` where not all were compared."""
    if shared:
        said = f"{shown(second.name)} shares {'at least ' if more else ''}{counted(len(shared), 'picture')}"
        message = f"{said} with {shown(first.name)}, such as {_inside(second, shared[0])}."
        if first.domain == second.domain:
            why = "what was trained on says nothing of how new pictures will look."
        else:
            why = "a picture of both domains teaches to change nothing."
        yield Finding("warning", message, f"Take them out of one of the two: {why}")


def _inside(folder: Folder, path: Path) -> str:
    return shown(path.relative_to(folder.path))


def _example(folder: Folder, path: Path, probes: Mapping[Path, Probe]) -> str:
    return f"{_inside(folder, path)} ({probes[path].width}×{probes[path].height})"
