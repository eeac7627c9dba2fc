"""A run directory: the name and the writing of every file in it, except the tensors.

runs/NAME/
  run.json          what the run is; written once by rename, extended atomically
  log.jsonl         metrics by step; cut back to the checkpoint on resume
  events.jsonl      what happened, and when
  progress/         epoch-0000.png …: the same seeded inputs at every epoch
  tensorboard/      the log and the previews once more, where asked for: see `ganctl.engine.tensorboard`
  checkpoints/      step-00004000/ …: see `ganctl.runs.checkpoint`
  best.json         which of them measured best, where that was measured; it is kept
  abandoned/        1/ …: what came after a checkpoint that training went back to
  .lock, .owner     who writes here now
"""

import errno
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ganctl.errors import CheckpointError, GanctlError, UsageError
from ganctl.files import append_lines, atomic_folder, fsync_folder, make_folder, remove_strays, write_atomically
from ganctl.settings import Settings, parse_cadence
from ganctl.text import command, finite

_CHECKPOINT = "step-"
_OURS = (_CHECKPOINT, "unusable-")  # what else lies beside checkpoints says nothing of them
_PATIENCE = 0.5  # seconds that a writer waits for one who only looks whether there is a writer
_RECORD = {
    "settings": dict,
    "data": dict,
    "versions": dict,
    "device": str,
    "threads": int,
    "steps_per_epoch": int,
    "extensions": list,
    "command": str,
}
_DATA = {"name": str, "fingerprint": str, "train": int, "held_out": int}


