"""Small trainings for tests, and what it means that two runs are equal."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ganctl import tensorfile
from ganctl.engine import session
from ganctl.engine.resumption import ResumeRequest
from ganctl.engine.setup import configure
from ganctl.engine.training import Training
from ganctl.runs.checkpoint import MODEL, STATE
from ganctl.runs.run import Run
from ganctl.settings import Settings

EPOCHS, STEPS = 4, 5  # 40 pictures in batches of 8
TOTAL = EPOCHS * STEPS


def tiny(photos: Path, **flags: Any) -> Settings:
    """Twenty steps over 40 pictures, in which every lazy thing happens: R1 every 4th step, the log every 3rd."""
    told: dict[str, Any] = {"size": 16, "batch_size": 8, "epochs": EPOCHS, "log_every": 3, "keep": 100}
    small = {"width": "8", "latent_dim": "8", "r1_every": "4"}
    return configure("dcgan", data=str(photos), flags=told | flags, assignments=small)


PAIR_EPOCHS, PAIR_STEPS = 4, 7  # 14 pictures of the larger side in batches of 2
PAIR_TOTAL = PAIR_EPOCHS * PAIR_STEPS


def tiny_pair(pair: Path, **flags: Any) -> Settings:
    """28 steps of a CycleGAN, its pools full after the second, its learning rates falling from the 14th on."""
    told: dict[str, Any] = {"size": 16, "batch_size": 2, "epochs": PAIR_EPOCHS, "log_every": 3, "keep": 100}
    small = {"width": "4", "blocks": "1", "discriminator_width": "4", "discriminator_layers": "1", "pool_size": "3"}
    return configure("cyclegan", data=str(pair), preset="paper", flags=told | flags, assignments=small)


def until(step: int, started: Training) -> Callable[[], str | None]:
    """A reason to stop at a step."""
    return lambda: "SIGTERM" if started.state.step >= step else None


def begin(settings: Settings, path: Path, stop_at: int = 10**9) -> Run:
    """Train a new run up to a step."""
    with session.start(settings, str(path)) as started:
        started.train(until(stop_at, started))
        return started.run


def go_on(run: Run, stop_at: int = 10**9, **extension: Any) -> tuple[str, ...]:
    """Resume a run up to a step; what it warned of."""
    with session.resume(run, ResumeRequest(**extension)) as resumed:
        resumed.train(until(stop_at, resumed))
        return resumed.warnings


def assert_equal(one: Run, other: Run, step: int = TOTAL) -> None:
    """Every tensor and header of a step's checkpoint bit for bit, the log, and every preview."""
    for name in (MODEL, STATE):
        a, b = (tensorfile.read(run.checkpoint(step) / name) for run in (one, other))
        assert a.header == b.header
        assert set(a.tensors) == set(b.tensors)
        different = [key for key in a.tensors if not torch.equal(a.tensors[key], b.tensors[key])]
        assert not different
    assert one.log.read_bytes() == other.log.read_bytes()
    previews = [{epoch: path.read_bytes() for epoch, path in run.previews()} for run in (one, other)]
    assert previews[0] == previews[1]


def process(*arguments: str) -> subprocess.Popen[str]:
    """The command line as a process of its own."""
    command = [sys.executable, "-m", "ganctl", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, child: subprocess.Popen[str]) -> None:
    """Until a file is there, or the process that was to make it is gone."""
    while not path.exists() and child.poll() is None:
        time.sleep(0.001)


def kill_and_go_on(start: Callable[[], subprocess.Popen[str]], run: Run, number: int, total: int) -> None:
    """Kill a training at a random moment, with odd numbers its resume too, then resume it to its end."""
    rng = random.Random(number)
    child = start()
    if number % 5:  # most of the kills fall into the training itself
        wait_for(run.path / "run.json", child)
        time.sleep(rng.uniform(0, 0.6))
    else:
        time.sleep(rng.uniform(0, 8))
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    resume = ("resume", str(run.path))
    if not run.path.exists():
        child = start()
    elif number % 2:
        child = process(*resume)
        time.sleep(rng.uniform(2, 6))
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        child = process(*resume)
    else:
        child = process(*resume)
    _, said = child.communicate(timeout=120)
    assert child.returncode == 0, said
    assert run.checkpoint_steps()[0] == total
    assert not list(run.path.glob(".tmp-*"))


def raises(error: BaseException) -> Callable[..., Any]:
    """A function that does nothing else."""

    def function(*arguments: object, **more: object) -> None:
        raise error

    return function


def warned(run: Run) -> list[str]:
    """The warnings in the event log."""
    return [event["message"] for event in run.read_events() if event["event"] == "warning"]


def content(run: Run) -> dict[Path, bytes | None]:
    """All that is in a run, but for the lock."""
    files = (path for path in run.path.rglob("*") if path.name != ".lock")
    return {path: path.read_bytes() if path.is_file() else None for path in files}
