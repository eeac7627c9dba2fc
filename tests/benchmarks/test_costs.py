"""What ganctl's promises cost: saving, and feeding the nets.

    OMP_NUM_THREADS=2 pytest -s tests/benchmarks/test_costs.py

Every score is a ratio of things measured in turns in one run; it is recorded, never asserted.
"""

import statistics
from collections.abc import Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ganctl.engine import loop, session
from ganctl.engine.events import Emitter
from ganctl.engine.setup import configure
from ganctl.engine.training import Training
from tests.benchmarks.in_turns import record, timed


def rounds(benchmark: BenchmarkFixture) -> list[float]:
    """The seconds of every round."""
    assert benchmark.stats is not None
    return list(benchmark.stats["data"])


@pytest.fixture(params=["compact", "tutorial"])
def started(request: pytest.FixtureRequest) -> Iterator[Training]:
    """A training of a preset on the built-in digits."""
    settings = configure("dcgan", data="digits", preset=request.param, flags={"device": "cpu"})
    with session.start(settings, "benchmark/run") as begun:
        for _ in range(3):
            loop.train_step(begun.state, begun.batches, begun.plan)
        yield begun


def over_a_step(benchmark: BenchmarkFixture, started: Training, measured: Callable[[], object], times: int) -> float:
    """What something costs beside a step of the same training, the two in turns."""
    steps: list[float] = []

    def step() -> None:
        steps.append(timed(lambda: loop.train_step(started.state, started.batches, started.plan)))

    benchmark.pedantic(measured, setup=step, rounds=times)  # type: ignore[no-untyped-call]
    return statistics.median(rounds(benchmark)) / statistics.median(steps)


def test_cost_of_saving_once_an_epoch(benchmark: BenchmarkFixture, started: Training) -> None:
    cost = over_a_step(benchmark, started, lambda: loop.save(started.state, started.plan, started.run), times=10)
    record(benchmark, saving_over_training=cost / started.batches.steps_per_epoch)


def test_cost_of_a_batch(benchmark: BenchmarkFixture, started: Training) -> None:
    state, batches = started.state, started.batches
    cost = over_a_step(benchmark, started, lambda: batches.batch(state.step, state.device), times=30)
    record(benchmark, batch_over_step=cost)


def test_cost_of_monitoring(benchmark: BenchmarkFixture, started: Training) -> None:
    state, batches, monitor = started.state, started.batches, started.plan.monitor
    assert monitor is not None
    preview = state.module.preview(state.ema_model, batches.held_out(state.device))
    monitor.measure(state, preview, 1, Emitter())  # looks at the real pictures
    cost = over_a_step(benchmark, started, lambda: monitor.measure(state, preview, 1, Emitter()), times=5)
    record(benchmark, monitoring_over_training=cost / batches.steps_per_epoch)
