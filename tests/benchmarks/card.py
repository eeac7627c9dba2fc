"""What a card can do: the `cuda` tests, its rates, pictures a second beside plain formulations, and a real training.

    PYTHONPATH=. python -m tests.benchmarks.card OUT [STAGE…] [--device cuda|cpu] [--quick] [--minutes 8] [--epochs 60]

It needs no installation and leaves out what is not there. Every stage is a process of its own with a limit on its
time; what it finds is appended to OUT/results.jsonl line by line, and a stage that is done there is not done again.
`--quick --device cpu` tries the whole script on tiny nets. `horse2zebra` needs the set in $GANCTL_DATA; it leaves both
generators in bfloat16, a file for each direction, and translations of the test split to look at.
"""

import argparse
import dataclasses
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganctl import tensorfile
from ganctl.engine import loop, session
from ganctl.engine.events import Event, Logged, Previewed, Subscriber
from ganctl.engine.setup import configure
from ganctl.engine.training import Training
from ganctl.gans.cyclegan import CycleGAN
from ganctl.images import grids, reading
from ganctl.inference import model as inference
from ganctl.tensorfile import TensorFile
from tests.benchmarks import test_cyclegan_speed, test_tutorial_speed

LIMITS = {"tests": 120, "rates": 40, "dcgan": 60, "cyclegan": 240, "horse2zebra": 600}  # seconds, the longest last

# The net that ships: the paper's ResNet with six blocks, so that both directions take 30 MiB in bfloat16. It draws a
# change and upsamples without checkerboards; a generator that starts as the identity needs no identity passes.
NET = {
    "blocks": 6,
    "width": 64,
    "output": "residual",
    "upsample": "resize",
    "lambda_identity": 0.0,
    "lambda_cycle": 7.0,
    "ema": 0.999,
}


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where to measure, how much, and where results go."""

    out: Path
    device: torch.device
    quick: bool
    minutes: float
    epochs: int
    batch: int
    lr: float

    def record(self, stage: str, **scores: object) -> None:
        """Append a line to the results, and print it."""
        line = json.dumps({"stage": stage, **scores})
        with (self.out / "results.jsonl").open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def wait(self) -> None:
        """Until the card has done all that it was asked for."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, step: Any, warm: int, count: int) -> float:
        """Of one call: the mean of `count`, after `warm` others."""
        warm, count = (1, 2) if self.quick else (warm, count)
        for _ in range(warm):
            step()
        self.wait()
        began = time.perf_counter()
        for _ in range(count):
            step()
        self.wait()
        return (time.perf_counter() - began) / count

    def peak(self) -> float:
        """The most memory held since the last call, in GB."""
        if self.device.type != "cuda":
            return 0.0
        held = torch.cuda.max_memory_allocated(self.device) / 1e9
        torch.cuda.reset_peak_memory_stats(self.device)
        return held


def tests(bench: Bench) -> None:
    """The tests of the marker `cuda`."""
    command = [sys.executable, "-m", "pytest", "-m", "cuda", "tests/test_cuda.py", "-q", "-W", "default", "--tb=short"]
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
            flags = _where(bench, limit=6000, precision=precision)
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
        flags=_where(bench, size=size, limit=64, batch_size=batch),
        assignments={key: str(value) for key, value in _tiny(bench, options).items()},
    )
    return session.start(settings, str(bench.out / "runs" / f"pace-{time.time_ns()}"))


