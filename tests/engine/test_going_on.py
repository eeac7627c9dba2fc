"""What ends a training and what does not: displays, measurements, readers and terminals that go away, signals."""

import io
import os
import shutil
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ganctl
from ganctl import interrupt, progress
from ganctl.cli import console
from ganctl.cli import progress as cli_progress
from ganctl.data.cache import decode as decoding
from ganctl.engine import monitor, session
from ganctl.engine.events import Emitter, Ended, Event, Saved, Stepped, Subscriber, Warned
from ganctl.evaluation import samples
from ganctl.gans import dcgan
from ganctl.gans.dataset import open_data
from ganctl.gans.dcgan import FAMILY
from ganctl.runs.run import Run
from tests.engine.test_loop import TwoDomains, train
from tests.forked import STUCK, Forks, forks
from tests.mirror import serving
from tests.screens import Screen, seen_on
from tests.trainings import STEPS, TOTAL, assert_equal, begin, go_on, tiny

SMALL = ("--size", 16, "--batch-size", 8, "--set", "width=8", "--set", "latent_dim=8")
OTHERS = [pytest.param(number, marks=pytest.mark.campaign) for number in (signal.SIGTERM, signal.SIGHUP)]
SIGNALS = (signal.SIGINT, *OTHERS)  # all take one way


@pytest.fixture(scope="module")
def forked() -> Iterator[Forks]:
    with forks() as server:
        yield server


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Run:
    """The run that nothing happened to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        return begin(tiny(photos), tmp_path_factory.mktemp("whole") / "run")


def raises(error: BaseException) -> Callable[..., Any]:
    """A function that does nothing else."""

    def function(*arguments: object, **more: object) -> None:
        raise error

    return function


def decode(photos: Path) -> None:
    """Open the data of a tiny training."""
    settings = tiny(photos)
    open_data(settings, FAMILY, FAMILY.options(**settings.options))


def warned(run: Run) -> list[str]:
    """What the diary says was warned of."""
    return [event["message"] for event in run.read_events() if event["event"] == "warning"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BrokenPipeError(32, "Broken pipe"), "Broken pipe"),
        (SystemExit(1), "SystemExit: 1"),
        (MemoryError(), "the memory is full"),
        (
            RuntimeError("CUDA out of memory. Tried to allocate 2 GiB.\nMore."),
            "CUDA out of memory. Tried to allocate 2 GiB",
        ),
        (KeyError("fid"), "KeyError: 'fid'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_display_raises_is_warned_of_once_and_ends_nothing(error: BaseException, said: str) -> None:
    seen: list[Event] = []
    emit = Emitter(Subscriber(raises(error)), Subscriber(seen.append))
    run = train("run", TwoDomains(), emit=emit)
    assert run.checkpoint_steps()[0] == 12
    messages = [event.message for event in seen if isinstance(event, Warned)]
    assert messages == [f"The display failed, training goes on: {said}"]
    assert len([event for event in seen if isinstance(event, Stepped)]) == 12, "others are still told of everything"
    assert seen[-1] == Ended(12, None)


def test_a_display_that_fails_is_in_the_diary_and_changes_no_bit(photos: Path, whole: Run) -> None:
    with session.start(tiny(photos), "a/run") as started:
        ended = started.train(lambda: None, Subscriber(raises(SystemExit(1))))
    assert (ended.step, ended.reason) == (TOTAL, None)
    assert warned(started.run) == ["The display failed, training goes on: SystemExit: 1"]
    assert_equal(started.run, whole)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("ganctl.gans.dcgan.DCGAN.preview", MemoryError()),
        ("ganctl.engine.monitor.SampleStats", RuntimeError("[enforce fail] can't allocate memory")),
        ("ganctl.engine.monitor.SampleStats.measure", KeyError("x")),
        ("ganctl.engine.monitor.reference", MemoryError()),
    ],
    ids=["preview", "real pictures", "sample statistics", "quality"],
)
def test_a_measurement_that_fails_in_any_way_leaves_the_training_alone(
    photos: Path, whole: Run, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    monkeypatch.setattr(samples, "COUNT", 40)
    monkeypatch.setattr(name, raises(error))
    run = begin(tiny(photos, evaluate_every=2, extractor="digits-cnn"), Path("a/run"))
    assert run.checkpoint_steps()[0] == TOTAL
    assert warned(run)
    assert all("training goes on: " in sentence for sentence in warned(run))
    weights, others = (ganctl.load(each.path).net.state_dict() for each in (run, whole))
    assert all(weights[name].equal(others[name]) for name in others)


def test_judging_that_fails_is_warned_of_once(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "VerdictTracker", raises(ZeroDivisionError("division by zero")))
    run = begin(tiny(photos), Path("a/run"))
    assert warned(run) == ["The training could not be judged, training goes on: ZeroDivisionError: division by zero"]


@pytest.fixture
def notebook() -> Iterator[None]:
    """Ctrl-C is Python's own again: a shell lets what it runs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("notebook")
