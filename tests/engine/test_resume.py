"""A run that was stopped ends with the same bits as the run that never was."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from ganctl.engine import session
from ganctl.engine.setup import configure
from ganctl.errors import DataError
from ganctl.runs import checkpoint
from ganctl.runs.run import Run
from tests.trainings import STEPS, TOTAL, assert_equal, begin, go_on, kill_and_go_on, process, tiny, wait_for


@pytest.mark.parametrize("k", [1, 3, 4, 5, 6, 8, 9, 12, 19])
def test_a_stop_at_any_step_changes_nothing(photos: Path, uninterrupted: Run, k: int) -> None:
    run = begin(tiny(photos), Path("stopped/run"), stop_at=k)
    assert run.checkpoint_steps()[0] == k
    go_on(run)
    assert_equal(run, uninterrupted)


def test_several_threads_change_nothing_as_long_as_they_stay_as_many(photos: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        through, stopped = begin(tiny(photos), Path("a/through")), begin(tiny(photos), Path("a/stopped"), stop_at=7)
    finally:
        torch.set_num_threads(threads)
    go_on(stopped)
    assert_equal(through, stopped)


def test_two_stops_in_a_row_change_nothing(photos: Path, uninterrupted: Run) -> None:
    run = begin(tiny(photos), Path("stopped/run"), stop_at=7)
    go_on(run, stop_at=8)
    go_on(run, stop_at=13)
    go_on(run)
    assert_equal(run, uninterrupted)


def test_a_run_killed_before_its_first_checkpoint_starts_from_step_0(photos: Path, uninterrupted: Run) -> None:
    run = begin(tiny(photos), Path("stopped/run"), stop_at=3)
    checkpoint.quarantine(run, 3).rename("elsewhere")
    run.events.unlink()  # in which a save stands
    go_on(run)
    assert_equal(run, uninterrupted)


def test_the_optimizers_are_fused_and_the_weights_channels_last(photos: Path) -> None:
    run = begin(tiny(photos, size=32), Path("stopped/run"), stop_at=6)
    with session.resume(run) as resumed:
        for optimizer in resumed.state.optimizers.values():
            assert optimizer.defaults["fused"]
            for parameter, slots in optimizer.state.items():
                assert slots["exp_avg"].stride() == parameter.stride()
                assert slots["exp_avg_sq"].stride() == parameter.stride()
        kernel = resumed.state.module.get_parameter("discriminator.downs.1.weight")
        assert kernel.is_contiguous(memory_format=torch.channels_last)
        assert not kernel.is_contiguous()


@pytest.mark.parametrize(
    "told",
    [
        {"loss": "lsgan"},
        {"loss": "hinge", "channels": 1},
        {"preset": "tutorial", "arch": "tutorial"},
        {"preset": "paper", "arch": "paper"},
    ],
    ids=["lsgan", "hinge", "tutorial", "paper"],
)
def test_every_preset_and_loss_resumes_exactly(photos: Path, told: dict[str, str]) -> None:
    preset = told.pop("preset", None)
    flags: dict[str, Any] = {"size": 16, "batch_size": 8, "epochs": 2, "log_every": 3, "width": 8, **told}
    settings = configure("dcgan", data=str(photos), preset=preset, flags=flags)
    through, stopped = begin(settings, Path("a/through")), begin(settings, Path("a/stopped"), stop_at=7)
    go_on(stopped)
    assert_equal(through, stopped, step=2 * STEPS)


def test_resuming_leaves_the_callers_randomness_and_threads_alone(photos: Path) -> None:
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    go_on(begin(tiny(photos), Path("some/run"), stop_at=2), stop_at=4)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_the_recorded_number_of_threads_is_used_again(photos: Path) -> None:
    run = begin(tiny(photos), Path("some/run"), stop_at=2)
    run.write_record({**run.record(), "threads": 1})
    with session.resume(run):
        assert torch.get_num_threads() == 1


def test_an_extension_is_recorded_and_goes_on_exactly(photos: Path, uninterrupted: Run) -> None:
    run = begin(tiny(photos, epochs=2), Path("some/run"))
    go_on(run, more=2)
    assert_equal(run, uninterrupted)
    assert run.record()["extensions"] == [{"from_step": 2 * STEPS, "epochs": 4}]


def test_changed_data_is_refused_until_it_is_accepted(photos: Path) -> None:
    run = begin(tiny(photos), Path("some/run"), stop_at=2)
    record = run.record()
    run.write_record({**record, "data": {**record["data"], "fingerprint": "of something else"}})
    with pytest.raises(DataError, match="no longer what"):
        go_on(run)
    go_on(run, stop_at=3, changes={"allow_changed_data": "true"})
    go_on(run, stop_at=4)
    assert run.checkpoint_steps()[0] == 4


def start_process(photos: Path, *extra: str) -> subprocess.Popen[str]:
    """The same training as `tiny`, as a command."""
    command = ["train", "dcgan", "--data", str(photos), "--size", "16", "--batch-size", "8", "--epochs", "4"]
    command += ["--keep", "100", "--run", "killed/run"]
    command += [f"--set={pair}" for pair in ("width=8", "latent_dim=8", "r1_every=4", "log_every=3")]
    return process(*command, *extra)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_finishes_the_step_saves_and_names_the_command(
    photos: Path, uninterrupted: Run, number: signal.Signals
) -> None:
    child, run = start_process(photos), Run(Path("killed/run"))
    wait_for(run.preview(0), child)
    child.send_signal(number)
    _, said = child.communicate(timeout=60)
    if child.returncode != 0:  # 0: it was through before the signal came
        assert child.returncode == 128 + number
        assert said.splitlines()[-1] == "ganctl resume killed/run"
        assert run.checkpoint_steps()
        go_on(run)
    assert_equal(run, uninterrupted)


def test_kill_9_in_the_middle_changes_nothing(photos: Path, uninterrupted: Run) -> None:
    child, run = start_process(photos), Run(Path("killed/run"))
    wait_for(run.checkpoint(2 * STEPS), child)
    child.kill()
    child.communicate()
    go_on(run)
    assert_equal(run, uninterrupted)


@pytest.mark.campaign
@pytest.mark.parametrize("number", range(50))
def test_kill_9_at_a_random_moment_changes_nothing(photos: Path, uninterrupted: Run, number: int) -> None:
    """From before the run exists to after its end; every second run is killed once more while it resumes."""
    kill_and_go_on(lambda: start_process(photos), Run(Path("killed/run")), number, TOTAL)
    assert_equal(Run(Path("killed/run")), uninterrupted)
