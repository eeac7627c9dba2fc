"""How fast the default preset trains on an idle machine and beside other work, as its threads wait for each other.

    pytest -s tests/benchmarks/test_threads.py

Three processes train in turns: as torch would by itself (one thread a core, which spin for long), as ganctl chooses,
and with one thread. All that is printed are ratios of pictures per second, medians over the rounds. The targets: idle,
ganctl's choice reaches 0.97 of torch's own; beside one busy process, 0.9 of what one thread reaches there. Run it on
a machine that does nothing else.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

ROUNDS, STEPS = 9, 40
CHOICES = {"torch": ((), {}), "ganctl": (("--choose",), {}), "one thread": ((), {"OMP_NUM_THREADS": "1"})}
OWN = ("OMP_", "GOMP_", "KMP_", "MKL_")


@contextmanager
def worker(name: str) -> Iterator[subprocess.Popen[str]]:
    """A training that waits for a number of steps."""
    flags, own = CHOICES[name]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(OWN)} | own
    command = [sys.executable, "-m", "tests.benchmarks.thread_worker", f"runs/{name}", *flags]
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.communicate()


@contextmanager
def busy() -> Iterator[None]:
    """A process that always wants a core."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def rate(process: subprocess.Popen[str], steps: int) -> float:
    """Pictures per second over some steps."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{steps}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


@pytest.mark.parametrize("neighbours", [0, 1, 2], ids=["idle", "beside one busy process", "beside two"])
def test_speed_beside_other_work(neighbours: int) -> None:
    rates: dict[str, list[float]] = {name: [] for name in CHOICES}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(worker(name)) for name in CHOICES}
        for process in workers.values():
            rate(process, 5)  # which also waits until it is ready
        for _ in range(neighbours):
            stack.enter_context(busy())
        for _ in range(ROUNDS):
            for name, process in workers.items():
                rates[name].append(rate(process, STEPS))
    print(f"\n{neighbours} busy: " + ", ".join(f"{name} {statistics.median(r):.0f}" for name, r in rates.items()))
    for other in ("torch", "one thread"):
        ratios = [a / b for a, b in zip(rates["ganctl"], rates[other], strict=True)]
        print(f"ganctl's choice over {other}: {statistics.median(ratios):.3g}")
