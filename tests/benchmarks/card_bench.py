"""What the stages of the card benchmark share: where to measure, how much, and where results go."""

import dataclasses
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganctl.engine.training import Training
from ganctl.gans.cyclegan import CycleGAN

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
    batch: int
    lr: float
    init_from: str | None
    compiles: bool
    graph: bool

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


def compile_nets(started: Training) -> None:
    """Compile the four nets in place; the averaged generators stay as they are."""
    module = started.state.module
    assert isinstance(module, CycleGAN)
    nets: list[nn.Module] = [module.model.a_to_b, module.model.b_to_a, module.discriminator_a, module.discriminator_b]
    for net in nets:
        net.compile(dynamic=False)


def device_flags(bench: Bench, **flags: Any) -> dict[str, Any]:
    return {"device": str(bench.device), "seed": 0, **flags}


def tiny(bench: Bench, options: Mapping[str, object]) -> dict[str, object]:
    small = {"blocks": 1, "width": 4, "discriminator_width": 4, "discriminator_layers": 1}
    return {**options, **(small if bench.quick else {})}
