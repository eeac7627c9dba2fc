"""`Labels`: the class of each picture in a folder, from the folders that the pictures lie in or from a CSV file."""

import csv
import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ganctl import units
from ganctl.data.check.findings import display_name
from ganctl.data.sources.layout import Folder
from ganctl.data.sources.splits import are_splits
from ganctl.errors import DataError
from ganctl.seeds import RandomStream, mix
from ganctl.units import counted

REMEDY = "Make a folder for each class, name a table with --labels FILE.csv, or take --data mnist."
_HEADER = "file,label"
_FIX_TABLE = f"A table of labels is UTF-8 text with the header {_HEADER} and a line for each picture."
_MAX_NAMES = 3  # in a sentence
_MAX_BYTES = 1_000_000_000  # of a table, which is read whole


@dataclass(frozen=True)
class Labels:
    """The classes of a folder's pictures.

    Attributes:
        classes: their names, sorted; label i is the i-th of them.
        labels_by_path: the label of each picture that has one.
        warnings: sentences on what has none.
    """

    classes: tuple[str, ...]
    labels_by_path: Mapping[Path, int]
    warnings: tuple[str, ...] = ()


def from_folders(folder: Folder) -> Labels:
    """Label every picture by the first folder that it lies in, as torchvision's ImageFolder does.

    Where the first ones are folders to train on and to test with, it is the next one.

    Args:
        folder: of the pictures.

    Raises:
        DataError: a picture is in no such folder, or all are in the same.
    """
    parts = {path: path.relative_to(folder.path).parts for path in folder.paths}
    tops = {names[0] for names in parts.values() if len(names) > 1}
    bases, depth = (sorted(tops), 1) if are_splits(tops) else ([""], 0)
    no_labels = f"{display_name(folder.path)} has no labels"
    outside = [os.path.join(*names) for names in parts.values() if len(names) < depth + 2]  # noqa: PTH118 - a name
    if len(outside) == len(parts):
        raise DataError(f"{no_labels}: there are no class folders in it.", REMEDY)
    if outside:
        are = "are" if len(outside) > 1 else "is"
        raise DataError(f"{no_labels}: {shortened(outside)} {are} in no class folder.", REMEDY)
    names = {path: unicode(parts[path][depth]) for path in folder.paths}
    if len(set(names.values())) == 1:
        (name,) = set(names.values())
        raise DataError(f"{no_labels}: all its pictures are in one class folder, {display_name(name)}.", REMEDY)
    empty = sorted({name for base in bases for name in _subfolders(folder, base)} - set(names.values()))
    hold = "hold no pictures, so they are no classes" if len(empty) > 1 else "holds no pictures, so it is no class"
    return _numbered(names, (f"{shortened(empty)} {hold}.",) if empty else ())


def _subfolders(folder: Folder, base: str) -> Iterator[str]:
    """Yield the names of the folders that could be classes."""
    with os.scandir(folder.path / base) as entries:
        for entry in entries:
            is_class = not entry.name.startswith(".") and Path(folder.path, base, entry.name) not in folder.thumbnails
            if is_class and os.path.isdir(entry.path):  # noqa: PTH112 - of a link that leads to itself, too
                yield unicode(entry.name)


