"""What a person sees of work in progress: live bars on a terminal, plain lines elsewhere."""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganctl.cli import console, progress
from ganctl.cli.progress import TrainingProgress, TranslationProgress
from ganctl.engine import events, session
from ganctl.engine.events import Subscriber
from ganctl.engine.training import Training
from ganctl.inference import translate
from tests.screens import Screen, seen_on
from tests.trainings import EPOCHS, STEPS, begin, tiny, tiny_pair

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def started(photos: Path) -> Iterator[Training]:
    with session.start(tiny(photos), "some/run") as begun:
        yield begun


def shown_on(screen: io.StringIO, display: TrainingProgress, begun: Training) -> str:
    """All that a training writes to a screen."""
    with display:
        begun.train(lambda: None, Subscriber(display.show))
    return screen.getvalue()


def test_a_terminal_sees_bars_with_losses_metrics_speed_and_time_left(
    started: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=True))
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 0.0)
    written = shown_on(screen, TrainingProgress(started), started)
    assert "\x1b[" in written
    frames = CODES.sub("", written)
    epoch_bar = rf"epoch\s+[━╸╺ ]+\s+2/{EPOCHS}\s+[\d,]+ pictures/s  \d+ s left"
    step_bar = rf"step\s+[━╸╺ ]+\s+3/{STEPS}\s+discriminator -?[\d.]+  D\(x\) [\d.]+  D\(G\(z\)\) [\d.]+"
    assert re.search(epoch_bar, frames)
    assert re.search(step_bar.replace("  D\\(x", r"  generator [\d.]+  D\(x"), frames)
    assert "\nepoch 1/" not in frames


def test_the_last_frame_shows_the_end(started: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=True))
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 1e9)
    *_, epochs, steps = CODES.sub("", shown_on(screen, TrainingProgress(started), started)).strip().splitlines()
    assert f" {EPOCHS}/{EPOCHS} " in epochs
    assert f" {STEPS}/{STEPS} " in steps
    assert "generator" in steps


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_color_leaves_the_bars_and_takes_the_colours(
    started: Training, monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=True))
    written = shown_on(screen, TrainingProgress(started), started)
    assert "━" in written
    assert bool(re.search(r"\x1b\[[\d;]*3\d", written)) == coloured


@pytest.mark.parametrize("forced", [False, True], ids=["a pipe", "a pipe with FORCE_COLOR"])
def test_a_pipe_sees_one_plain_line_an_epoch(started: Training, monkeypatch: pytest.MonkeyPatch, forced: bool) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(console, "stderr", seen_on(pipe, force_terminal=forced))
    lines = shown_on(pipe, TrainingProgress(started), started).splitlines()
    assert len(lines) == EPOCHS
    for number, line in enumerate(lines, 1):
        assert line.startswith(f"epoch {number}/{EPOCHS}  discriminator ")
        assert re.search(
            r"  generator \S+  D\(x\) \S+  D\(G\(z\)\) \S+  accuracy \S+  r1 \S+  [\d,]+ pictures/s  \d+ s left$", line
        )
        assert "\x1b" not in line


def test_a_terminal_that_cannot_move_its_cursor_sees_lines(started: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(console, "stderr", seen_on(screen))
    assert shown_on(screen, TrainingProgress(started), started).count("\n") == EPOCHS


def test_bars_of_a_resumed_training_begin_where_it_was(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(tiny(photos), Path("some/run"), stop_at=12)
    screen = Screen()
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=True))
    with session.resume(run) as resumed, TrainingProgress(resumed):
        first = CODES.sub("", screen.getvalue())
    assert re.search(rf"epoch .* 2/{EPOCHS} ", first)
    assert re.search(rf"step .* 2/{STEPS} ", first)


def test_a_narrow_terminal_shows_the_bars_and_every_metric(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=True, width=80))
    with session.start(tiny_pair(pair, epochs=1), "some/run") as narrow:
        shown_on(screen, TrainingProgress(narrow), narrow)
    last = CODES.sub("", screen.getvalue()).replace("\r", "")[-900:]
    for word in ("epoch", "step", "7/7", "generator", "discriminator", "luminance", "D(x)", "D(G(x))", "left"):
        assert word in last


def test_a_training_of_days_says_so_at_its_start(started: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(console, "stderr", seen_on(pipe))
    display = TrainingProgress(started)
    display.total_steps = 10**12
    warnings = [line for line in shown_on(pipe, display, started).splitlines() if line.startswith("Warning")]
    assert len(warnings) == 1
    assert re.fullmatch(
        r"Warning: At this pace the training will take [\d.e+]+ days\. A smaller --size takes less\.", warnings[0]
    )


def test_a_training_of_days_names_a_preset_that_is_lighter(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(console, "stderr", seen_on(pipe))
    with session.start(tiny_pair(pair), "some/run") as paper:
        display = TrainingProgress(paper)
        display.total_steps = 10**12
        assert "--preset small is several times as fast" in shown_on(pipe, display, paper)


def test_a_training_of_hours_says_so_to_a_pipe_and_not_between_bars(
    started: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    for terminal in (False, True):
        screen = Screen() if terminal else io.StringIO()
        monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=terminal))
        display = TrainingProgress(started)
        display._announce(2 * 3600)
        assert ("At this pace the training will take 2 h 00 min." in screen.getvalue()) is not terminal


def test_a_warning_between_bars_keeps_its_own_line(started: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=True))
    with TrainingProgress(started) as display:
        display.show(events.Warned("The disk is full."))
    assert "Warning: The disk is full." in [line.strip() for line in CODES.sub("", screen.getvalue()).splitlines()]


TRANSLATED = [translate.Translated(Path(f"in/{n}.png"), Path(f"out/{n}.png"), 1.5) for n in range(3)]


def shown_pictures(total: int, screen: io.StringIO) -> str:
    with TranslationProgress(total) as display:
        for result in TRANSLATED[:total]:
            display.show(result)
    return CODES.sub("", screen.getvalue())


def test_a_terminal_sees_a_bar_of_several_pictures_and_their_paths_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=True))
    monkeypatch.setattr(sys, "stdout", screen)
    lines = [line.strip() for line in re.split(r"[\r\n]+", shown_pictures(3, screen)) if line.strip()]
    assert [line for line in lines if "━" not in line] == ["out/0.png", "out/1.png", "out/2.png"]
    assert re.fullmatch(r"━+ 3/3 0 s left", lines[-1])
    assert any(re.fullmatch(r"[━╸╺ ]+ 1/3 3 s left", line) for line in lines)


def test_the_paths_of_pictures_go_to_stdout_alone_where_that_is_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen()
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=True))
    bar = shown_pictures(3, screen)
    assert "3/3" in bar
    assert "out/" not in bar
    assert capsys.readouterr().out == "out/0.png\nout/1.png\nout/2.png\n"


@pytest.mark.parametrize(("total", "screen"), [(3, io.StringIO()), (1, Screen())], ids=["a pipe", "one picture"])
def test_no_bar_is_drawn_on_a_pipe_or_for_one_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], total: int, screen: io.StringIO
) -> None:
    monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=True))
    assert shown_pictures(total, screen) == ""
    assert capsys.readouterr().out.splitlines() == [f"out/{n}.png" for n in range(total)]
