"""How well models translate `plain2striped`, against the truth that only a drawn set can have.

    python -m tests.benchmarks.striped_quality runs/plain2striped …

For every held-out picture the true counterpart and the animal's mask are known. Each direction is scored by the mean
PSNR outside the mask, where a picture should stay as it is, and inside it against the truth, and by the share of
translations in which a small classifier finds stripes. The classifier is trained here, on the training pictures at
the models' size, and its accuracy on held-out real pictures is printed first, with the shares that untranslated
pictures get.
"""

import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ganctl import inference
from ganctl.data import striped
from ganctl.data.feed import normalised
from ganctl.pictures import to_bytes

if TYPE_CHECKING:
    from ganctl.families.cyclegan import Translators

Levels = NDArray[np.uint8]
Translate = Callable[[int, Tensor], Tensor]  # the domain of the pictures, and the pictures

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
    plain, stripy = (normalised(striped.draw("train", d, 0, 1000, size), CPU) for d in striped.DOMAINS)
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


@torch.inference_mode()
def score(translate: Translate, net: nn.Module, size: int) -> list[dict[str, float]]:
    """Both directions' figures, first plain to striped."""
    rows = []
    for side, domain in enumerate(striped.DOMAINS):
        count = striped.COUNTS["test"][side]
        given = striped.draw("test", domain, 0, count, size)
        truth, mask = striped.truth(domain, 0, count, size)
        images = torch.cat([translate(side, one) for one in normalised(given, CPU)[:, None]])
        made = to_bytes(images)
        rows.append(
            {
                "psnr_outside": psnr(made, given, ~mask),
                "psnr_inside": psnr(made, truth, mask),
                "striped": striped_share(net, images),
            }
        )
    return rows


def controls(net: nn.Module, size: int) -> tuple[float, float, float]:
    """Accuracy on held-out real pictures, and the shares of untranslated plain and striped ones."""
    held_out = [normalised(striped.draw("test", domain, 0, 200, size), CPU) for domain in striped.DOMAINS]
    plain, stripy = (striped_share(net, pictures) for pictures in held_out)
    return (1 - plain + stripy) / 2, plain, stripy


def translated(model: inference.Model, side: int, picture: Tensor) -> Tensor:
    """A picture of one domain [1, 3, H, W] as one of the other."""
    made: Tensor = cast("Translators", model.net).toward(1 - side)(picture)
    return made


def main(runs: list[str]) -> None:
    """Print a table for the runs named."""
    judges: dict[int, nn.Module] = {}
    print("| model | direction | PSNR outside the mask | PSNR inside, to the truth | striped |")
    print("| --- | --- | --- | --- | --- |")
    for run in runs:
        model = inference.load(run, "cpu")
        size = model.header["shape"][1]
        if size not in judges:
            judges[size] = classifier(size)
            accuracy, plain, stripy = controls(judges[size], size)
            print(f"| none, {size} px | classifier right on {accuracy:.1%} | | | {plain:.1%} / {stripy:.1%} |")
        for side, row in enumerate(score(partial(translated, model), judges[size], size)):
            direction = "plain → striped" if side == 0 else "striped → plain"
            print(
                f"| {model.name}, step {model.header['step']:,} | {direction} | {row['psnr_outside']:.1f} dB "
                f"| {row['psnr_inside']:.1f} dB | {row['striped']:.1%} |"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
