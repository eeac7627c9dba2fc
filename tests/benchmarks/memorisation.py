"""How soon a few pictures are learnt by heart, with ``--augment diffaug`` and without it, as a table.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.memorisation [FOLDER [EPOCHS]]

The default `dcgan` learns from the first 300 pictures of a folder, or from 300 animals that ganctl draws itself, at 32
pixels. As it learns it is asked about them and about the next 300 of the folder, which it never sees. Where it treats
both alike, nothing was memorised. The two runs stay, under ``runs/``.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from ganctl.data.batches import to_normalized_tensor
from ganctl.data.cache.dataset import open_dataset
from ganctl.data.resolve import resolve_source
from ganctl.data.sources import striped
from ganctl.engine import session
from ganctl.engine.events import Event, Previewed, Subscriber
from ganctl.engine.setup import configure

COUNT = 300
SIZE = 32
COARSE = 8  # side at which samples are compared with pictures, so that a detail's exact place matters little

CPU = torch.device("cpu")


class Scores(NamedTuple):
    """What an epoch of a training comes to."""

    epoch: int
    seen: float
    """Share of the training pictures that the discriminator takes for real, …"""
    unseen: float
    """… and of as many that it never saw: the paper's score of overfitting (Zhao et al. 2020, scores 1 and 4)."""
    told: float
    """How often it finds a training picture more real than an unseen one: 0.5 if it cannot tell, 1 by heart."""
    copied: float
    """Share of the samples that are nearer to a training picture than to any unseen one: 0.5, or 1 for copies."""
    novelty: float
    """The samples' median distance to the nearest training picture, over the unseen pictures' own."""


def draw_animals(folder: Path) -> None:
    """Fill a new folder with enough to learn from, to ask about and to hold out."""
    folder.mkdir(parents=True)
    for number, levels in enumerate(striped.generate("train", "striped", 0, 700, SIZE)):
        Image.fromarray(levels).save(folder / f"{number:04d}.png")


def learn(folder: Path, augment: str, epochs: int, every: int, tell: Callable[[Scores], None]) -> None:
    """Train a new run, and ask it every so many epochs what it knows by heart."""
    pictures = to_normalized_tensor(open_dataset(resolve_source(str(folder)), SIZE, 3).train[: 2 * COUNT], CPU)
    seen, unseen = pictures[:COUNT], pictures[COUNT:]
    latents = torch.randn(COUNT, 64, generator=torch.Generator().manual_seed(0))
    told: dict[str, Any] = {"size": SIZE, "channels": 3, "limit": COUNT, "epochs": epochs, "augment": augment}
    settings = configure("dcgan", data=str(folder), flags=told)
    with session.start(settings, f"{folder.name}-{augment}") as started:

        def ask(event: Event) -> None:
            if isinstance(event, Previewed) and event.epoch and event.epoch % every == 0:
                judge = started.state.module.get_submodule("discriminator")
                with torch.inference_mode():
                    tell(scores(event.epoch, judge, seen, unseen, started.state.ema_model(latents)))

        started.train(lambda: None, Subscriber(ask, "It could not be asked"))


def scores(epoch: int, judge: nn.Module, seen: Tensor, unseen: Tensor, drawn: Tensor) -> Scores:
    """The scores of a discriminator and of samples; all pictures [N, 3, H, W] in [-1, 1], as they are."""
    ours, theirs = judge(seen), judge(unseen)
    near, far, usual = nearest(drawn, seen), nearest(drawn, unseen), nearest(unseen, seen)
    return Scores(
        epoch,
        seen=share(ours > 0),
        unseen=share(theirs > 0),
        told=share(ours[:, None] > theirs),
        copied=share(near < far),
        novelty=(near.median() / usual.median()).item(),
    )


def share(held: Tensor) -> float:
    """How much of it holds, 0 to 1."""
    return held.float().mean().item()


def nearest(pictures: Tensor, among: Tensor) -> Tensor:
    """Each picture's distance to the nearest of others, over the values of `COARSE` by `COARSE` pixels: [N]."""
    one, other = (F.adaptive_avg_pool2d(images, COARSE).flatten(1) for images in (pictures, among))
    return torch.cdist(one, other).amin(1)


def main(told: list[str]) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, epochs = Path(told[0] if told else Path(scratch, "animals")), int(told[1]) if told[1:] else 480
        if not told:
            draw_animals(folder)
        print("| augment | epoch | seen taken for real | unseen | seen before unseen | copied | novelty |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for augment in ("none", "diffaug"):
            learn(folder, augment, epochs, epochs // 8, partial(print_row, augment))


def print_row(augment: str, found: Scores) -> None:
    """A row of the table."""
    shares = f"{found.seen:.0%} | {found.unseen:.0%} | {found.told:.2f} | {found.copied:.0%}"
    print(f"| {augment} | {found.epoch} | {shares} | {found.novelty:.2f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
