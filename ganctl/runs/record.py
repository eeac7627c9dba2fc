"""Read and write run.json, which says what a run is: its settings, data, versions, device and command."""

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganctl.errors import CheckpointError, UsageError
from ganctl.files import write_atomically
from ganctl.settings import Settings
from ganctl.text import command

FILE_NAME = "run.json"
FORMAT = 2  # raise it when runs of before can no longer be read
_FIELDS = {
    "settings": dict,
    "data": dict,
    "versions": dict,
    "steps_per_epoch": int,
    "device": str,
    "threads": int,
    "extensions": list,
    "command": str,
}
_DATA_FIELDS = {"name": str, "fingerprint": str, "train": int, "held_out": int}


def read_record(run: Path) -> dict[str, Any]:
    """The content of a run's ``run.json``.

    Raises:
        CheckpointError: it is missing, damaged or not ganctl's.
    """
    path = run / FILE_NAME
    try:
        record = json.loads(path.read_bytes())
        if not isinstance(record, dict) or "format" not in record:
            raise ValueError("it was not written by ganctl")
        if record["format"] != FORMAT:
            raise CheckpointError(f"{path} was written by another version of ganctl, whose runs this one cannot read.")
        _require(record, _FIELDS)
        _require(record["data"], _DATA_FIELDS)
        Settings.from_json(record["settings"])
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{run} is no run: it holds no {FILE_NAME}.", "ganctl runs") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, RecursionError, UsageError) as error:
        problem = error.message.rstrip(".") if isinstance(error, UsageError) else error
        raise CheckpointError(f"{path} is damaged: {problem}.") from None
    return record


def write_record(run: Path, record: Mapping[str, Any]) -> None:
    """Replace a run's ``run.json`` atomically.

    Raises:
        OSError: the disk refuses; the record is as it was.
    """
    write_atomically(run / FILE_NAME, encode_record(record))


def encode_record(record: Mapping[str, Any]) -> bytes:
    """The content of a ``run.json``."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    return text.encode(errors="surrogatepass")  # a path need not be Unicode


def train_command(record: Mapping[str, Any]) -> str:
    """The command that begins a run's training anew, without its name: the one that was typed, if one was."""
    with suppress(ValueError):  # its quotes do not match
        words = shlex.split(record["command"])
        if words[:2] == ["ganctl", "train"]:
            flag = words.index("--run") if "--run" in words else len(words)
            words = words[:flag] + words[flag + 2 :]
            return command(*(word for word in words if not word.startswith("--run=")))
    settings = Settings.from_json(record["settings"])
    flags = (("--data", settings.data), ("--labels", settings.labels))
    words = [word for flag, value in flags if value is not None for word in (flag, value)]
    return command("ganctl", "train", settings.family, *words)


def _require(record: Mapping[str, Any], types: Mapping[str, type]) -> None:
    """Raise ValueError unless every key has a value of its type, and the counts are positive."""
    for key, kind in types.items():
        value, minimum = record.get(key), 0 if key == "held_out" else 1
        if not isinstance(value, kind) or (isinstance(value, int) and value < minimum):
            raise ValueError(f"{key} is missing or wrong")
