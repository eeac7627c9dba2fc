"""Train the horse2zebra model that ships on a card, and translate the test split with it."""

import dataclasses
import os
import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import torch

from ganctl import tensorfile
from ganctl.engine import loop, session
from ganctl.engine.events import Event, Logged, Previewed, Subscriber
from ganctl.engine.setup import configure
from ganctl.engine.training import Training
from ganctl.gans.base import Clock
from ganctl.images import grids, reading
from ganctl.inference import loading
from ganctl.tensorfile import TensorFile
from tests.benchmarks.card_bench import NET, Bench, compile_nets, device_flags, tiny
from tests.benchmarks.card_graph import GraphedStep


def horse2zebra(bench: Bench) -> None:
    """Train the net that ships for some minutes, and leave it in pieces with what it makes of the test split."""
    torch.backends.cudnn.benchmark = True
    began = time.monotonic()
    size = 32 if bench.quick else 256
    settings = configure(
        "cyclegan",
        data="horse2zebra",
        preset=None if bench.init_from else "paper",
        init_from=bench.init_from,
        flags=device_flags(
            bench,
            size=size,
            limit=16 if bench.quick else None,
            batch_size=bench.batch,
            epochs=1000,  # time ends it
            checkpoint_every="1000e",
            lr_generator=bench.lr,
            lr_discriminator=bench.lr,
        ),
        assignments={key: str(value) for key, value in tiny(bench, NET).items()},
    )

    def spent() -> float:
        """The share of the time that is over."""
        return (time.monotonic() - began) / (60 * bench.minutes)

    def stop() -> str | None:
        return "--max-minutes" if spent() > 1 else None

    def falling_with_time(clock: Clock) -> float:
        """1 for half of the time, then a line to 0 at its end: how many steps there will be is not known."""
        return max(0.0, min(1.0, 2 * (1 - spent())))

    with ExitStack() as stack:
        started = stack.enter_context(session.start(settings, str(bench.out / "runs" / "horse2zebra")))
        started = dataclasses.replace(started, plan=dataclasses.replace(started.plan, schedule=falling_with_time))
        bench.record("horse2zebra", what="data is ready", seconds=time.monotonic() - began)
        if bench.compiles:
            compile_nets(started)
        if bench.graph:
            stack.enter_context(patch.object(loop, "train_step", GraphedStep(loop.train_step)))

        def look(event: Event) -> None:
            match event:
                case Logged(line) if int(line["step"]) % 500 == 0:
                    bench.record("horse2zebra", seconds=time.monotonic() - began, line=dict(line))
                case Previewed(epoch, path) if epoch % 10 == 0 and epoch:
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
    model = loading.load(str(run), str(bench.device))
    data = Path(os.environ["GANCTL_DATA"]) / "horse2zebra"
    for part, domain in (("testA", "zebra"), ("testB", "horse")):
        cells = []
        for file in sorted((data / part).iterdir())[: 4 if bench.quick else 40]:
            levels = torch.from_numpy(reading.read_image(file).pixels.copy()).permute(2, 0, 1)[None]
            real = levels.float() / 127.5 - 1
            cells += [real, model.translate(real, to=domain)]
        path = bench.out / f"{domain}.png"
        grids.save_grid(path, torch.cat(cells), columns=8)
        _as_jpeg(path, path.with_suffix(".jpg"))
        path.unlink()


def _as_jpeg(source: Path, target: Path) -> None:
    from PIL import Image

    with Image.open(source) as picture:
        picture.convert("RGB").save(target, quality=92)