def test_ctrl_c_in_a_notebook_saves_and_gets_through(photos: Path, whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    append = Run.append_log

    def interrupted(run: Run, lines: list[str]) -> None:
        append(run, lines)
        if '"step": 6' in lines[0]:
            signal.raise_signal(signal.SIGINT)

    small: dict[str, Any] = {"size": 16, "batch_size": 8, "epochs": 4, "log_every": 3, "keep": 100}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "append_log", interrupted)
        ganctl.train("dcgan", data=str(photos), run="a/run", width=8, latent_dim=8, r1_every=4, **small)
    run = Run(Path("a/run"))
    assert run.checkpoint_steps()[0] == 6
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    go_on(run)
    assert run.log.read_bytes() == whole.log.read_bytes()


@pytest.mark.usefixtures("notebook")
def test_ctrl_c_before_the_first_step_of_a_notebook_leaves_no_run(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dcgan.DCGAN, "preview", lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        ganctl.train("dcgan", data=str(photos), run="run", size=16, batch_size=8, width=8)
    assert not list(Path().glob("runs/*"))


def test_python_is_warned_of_what_the_terminal_is(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganctl.data.fetch.download.requests.get", raises(ganctl.DataError("No network.")))
    monkeypatch.setattr("ganctl.data.sources.digits.COUNTS", {"train": 40, "test": 8})
    monkeypatch.setattr(dcgan.DCGAN, "preview", raises(MemoryError()))
    with pytest.warns(UserWarning) as caught:
        run = ganctl.train("dcgan", run="run", epochs=2, batch_size=64, width=8, latent_dim=8)
    said = [str(warning.message) for warning in caught]
    assert said[0].startswith("mnist cannot be had, so the built-in set digits is used. ")
    assert said[1] == "The batch of 64 is more than the data, so it is 40."
    assert said[2].startswith("The preview of epoch 0 could not be generated, training goes on: ")
    assert caught[0].filename == __file__
    (run / "checkpoints" / "step-00000002" / "model.safetensors").write_bytes(b"")
    with pytest.warns(UserWarning, match="has 0 bytes"):
        assert ganctl.load(run).header["step"] == 1


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
    answer = f"{number.name}: the step in hand is finished and saved. A second signal leaves at once."
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


def test_a_sheet_that_can_never_be_written_keeps_nothing_from_being_saved(photos: Path, whole: Run) -> None:
    with session.start(tiny(photos), "a/run") as started:
        started.run.progress.rmdir()
        started.run.progress.touch()
        saved: list[int] = []
        started.train(
            lambda: None, Subscriber(lambda event: saved.append(event.step) if isinstance(event, Saved) else None)
        )
    assert saved == [5, 10, 15, 20]
    assert len([said for said in warned(started.run) if "could not be written" in said]) == 5
    started.run.progress.unlink()
    shutil.copytree(whole.progress, started.run.progress)
    assert_equal(started.run, whole)


def test_a_set_of_any_name_does_nothing_to_the_screen_that_it_is_decoded_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for screen in (Screen(), io.StringIO()):
        monkeypatch.setattr(console, "stderr", seen_on(screen, force_terminal=screen.isatty()))
        monkeypatch.setattr(cli_progress, "HIDDEN_SECONDS", 0.0)
        monkeypatch.setattr(cli_progress, "REFRESH_SECONDS", 0.01)
        with progress.shown_by(cli_progress.waiting), progress.task("Decoding a\x1b]2;b\udcff", "pictures"):
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
    with progress.shown_by(cli_progress.waiting):
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
    with progress.shown_by(cli_progress.waiting):
        decode(photos)
    assert pipe.getvalue() == ""


def test_a_signal_before_the_first_step_is_raised_and_after_it_noted() -> None:
    with pytest.raises(interrupt.Interrupted) as caught, interrupt.stop_reasons(immediate=True):
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.reason == "SIGTERM"
    told: list[str] = []
    with interrupt.stop_reasons(immediate=True, on_signal=told.append) as reason:
        assert reason() is None
        signal.raise_signal(signal.SIGTERM)
        assert reason() == "SIGTERM"
        assert told == ["SIGTERM"]


def test_what_was_begun_is_undone_where_a_signal_ends_it() -> None:
    undone: list[str] = []
    with pytest.raises(interrupt.Interrupted), interrupt.stop_reasons(immediate=True):
        with interrupt.cleanup_on_interrupt(lambda: undone.append("first")):
            pass
        with interrupt.cleanup_on_interrupt(lambda: undone.append("second")):
            signal.raise_signal(signal.SIGTERM)
    assert undone == ["second"]


@pytest.mark.parametrize("run", [None, "run/one"])
def test_a_warning_that_python_raises_before_the_first_step_leaves_no_run(photos: Path, run: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="is more than the data"):
            ganctl.train("dcgan", data=str(photos), run=run, batch_size=100, size=16, epochs=1, width=8)
        assert not [path for path in Path().rglob("*") if path.is_file() or "run" not in path.name]
