"""Name, read and write the files of a run directory; tensors are written by `ganctl.runs.checkpoint`.

runs/NAME/
  run.json          settings, data, versions …: see `ganctl.runs.record`
  log.jsonl         metrics by step: see `ganctl.runs.metric_names`; cut back to the checkpoint on resume
  events.jsonl      starts, stops, warnings, verdicts …, with their times
  progress/         epoch-0000.png …: the same seeded inputs at every epoch
  tensorboard/      the log and the previews once more, where asked for: see `ganctl.engine.tensorboard`
  checkpoints/      step-00004000/ …: see `ganctl.runs.checkpoint`
  best.json         which of them had the best score, where one was measured; that one is kept
  abandoned/        1/ …: see `ganctl.runs.rollback`
  .lock, .owner     the process that writes here now: see `ganctl.runs.lock`
"""

import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganctl.errors import CheckpointError, GanctlError, UsageError
from ganctl.files import append_lines, atomic_folder, remove_strays, write_atomically
from ganctl.runs import json_lines, lock
from ganctl.runs.record import FILE_NAME, encode_record, read_record, train_command, write_record
from ganctl.settings import parse_cadence
from ganctl.text import command

_CHECKPOINT_PREFIX = "step-"
_SAVED_PREFIXES = (_CHECKPOINT_PREFIX, "unusable-")  # other files in that folder do not count


