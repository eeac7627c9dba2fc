"""Timing things in turns in one process, so that a busy machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable

import torch
from pytest_benchmark.fixture import BenchmarkFixture

Step = Callable[[], object]

PRODUCT = 2 * 2048**3  # operations of `matrix_product`


def timed(step: Step) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def matrix_product() -> Step:
    """A product of two 2048 × 2048 matrices, the most that the machine can do."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    return lambda: torch.mm(a, b)


def in_turns(benchmark: BenchmarkFixture, rounds: int, ours: Step, **others: Step) -> dict[str, list[float]]:
    """The seconds of every round, of `ours` and of the others; each is called once before."""
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *others)}

    def beside() -> None:
        for name, step in others.items():
            seconds[name].append(timed(step))

    ours()
    for step in others.values():
        step()
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: seconds["ours"].append(timed(ours)), setup=beside, rounds=rounds
    )
    return seconds


def ratio(one: list[float], other: list[float]) -> float:
    """The median over the rounds of one's seconds over the other's."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def record(benchmark: BenchmarkFixture, **scores: float) -> None:
    """Keep scores to three digits, and print them."""
    for name, value in scores.items():
        benchmark.extra_info[name] = float(f"{value:.3g}")
        print(f"{name}: {value:.3g}")
