"""Say what a model or a run is, how far a run is, and which command trains it further."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganctl.errors import CheckpointError, GanctlError
from ganctl.runs import names
from ganctl.runs.run import Run
from ganctl.text import describe_malformed, printable
from ganctl.units import counted
from ganctl.units import epochs as in_epochs

if TYPE_CHECKING:
    from ganctl.images.frames import LazyFrames

Row = tuple[str, object]

_MAX_CLASSES, _MAX_NAME = 10, 40  # names of classes in a line, and characters of one


def describe(model: str) -> list[Row]:
    """Family, options, shape, data, steps and parameters of a model; of a run also its metrics and checkpoints.

    Args:
        model: a run, a checkpoint folder or a ``.safetensors`` file.

    Raises:
        CheckpointError: it is none of these, or damaged.
    """
    path = names.find(model)
    from ganctl.runs import checkpoint  # brings torch, which `summary_row` and a wrong name do not need

    if not Run(path).exists:
        return list(_describe_file(path if path.is_file() else path / checkpoint.MODEL))
    return list(_describe_run(Run(path)))


def summary_row(run: Run) -> tuple[object, ...]:
    """Name, family, data, epochs done of those it is to have, and state."""
    try:
        record = run.record()
        run.checkpoint_steps()
    except CheckpointError:
        return run.path.name, "", "", "", "unreadable"
    settings = record["settings"]
    return (
        run.path.name,
        settings["family"],
        record["data"]["name"],
        f"{round(epochs_done(run, record), 2):g}/{settings['epochs']}",
        state(run, record),
    )


def state(run: Run, record: Mapping[str, Any]) -> str:
    """``training``, ``finished`` or ``stopped``."""
    if run.is_being_written():
        return "training"
    return "finished" if epochs_done(run, record) >= record["settings"]["epochs"] else "stopped"


def epochs_done(run: Run, record: Mapping[str, Any]) -> float:
    """The epochs behind the newest checkpoint, or in the log where the checkpoints cannot be read."""
    try:
        step = max(run.checkpoint_steps(), default=0)
    except CheckpointError:
        step = max((line["step"] for line in run.read_log()), default=0)
    return step / int(record["steps_per_epoch"])


def continue_command(run: Run, more: int = 1) -> str:
    """The command that trains a run further: a finished one for so many more epochs."""
    try:
        finished = state(run, run.record()) == "finished"
    except CheckpointError:
        finished = False  # the command says what is wrong with the run
    return f"{run.resume_command} --more {more}" if finished else run.resume_command


def progress_frames(run: Run) -> "LazyFrames":
    """The frames of an animation of a run's progress: one for each preview, in the order of the epochs.

    Raises:
        GanctlError: there are none yet, or one cannot be read.
    """
    from ganctl.images import frames

    previews = run.previews()
    if not previews:
        remedy = "Wait for the first: it is training." if run.is_being_written() else continue_command(run)
        raise GanctlError(f"{run.path} has no progress pictures yet.", remedy)
    return frames.preview_frames(previews)


def _describe_run(run: Run) -> Iterator[Row]:
    from ganctl.runs import checkpoint

    record = run.record()
    settings, data, steps = record["settings"], record["data"], run.checkpoint_steps()
    yield "run", run.path
    yield "state", state(run, record)
    yield "epochs", f"{epochs_done(run, record):.4g} of {settings['epochs']}"
    count = min(settings["limit"] or data["train"], data["train"])
    yield "data", f"{data['name']}: {count:,} to learn from, {data['held_out']:,} held out"
    if steps:
        try:
            path, problems = checkpoint.newest_model(run)
            yield from (("unusable", problem) for problem in problems)
            yield from _describe_file(path)
        except CheckpointError as error:
            yield "unusable", error.message
    for line in list(run.read_log())[-1:]:
        yield "metrics", "  ".join(f"{name} {value}" for name, value in line.items())
    yield "seed", settings["seed"]
    yield "batch size", settings["batch_size"]
    yield "device", f"{record['device']}, {counted(record['threads'], 'thread')}"
    yield "made with", ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    yield "command", record["command"]
    yield "checkpoints", ", ".join(run.checkpoint(step).name for step in steps) or "none yet"


def _describe_file(path: Path) -> Iterator[Row]:
    from ganctl import tensorfile
    from ganctl.runs import checkpoint

    header = tensorfile.read_header(path)
    checkpoint.require_model(path, header)
    try:
        channels, height, width = header["shape"]
        yield "model", path
        yield "family", f"{header['family']}, preset {header['preset']}"
        yield "pictures", f"{width}×{height}, {'grey' if channels == 1 else 'colour'}"
        yield "learned from", header["data"]
        if "domains" in header:
            yield "domains", " ⇄ ".join(header["domains"])
        if "classes" in header:
            yield "classes", _listed(header["classes"])
        yield "steps", f"{header['step']:,} ({in_epochs(header['step'] / header['steps_per_epoch'])})"
        yield "parameters", f"{tensorfile.count_elements(path):,}"
        yield "options", "  ".join(f"{name}={value}" for name, value in header["options"].items())
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise CheckpointError(f"{path} does not say what it is: {describe_malformed(error)}.") from None


def _listed(classes: list[str]) -> str:
    """How many classes there are, and the names of the first ones, as they can be printed."""
    if not isinstance(classes, list):
        raise TypeError(f"{classes!r} are no names")
    names = [printable(name) for name in classes[:_MAX_CLASSES]]
    names = [name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}…" for name in names]
    more = len(classes) - len(names)
    return f"{len(classes):,}: {', '.join(names)}{f' and {more:,} more' if more else ''}"
