"""The film of a training, from its previews. Nothing here needs torch."""

from ganctl.errors import GanctlError
from ganctl.images.frames import Frames, progress_frames
from ganctl.runs import status
from ganctl.runs.run import Run


def progress_frames_of(run: Run) -> Frames:
    """A frame for each preview of a run, in the order of the epochs.

    Raises:
        GanctlError: there are none yet, or one cannot be read.
    """
    previews = run.previews()
    if not previews:
        raise GanctlError(f"{run.path} has no progress pictures yet.", status.continue_command(run))
    return progress_frames(previews)
