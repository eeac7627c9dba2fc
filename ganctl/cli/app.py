"""The application: what every command has, and how a failure becomes a sentence and an exit code."""

import errno
import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from ganctl import __version__, tasks
from ganctl.cli import check, console, families, generate, inspect
from ganctl.cli.train import resume
from ganctl.errors import GanctlError
from ganctl.interrupt import TIME_IS_UP, Interrupted


class Verbs(TyperGroup):
    """The commands of ganctl, of which ``train`` is listed first."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return sorted(super().list_commands(ctx), key=lambda name: name != "train")


app = typer.Typer(
    name="ganctl",
    cls=Verbs,
    help="Train GANs, sample from them, film their progress, and never lose a run.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(families.app, options_metavar="FAMILY")
for command in (
    resume,
    generate.sample,
    generate.translate,
    generate.make_gif,
    inspect.evaluate,
    inspect.compare,
    inspect.explain,
    inspect.info,
):
    app.command()(command)
app.command("check")(check.check_data)
app.command("runs")(inspect.list_runs)
app.command("report")(generate.make_report)
app.command("cache")(inspect.show_cache)

# Newer Typers bring a Click of their own, so its class of all usage errors cannot be imported from one place.
_ClickUsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)

_REFUSAL_NUMBERS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG, errno.ENOENT, errno.ENOTDIR}
_OUTPUT_FLAGS = dict.fromkeys(("sample", "translate", "make-gif", "report"), "-o") | {"train": "--run"}
_MEMORY_REMEDIES = {
    "train": "Try a smaller --batch-size, or a smaller --size.",
    "translate": "Try a smaller --size.",
    "sample": "Try --device cpu.",
    "evaluate": "Try a smaller --number, or --device cpu.",
    "resume": "Stop what else takes memory here, or go on elsewhere with --device.",
}
"""Command → what makes it take less memory, of the flags that it has."""


def _print_version(requested: bool) -> None:
    if requested:
        console.result(f"ganctl {__version__}")
        raise typer.Exit


@app.callback()
def ganctl(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, metavar="", help="Print the version."),
    ] = False,
) -> None:
    """Train GANs, sample from them, film their progress, and never lose a run."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise GanctlError("The folder that this was started in is gone.", "cd") from None


def main() -> None:
    """Run ganctl, and turn every failure into a sentence and an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path need not be Unicode
    arguments = sys.argv[1:]
    with _failures_explained(), _traceback_shown(), warnings.catch_warnings(), tasks.shown_by(_show_task):
        if not sys.warnoptions:
            warnings.simplefilter("ignore")  # those of the libraries below; ganctl's own are sentences
        code = app(arguments or ["--help"], prog_name="ganctl", standalone_mode=False)
    raise SystemExit((code or 0) if arguments else 2)


def _show_task(task: tasks.Task) -> AbstractContextManager[None]:
    """Show a task's progress. Rich's bars are imported only now."""
    from ganctl.cli.progress import waiting

    return waiting(task)


@contextmanager
def _traceback_shown() -> Iterator[None]:
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
def _failures_explained() -> Iterator[None]:
    """Turn every failure into a sentence, the next command to type, and the exit code of its kind."""
    try:
        yield
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except Interrupted as error:  # before or after a training, which handles its own
        if error.reason == TIME_IS_UP:
            console.fail("The time was over before the first step.", "Raise --max-minutes.")
        raise SystemExit(error.exit_code) from error
    except _ClickUsageError as error:
        command = error.ctx.command_path if error.ctx else "ganctl"
        console.fail(f"{error.format_message().rstrip('.')}.", f"{command} --help")
        raise SystemExit(2) from None
    except GanctlError as error:
        console.fail(error.message, error.remedy)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output went away; the flush at exit would fail again
            console.silence(console.stdout)
            raise SystemExit(1) from None
        if not error.filename and console.stdout_refuses():
            failure = console.unwritable(error)
            console.fail(failure.message, failure.remedy)
            raise SystemExit(1) from None
        from ganctl.files import reason

        console.fail(f"{reason(error)}.", _disk_remedy(error))
        raise SystemExit(1) from None
    except (MemoryError, RuntimeError) as error:
        from ganctl.device import is_out_of_memory, memory_sentence

        if not is_out_of_memory(error):
            raise
        console.fail(
            memory_sentence(), _MEMORY_REMEDIES.get(sys.argv[1], "Stop what else takes memory here, and try again.")
        )
        raise SystemExit(1) from None


def _disk_remedy(error: OSError) -> str:
    """The remedy for a failed write; empty for a failed read."""
    from ganctl.files import is_full

    if not error.filename or not (is_full(error) or error.errno in _REFUSAL_NUMBERS):
        return ""
    if (path := Path(os.fsdecode(error.filename))).exists() and not os.access(path, os.R_OK):
        return ""
    flag = _OUTPUT_FLAGS.get(sys.argv[1], "")
    if not is_full(error):
        return flag and f"Name another place with {flag}."
    remedy = "Make room there, for example with ganctl cache --clear"
    return f"{remedy}, or name another place with {flag}." if flag else f"{remedy}."
