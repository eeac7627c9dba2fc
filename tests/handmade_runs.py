"""Write run directories by hand, for tests that need no training."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ganctl.images import grids
from ganctl.images.captions import Captions
from ganctl.runs.run import Run, create
from ganctl.settings import Settings

STEPS = 100  # per epoch

RECORD: dict[str, Any] = {
    "format": 2,
    "settings": {"family": "dcgan", "options": {}},
    "data": {"name": "photos", "fingerprint": "0", "train": 40, "held_out": 2},
    "steps_per_epoch": 5,
    "versions": {},
    "device": "cpu",
    "threads": 1,
    "extensions": [],
    "command": "ganctl train dcgan",
}
"""The least that ``run.json`` may hold."""

WINS = {"code": "D-WINS", "severity": "warning", "message": "The discriminator wins.", "remedy": "--balance"}
ALIKE = {"code": "MODE-COLLAPSE", "severity": "warning", "message": "The pictures are alike.", "remedy": "--set r1=1"}
EQUILIBRIUM = {"code": "EQUILIBRIUM", "severity": "good", "message": "The discriminator cannot tell.", "remedy": ""}


def record(**changes: Any) -> dict[str, Any]:
    """The ``run.json`` of a DCGAN on 3200 pictures in batches of 32."""
    options = {"width": 64, "r1": 1.0}
    settings = Settings("dcgan", options, "mnist", "compact", batch_size=32, size=28, channels=1, device="cpu")
    return {
        "format": 2,
        "settings": settings.to_json(),
        "shape": [1, 28, 28],
        "data": {"name": "mnist", "fingerprint": "f" * 64, "train": 32 * STEPS, "held_out": 640, "broken": 0},
        "steps_per_epoch": STEPS,
        "versions": {"ganctl": "0.1.0", "torch": "2.14.1", "python": "3.11.7"},
        "device": "cpu",
        "threads": 2,
        "extensions": [],
        "command": "ganctl train dcgan --data mnist --set r1=1",
    } | changes


def written(
    path: Path,
    lines: Sequence[Mapping[str, Any]] = (),
    events: Sequence[Mapping[str, Any]] = (),
    previews: Mapping[int, Image.Image] | None = None,
    **changes: Any,
) -> Run:
    """A run directory with these lines of log and events, and these previews."""
    run = create(path, record(**changes))
    run.append_log([json.dumps(line) for line in lines])
    run.events.write_text("".join(json.dumps(event) + "\n" for event in events))
    for epoch, image in (previews or {}).items():
        image.save(run.preview(epoch))
    return run


def sheet(epoch: int, size: int, colour: bool = False) -> Image.Image:
    """A square image that differs at every epoch and compresses no better than photographs."""
    rng = np.random.default_rng(epoch)
    noise = rng.integers(0, 256, (size // 5, size // 5, 3 if colour else 1), dtype=np.uint8).squeeze()
    return Image.fromarray(noise).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)


def log(epochs: int) -> list[dict[str, float]]:
    """Two lines an epoch, with every kind of metric at the steps at which it is measured."""
    lines: list[dict[str, float]] = []
    for half in range(1, 2 * epochs + 1):
        epoch, progress = math.ceil(half / 2), half / (2 * epochs)
        wave = 0.08 * math.sin(half * 1.7)
        line = {
            "step": half * STEPS // 2,
            "epoch": epoch,
            "loss/discriminator": 1.35 - 0.25 * math.exp(-3 * progress) + wave,
            "loss/generator": 0.75 + 1.6 * math.exp(-6 * progress) - wave,
            "metric/D(x)": 0.52 + 0.38 * math.exp(-4 * progress) + wave / 2,
            "metric/D(G(z))": 0.48 - 0.38 * math.exp(-4 * progress) - wave / 2,
            "metric/accuracy": 0.55 + 0.42 * math.exp(-4 * progress) + wave / 4,
            "metric/r1": 0.02 + 0.03 * math.exp(-5 * progress) + wave / 20,
        }
        if half % 2 == 0:
            line |= {
                "sample/diversity": 0.96 - 0.8 * math.exp(-7 * progress) + wave / 3,
                "sample/novelty": 1.02 - 0.5 * math.exp(-5 * progress),
                "sample/checkerboard": 1.05 + 1.5 * math.exp(-6 * progress),
                "sample/contrast": 1.0 - 0.5 * math.exp(-6 * progress),
                "sample/repeats": 0.01 + 0.3 * math.exp(-8 * progress),
            }
            if epoch % 5 == 0:
                worse = 0.4 * max(0.0, progress - 0.8)
                line |= {
                    "score/fid-digits-cnn": 0.35 + 30 * math.exp(-9 * progress) + worse,
                    "score/kid-digits-cnn": 0.002 + 0.2 * math.exp(-8 * progress),
                }
        lines.append({name: round(value, 5) for name, value in line.items()})
    return lines


def at(minute: int, event: str, **fields: Any) -> dict[str, Any]:
    """An event so many minutes after ten o'clock."""
    return {"time": f"2026-01-31T{10 + minute // 60}:{minute % 60:02d}:00+0000", "event": event, **fields}


def event_lines() -> list[dict[str, Any]]:
    """The events of a run of 50 epochs that was stopped and resumed, raised three verdicts, and finished."""
    scores = {"fid-digits-cnn": 2.1, "kid-digits-cnn": 0.01}
    held_out = {"fid-digits-cnn": 0.1, "kid-digits-cnn": 0.0008}
    return [
        at(0, "start", step=0, command="ganctl train dcgan --data mnist --set r1=1"),
        at(1, "warning", message="mnist is not on this machine: the built-in digits are used."),
        at(3, "verdict", state="raised", step=400, epoch=4, **WINS),
        at(5, "save", step=500, seconds=0.1),
        at(6, "verdict", state="cleared", step=900, epoch=9, **WINS),
        at(10, "stop", step=1500, reason="SIGINT"),
        at(60, "resume", step=1500, command="ganctl resume runs/mnist"),
        at(65, "evaluate", step=2000, epoch=20, scores=scores, held_out=held_out, seconds=2.5),
        at(65, "best", step=2000, epoch=20, score="fid-digits-cnn", value=2.1),
        at(70, "verdict", state="raised", step=3000, epoch=30, **ALIKE),
        at(80, "verdict", state="raised", step=4500, epoch=45, **EQUILIBRIUM),
        at(85, "stop", step=5000, reason="finished"),
    ]


def rich(path: Path, epochs: int = 50) -> Run:
    """A run with everything that a report can show."""
    run = written(path, log(epochs), event_lines(), {epoch: sheet(epoch, 120) for epoch in range(epochs + 1)})
    run.checkpoint(epochs * STEPS).mkdir()
    return run


STRIPED = Captions(
    ("input", "translation", "translated back", "identity mapping"),
    ["plain → striped"] * 3 + ["striped → plain"] * 3,
)


def translating(path: Path, captions: Captions = STRIPED) -> Run:
    """A CycleGAN's run with previews of plain images: grey 20 in the first row, 30 more a row, translations 60 more."""
    settings = Settings("cyclegan", {}, "plain2striped", "small", batch_size=1, size=32, channels=3, device="cpu")
    run = written(path, log(1), [at(0, "start", step=0)], settings=settings.to_json())
    values = torch.tensor([[20.0 + 30 * row + 60 * (column == 1) for column in range(4)] for row in range(6)])
    images = (values.flatten() / 127.5 - 1).view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
    for epoch in range(2):
        grids.save_preview(run.preview(epoch), images, 4, captions)
    run.checkpoint(100).mkdir()
    return run
