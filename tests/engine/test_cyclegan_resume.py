"""A translating run that was stopped ends with the same bits: pools, decay and both domains' orders included."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ganctl import tensorfile
from ganctl.engine import session
from ganctl.engine.setup import configure
from ganctl.gans.base import Clock
from ganctl.runs.checkpoint import STATE
from ganctl.runs.run import Run
from ganctl.settings import Settings
from tests.trainings import (
    PAIR_STEPS,
    PAIR_TOTAL,
    assert_equal,
    begin,
    go_on,
    kill_and_go_on,
    process,
    tiny_pair,
    wait_for,
)


@pytest.fixture(scope="module")
def whole(pair: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Run:
    """The run that was never stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        return begin(tiny_pair(pair), tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize("k", [1, 2, 5, 7, 14, 17, 27], ids="step {}".format)
def test_a_stop_at_any_step_changes_nothing(pair: Path, whole: Run, k: int) -> None:
    """While the pools fill and when they are full, at an epoch's end and within one, before and in the decay."""
    run = begin(tiny_pair(pair), Path("stopped/run"), stop_at=k)
    assert run.checkpoint_steps()[0] == k
    go_on(run)
    assert_equal(run, whole, PAIR_TOTAL)


def test_the_pools_are_full_and_part_of_the_checkpoint(whole: Run) -> None:
    stored = tensorfile.read(whole.checkpoint(PAIR_TOTAL) / STATE).tensors
    for side in "ab":
        assert stored[f"module.pool_{side}.count"] == 3
        assert (stored[f"module.pool_{side}.pictures"].flatten(1).std(1) > 0).all()


def test_the_learning_rates_fall_in_the_second_half_only(pair: Path) -> None:
    with session.start(tiny_pair(pair), "some/run") as started:
        factors: list[Any] = [started.plan.schedule(Clock(step, PAIR_TOTAL, 1)) for step in range(PAIR_TOTAL)]
    half = PAIR_TOTAL // 2
    assert factors[: half + 1] == [1.0] * (half + 1)
    assert factors[half:] == pytest.approx([(PAIR_TOTAL - step) / half for step in range(half, PAIR_TOTAL)])
    assert 0 < factors[-1] < factors[half + 1] < 1


def presets(pair: Path) -> dict[str, Settings]:
    """The tutorial's U-Net with dropout, moving at once and without pools; and ganctl's own preset."""
    flags = {"batch_size": 2, "epochs": 2, "log_every": 3, "width": 4, "discriminator_width": 4}
    return {
        name: configure("cyclegan", data=str(pair), preset=name, flags={**flags, "size": size, **more})
        for name, size, more in (("tutorial", 32, {}), ("small", 24, {"blocks": 1, "ema": 0.9}))
    }


@pytest.mark.parametrize("preset", ["tutorial", "small"])
def test_every_preset_resumes_exactly(pair: Path, preset: str) -> None:
    settings = presets(pair)[preset]
    through, stopped = begin(settings, Path("a/through")), begin(settings, Path("a/stopped"), stop_at=9)
    go_on(stopped)
    assert_equal(through, stopped, 2 * PAIR_STEPS)


def test_an_extension_computes_the_schedule_anew_and_says_so(pair: Path) -> None:
    run = begin(tiny_pair(pair, epochs=2), Path("some/run"))
    said = go_on(run, more=2, stop_at=2 * PAIR_STEPS + 1)
    assert any("schedule" in sentence and "4 epochs" in sentence for sentence in said)
    assert not any("schedule" in sentence for sentence in go_on(run))


def start_process(pair: Path) -> subprocess.Popen[str]:
    """The same training as `tiny_pair`, as a command."""
    command = ["train", "cyclegan", "--preset", "paper", "--data", str(pair), "--size", "16", "--batch-size", "2"]
    command += ["--epochs", "4", "--keep", "100", "--run", "killed/run"]
    own = ("width=4", "blocks=1", "discriminator_width=4", "discriminator_layers=1", "pool_size=3", "log_every=3")
    return process(*command, *(f"--set={setting}" for setting in own))


def test_kill_9_in_the_middle_changes_nothing(pair: Path, whole: Run) -> None:
    child, run = start_process(pair), Run(Path("killed/run"))
    wait_for(run.checkpoint(PAIR_STEPS), child)
    child.kill()
    child.communicate()
    go_on(run)
    assert_equal(run, whole, PAIR_TOTAL)


@pytest.mark.campaign
@pytest.mark.parametrize("number", range(20))
def test_kill_9_at_a_random_moment_changes_nothing(pair: Path, whole: Run, number: int) -> None:
    """From before the run exists to after its end; every second run is killed once more while it resumes."""
    kill_and_go_on(lambda: start_process(pair), Run(Path("killed/run")), number, PAIR_TOTAL)
    assert_equal(Run(Path("killed/run")), whole, PAIR_TOTAL)