@dataclass(frozen=True)
class Run:
    """One run directory."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether there is such a run: a folder with a ``run.json``."""
        return (self.path / FILE_NAME).exists()

    @property
    def log(self) -> Path:
        """The metrics, one JSON object per line."""
        return self.path / "log.jsonl"

    @property
    def events(self) -> Path:
        """What happened and when, one JSON object per line."""
        return self.path / "events.jsonl"

    @property
    def progress(self) -> Path:
        """The folder of the previews."""
        return self.path / "progress"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def training_gif(self) -> Path:
        """The animation of its previews, where `make-gif` is given no other path."""
        return self.path / "training.gif"

    @property
    def walk_gif(self) -> Path:
        """The latent walk, where `make-gif --walk` is given no other path."""
        return self.path / "walk.gif"

    @property
    def report(self) -> Path:
        """The HTML page, where `report` is given no other path."""
        return self.path / "report.html"

    @property
    def train_command(self) -> str:
        """The command that begins the same training anew, under another name.

        Raises:
            CheckpointError: its ``run.json`` is missing or damaged.
        """
        return train_command(self.record())

    @property
    def resume_command(self) -> str:
        """The command that goes on with it; a finished one needs more epochs: see `status.continue_command`."""
        return command("ganctl", "resume", str(self.path))

    def preview(self, epoch: int) -> Path:
        """The path of an epoch's preview; epoch 0 is before the first step."""
        return self.progress / f"epoch-{epoch:04d}.png"

    def previews(self) -> list[tuple[int, Path]]:
        """The previews that exist, as ``(epoch, path)`` in order."""
        paths = [(path.stem.removeprefix("epoch-"), path) for path in self.progress.glob("epoch-*.png")]
        return sorted((int(number), path) for number, path in paths if number.isdecimal())

    def checkpoint(self, step: int) -> Path:
        """The path of a step's checkpoint folder."""
        return self.checkpoints / f"{_CHECKPOINT_PREFIX}{step:08d}"

    def checkpoint_steps(self) -> list[int]:
        """The steps of the checkpoints that exist, newest first.

        Raises:
            CheckpointError: they cannot be read, or are gone although the run was saved: neither is taken for a run
                that has not been saved yet.
        """
        remedy = f"Bring it back, then: {self.resume_command}"
        try:
            names = [path.name for path in self.checkpoints.iterdir() if path.name.startswith(_SAVED_PREFIXES)]
        except FileNotFoundError:
            names = []
            if self.checkpoints.is_symlink():
                raise CheckpointError(f"{self.checkpoints} is a link to nothing.", remedy) from None
        except OSError as error:
            raise CheckpointError(f"{self.checkpoints} cannot be read: {error.strerror}.", remedy) from None
        if not names and self._was_saved():
            gone = "holds none" if self.checkpoints.exists() else "is gone"
            raise CheckpointError(f"{self.path} was saved, but {self.checkpoints} {gone}.", remedy)
        steps = (name.removeprefix(_CHECKPOINT_PREFIX) for name in names if name.startswith(_CHECKPOINT_PREFIX))
        return sorted((int(step) for step in steps if step.isdecimal()), reverse=True)

    def _was_saved(self) -> bool:
        """Whether its events or its best checkpoint say that there were checkpoints; without events, its log."""
        events = [event["event"] for event in self.read_events()]
        if "save" in events or self.best_checkpoint():
            return True
        if events:
            return False
        try:
            epochs, _ = parse_cadence(self.record()["settings"]["checkpoint_every"])
        except GanctlError:
            return False
        return any(line.get("epoch", 0) > epochs for line in self.read_log())

    def best_checkpoint(self) -> dict[str, Any] | None:
        """The ``step`` and ``epoch`` of the best checkpoint, its ``score`` and its ``value``; None if there is none.

        Raises:
            CheckpointError: the file that says so cannot be read.
        """
        file = self.path / "best.json"
        try:
            best = json.loads(file.read_bytes()) if os.path.lexists(file) else {}
            return best if isinstance(best["step"], int) else None
        except OSError as error:
            raise CheckpointError(f"{file} cannot be read: {error.strerror}.") from None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    def mark_best_checkpoint(self, best: Mapping[str, Any] | None) -> None:
        """Record which checkpoint is the best, if it exists, and forget one that no longer does."""
        marked = self.best_checkpoint()
        if best is not None and self.checkpoint(best["step"]).exists():
            if best != marked:
                write_atomically(self.path / "best.json", json.dumps(best).encode())
        elif marked is not None and not self.checkpoint(marked["step"]).exists():
            (self.path / "best.json").unlink()

    def record(self) -> dict[str, Any]:
        """The content of ``run.json``.

        Raises:
            CheckpointError: it is missing, damaged or not ganctl's.
        """
        return read_record(self.path)

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Replace ``run.json`` atomically; only the run's writer may."""
        write_record(self.path, record)

    def log_event(self, kind: str, **fields: Any) -> None:
        """Append to the events. A full disk loses the event and nothing else."""
        json_lines.append_event(self.events, kind, fields)

    def append_log(self, lines: list[str]) -> None:
        """Append lines to ``log.jsonl``: all of them, or none and an OSError."""
        append_lines(self.log, lines)

    def sync_log(self) -> None:
        """Bring the log to the disk, so that no checkpoint is ahead of it after a power cut."""
        json_lines.sync(self.log)

    def cut_log(self, step: int) -> None:
        """Drop the log's lines after a step, and a line that a kill cut in two."""
        if self.log.exists():
            json_lines.replace_objects(self.log, [line for line in self.read_log() if line["step"] <= step])

    def read_log(self) -> Iterator[dict[str, Any]]:
        """The log's whole lines, each with its ``step``.

        Raises:
            CheckpointError: the log cannot be read.
        """
        return (line for line in json_lines.read_objects(self.log) if isinstance(line.get("step"), int))

    def read_events(self) -> Iterator[dict[str, Any]]:
        """The whole lines of ``events.jsonl``, oldest first, each with its ``event``.

        Raises:
            CheckpointError: the events cannot be read.
        """
        return (line for line in json_lines.read_objects(self.events) if isinstance(line.get("event"), str))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the run's one writer, and remove what killed ones left half-written.

        Raises:
            GanctlError: another process is; its number and command are named.
        """
        with lock.one_writer(self.path, f"process {os.getpid()} ({command_line()})"):
            for folder in (self.path, self.checkpoints, self.progress, self.tensorboard):
                remove_strays(folder)
            yield

    def is_being_written(self) -> bool:
        """Whether some process is its writer now; False where that cannot be found out."""
        return lock.is_held(self.path)


def create(path: Path, record: Mapping[str, Any]) -> Run:
    """Make a run directory, which appears together with its ``run.json``.

    Raises:
        UsageError: the path is taken.
        OSError: the disk refuses.
    """
    refuse_taken(path)
    try:
        with atomic_folder(path) as staged:
            (staged / FILE_NAME).write_bytes(encode_record(record))
            for folder in (Run(staged).progress, Run(staged).checkpoints):
                folder.mkdir()
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            refuse_taken(path)  # another process was quicker
        raise
    return Run(path)


def refuse_taken(path: Path) -> None:
    """Raise UsageError where a path exists, with the command to go on if it is a run."""
    if os.path.lexists(path):
        is_run = Run(path).exists
        go_on = f"Go on with it: {Run(path).resume_command}"
        raise UsageError(f"{path} exists already.", go_on if is_run else "Choose another --run.")


def command_line() -> str:
    """The command line that started this process, quoted for a shell."""
    name = Path(sys.argv[0]).name
    return command("ganctl" if name == "__main__.py" else name, *sys.argv[1:])
