"""The application: its help and version, failures as sentences and exit codes, and what it says nothing of."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import typer

from ganctl import __version__, cli
from ganctl.__main__ import main as start
from ganctl.cli import app
from ganctl.engine import session
from ganctl.runs import names, status
from ganctl.runs.run import Run
from tests.commands import Outcome, failed, ganctl, train


def test_without_arguments_the_help_is_shown_and_the_exit_code_is_2() -> None:
    outcome = ganctl()
    assert outcome.code == 2
    assert "make-gif" in "\n".join(outcome.out + outcome.err)
    assert ganctl("--help").code == 0
    assert ganctl("-h") == ganctl("--help")


def test_the_version_is_printed() -> None:
    assert ganctl("--version") == Outcome(0, [f"ganctl {__version__}"], [])


def test_names_are_shown_as_they_are(run: Run) -> None:
    odd = "[red]:cat: größe"
    run.path.rename(f"runs/{odd}")
    assert ganctl("sample", odd, "-n", 1).out == [f"{odd}-seed0.png"]
    assert ganctl("runs").out[1].startswith(f"{odd}  dcgan")
    assert f"runs/{odd} is finished: 2 of 2 epochs." in ganctl("resume", odd).err


def test_long_lines_are_not_folded_in_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ganctl("info", "photos")
    monkeypatch.setenv("COLUMNS", "40")
    assert ganctl("info", "photos") == whole
    assert max(map(len, whole.out)) > 80


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "ganctl", "--version"], stdout=writer, stderr=subprocess.PIPE, timeout=60
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(("argument", "unbuffered"), [("--version", ""), ("--version", "1"), ("--help", "")])
def test_a_full_disk_behind_stdout_is_a_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, argument: str, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "ganctl", argument]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    message = "Error: Standard output could not be written: No space left on device.\nSend it to another place.\n"
    assert (done.returncode, done.stderr) == (1, message)


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("home", "name"), [(status, "describe"), (names, "find"), (app, "app")], ids=["describe", "find", "app"]
)
def test_an_interrupt_outside_a_training_exits_130_without_a_word(
    run: Run, monkeypatch: pytest.MonkeyPatch, home: object, name: str
) -> None:
    monkeypatch.setattr(home, name, lambda *_, **__: interrupted())
    assert ganctl("info", "photos") == Outcome(130, [], [])


def test_an_interrupt_while_ganctl_is_imported_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit) as left:
        start()
    assert left.value.code == 130


def test_warnings_of_libraries_stay_off_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def known() -> list[Run]:
        warnings.warn("the sky is falling", FutureWarning, stacklevel=1)
        return []

    monkeypatch.setattr(sys, "warnoptions", [])
    monkeypatch.setattr(names, "list_runs", known)
    assert ganctl("runs").err == ["There are no runs here yet: ganctl train dcgan"]
    with pytest.warns(FutureWarning):  # and what a caller does with warnings is as before
        known()


def test_out_of_memory_names_the_peak_and_a_smaller_command(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")):

        def start(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(session, "start", start)
        message = failed(train(photos), 1)
        assert re.search(r"the peak was [\d.]+ GiB on cpu\. Try a smaller --batch-size", message)


def test_what_a_full_disk_and_a_full_memory_advise_are_options_that_the_command_has() -> None:
    commands = typer.main.get_command(app.app).commands  # type: ignore[attr-defined]
    for command, advice in [*app._MEMORY_REMEDIES.items(), *app._OUTPUT_FLAGS.items()]:
        context = typer.Context(commands[command])
        options = {name for option in commands[command].get_params(context) for name in option.opts}
        assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", advice)) <= options, command


def test_a_fault_of_our_own_is_not_hushed_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def describe(model: str) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(status, "describe", describe)
    with pytest.raises(RuntimeError, match="a bug"):
        ganctl("info", "photos")
