"""What a card can do: the `cuda` tests, its rates, pictures a second beside plain formulations, and a real training.

    PYTHONPATH=. python -m tests.benchmarks.card OUT [STAGE…] [--device cuda|cpu] [--quick] [--minutes 8]

It needs no installation and leaves out what is not there. Every stage is a process of its own with a limit on its
time; what it finds is appended to OUT/results.jsonl line by line, and a stage that is done there is not done again.
`--quick --device cpu` tries the whole script on tiny nets. `horse2zebra` needs the set in $GANCTL_DATA; it leaves both
generators in bfloat16, a file for each direction, and translations of the test split to look at.
"""

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganctl.engine import loop, session
from ganctl.engine.setup import configure
from ganctl.engine.training import Training
from tests.benchmarks import test_cyclegan_speed, test_tutorial_speed
from tests.benchmarks.card_bench import NET, Bench, compile_nets, device_flags, tiny
from tests.benchmarks.card_graph import GraphedStep
from tests.benchmarks.card_horse2zebra import horse2zebra

# seconds, the longest last
LIMITS = {"tests": 120, "rates": 40, "dcgan": 60, "graphs": 180, "cyclegan": 240, "horse2zebra": 600}


def tests(bench: Bench) -> None:
    """The tests of the marker `cuda`."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        "cuda",
        "tests/engine/test_cuda.py",
        "-q",
        "-W",
        "default",
        "--tb=short",
    ]
    done = subprocess.run([*command, "-p", "no:cacheprovider"], capture_output=True, text=True)
    (bench.out / "tests.txt").write_text(done.stdout + done.stderr)
    bench.record("tests", code=done.returncode, last=done.stdout.strip().splitlines()[-12:])


def rates(bench: Bench) -> None:
    """Matrix products in three precisions, and a copy."""
    size = 512 if bench.quick else 8192
    for name, kind, tf32 in (
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bfloat16", torch.bfloat16, False),
    ):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(size, size, device=bench.device).to(kind) for _ in "ab")
        bench.record("rates", what=name, tflops=2 * size**3 / bench.seconds(lambda a=a, b=b: a @ b, 3, 10) / 1e12)
    torch.backends.cuda.matmul.allow_tf32 = False
    source = torch.empty(2**22 if bench.quick else 2**32, dtype=torch.uint8, device=bench.device)
    target = torch.empty_like(source)
    bench.record(
        "rates", what="copy", terabytes=2 * len(source) / bench.seconds(lambda: target.copy_(source), 3, 10) / 1e12
    )


def dcgan(bench: Bench) -> None:
    """Pictures a second of the presets, beside PyTorch's example on the tutorial's nets without a data loader."""
    for preset in ("tutorial", "compact"):
        for precision in ("float32", "bfloat16"):
            flags = device_flags(bench, limit=6000, precision=precision)
            settings = configure("dcgan", data="digits", preset=preset, flags=flags)
            with session.start(settings, str(bench.out / "runs" / f"{preset}-{precision}")) as ours:
                taken = bench.seconds(lambda ours=ours: loop.train_step(ours.state, ours.batches, ours.plan), 20, 200)
                size = ours.batches.batch_size
            bench.record("dcgan", what=f"{preset}, {precision}", pictures=size / taken, step_ms=1e3 * taken, batch=size)
    real = (torch.rand(test_tutorial_speed.BATCH, 1, 28, 28, device=bench.device) * 2 - 1, torch.zeros(1))
    taken = bench.seconds(test_tutorial_speed.plain_step(itertools.repeat(real), bench.device), 20, 200)
    bench.record("dcgan", what="tutorial, plain", pictures=test_tutorial_speed.BATCH / taken, step_ms=1e3 * taken)


def cyclegan(bench: Bench) -> None:
    """Pictures a second of the preset `paper` beside the authors' formulation, and of the net that ships."""
    size = 32 if bench.quick else 256
    torch.backends.cudnn.benchmark = True  # the authors' code has it so
    for batch in (1, 8):
        bench.peak()
        real = _noise(bench, batch, size), _noise(bench, batch, size)
        taken = bench.seconds(test_cyclegan_speed.plain_step(*real, size, bench.device), 5, 20)
        _pace(bench, f"paper, plain, batch {batch}", batch, taken)
    paper = {"blocks": 9}
    for what, options, batch, compiles in (
        ("paper", paper, 1, False),
        ("paper", paper, 8, False),
        ("net that ships", NET, 4, False),
        ("net that ships", NET, 4, True),
        ("paper", paper, 8, True),
    ):
        with _striped(bench, size, batch, options) as started:
            if compiles:
                compile_nets(started)
            began = time.perf_counter()
            loop.train_step(started.state, started.batches, started.plan)
            bench.wait()
            first = time.perf_counter() - began
            bench.peak()
            taken = bench.seconds(lambda s=started: loop.train_step(s.state, s.batches, s.plan), 5, 20)
            steps = itertools.count(1)
            loading = bench.seconds(lambda s=started, n=steps: s.batches.batch(next(n), s.state.device), 3, 20)
        how = f"{what}, batch {batch}" + (", compiled" if compiles else "")
        _pace(bench, how, batch, taken, first_seconds=first, loading=loading / taken)


