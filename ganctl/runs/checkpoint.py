"""Save, verify and choose checkpoints, which are wholly there or not at all.

    checkpoints/step-00004000/
      model.safetensors     the averaged weights for use; the header says what the model is
      state.safetensors     everything that training needs to go on
      manifest.json         sizes and SHA-256 of the other two; written last

A checkpoint is built in a staging folder, every file and the folder brought to the disk, and then renamed.
Nothing in a file is ever executed: names, shapes, numbers and JSON are all there is.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganctl import tensorfile
from ganctl.errors import CheckpointError, UsageError
from ganctl.files import atomic_folder, fsync_folder, reason, remove_folder, write_atomically
from ganctl.runs import names
from ganctl.runs.run import Run
from ganctl.tensorfile import TensorFile
from ganctl.text import malformed, quote
from ganctl.units import counted

MODEL, STATE, MANIFEST = "model.safetensors", "state.safetensors", "manifest.json"


class UnreadableError(CheckpointError):
    """A checkpoint that the disk does not give now: nothing says that it is damaged."""


def require_model(path: Path, header: Mapping[str, Any]) -> None:
    """Raise CheckpointError where a file's header says that it holds a training's state and no model."""
    if "family" in header or "log_sums" not in header:
        return
    model = path.with_name(MODEL)
    remedy = f"Name the model beside it: {quote(str(model))}" if model.exists() else "ganctl runs"
    raise CheckpointError(f"{path} holds what a training goes on from, and no model to use.", remedy)


def save(
    run: Run, step: int, model: TensorFile, state: TensorFile, keep: int, best: Mapping[str, Any] | None = None
) -> Path:
    """Save a checkpoint and drop all but the newest `keep` and the best. A step that is saved already is left alone.

    Args:
        run: where.
        step: of the training.
        model: what is for use.
        state: what is to go on from.
        keep: how many.
        best: which one is the best so far, with its ``step``; None where nothing was measured.

    Raises:
        OSError: the disk refuses; what was there before is untouched.
    """
    folder = run.checkpoint(step)
    if folder.exists():
        run.mark_best(best)
        return folder
    with atomic_folder(folder) as staged:
        for name, contents in ((MODEL, model), (STATE, state)):
            tensorfile.write(staged / name, contents)
        manifest = {name: _fingerprint(staged / name) for name in (MODEL, STATE)}
        write_atomically(staged / MANIFEST, json.dumps(manifest, indent=2).encode())
    run.mark_best(best)
    with suppress(OSError, CheckpointError):  # there is one too many then, until the next is saved
        _drop_old(run, keep)
    return folder


def _drop_old(run: Run, keep: int) -> None:
    dear = None if (marked := run.best()) is None else marked["step"]
    for old in run.checkpoint_steps()[keep:]:
        if old != dear:
            remove_folder(run.checkpoint(old))


def verify(folder: Path, names: tuple[str, ...] = (MODEL, STATE)) -> None:
    """Check files of a checkpoint against its manifest.

    Raises:
        UnreadableError: the disk does not give one of them.
        CheckpointError: which file, and what is wrong with it.
    """
    try:
        _compare(folder, names)
    except OSError as error:
        raise UnreadableError(f"{folder} cannot be read: {reason(error)}.") from None


def _compare(folder: Path, names: tuple[str, ...]) -> None:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes(), object_pairs_hook=tensorfile.refuse_duplicates)
        expected = {name: (manifest[name]["bytes"], manifest[name]["sha256"]) for name in names}
    except (
        FileNotFoundError,
        IsADirectoryError,
        NotADirectoryError,
        ValueError,
        TypeError,
        KeyError,
        RecursionError,
    ) as error:
        raise CheckpointError(f"{folder / MANIFEST} cannot be used: {malformed(error)}.") from None
    for name, (size, digest) in expected.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path} is missing.")
        if (there := path.stat().st_size) != size:
            raise CheckpointError(f"{path} has {counted(there, 'byte')} and not the {size:,} that were written.")
        if _fingerprint(path)["sha256"] != digest:
            raise CheckpointError(f"{path} is damaged: its content is not what was written.")


def chosen_model(run: Run, which: str) -> Path:
    """The ``model.safetensors`` of the best checkpoint, or of a step's.

    Args:
        run: whose.
        which: ``best``, or the number of a step.

    Raises:
        UsageError: nothing was measured yet, or there is no such checkpoint.
        CheckpointError: it cannot be used.
    """
    folder = run.checkpoint(chosen_step(run, which))
    verify(folder, (MODEL,))
    return folder / MODEL


def chosen_step(run: Run, which: str) -> int:
    """The step of the checkpoint that is meant; see `chosen_model`."""
    steps = run.checkpoint_steps()
    there = f"It has: {', '.join(map(str, steps))}." if steps else "It has none yet."
    if which == "best":
        best = run.best()
        if best is None or best["step"] not in steps:
            raise UsageError(f"{run.path} has no best checkpoint: its quality was not measured.", there)
        return int(best["step"])
    if not which.isdecimal() or int(which) not in steps:
        raise UsageError(f"{run.path} has no checkpoint {which!r}.", f"Say best, or the step of one. {there}")
    return int(which)


def newest_model(run: Run) -> tuple[Path, list[str]]:
    """The newest usable ``model.safetensors`` of a run, and a sentence on each that had to be passed over.

    Raises:
        CheckpointError: there is none.
    """
    problems = []
    for step in run.checkpoint_steps():
        folder = run.checkpoint(step)
        try:
            verify(folder, (MODEL,))
            tensorfile.read_header(folder / MODEL)
        except CheckpointError as error:
            problems.append(error.message)
        else:
            return folder / MODEL, problems
    why = " ".join(problems) or "It has not saved one yet."
    if run.is_being_written():
        remedy = "Wait for its next: it is training."
    else:
        remedy = f"Start anew: {run.train_command}" if problems else run.resume_command
    raise CheckpointError(f"{run.path} has no usable checkpoint. {why}", remedy)


def model_file(model: str) -> Path:
    """The ``model.safetensors`` that MODEL means; a CheckpointError where there is none."""
    path = names.find(model)
    if path.is_file():
        return path
    if (path / "run.json").exists():
        return newest_model(Run(path))[0]
    return path / MODEL


def quarantine(run: Run, step: int) -> Path:
    """Rename an unusable checkpoint aside, so that its step can be saved again."""
    number, folder = 1, run.checkpoint(step)
    while (aside := folder.with_name(f"unusable-{number}-{folder.name}")).exists():
        number += 1
    folder.rename(aside)
    fsync_folder(run.checkpoints)
    return aside


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}
