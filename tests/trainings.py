"""Small trainings for tests, and what it means that two runs are equal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ganctl import checkpoint, training
from ganctl.checkpoint import MODEL, STATE
from ganctl.run import Run
from ganctl.settings import Settings

EPOCHS, STEPS = 4, 5  # 40 pictures in batches of 8
TOTAL = EPOCHS * STEPS


def tiny(photos: Path, **flags: Any) -> Settings:
    """Twenty steps over 40 pictures, in which every lazy thing happens: R1 every 4th step, the log every 3rd."""
    told: dict[str, Any] = {"size": 16, "batch_size": 8, "epochs": EPOCHS, "log_every": 3, "keep": 100}
    small = {"width": "8", "latent": "8", "r1_every": "4"}
    return training.configure("dcgan", data=str(photos), flags=told | flags, assignments=small)


def until(step: int, started: training.Training) -> Callable[[], str | None]:
    """A reason to stop at a step."""
    return lambda: "SIGTERM" if started.state.step >= step else None


def begin(settings: Settings, path: Path, stop_at: int = TOTAL) -> Run:
    """Train a new run up to a step."""
    with training.start(settings, str(path)) as started:
        for _ in started.events(until(stop_at, started)):
            pass
        return started.run


def go_on(run: Run, stop_at: int = 10**9, **extension: Any) -> tuple[str, ...]:
    """Resume a run up to a step; what it warned of."""
    with training.resume(run, **extension) as resumed:
        for _ in resumed.events(until(stop_at, resumed)):
            pass
        return resumed.warnings


def assert_equal(one: Run, other: Run, step: int = TOTAL) -> None:
    """Every tensor and header of a step's checkpoint bit for bit, the log, and every progress sheet."""
    for name in (MODEL, STATE):
        a, b = (checkpoint.read(run.checkpoint(step) / name) for run in (one, other))
        assert a.header == b.header
        assert set(a.tensors) == set(b.tensors)
        different = [key for key in a.tensors if not torch.equal(a.tensors[key], b.tensors[key])]
        assert not different
    assert one.log.read_bytes() == other.log.read_bytes()
    sheets = [{epoch: path.read_bytes() for epoch, path in run.sheets()} for run in (one, other)]
    assert sheets[0] == sheets[1]
