"""The film of a training, from its progress sheets. Nothing here needs torch."""

from ganctl import inspection, pictures
from ganctl.errors import CheckpointError, GanctlError
from ganctl.run import Run


def progress(run: Run) -> pictures.Frames:
    """A frame for each progress sheet of a run, in the order of the epochs.

    Raises:
        GanctlError: there are none yet, or one cannot be read.
    """
    sheets = run.sheets()
    if not sheets:
        more = " --more 1" if _is_finished(run) else ""
        raise GanctlError(f"{run.path} has no progress pictures yet.", f"{run.resume_command}{more}")
    return pictures.progress_frames(sheets)


def _is_finished(run: Run) -> bool:
    try:
        return inspection.state(run, run.record()) == "finished"
    except CheckpointError:
        return False