def from_csv(table: Path, root: Path, paths: Sequence[Path]) -> Labels:
    """Label pictures as the lines of a CSV file say, which has the columns ``file`` and ``label``.

    Args:
        table: the CSV file.
        root: the folder of the pictures. A file is named relative to it, or to the folder of the table.
        paths: of the pictures.

    Raises:
        DataError: the file cannot be read or is malformed, and which line it is; or it knows fewer than two classes.
    """
    real_folder = cache(os.path.realpath)

    def key(path: Path) -> str:
        folder, name = os.path.split(path)
        return f"{real_folder(folder)}{os.sep}{name}"

    pictures = {key(path): path for path in paths}
    names: dict[Path, str] = {}
    unknown: list[str] = []
    for line, file, label in _read(table):
        keys = (key(folder / file) for folder in (root, table.parent) if "\0" not in file)
        path = next((pictures[real] for real in keys if real in pictures), None)
        if path is None:
            unknown.append(file)
        elif names.setdefault(path, label) != label:
            message = f"{display_name(table)} has a second label in line {line}: {display_name(file)} is"
            raise DataError(f"{message} {display_name(names[path])} as well as {display_name(label)}.", "Remove one.")
    if not names:
        example = f", such as {display_name(unknown[0])}" if unknown else ""
        raise DataError(
            f"{display_name(table)} names no picture in {display_name(root)}{example}.",
            f"A file is named relative to {display_name(root)}, or to the folder of the table.",
        )
    if len(set(names.values())) == 1:
        raise DataError(f"{display_name(table)} knows one class only: {display_name(next(iter(names.values())))}.")
    warnings = []
    if unknown:
        lines = (
            f"{counted(len(unknown), 'line')} of {display_name(table.name)} {'name' if len(unknown) > 1 else 'names'}"
        )
        warnings.append(f"{lines} no picture in {display_name(root)}: {shortened(unknown)}.")
    if without := [str(path.relative_to(root)) for path in paths if path not in names]:
        subject = f"{counted(len(without), 'picture')} {'is' if len(without) == 1 else 'are'} left out"
        warnings.append(f"{subject}, as {display_name(table.name)} has no line for them: {shortened(without)}.")
    return _numbered(names, tuple(warnings))


def spread(paths: Sequence[Path], labels_by_path: Mapping[Path, int]) -> tuple[Path, ...]:
    """Order the pictures that have a label so that the first ones, however many, are spread over the classes.

    Every round takes the next picture of each class that has one left, the classes in an order that is drawn anew, by a
    fixed seed: in a round that is always the same, evenly spaced pictures could all be of one class.
    """
    queues: dict[int, list[Path]] = {}
    for path in reversed(paths):
        if path in labels_by_path:
            queues.setdefault(labels_by_path[path], []).append(path)
    generator = np.random.default_rng(mix(0, RandomStream.CLASSES))
    ordered: list[Path] = []
    while queues:
        ordered += [queues[label].pop() for label in generator.permutation(sorted(queues)).tolist()]
        queues = {label: queue for label, queue in queues.items() if queue}
    return tuple(ordered)


def _read(table: Path) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the file and the label of every row."""
    file_name = display_name(table)
    try:
        if not stat.S_ISREG((status := table.stat()).st_mode) or status.st_size > _MAX_BYTES:
            raise DataError(f"{file_name} is no file of less than {units.size(_MAX_BYTES)}.", _FIX_TABLE)
        content = table.read_bytes()
    except OSError as error:
        raise DataError(
            f"{file_name} cannot be read: {error.strerror}.", "Bring it back, or name another with --labels FILE.csv."
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{file_name} is no UTF-8 text in line {line}.", _FIX_TABLE) from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        if not {"file", "label"} <= set(header):
            raise DataError(f"{file_name} has no header {_HEADER} in line 1.", _FIX_TABLE)
        for row in rows:
            if not any(map(str.strip, row)):
                continue
            if len(row) != len(header):
                is_wrong = f"has {counted(len(row), 'field')}, and the header {len(header)}"
                raise DataError(f"{file_name} is malformed: line {rows.line_num} {is_wrong}.", _FIX_TABLE)
            file, label = (row[header.index(name)].strip() for name in ("file", "label"))
            if not file or not label:
                lacking = "file" if not file else "label"
                raise DataError(f"{file_name} is malformed: line {rows.line_num} has no {lacking}.", _FIX_TABLE)
            yield rows.line_num, file, label
    except csv.Error as error:
        raise DataError(f"{file_name} is malformed: line {rows.line_num}: {error}.", _FIX_TABLE) from None


def _numbered(names: Mapping[Path, str], warnings: tuple[str, ...]) -> Labels:
    """Number the classes in the order of their names."""
    classes = tuple(sorted(set(names.values())))
    number = {name: i for i, name in enumerate(classes)}
    return Labels(classes, {path: number[name] for path, name in names.items()}, warnings)


def unicode(name: str) -> str:
    """The name of a folder as a header can hold it, whatever bytes it is made of."""
    return os.fsencode(name).decode(errors="backslashreplace")


def shortened(names: Sequence[str], most: int = _MAX_NAMES) -> str:
    """Names as they can be printed: the first few, and how many more there are."""
    parts = [display_name(name) for name in names[:most]]
    parts += [f"{len(names) - most:,} more"] if len(names) > most else []
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
