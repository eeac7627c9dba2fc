"""Signals, readers and terminals that go away: what ends a training, when, and what is left."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganctl.runs.run import Run
from tests.forked import STUCK, Forks, forks
from tests.mirror import serving
from tests.trainings import STEPS, warned

SMALL = ("--size", 16, "--batch-size", 8, "--set", "width=8", "--set", "latent_dim=8")
OTHERS = [pytest.param(number, marks=pytest.mark.campaign) for number in (signal.SIGTERM, signal.SIGHUP)]
SIGNALS = (signal.SIGINT, *OTHERS)  # all take one way


@pytest.fixture(scope="module")
def forked() -> Iterator[Forks]:
    with forks() as server:
        yield server


def test_a_reader_that_goes_away_stops_no_training(photos: Path, forked: Forks) -> None:
    child = forked.begin("train", "dcgan", "--data", photos, "--run", "run", "--epochs", 6, *SMALL)
    assert child.read_until("parameters")
    os.close(child.screen)
    assert child.code() == 0
    run = Run(Path("runs/run"))
    assert run.checkpoint_steps()[0] == 6 * STEPS
    assert list(run.read_events())[-1]["reason"] == "finished"
    assert warned(run) in ([], ["The display failed, training goes on: Broken pipe"])


def test_a_closed_terminal_saves_and_exits_129(photos: Path, forked: Forks) -> None:
    child = forked.begin("train", "dcgan", "--data", photos, "--run", "run", "--epochs", 999, *SMALL, terminal=True)
    shown = ""
    while not Path("runs/run/progress/epoch-0001.png").exists():
        shown += child.read_until("\0", 0.05)  # so that its writes find room
    assert "\x1b[?25l" in shown
    os.close(child.screen)
    assert child.code() == 129
    run = Run(Path("runs/run"))
    stop = list(run.read_events())[-1]
    assert (stop["event"], stop["reason"], stop["step"]) == ("stop", "SIGHUP", run.checkpoint_steps()[0])


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_answered_while_the_step_goes_on_and_the_second_leaves_at_once(
    photos: Path, forked: Forks, number: signal.Signals
) -> None:
    script = STUCK + "import ganctl.engine.loop\nganctl.engine.loop.train_step = stuck"
    told = ("--data", photos, "--run", "run", *SMALL)
    child = forked.begin("train", "dcgan", *told, terminal=True, script=script)
    shown = child.read_until("step ")
    time.sleep(0.1)
    child.send(number)
    answer = f"{number.name}: the current step is finished and saved. A second signal exits at once."
    shown += child.read_until("at once.", 5)
    assert answer in shown
    sent = child.send(number)
    shown += child.read_until("no such text", 5)
    assert child.code() == 128 + number
    assert time.monotonic() - sent < 1
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor can be seen again"
    assert Run(Path("runs/run")).path.exists()


def strays(cache: Path) -> list[Path]:
    """Whatever was being written."""
    return [path for folder in (Path(), cache) for path in folder.rglob(".tmp*")]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_pictures_are_decoded_leaves_nothing_even_from_a_call_that_never_returns(
    photos: Path, forked: Forks, number: signal.Signals
) -> None:
    script = (
        STUCK + "from ganctl.data.cache import decode\ndecode.with_channels = lambda *_: [open('here', 'w'), stuck()]"
    )
    cache = Path("cache").absolute()
    told = ("--data", photos, "--run", "a/run", *SMALL)
    child = forked.begin("train", "dcgan", *told, script=script, GANCTL_CACHE=str(cache))
    while not Path("here").exists():
        time.sleep(0.01)
    assert strays(cache)
    sent = child.send(number)
    assert child.code() == 128 + number
    assert time.monotonic() - sent < 2
    assert child.read_until("no such text") == ""
    assert not strays(cache)
    assert not Path("a").exists()


@pytest.mark.parametrize("ends", [signal.SIGTERM, None], ids=str)
def test_a_stalled_download_is_shown_and_ended_by_signals_and_the_time(
    forked: Forks, ends: signal.Signals | None
) -> None:
    cache = Path("cache").absolute()
    limit = ("--max-minutes", 1.5 / 60) if ends is None else ()
    with serving() as mirror:
        mirror.hangs, mirror.length = True, "116867962"
        script = f"from ganctl.data.sources import cyclegan_sets\ncyclegan_sets.MIRRORS = ('http://{mirror.host}/',)\n"
        script += "from ganctl.cli import progress\nprogress.HIDDEN_SECONDS = 0.2"
        child = forked.begin("train", "cyclegan", *limit, script=script, GANCTL_CACHE=str(cache))
        line = "Downloading horse2zebra.zip: 200 kB of 117 MB, "
        shown = child.read_until(line)
        assert line in shown
        sent = time.monotonic() if ends is None else child.send(ends)
        shown += child.read_until("no such text")
        assert child.code() == (1 if ends is None else 128 + ends)
        assert time.monotonic() - sent < 2
    assert ("Error: The time was over before the first step." in shown) == (ends is None)
    assert "Traceback" not in shown
    assert not strays(cache)
    assert not Path("runs").exists()
