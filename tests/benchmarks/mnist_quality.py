"""How good runs on MNIST are: 10,000 samples of each against held-out real digits, as a table.

    GANCTL_DATA=... python -m tests.benchmarks.mnist_quality runs/compact runs/tutorial ...

The judge is a small classifier, trained once and kept in the user's cache: see `judge`. A checkpoint folder does
as well as a run.
"""

import os
import sys
from pathlib import Path

import torch

import ganctl
from ganctl import pictures
from ganctl.data.source import user_cache
from tests.benchmarks.judge import Figures, Judge

SAMPLES = 10_000


def row(name: str, figures: Figures, judge: Judge) -> str:
    over = figures.frechet / judge.reference.frechet
    return (
        f"| {name} | {figures.frechet:.3g} | {over:.2f} | {figures.confidence:.3f} "
        f"| {figures.balance:.4f} | {figures.least:.3f} |"
    )


def main(models: list[str]) -> None:
    judge = Judge.at(Path(os.environ["GANCTL_DATA"]), user_cache())
    print(f"The judge names {judge.accuracy:.2%} of the held-out digits rightly.\n")
    print("| model | Fréchet distance | over held-out | confidence | class balance | rarest class |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(row("held-out real digits", judge.reference, judge))
    for name in models:
        model = ganctl.load(name, "cpu")
        levels = [torch.from_numpy(pictures.to_bytes(piece)[..., 0]) for piece in model.draw(SAMPLES, seed=0)]
        done = f"{name}, {model.header['step'] / model.header['steps_per_epoch']:.3g} epochs"
        print(row(done, judge.figures(torch.cat(levels)), judge), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
