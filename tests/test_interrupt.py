"""What stops a training, and what it leaves with."""

import os
import signal
import subprocess
import sys

import pytest

from ganctl.interrupt import TIME_IS_UP, Interrupted, cleanup_on_interrupt, exit_code, stop_reasons


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=lambda x: str(x)
)
def test_a_signal_is_a_reason_and_has_its_exit_code(number: signal.Signals, code: int) -> None:
    with stop_reasons() as reason:
        assert reason() is None
        os.kill(os.getpid(), number)
        assert reason() == number.name
    assert exit_code(number.name) == code


def test_the_time_is_a_reason_that_exits_0() -> None:
    with stop_reasons(1e-9) as reason:
        assert reason() == TIME_IS_UP
    with stop_reasons(1e9) as reason:
        assert reason() is None
    assert exit_code(TIME_IS_UP) == exit_code(None) == 0


def test_a_training_under_nohup_survives_the_hang_up() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_reasons() as reason:
            os.kill(os.getpid(), signal.SIGHUP)
            assert reason() is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_leaves_at_once() -> None:
    script = """
import os, signal
from ganctl.interrupt import Interrupted, TIME_IS_UP, cleanup_on_interrupt, exit_code, stop_reasons
with stop_reasons() as reason:
    os.kill(os.getpid(), signal.SIGTERM)
    print(reason(), flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("still here", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "SIGTERM\n", "")


def test_a_signal_before_the_first_step_is_raised_and_after_it_noted() -> None:
    with pytest.raises(Interrupted) as caught, stop_reasons(immediate=True):
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.reason == "SIGTERM"
    told: list[str] = []
    with stop_reasons(immediate=True, on_signal=told.append) as reason:
        assert reason() is None
        signal.raise_signal(signal.SIGTERM)
        assert reason() == "SIGTERM"
        assert told == ["SIGTERM"]


def test_what_was_begun_is_undone_where_a_signal_ends_it() -> None:
    undone: list[str] = []
    with pytest.raises(Interrupted), stop_reasons(immediate=True):
        with cleanup_on_interrupt(lambda: undone.append("first")):
            pass
        with cleanup_on_interrupt(lambda: undone.append("second")):
            signal.raise_signal(signal.SIGTERM)
    assert undone == ["second"]