def graphs(bench: Bench) -> None:
    """Steps replayed as CUDA graphs beside the same steps launched one kernel at a time, and where the time goes."""
    if bench.device.type != "cuda":
        return
    torch.backends.cudnn.benchmark = True
    settings = configure("dcgan", data="digits", preset="tutorial", flags=device_flags(bench, limit=6000))
    with session.start(settings, str(bench.out / "runs" / "graphed-tutorial")) as ours:
        _graphed(bench, "tutorial", ours, loop.train_step, 50, 200)
        _graphed(bench, "tutorial, graph", ours, GraphedStep(), 50, 200)
    for batch, compiles in ((1, False), (4, False), (2, False), (2, True)):
        what = f"net that ships, batch {batch}" + (", compiled" if compiles else "")
        with _striped(bench, 32 if bench.quick else 256, batch, NET) as started:
            if compiles:
                compile_nets(started)
            began = time.perf_counter()
            _graphed(bench, what, started, loop.train_step, 5, 20)
            bench.record("graphs", what=what, first_seconds=time.perf_counter() - began)
            if batch == 2:
                _profile(bench, what, started)
        with _striped(bench, 32 if bench.quick else 256, batch, NET) as started:
            if compiles:
                compile_nets(started)
            _graphed(bench, f"{what}, graph", started, GraphedStep(), 5, 20)


def _graphed(bench: Bench, what: str, started: Training, step: Any, warm: int, count: int) -> None:
    """Record the time of a step, and the state's losses after the same steps in either way."""
    taken = bench.seconds(lambda: step(started.state, started.batches, started.plan), warm, count)
    size = started.batches.batch_size
    bench.record(
        "graphs",
        what=what,
        pictures=size / taken,
        step_ms=1e3 * taken,
        gigabytes=bench.peak(),
        means=started.state.means(),
    )


def _profile(bench: Bench, what: str, started: Training, steps: int = 3) -> None:
    """Write the kernels of some steps by their time on the card."""
    kinds = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds) as profiler:
        for _ in range(steps):
            loop.train_step(started.state, started.batches, started.plan)
        bench.wait()
    table = profiler.key_averages().table(sort_by="self_cuda_time_total", row_limit=40, max_name_column_width=100)
    (bench.out / f"profile-{what.replace(', ', '-').replace(' ', '-')}.txt").write_text(table)


def _pace(bench: Bench, what: str, batch: int, taken: float, **more: float) -> None:
    bench.record("cyclegan", what=what, pictures=batch / taken, step_ms=1e3 * taken, gigabytes=bench.peak(), **more)


def _noise(bench: Bench, batch: int, size: int) -> Iterator[Tensor]:
    """The same pictures again and again, without a data loader: in the plain formulation's favour."""
    return itertools.repeat(torch.rand(batch, 3, size, size, device=bench.device) * 2 - 1)


def _striped(bench: Bench, size: int, batch: int, options: Mapping[str, object]) -> Any:
    settings = configure(
        "cyclegan",
        data="plain2striped",
        preset="paper",
        flags=device_flags(bench, size=size, limit=64, batch_size=batch),
        assignments={key: str(value) for key, value in tiny(bench, options).items()},
    )
    return session.start(settings, str(bench.out / "runs" / f"pace-{time.time_ns()}"))


STAGES = {
    "tests": tests,
    "rates": rates,
    "dcgan": dcgan,
    "graphs": graphs,
    "cyclegan": cyclegan,
    "horse2zebra": horse2zebra,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("stages", nargs="*", default=[])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--init-from", help="a model, perhaps with its discriminators beside it, to go on from")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--graph", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(
        arguments.out.resolve(),
        torch.device(arguments.device),
        arguments.quick,
        arguments.minutes,
        arguments.batch,
        arguments.lr,
        arguments.init_from,
        arguments.compile,
        arguments.graph,
    )
    if arguments.inside:
        STAGES[arguments.stages[0]](bench)
        return
    results = arguments.out / "results.jsonl"
    lines = [json.loads(text) for text in results.read_text().splitlines()] if results.exists() else []
    done = {line["stage"] for line in lines if line.get("code") == 0}
    for stage in arguments.stages or STAGES:
        if stage in done:
            continue
        command = [sys.executable, "-m", "tests.benchmarks.card", *sys.argv[1:], "--inside"]
        command = [part for part in command if part not in STAGES or part == stage]
        if stage not in command:
            command.insert(4, stage)
        began = time.monotonic()
        try:
            code = subprocess.run(command, timeout=LIMITS[stage]).returncode
        except subprocess.TimeoutExpired:
            code = 124
        bench.record(stage, what="ended", code=code, seconds=time.monotonic() - began)


if __name__ == "__main__":
    main()
