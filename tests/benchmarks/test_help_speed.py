"""What ``--help`` costs beside that of an empty Typer application, in rounds of one of each.

    pytest -s tests/benchmarks/test_help_speed.py

Every ratio is the median over the rounds; it is recorded, never asserted. Processor time hardly depends on what else
the machine does; wall time does.
"""

import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.benchmarks.in_turns import record, timed

ROUNDS = 15
EMPTY = """
import typer

app = typer.Typer()


@app.command()
def nothing() -> None:
    pass


app()
"""


def run(*command: str) -> None:
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)


def costs(*command: str) -> tuple[float, float]:
    """The seconds of wall time and of processor time that a Python command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = timed(lambda: run(*command))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("words", [(), ("train",), ("train", "dcgan")], ids=" ".join)
def test_cost_of_help(benchmark: BenchmarkFixture, words: tuple[str, ...]) -> None:
    Path("empty.py").write_text(EMPTY)
    empty, ours = ("empty.py", "--help"), ("-m", "ganctl", *words, "--help")
    run(*empty)  # so that what is compiled once is compiled
    run(*ours)
    rounds = [(costs(*ours), costs(*empty)) for _ in range(ROUNDS - 1)]
    benchmark.pedantic(lambda: rounds.append((costs(*ours), costs(*empty))), rounds=1)  # type: ignore[no-untyped-call]
    wall, processor = (statistics.median(a[i] / b[i] for a, b in rounds) for i in range(2))
    record(benchmark, wall_time_over_empty=wall, processor_time_over_empty=processor)
