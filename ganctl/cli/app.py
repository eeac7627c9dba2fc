"""The application: what every command has, and how a failure becomes a sentence and an exit code."""

import errno
import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, cast

import typer

from ganctl import __version__, progress
from ganctl.cli import console
from ganctl.errors import GanctlError
from ganctl.files import is_full, reason
from ganctl.interrupt import TIME_IS_UP, Interrupted

app = typer.Typer(
    name="ganctl",
    help="Train GANs, draw from them, film their progress, and never lose a run.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Newer Typers bring a Click of their own, so its class of all usage errors cannot be imported from one place.
_Misuse = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG, errno.ENOENT, errno.ENOTDIR}
_PLACES = dict.fromkeys(("sample", "translate", "make-gif", "report"), "-o") | {"train": "--run"}
_SMALLER = {
    "train": "Try a smaller --batch-size, or a smaller --size.",
    "translate": "Try a smaller --size.",
    "sample": "Try --device cpu.",
    "evaluate": "Try a smaller --number, or --device cpu.",
    "resume": "Stop what else takes memory here, or go on elsewhere with --device.",
}
"""Command → what takes less memory, of the options that it has."""


def _print_version(asked: bool) -> None:
    if asked:
        console.result(f"ganctl {__version__}")
        raise typer.Exit


@app.callback()
def ganctl(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and leave.")
    ] = False,
) -> None:
    """Train GANs, draw from them, film their progress, and never lose a run."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise GanctlError("The folder that this was started in is gone.", "cd") from None


def main() -> None:
    """Run ganctl, and turn every failure into a sentence and an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path need not be Unicode
    told = sys.argv[1:]
    with _explained(), _traced(), warnings.catch_warnings(), progress.shown_by(console.waiting):
        if not sys.warnoptions:
            warnings.simplefilter("ignore")  # those of the libraries below; ganctl's own are sentences
        code = app(told or ["--help"], prog_name="ganctl", standalone_mode=False)
    raise SystemExit((code or 0) if told else 2)


@contextmanager
def _traced() -> Iterator[None]:
    """With ``GANCTL_DEBUG=1``, the traceback behind whatever becomes a sentence."""
    try:
        yield
    except Exception as error:
        if os.environ.get("GANCTL_DEBUG", "") not in ("", "0"):
            link: BaseException | None = error
            while link is not None:
                link.__suppress_context__ = False  # "raise … from None" hides what was behind
                link = link.__cause__ or link.__context__
            console.trace(error)
        raise


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except Interrupted as error:  # before or after a training, which handles its own
        if error.reason == TIME_IS_UP:
            console.fail("The time was over before the first step.", "Give --max-minutes more.")
        raise SystemExit(error.exit_code) from error
    except _Misuse as error:
        command = error.ctx.command_path if error.ctx else "ganctl"
        console.fail(f"{error.format_message().rstrip('.')}.", f"{command} --help")
        raise SystemExit(2) from None
    except GanctlError as error:
        console.fail(error.message, error.remedy)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output went away; the last flush shall not mind
            console.silence(console.stdout)
            raise SystemExit(1) from None
        if not error.filename and console.stdout_refuses():
            refused = console.unwritable(error)
            console.fail(refused.message, refused.remedy)
            raise SystemExit(1) from None
        console.fail(f"{reason(error)}.", _way_out(error))
        raise SystemExit(1) from None
    except (MemoryError, RuntimeError) as error:
        from ganctl.device import is_out_of_memory, memory_sentence

        if not is_out_of_memory(error):
            raise
        console.fail(memory_sentence(), _SMALLER.get(sys.argv[1], "Stop what else takes memory here, and try again."))
        raise SystemExit(1) from None


def _way_out(error: OSError) -> str:
    """What to do about a disk that takes nothing; empty where it is one that gives nothing."""
    if not error.filename or not (is_full(error) or error.errno in _REFUSED):
        return ""
    if (path := Path(os.fsdecode(error.filename))).exists() and not os.access(path, os.R_OK):
        return ""
    option = _PLACES.get(sys.argv[1], "")
    if not is_full(error):
        return option and f"Name another place with {option}."
    room = "Make room there, for example with ganctl cache --clear"
    return f"{room}, or name another place with {option}." if option else f"{room}."
