"""Set aside what came after the step that a training goes back to."""

from pathlib import Path

from ganctl.files import fsync_folder, make_folder
from ganctl.runs import json_lines
from ganctl.runs.run import Run


def set_aside_after(run: Run, step: int, epoch: int) -> Path | None:
    """Move a run's later checkpoints, previews and lines of the log to ``abandoned/1``, ``abandoned/2`` and so on.

    The log is copied before it is cut, and checkpoints go newest first, so that a kill in between leaves nothing
    that could be mistaken for one timeline: going back again completes it.

    Args:
        run: whose.
        step: where training goes on from.
        epoch: the last whole epoch at that step.

    Returns:
        The folder that holds it now; None where there was nothing.

    Raises:
        OSError: the disk refuses.
    """
    lines = [line for line in run.read_log() if line["step"] > step]
    steps = [later for later in run.checkpoint_steps() if later > step]
    previews = [path for number, path in run.previews() if number > epoch]
    if not (lines or steps or previews):
        return None
    folder = run.path / "abandoned"
    taken = [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]
    abandoned = Run(folder / str(max(taken, default=0) + 1))
    for new_folder in (abandoned.checkpoints, abandoned.progress):
        make_folder(new_folder)
    json_lines.replace_objects(abandoned.log, lines)
    for later in steps:
        run.checkpoint(later).rename(abandoned.checkpoint(later))
        _fsync_both(run.checkpoints, abandoned.checkpoints)
    for preview in previews:
        preview.rename(abandoned.progress / preview.name)
    if previews:
        _fsync_both(run.progress, abandoned.progress)
    run.cut_log(step)
    return abandoned.path


def _fsync_both(source: Path, target: Path) -> None:
    """Bring renames from one folder to another to the disk: rather under both names than under none."""
    fsync_folder(target)
    fsync_folder(source)
