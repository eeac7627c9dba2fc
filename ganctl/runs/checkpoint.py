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
from ganctl.text import describe_malformed, quote
from ganctl.units import counted

MODEL, STATE, MANIFEST = "model.safetensors", "state.safetensors", "manifest.json"
MODEL_FORMAT = 2  # raise it when models of before can no longer be used
TRAINING_STATE = "training state"  # in the header of such a file, under ``kind``
_NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class UnreadableError(CheckpointError):
    """A checkpoint that cannot be read now: nothing says that it is damaged."""


def require_model(path: Path, header: Mapping[str, Any]) -> None:
    """Raise CheckpointError unless a file's header is that of a model which this version of ganctl can use."""
    if header.get("kind") == TRAINING_STATE:
        model = path.with_name(MODEL)
        remedy = f"Name the model beside it: {quote(str(model))}" if model.exists() else "ganctl runs"
        raise CheckpointError(f"{path} holds the state of a training, and no model to use.", remedy)
    if header.get("format", MODEL_FORMAT) != MODEL_FORMAT:
        raise CheckpointError(f"{path} was written by another version of ganctl, whose models this one cannot use.")


def save(
    run: Run, step: int, model: TensorFile, state: TensorFile, keep: int, best: Mapping[str, Any] | None = None
) -> Path:
    """Save a checkpoint, and delete all but the newest `keep` and the best. A step that is saved already stays as is.

    Args:
        run: whose.
        step: of the training.
        model: the averaged weights, for use.
        state: everything that training goes on from.
        keep: how many checkpoints are kept, the best one not counted.
        best: the best checkpoint so far, with its ``step``; None where no score was measured.

    Raises:
        OSError: the disk refuses; the checkpoints before are untouched.
    """
    folder = run.checkpoint(step)
    if folder.exists():
        run.mark_best_checkpoint(best)
        return folder
    with atomic_folder(folder) as staged:
        for name, content in ((MODEL, model), (STATE, state)):
            tensorfile.write(staged / name, content)
        manifest = {name: _size_and_digest(staged / name) for name in (MODEL, STATE)}
        write_atomically(staged / MANIFEST, json.dumps(manifest, indent=2).encode())
    run.mark_best_checkpoint(best)
    with suppress(OSError, CheckpointError):  # there is one too many then, until the next is saved
        _delete_old(run, keep)
    return folder


def _delete_old(run: Run, keep: int) -> None:
    best = run.best_checkpoint()
    for step in run.checkpoint_steps()[keep:]:
        if best is None or step != best["step"]:
            remove_folder(run.checkpoint(step))


def verify(folder: Path, files: tuple[str, ...] = (MODEL, STATE)) -> None:
    """Check files of a checkpoint against its manifest.

    Raises:
        UnreadableError: one of them cannot be read.
        CheckpointError: one is missing or damaged.
    """
    try:
        _check_files(folder, files)
    except OSError as error:
        raise UnreadableError(f"{folder} cannot be read: {reason(error)}.") from None


def _check_files(folder: Path, files: tuple[str, ...]) -> None:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes(), object_pairs_hook=tensorfile.refuse_duplicates)
        expected = {name: (manifest[name]["bytes"], manifest[name]["sha256"]) for name in files}
    except (*_NO_FILE, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(f"{folder / MANIFEST} cannot be used: {describe_malformed(error)}.") from None
    for name, (size, digest) in expected.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path} is missing.")
        if (actual := path.stat().st_size) != size:
            raise CheckpointError(f"{path} has {counted(actual, 'byte')} and not the {size:,} that were written.")
        if _size_and_digest(path)["sha256"] != digest:
            raise CheckpointError(f"{path} is damaged: its content is not what was written.")


def find_model(run: Run, name: str) -> Path:
    """The ``model.safetensors`` of the best checkpoint, or of a step's.

    Args:
        run: whose.
        name: ``best``, or the number of a step.

    Raises:
        UsageError: no score was measured yet, or there is no such checkpoint.
        CheckpointError: it cannot be used.
    """
    folder = run.checkpoint(find_step(run, name))
    verify(folder, (MODEL,))
    return folder / MODEL


def find_step(run: Run, name: str) -> int:
    """The step of the checkpoint called ``best`` or by the number of its step; UsageError where there is none."""
    steps = run.checkpoint_steps()
    existing = f"It has: {', '.join(map(str, steps))}." if steps else "It has none yet."
    if name == "best":
        best = run.best_checkpoint()
        if best is None or best["step"] not in steps:
            raise UsageError(f"{run.path} has no best checkpoint: its quality was not measured.", existing)
        return int(best["step"])
    if not name.isdecimal() or int(name) not in steps:
        raise UsageError(f"{run.path} has no checkpoint {name!r}.", f"Say best, or the step of one. {existing}")
    return int(name)


def newest_model(run: Run) -> tuple[Path, list[str]]:
    """The newest usable ``model.safetensors`` of a run, and a sentence on each newer one that is unusable.

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
    if run.is_being_written():
        remedy = "Wait for its next: it is training."
    else:
        remedy = f"Start anew: {run.train_command}" if problems else run.resume_command
    details = " ".join(problems) or "It has not saved one yet."
    raise CheckpointError(f"{run.path} has no usable checkpoint. {details}", remedy)


def model_file(model: str) -> Path:
    """The ``model.safetensors`` that the command line's MODEL refers to: of a run, a checkpoint folder, or itself.

    Raises:
        CheckpointError: there is no such run, folder or file.
    """
    path = names.find(model)
    if path.is_file():
        return path
    if Run(path).exists:
        return newest_model(Run(path))[0]
    return path / MODEL


def quarantine(run: Run, step: int) -> Path:
    """Rename an unusable checkpoint to ``unusable-1-step-…``, so that its step can be saved again."""
    number, folder = 1, run.checkpoint(step)
    while (aside := folder.with_name(f"unusable-{number}-{folder.name}")).exists():
        number += 1
    folder.rename(aside)
    fsync_folder(run.checkpoints)
    return aside


def _size_and_digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}
