"""What a model or a run is, in rows for people."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ganctl.errors import CheckpointError
from ganctl.runs import names
from ganctl.runs.run import Run
from ganctl.text import malformed

Row = tuple[str, object]


def describe(model: str) -> list[Row]:
    """Family, options, shape, data, steps, parameters; for a run also its metrics and checkpoints.

    Args:
        model: a run, a checkpoint folder or a ``.safetensors`` file.

    Raises:
        CheckpointError: it is none of these, or damaged.
    """
    path = names.find(model)
    from ganctl.runs import checkpoint  # brings torch, without which `summary` and a wrong name do

    if not (path / "run.json").exists():
        return list(_of_file(path if path.is_file() else path / checkpoint.MODEL))
    return list(_of_run(Run(path)))


def summary(run: Run) -> tuple[object, ...]:
    """Name, family, data, epochs done and wanted, state."""
    try:
        record = run.record()
        run.checkpoint_steps()
    except CheckpointError:
        return run.path.name, "", "", "", "unreadable"
    told = record["settings"]
    done = epochs_done(run, record)
    return (
        run.path.name,
        told["family"],
        record["data"]["name"],
        f"{round(done, 2):g}/{told['epochs']}",
        state(run, record),
    )


def _of_run(run: Run) -> Iterator[Row]:
    from ganctl.runs import checkpoint

    record = run.record()
    told, data, steps = record["settings"], record["data"], run.checkpoint_steps()
    yield "run", run.path
    yield "state", state(run, record)
    yield "epochs", f"{epochs_done(run, record):.4g} of {told['epochs']}"
    yield "data", f"{data['name']}: {data['train']:,} to learn from, {data['held_out']:,} held out"
    if steps:
        try:
            file, problems = checkpoint.newest_model(run)
            yield from (("unusable", problem) for problem in problems)
            yield from _of_file(file)
        except CheckpointError as error:
            yield "unusable", error.message
    for line in list(run.read_log())[-1:]:
        yield "metrics", "  ".join(f"{name} {value}" for name, value in line.items())
    yield "seed", told["seed"]
    yield "batch size", told["batch_size"]
    yield "device", f"{record['device']}, {record['threads']} threads"
    yield "made with", ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    yield "command", record["command"]
    yield "checkpoints", ", ".join(run.checkpoint(step).name for step in steps) or "none yet"


def _of_file(path: Path) -> Iterator[Row]:
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
        yield "steps", f"{header['step']:,} ({header['step'] / header['steps_per_epoch']:.4g} epochs)"
        yield "parameters", f"{tensorfile.count_elements(path):,}"
        yield "options", "  ".join(f"{name}={value}" for name, value in header["options"].items())
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise CheckpointError(f"{path} does not say what it is: {malformed(error)}.") from None


def steps_per_epoch(record: Mapping[str, Any]) -> int:
    """The full batches of the data that a run learns from."""
    return int(record["steps_per_epoch"])


def epochs_done(run: Run, record: Mapping[str, Any]) -> float:
    """The epochs behind the newest checkpoint, or in the log where the checkpoints cannot be read."""
    try:
        done = max(run.checkpoint_steps(), default=0)
    except CheckpointError:
        done = max((line["step"] for line in run.read_log()), default=0)
    return done / steps_per_epoch(record)


def continue_command(run: Run) -> str:
    """The command that trains a run further, be it finished or not; that it trains already."""
    try:
        record = run.record()
    except CheckpointError:
        return run.resume_command  # which says what is wrong with it
    found = state(run, record)
    if found == "training":
        return "Wait for the first: it is training."
    more = " --more 1" if found == "finished" else ""
    return f"{run.resume_command}{more}"


def state(run: Run, record: Mapping[str, Any]) -> str:
    """``training``, ``finished`` or ``stopped``."""
    if run.is_being_written():
        return "training"
    return "finished" if epochs_done(run, record) >= record["settings"]["epochs"] else "stopped"
