"""Write a training's log and previews, and keep what the disk refuses for the next try."""

import json
from collections.abc import Mapping

from ganctl.engine.events import Emitter, Logged, Previewed
from ganctl.gans.base import Preview
from ganctl.images import grids
from ganctl.images.captions import Captions
from ganctl.runs.run import Run
from ganctl.text import finite


class RetryingWriter:
    """Lines of the log and previews on their way to the disk; what it refuses is tried again before every checkpoint.

    No checkpoint is ahead of its log. A preview only shows: one that cannot be written keeps nothing from being saved.
    """

    def __init__(self, run: Run, emit: Emitter) -> None:
        self._run, self._emit = run, emit
        self._lines: list[str] = []
        self._previews: dict[int, Preview] = {}

    def write_line(self, line: Mapping[str, float]) -> None:
        """Write a line of the log, and those before it that were refused; warn if that fails."""
        self._lines.append(json.dumps(finite(line)))
        with self._emit.warn_and_continue("The log could not be written"):
            self._write_lines()
        self._emit(Logged(line))

    def write_preview(self, epoch: int, preview: Preview) -> None:
        """Write a preview, and those before it that were refused; warn if that fails."""
        self._previews[epoch] = preview
        self._write_previews()

    def retry(self) -> None:
        """Write all that was refused.

        Raises:
            OSError: the disk refuses a line of the log.
        """
        self._write_previews()
        self._write_lines()

    def _write_lines(self) -> None:
        if self._lines:
            self._run.append_log(self._lines)
            self._lines.clear()

    def _write_previews(self) -> None:
        for epoch, preview in list(self._previews.items()):
            with self._emit.warn_and_continue(f"The preview of epoch {epoch} could not be written"):
                captions = Captions(preview.titles, preview.rows)
                grids.save_preview(self._run.preview(epoch), preview.images, preview.columns, captions)
                del self._previews[epoch]
                self._emit(Previewed(epoch, self._run.preview(epoch)))
