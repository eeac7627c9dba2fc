"""How near translations of the test split come to the real other domain, beside pictures that were not translated.

    GANCTL_DATA=… python -m tests.benchmarks.horse2zebra_quality MODEL WEIGHTS

WEIGHTS are the convolutions 1_1 to 4_1 of VGG-16 (`blockB_convC.weight`, OIHW; its input is BGR from 0 to 255 less the
mean). Features are the means over each of 512 maps of relu4_1, brought to mean 0 and deviation 1 over all real pictures
of the test split. These kernel distances compare among themselves only; papers measure in Inception's features.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

import ganctl
from ganctl.images import reading
from ganctl.metrics.distances import kernel_distance

LAYERS = ("1_1", "1_2", "", "2_1", "2_2", "", "3_1", "3_2", "3_3", "", "4_1")  # "" halves the size
MEAN = torch.tensor([103.939, 116.779, 123.68])[:, None, None]


def features(weights: dict[str, Tensor], picture: Tensor) -> Tensor:
    """A picture [1, 3, H, W] in [-1, 1] → [1, 512]."""
    maps = (picture.flip(1) + 1) * 127.5 - MEAN
    for layer in LAYERS:
        block, _, number = layer.partition("_")
        name = f"block{block}_conv{number}"
        if layer:
            maps = F.conv2d(maps, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1).relu()
        else:
            maps = F.max_pool2d(maps, 2)
    return maps.mean((2, 3))


def tensors(folder: Path) -> Iterator[Tensor]:
    """The pictures of a folder, each [1, 3, H, W] in [-1, 1]."""
    for file in sorted(folder.iterdir()):
        yield torch.from_numpy(reading.read_image(file).pixels.copy()).permute(2, 0, 1)[None] / 127.5 - 1


@torch.inference_mode()
def main() -> None:
    model, weights = ganctl.load(sys.argv[1]), load_file(sys.argv[2])
    root = Path(os.environ["GANCTL_DATA"]) / "horse2zebra"
    real = {name: torch.cat([features(weights, p) for p in tensors(root / name)]) for name in ("testA", "testB")}
    deviation, mean = torch.std_mean(torch.cat(list(real.values())), 0)
    for source, target, domain in (("testA", "testB", "zebra"), ("testB", "testA", "horse")):
        translated = torch.cat([features(weights, model.translate(p, to=domain)) for p in tensors(root / source)])
        first, second, truth = ((some - mean) / deviation for some in (real[source], translated, real[target]))
        before, after = (kernel_distance(some, truth).mean for some in (first, second))
        print(
            f"{source} to {domain}: KID {after:.4g}; untranslated {before:.4g}; ratio {after / before:.3f}", flush=True
        )


if __name__ == "__main__":
    main()
