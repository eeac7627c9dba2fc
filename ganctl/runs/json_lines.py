"""Read, append to and cut the files of a run that hold one JSON object per line: log.jsonl and events.jsonl.

A kill may leave half a line behind, and anything may stand in a file: readers pass over what is no object.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganctl.errors import CheckpointError
from ganctl.files import append_lines, write_atomically
from ganctl.text import finite


def read_objects(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in the lines of a file; none if it is missing. Half a line is passed over.

    Raises:
        CheckpointError: the file cannot be read, or is a broken link: neither is taken for an empty file.
    """
    try:
        lines = path.read_bytes().splitlines() if os.path.lexists(path) else []
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    for line in lines:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def replace_objects(path: Path, objects: Iterable[Mapping[str, Any]]) -> None:
    """Write a file anew, atomically, with these objects as its lines."""
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in objects).encode())


def append_event(path: Path, kind: str, fields: Mapping[str, Any]) -> None:
    """Append what happened now. A full disk loses the event and nothing else."""
    event = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": kind, **fields}
    with suppress(OSError):
        append_lines(path, [json.dumps(finite(event), ensure_ascii=False)])


def sync(path: Path) -> None:
    """Bring a file's lines to the disk, where there is such a file."""
    if path.exists():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def number(value: Any) -> float | None:
    """The value where it is a finite number, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= sys.float_info.max else None


def numbers(line: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers in a line, by name."""
    return {str(name): value for name, item in line.items() if (value := number(item)) is not None}