@dataclass(frozen=True)
class Run:
    """One run directory."""

    path: Path

    @property
    def log(self) -> Path:
        """The metrics, a JSON object a line."""
        return self.path / "log.jsonl"

    @property
    def events(self) -> Path:
        """What happened and when, a JSON object a line."""
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
        """Where `make-gif` puts the film unless told otherwise."""
        return self.path / "training.gif"

    @property
    def walk_gif(self) -> Path:
        """Where `make-gif --walk` puts the film unless told otherwise."""
        return self.path / "walk.gif"

    @property
    def report(self) -> Path:
        """Where `report` puts the page unless told otherwise."""
        return self.path / "report.html"

    @property
    def train_command(self) -> str:
        """What to type to begin it anew, under another name: as it was begun, where that was typed.

        Raises:
            CheckpointError: its ``run.json`` is missing or damaged.
        """
        record = self.record()
        with suppress(ValueError):  # it cannot be taken apart
            words = shlex.split(record["command"])
            if words[:2] == ["ganctl", "train"]:
                named = words.index("--run") if "--run" in words else len(words)
                return command(*words[:named], *words[named + 2 :])
        settings = Settings.from_json(record["settings"])
        return command("ganctl", "train", settings.family, *(["--data", settings.data] if settings.data else []))

    @property
    def resume_command(self) -> str:
        """What to type to go on with it."""
        return command("ganctl", "resume", str(self.path))

    def preview(self, epoch: int) -> Path:
        """The preview of an epoch; 0 is before the first step."""
        return self.progress / f"epoch-{epoch:04d}.png"

    def previews(self) -> list[tuple[int, Path]]:
        """The previews there are, as ``(epoch, file)`` in order."""
        found = [(path.stem.removeprefix("epoch-"), path) for path in self.progress.glob("epoch-*.png")]
        return sorted((int(number), path) for number, path in found if number.isdecimal())

    def checkpoint(self, step: int) -> Path:
        """The folder of a step's checkpoint."""
        return self.checkpoints / f"{_CHECKPOINT}{step:08d}"

    def checkpoint_steps(self) -> list[int]:
        """The steps whose checkpoints are here, newest first.

        Raises:
            CheckpointError: they cannot be read, or are gone although the run was saved. What cannot be read is never
                taken for what never was.
        """
        remedy = f"Bring it back, then: {self.resume_command}"
        try:
            names = [path.name for path in self.checkpoints.iterdir() if path.name.startswith(_OURS)]
        except FileNotFoundError:
            names = []
            if self.checkpoints.is_symlink():
                raise CheckpointError(f"{self.checkpoints} is a link to nothing.", remedy) from None
        except OSError as error:
            raise CheckpointError(f"{self.checkpoints} cannot be read: {error.strerror}.", remedy) from None
        if not names and self._was_saved():
            gone = "holds none" if self.checkpoints.exists() else "is gone"
            raise CheckpointError(f"{self.path} was saved, but {self.checkpoints} {gone}.", remedy)
        steps = (name.removeprefix(_CHECKPOINT) for name in names if name.startswith(_CHECKPOINT))
        return sorted((int(step) for step in steps if step.isdecimal()), reverse=True)

    def _was_saved(self) -> bool:
        """Whether its events or its best checkpoint say that there were checkpoints; without events, its log."""
        events = [event["event"] for event in self.read_events()]
        if events or self.best():
            return "save" in events or self.best() is not None
        try:
            epochs, _ = parse_cadence(self.record()["settings"]["checkpoint_every"])
        except GanctlError:
            return False
        return any(line.get("epoch", 0) > epochs for line in self.read_log())

    def best(self) -> dict[str, Any] | None:
        """The best checkpoint's step and epoch, the score it was chosen by, and its value; None if there is none.

        Raises:
            CheckpointError: the disk does not say.
        """
        file = self.path / "best.json"
        try:
            best = json.loads(file.read_bytes()) if os.path.lexists(file) else {}
            return best if isinstance(best["step"], int) else None
        except OSError as error:
            raise CheckpointError(f"{file} cannot be read: {error.strerror}.") from None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    def mark_best(self, best: Mapping[str, Any] | None) -> None:
        """Write down which checkpoint is the best, if that one is here, and forget one that is here no more."""
        marked = self.best()
        if best is not None and self.checkpoint(best["step"]).exists():
            if best != marked:
                write_atomically(self.path / "best.json", json.dumps(best).encode())
        elif marked is not None and not self.checkpoint(marked["step"]).exists():
            (self.path / "best.json").unlink()

    def abandon(self, step: int, epoch: int) -> Path | None:
        """Set aside whatever came after a step: checkpoints, lines of the log and previews.

        The log is copied before it is cut, and checkpoints go newest first, so that a kill in between leaves nothing
        that could be mistaken for one timeline: going back again completes it.

        Args:
            step: where training goes on from.
            epoch: the last whole epoch at that step.

        Returns:
            The folder that holds it now; None where there was nothing.
        """
        later = [line for line in self.read_log() if line["step"] > step]
        steps = [other for other in self.checkpoint_steps() if other > step]
        previews = [path for number, path in self.previews() if number > epoch]
        if not (later or steps or previews):
            return None
        taken = [int(path.name) for path in (self.path / "abandoned").glob("*") if path.name.isdecimal()]
        aside = Run(self.path / "abandoned" / str(max(taken, default=0) + 1))
        for folder in (aside.checkpoints, aside.progress):
            make_folder(folder)
        write_atomically(aside.log, "".join(json.dumps(line) + "\n" for line in later).encode())
        for other in steps:
            self.checkpoint(other).rename(aside.checkpoint(other))
            _fsync_both(self.checkpoints, aside.checkpoints)
        for preview in previews:
            preview.rename(aside.progress / preview.name)
        if previews:
            _fsync_both(self.progress, aside.progress)
        self.cut_log(step)
        return aside.path

    def record(self) -> dict[str, Any]:
        """The content of ``run.json``.

        Raises:
            CheckpointError: it is missing, damaged or not ganctl's.
        """
        try:
            record = json.loads((self.path / "run.json").read_bytes())
            if not isinstance(record, dict) or record.get("format") != 1:
                raise ValueError("it was not written by this version of ganctl")
            _require(record, _RECORD)
            _require(record["data"], _DATA)
            Settings.from_json(record["settings"])
        except (FileNotFoundError, NotADirectoryError):
            raise CheckpointError(f"{self.path} is no run: it holds no run.json.", "ganctl runs") from None
        except OSError as error:
            raise CheckpointError(f"{self.path / 'run.json'} cannot be read: {error.strerror}.") from None
        except (ValueError, TypeError, RecursionError, UsageError) as error:
            why = error.message.rstrip(".") if isinstance(error, UsageError) else error
            raise CheckpointError(f"{self.path / 'run.json'} is damaged: {why}.") from None
        return record

    def rewrite(self, record: Mapping[str, Any]) -> None:
        """Replace ``run.json`` atomically: a run is extended, or corrected, by its one writer."""
        write_atomically(self.path / "run.json", _pretty(record))

    def log_event(self, kind: str, **fields: Any) -> None:
        """Append to ``events.jsonl``. A full disk loses the event and nothing else."""
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": kind, **fields}
        with suppress(OSError):
            append_lines(self.events, [json.dumps(finite(line), ensure_ascii=False)])

    def append_log(self, lines: list[str]) -> None:
        """Append lines to ``log.jsonl``: all of them, or none and an OSError."""
        append_lines(self.log, lines)

    def sync_log(self) -> None:
        """Bring the log to the disk, so that no checkpoint is ahead of it after a power cut."""
        if self.log.exists():
            with self.log.open("rb+") as file:
                os.fsync(file.fileno())

    def cut_log(self, step: int) -> None:
        """Drop the log's lines after a step, and a line that a kill cut in two."""
        if self.log.exists():
            kept = [line for line in self.read_log() if line["step"] <= step]
            write_atomically(self.log, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def read_log(self) -> Iterator[dict[str, Any]]:
        """The log's whole lines.

        Raises:
            CheckpointError: the disk does not give them.
        """
        return (line for line in _objects(self.log) if isinstance(line.get("step"), int))

    def read_events(self) -> Iterator[dict[str, Any]]:
        """The whole lines of ``events.jsonl``, oldest first.

        Raises:
            CheckpointError: the disk does not give them.
        """
        return (line for line in _objects(self.events) if isinstance(line.get("event"), str))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the run's one writer.

        Raises:
            GanctlError: another process is; its number and command are named.
        """
        lock, owner = FileLock(self.path / ".lock"), self.path / ".owner"
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            who = "another process"
            with suppress(OSError):
                who = owner.read_text(encoding="utf-8", errors="replace")
            raise GanctlError(f"{self.path} is being written by {who}.", "Stop it first, or wait.") from None
        try:
            with suppress(OSError):
                owner.write_bytes(f"process {os.getpid()} ({command_line()})".encode(errors="replace"))
            for folder in (self.path, self.checkpoints, self.progress, self.tensorboard):
                remove_strays(folder)
            yield
        finally:
            with suppress(OSError):
                owner.unlink(missing_ok=True)
            lock.release()

    def is_being_written(self) -> bool:
        """Whether some process is its writer now; False where that cannot be found out."""
        if not (self.path / ".lock").exists():
            return False
        try:
            with FileLock(self.path / ".lock", timeout=0):
                return False
        except Timeout:
            return True
        except OSError:  # a run that this user may only read
            return False


def create(path: Path, record: Mapping[str, Any]) -> Run:
    """Make a run directory that has its ``run.json`` from the first moment it can be seen.

    Raises:
        UsageError: the path is taken.
        OSError: the disk refuses.
    """
    refuse_taken(path)
    try:
        with atomic_folder(path) as staged:
            (staged / "run.json").write_bytes(_pretty(record))
            for folder in (Run(staged).progress, Run(staged).checkpoints):
                folder.mkdir()
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            refuse_taken(path)  # another process was quicker
        raise
    return Run(path)


def refuse_taken(path: Path) -> None:
    """Raise UsageError, with the command to go on, where a run cannot be made."""
    if os.path.lexists(path):
        is_run = (path / "run.json").exists()
        go_on = f"Go on with it: {Run(path).resume_command}"
        raise UsageError(f"{path} exists already.", go_on if is_run else "Choose another --run.")


def command_line() -> str:
    """How this process was started, to be typed again."""
    name = Path(sys.argv[0]).name
    return command("ganctl" if name == "__main__.py" else name, *sys.argv[1:])


def _objects(file: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects in the lines of a file; half a line is passed over, and a file that is not there has none.

    Raises:
        CheckpointError: the disk does not give it, or it is a link to nothing: that is not taken for an empty file.
    """
    try:
        lines = file.read_bytes().splitlines() if os.path.lexists(file) else []
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}.") from None
    for line in lines:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _fsync_both(source: Path, target: Path) -> None:
    """Bring renames from one folder to another to the disk: rather under both names than under none."""
    fsync_folder(target)
    fsync_folder(source)


def _pretty(record: Mapping[str, Any]) -> bytes:
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    return text.encode(errors="surrogatepass")  # a path need not be Unicode


def _require(record: Mapping[str, Any], kinds: Mapping[str, type]) -> None:
    """Raise ValueError unless all these keys are there, of these kinds, and the numbers count something."""
    for key, kind in kinds.items():
        value, least = record.get(key), 0 if key == "held_out" else 1
        if not isinstance(value, kind) or (isinstance(value, int) and value < least):
            raise ValueError(f"{key} is missing or wrong")
