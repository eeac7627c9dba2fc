"""The bars and lines of work that keeps a user waiting before a training begins."""

import io
import time
from pathlib import Path
from typing import Any

import pytest

from ganctl import tasks
from ganctl.cli import console
from ganctl.cli import progress as cli_progress
from ganctl.data.cache import decode as decoding
from ganctl.gans.dataset import open_data
from ganctl.gans.dcgan import FAMILY
from tests.screens import Screen, seen_on
from tests.trainings import tiny


def decode(photos: Path) -> None:
    """Open the data of a tiny training."""
    settings = tiny(photos)
    open_data(settings, FAMILY, FAMILY.options(**settings.options))


def test_a_set_of_any_name_does_nothing_to_the_screen_that_it_is_decoded_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for screen in (Screen(), io.StringIO()):
        monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=screen.isatty()))
        monkeypatch.setattr(cli_progress, "HIDDEN_SECONDS", 0.0)
        monkeypatch.setattr(cli_progress, "REFRESH_SECONDS", 0.01)
        with tasks.shown_by(cli_progress.waiting), tasks.task("Decoding a\x1b]2;b\udcff", "pictures"):
            while "0 pictures" not in screen.getvalue():
                time.sleep(0.01)
        assert "Decoding a\\x1b]2;b\\xff" in screen.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_decoding_that_takes_long_is_a_bar_on_a_terminal_and_a_line_on_a_pipe(
    photos: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    screen = Screen() if terminal else io.StringIO()
    monkeypatch.setenv("GANCTL_CACHE", "cache")
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=terminal))
    monkeypatch.setattr(cli_progress, "HIDDEN_SECONDS", 0.0)
    monkeypatch.setattr(cli_progress, "REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(cli_progress, "LINE_SECONDS", 0.01)
    plain = decoding.with_channels

    def slow(*arguments: Any) -> Any:
        time.sleep(0.1)
        return plain(*arguments)

    monkeypatch.setattr(decoding, "with_channels", slow)
    with tasks.shown_by(cli_progress.waiting):
        decode(photos)
    shown = screen.getvalue()
    assert f"Decoding {photos.name}{'' if terminal else ':'} " in shown
    assert "40 of 42 pictures, 0 s left" in shown
    assert shown.count("\x1b[?25h") == shown.count("\x1b[?25l") == int(terminal)
    assert ("\x1b" in shown) == terminal


def test_what_is_done_in_a_moment_is_not_shown(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setenv("GANCTL_CACHE", "cache")
    monkeypatch.setattr(console, "stderr", seen_on(pipe))
    with tasks.shown_by(cli_progress.waiting):
        decode(photos)
    assert pipe.getvalue() == ""
