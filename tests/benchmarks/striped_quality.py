"""How well models translate `plain2striped`, against the truth that only a drawn set can have.

    python -m tests.benchmarks.striped_quality runs/plain2striped …
    python -m tests.benchmarks.striped_quality runs/plain2striped sheet.png

For every held-out picture the true counterpart and the animal's mask are known. Each direction is scored by the mean
PSNR outside the mask, where a picture should stay as it is, and inside it against the truth, and by the share of
translations in which a small classifier finds stripes. The classifier is trained here, on the training pictures at
the models' size, and its accuracy on held-out real pictures is printed first, with the shares that untranslated
pictures get. The sheet shows the first held-out pictures, their translations and the truth, for both directions.
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ganctl.data.batches import to_normalized_tensor
from ganctl.data.sources import striped
from ganctl.images.grids import save_grid, to_uint8
from ganctl.inference.loading import load
from ganctl.inference.model import Model

Levels = NDArray[np.uint8]

CPU = torch.device("cpu")


def classifier(size: int, epochs: int = 6) -> nn.Module:
    """A net that says whether an animal is striped: pictures [N, 3, size, size] in [-1, 1] → logits [N, 1]."""
    torch.manual_seed(0)
    widths = [3, 24, 48, 64, 64]
    layers = [
        nn.Sequential(nn.Conv2d(a, b, 4, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU())
        for a, b in pairwise(widths)
    ]
    net = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 1))
    plain, stripy = (to_normalized_tensor(striped.generate("train", d, 0, 1000, size), CPU) for d in striped.DOMAINS)
    pictures, labels = torch.cat([plain, stripy]), torch.arange(2).repeat_interleave(1000).float()[:, None]
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(epochs):
        for chosen in torch.randperm(len(pictures)).view(-1, 50):
            batch = pictures[chosen]
            batch = batch.flip(3) if torch.rand(()) < 0.5 else batch
            loss = F.binary_cross_entropy_with_logits(net(batch), labels[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return net.eval()


@torch.inference_mode()
def striped_share(net: nn.Module, pictures: Tensor) -> float:
    """The share of pictures [N, 3, H, W] in which it finds stripes."""
    return float((net(pictures) > 0).float().mean())


def psnr(a: Levels, b: Levels, where: NDArray[np.bool_]) -> float:
    """The mean over pictures [N, H, W, 3] of the PSNR in dB within a mask [N, H, W]."""
    squares = ((a.astype(np.float64) - b) ** 2).mean(-1)
    errors = np.array([(square[mask]).mean() for square, mask in zip(squares, where, strict=True)])
    return float((10 * np.log10(255**2 / np.maximum(errors, 1e-3))).mean())


def held_out(side: int, size: int) -> Levels:
    """The held-out pictures of a domain: levels [200, size, size, 3]."""
    return striped.generate("test", striped.DOMAINS[side], 0, striped.COUNTS["test"][side], size)


def row(name: str, side: int, made: Levels, judge: nn.Module) -> str:
    """What became of the held-out pictures of a domain, as a line of the table."""
    size = made.shape[1]
    truth, mask = striped.truth(striped.DOMAINS[side], 0, len(made), size)
    outside = "all of it" if np.array_equal(made, held_out(side, size)) else f"{psnr(made, truth, ~mask):.1f} dB"
    inside, share = psnr(made, truth, mask), striped_share(judge, to_normalized_tensor(made, CPU))
    direction = " → ".join((striped.DOMAINS[side], striped.DOMAINS[1 - side]))
    return f"| {name} | {direction} | {outside} | {inside:.1f} dB | {share:.1%} |"


def sheet(model: Model, count: int = 8) -> Tensor:
    """A row of held-out pictures, one of their translations and one of the truth, and three of the other direction."""
    size, rows = model.info.shape[1], []
    for side, domain in enumerate(striped.DOMAINS):
        given = to_normalized_tensor(held_out(side, size)[:count], CPU)
        truth, _ = striped.truth(domain, 0, count, size)
        rows += [given, model.translate(given, to=model.info.domains[1 - side]), to_normalized_tensor(truth, CPU)]
    return torch.cat(rows)


def main(told: list[str]) -> None:
    """Print a table for the runs named, or draw the sheet of one."""
    *runs, last = told
    if last.endswith(".png"):
        save_grid(Path(last), sheet(load(runs[0], "cpu")), columns=8)
        return
    runs.append(last)
    judges: dict[int, nn.Module] = {}
    print("| model | direction | kept outside the mask | inside, to the truth | striped |")
    print("| --- | --- | --- | --- | --- |")
    for run in runs:
        model = load(run, "cpu")
        size = model.info.shape[1]
        pictures = [held_out(side, size) for side in (0, 1)]
        if size not in judges:
            judges[size] = judge = classifier(size)
            plain, stripy = (striped_share(judge, to_normalized_tensor(given, CPU)) for given in pictures)
            print(f"The classifier is right on {(1 - plain + stripy) / 2:.1%} at {size} pixels.", file=sys.stderr)
            for side, given in enumerate(pictures):
                print(row(f"untranslated, {size} px", side, given, judge))
        for side, given in enumerate(pictures):
            made = to_uint8(model.translate(to_normalized_tensor(given, CPU), to=model.info.domains[1 - side]))
            print(row(f"{model.name}, step {model.header['step']:,}", side, made, judges[size]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
