"""Prints lines, tables and failures with Rich. Results go to stdout, everything else to stderr.

Whatever is shown may come out of a file, so it all passes `ganctl.text.printable` on its way to the terminal.
"""

import errno
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.text import Text

from ganctl.errors import StorageError
from ganctl.text import finite, printable

LONG_SECONDS = 24 * 3600.0  # a training longer than this is warned of
_READER_GONE = {errno.EPIPE, errno.EIO}  # what a pipe and a terminal say once nobody reads them


class _Stream(Console):
    """Stdout or stderr that raises BrokenPipeError when its reader is gone, where Rich would exit the process."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError instead of redirecting stdout and exiting."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


stdout: Console = _Stream(highlight=False, markup=False, emoji=False, soft_wrap=True)
stderr: Console = _Stream(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=True)


def silence(stream: Console) -> None:
    """Discard what is still written to a stream, and what waits in its buffer: nobody is there to read it."""
    with suppress(OSError, ValueError):  # it is no file, or is closed
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.file.fileno())
        os.close(null)


def result(text: object) -> None:
    """Print a result as one line on stdout.

    Raises:
        OSError: it cannot be written.
    """
    line = printable(str(text))
    if isinstance(sys.stdout, FileProxy):  # of a live bar, which Console.out would bypass and break
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    else:
        _write(line)


def _write(text: str) -> None:
    try:
        stdout.out(text, highlight=False)
    except OSError as error:
        raise error if error.errno in _READER_GONE else unwritable(error) from None


@contextmanager
def results_of_work() -> Iterator[Callable[[object], None]]:
    """Give a function that prints the path of each file that was made, and lets the work go on where it cannot.

    Raises:
        OSError: at the end, where stdout refused a path for another reason than a reader that went away.
    """
    refused: list[OSError] = []

    def show(path: object) -> None:
        try:
            result(path)
        except OSError as error:
            silence(stdout)
            if error.errno not in _READER_GONE:
                refused.append(error)

    yield show
    for error in refused[:1]:
        raise StorageError(unwritable(error).message, "All files were written nevertheless.", error.errno)


def unwritable(error: OSError) -> StorageError:
    """The failure of a stdout that takes no more; what is still written to it is discarded."""
    silence(stdout)
    if isinstance(error, StorageError):
        return error
    message = f"Standard output could not be written: {error.strerror or error}."
    return StorageError(message, "Send it to another place.", error.errno)


def stdout_refuses() -> bool:
    """Whether stdout cannot be flushed."""
    try:
        stdout.file.flush()
    except OSError:
        return True
    return False


def document(value: object) -> None:
    """Print a result for other programs: one JSON document on stdout, in ASCII and without infinities."""
    _write(json.dumps(finite(value), indent=2))


@contextmanager
def going_on_without(stream: Console) -> Iterator[None]:
    """Go on in silence where a stream cannot be written: the work is worth more than the words about it."""
    try:
        yield
    except OSError:
        silence(stream)


def say(text: str) -> None:
    """Print a plain line on stderr, if anyone is there to read it."""
    with going_on_without(stderr):
        stderr.print(printable(text))


def trace(error: BaseException) -> None:
    """Print the traceback of an error on stderr, with the errors behind it."""
    for line in "".join(traceback.format_exception(error)).splitlines():
        say(line)


def warn(text: str) -> None:
    """Print a warning on stderr, likewise."""
    with going_on_without(stderr):
        stderr.print(warning_text(text))


def fail(message: str, remedy: str = "") -> None:
    """Print a failure on stderr, likewise: its sentence, and what to do next."""
    with going_on_without(stderr):
        stderr.print(Text.assemble(("Error:", "bold red"), " ", printable(message)))
        if remedy:
            stderr.print(Text(printable(remedy), "cyan"))


def heard(reason: str) -> None:
    """Say what a signal does to a training."""
    say(f"{reason}: the current step is finished and saved. A second signal exits at once.")


def warning_text(text: str) -> Text:
    """A warning as `warn` prints it."""
    return Text.assemble(("Warning:", "yellow"), " ", printable(text))


def table(rows: Sequence[Sequence[object]]) -> None:
    """Print rows on stdout, their columns aligned; a terminal wraps long lines, a pipe gets them whole."""
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)]
        result("  ".join(cells).rstrip())


def sees_bars() -> bool:
    """Whether stderr is a terminal that can redraw a line."""
    return stderr.is_interactive and stderr.file.isatty()  # Rich takes FORCE_COLOR for a terminal


def short_path(path: Path) -> str:
    """A path as short as it can be typed from the working folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
