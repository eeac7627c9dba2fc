"""Write a run as one HTML page that needs no network, no server and no other file.

summary         what a run directory says in words and numbers
charts          log.jsonl as charts, thinned
images          its previews within a budget of bytes, and its translations
settings_table  its settings beside its preset's, and the commands to use it
page            page.html filled in, with page.css, page.js and uplot/ inside
"""

from pathlib import Path

from ganctl.files import write_atomically
from ganctl.runs.run import Run

__all__ = ["write"]


def write(run: Run, path: Path) -> None:
    """Write the page of a run as it is now, atomically; missing folders are made.

    Raises:
        CheckpointError: the run has no usable ``run.json``.
        OSError: a file of the run cannot be read, or the page cannot be written.
    """
    from ganctl.report import page, summary  # the page brings torch

    write_atomically(path, page.build(summary.read(run)))
