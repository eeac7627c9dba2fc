"""Train the classifier that `ganctl evaluate` sees digits with, and say how good it is.

    GANCTL_DATA=... python examples/train_digits_cnn.py digits-cnn.safetensors

About ten minutes on one core. The file and its SHA-256 belong into ``ganctl/extractors/digits_cnn.py``; other weights
are another extractor, whose figures compare with no earlier ones.
"""

import hashlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ganctl import tensorfile
from ganctl.data.cache.dataset import Dataset, open_dataset
from ganctl.data.resolve import resolve_source
from ganctl.evaluation.extractors.digits_cnn import SIZE, Classifier

EPOCHS, BATCH, RATE = 6, 128, 4e-3


def main() -> None:
    sets = {name: open_dataset(resolve_source(name, None), SIZE, 1) for name in ("mnist", "digits")}
    torch.manual_seed(0)
    net = Classifier()
    learn(net, list(sets.values()))
    net.eval()
    for name, data in sets.items():
        print(f"{name}: {accuracy(net, data):.2%} of the held-out pictures named rightly")
    path = Path(sys.argv[1])
    tensorfile.write(path, tensorfile.TensorFile(net.state_dict(), {"extractor": "digits-cnn", "version": 1}))
    print(f"{path}: SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


def learn(net: Classifier, sets: list[Dataset]) -> None:
    pictures = torch.cat([torch.from_numpy(data.train[..., 0].copy()) for data in sets])
    labels = torch.cat([torch.from_numpy(data.train_labels.copy()) for data in sets])
    steps = EPOCHS * (len(pictures) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        for chosen in batches(len(pictures)):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(shaken(values(pictures[chosen]))), labels[chosen].long())
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {loss.item():.4f}", flush=True)


def batches(count: int) -> Iterator[Tensor]:
    yield from torch.split(torch.randperm(count)[: count // BATCH * BATCH], BATCH)


def values(levels: Tensor) -> Tensor:
    return levels[:, None].float() / 127.5 - 1


def shaken(pictures: Tensor) -> Tensor:
    """Each picture turned by up to 10°, scaled by up to 10 % and moved by up to two pixels."""
    n = len(pictures)
    turn = (torch.rand(n) * 2 - 1) * math.radians(10)
    scale = 1 + (torch.rand(n) * 2 - 1) * 0.1
    move = (torch.rand(n, 2) * 2 - 1) * 4 / SIZE
    cos, sin = turn.cos() * scale, turn.sin() * scale
    matrices = torch.stack([torch.stack([cos, -sin, move[:, 0]], 1), torch.stack([sin, cos, move[:, 1]], 1)], 1)
    grid = F.affine_grid(matrices, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures + 1, grid, align_corners=False) - 1  # what comes from outside is black


@torch.inference_mode()
def accuracy(net: Classifier, data: Dataset) -> float:
    answers = torch.cat([net(values(torch.from_numpy(part.copy()))).argmax(1) for part in chunks(data)])
    return float((answers == torch.from_numpy(data.test_labels.copy())).float().mean())


def chunks(data: Dataset) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(data.test), 1000):
        yield data.test[start : start + 1000, ..., 0]


if __name__ == "__main__":
    main()