def horse2zebra(bench: Bench) -> None:
    """Train the net that ships for some minutes, and leave it in pieces with what it makes of the test split."""
    torch.backends.cudnn.benchmark = True
    began = time.monotonic()
    size = 32 if bench.quick else 256
    settings = configure(
        "cyclegan",
        data="horse2zebra",
        preset="paper",
        flags=_where(
            bench,
            size=size,
            limit=16 if bench.quick else None,
            batch_size=bench.batch,
            epochs=bench.epochs,
            checkpoint_every="1000e",
            lr_generator=bench.lr,
            lr_discriminator=bench.lr,
        ),
        assignments={key: str(value) for key, value in _tiny(bench, NET).items()},
    )

    def stop() -> str | None:
        return "--max-minutes" if time.monotonic() - began > 60 * bench.minutes else None

    with session.start(settings, str(bench.out / "runs" / "horse2zebra")) as started:
        bench.record("horse2zebra", what="data is ready", seconds=time.monotonic() - began)
        if bench.device.type == "cuda":
            compile_nets(started)

        def look(event: Event) -> None:
            match event:
                case Logged(line) if int(line["step"]) % 500 == 0:
                    bench.record("horse2zebra", seconds=time.monotonic() - began, line=dict(line))
                case Previewed(epoch, path) if epoch % 10 == 0:
                    _save_in_pieces(bench, started)  # whatever becomes of the rest
                    _as_jpeg(path, bench.out / "progress.jpg")
                case _:
                    pass

        started.train(stop, Subscriber(look))
        state, run = started.state, started.run
        _save_in_pieces(bench, started)
    (bench.out / "log.jsonl").write_bytes(run.log.read_bytes())
    bench.record("horse2zebra", what="saved", seconds=time.monotonic() - began)
    _draw_test_split(bench, run.path)
    bench.record("horse2zebra", what="done", step=state.step, seconds=time.monotonic() - began)


def _save_in_pieces(bench: Bench, started: Training) -> None:
    """Both averaged generators, and the discriminators for who goes on with them, in bfloat16: a file each."""
    weights, header = dict(started.state.ema_model.state_dict()), {**started.plan.header, "step": started.state.step}
    module = started.state.module.state_dict()
    pieces = {name: {k: t for k, t in weights.items() if k.startswith(name)} for name in ("a_to_b", "b_to_a")}
    pieces["discriminators"] = {k: t for k, t in module.items() if k.startswith("discriminator_")}
    for name, tensors in pieces.items():
        half = {key: tensor.bfloat16() for key, tensor in tensors.items()}
        tensorfile.write(bench.out / f"{name}.safetensors", TensorFile(half, header))


def _draw_test_split(bench: Bench, run: Path) -> None:
    """Sheets of pictures of the test split, each beside its translation."""
    model = inference.load(str(run), str(bench.device))
    data = Path(os.environ["GANCTL_DATA"]) / "horse2zebra"
    for part, domain in (("testA", "zebra"), ("testB", "horse")):
        cells = []
        for file in sorted((data / part).iterdir())[: 4 if bench.quick else 40]:
            levels = torch.from_numpy(reading.read(file).levels.copy()).permute(2, 0, 1)[None]
            real = levels.float() / 127.5 - 1
            cells += [real, model.translate(real, domain)]
        path = bench.out / f"{domain}.png"
        grids.save_grid(path, torch.cat(cells), columns=8)
        _as_jpeg(path, path.with_suffix(".jpg"))
        path.unlink()


def _as_jpeg(source: Path, target: Path) -> None:
    from PIL import Image

    with Image.open(source) as picture:
        picture.convert("RGB").save(target, quality=92)


def compile_nets(started: Training) -> None:
    """Compile the four nets in place; the averaged generators stay as they are."""
    module = started.state.module
    assert isinstance(module, CycleGAN)
    nets: list[nn.Module] = [module.model.a_to_b, module.model.b_to_a, module.discriminator_a, module.discriminator_b]
    for net in nets:
        net.compile(dynamic=False)


def _where(bench: Bench, **flags: Any) -> dict[str, Any]:
    return {"device": str(bench.device), "seed": 0, **flags}


def _tiny(bench: Bench, options: Mapping[str, object]) -> dict[str, object]:
    small = {"blocks": 1, "width": 4, "discriminator_width": 4, "discriminator_layers": 1}
    return {**options, **(small if bench.quick else {})}


STAGES = {"tests": tests, "rates": rates, "dcgan": dcgan, "cyclegan": cyclegan, "horse2zebra": horse2zebra}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("stages", nargs="*", default=[])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(
        told.out.resolve(), torch.device(told.device), told.quick, told.minutes, told.epochs, told.batch, told.lr
    )
    if told.inside:
        STAGES[told.stages[0]](bench)
        return
    results = told.out / "results.jsonl"
    lines = [json.loads(text) for text in results.read_text().splitlines()] if results.exists() else []
    done = {line["stage"] for line in lines if line.get("code") == 0}
    for stage in told.stages or STAGES:
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
