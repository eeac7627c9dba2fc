"""The film of a training, from its progress sheets. Nothing here needs torch."""

from ganctl import images
from ganctl.errors import GanctlError
from ganctl.runs import status
from ganctl.runs.run import Run


def progress(run: Run) -> images.Frames:
    """A frame for each progress sheet of a run, in the order of the epochs.

    Raises:
        GanctlError: there are none yet, or one cannot be read.
    """
    sheets = run.sheets()
    if not sheets:
        raise GanctlError(f"{run.path} has no progress pictures yet.", status.further(run))
    return images.progress_frames(sheets)
