"""A run as one page that needs nothing else: no network, no server, no other file.

numbers     numbers out of files that anything may stand in
diary       events.jsonl: verdicts, moments, the time spent
curves      log.jsonl: charts, thinned
story       all that a run says in words and numbers, without torch
album       its pictures, under a budget of bytes
choices     its settings against its preset's, and its commands
page        the page: page.html filled, with page.css, page.js and uplot/ inside
"""

from pathlib import Path

from ganctl.files import write_atomically
from ganctl.runs.run import Run

__all__ = ["write"]


def write(run: Run, path: Path) -> None:
    """Write the page of a run as it is now, atomically; its folder is made.

    Raises:
        CheckpointError: the run has no usable ``run.json``.
        OSError: a file of the run cannot be read, or the page cannot be written.
    """
    from ganctl.report import page, summary  # brings torch, which who only reads the diary can do without

    content = page.render(summary.read(run))
    write_atomically(path, content)
