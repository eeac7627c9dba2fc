"""Train the classifier in whose features `ganctl evaluate` compares digits, and measure its accuracy.

    GANCTL_DATA=... python examples/train_digits_cnn.py digits-cnn.safetensors

About ten minutes on one core. The file and its SHA-256 belong into ``ganctl/evaluation/extractors``; other weights are
another extractor, whose scores do not compare with earlier ones.
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

EPOCHS, BATCH_SIZE, LEARNING_RATE = 6, 128, 4e-3


def main() -> None:
    datasets = {name: open_dataset(resolve_source(name, None), SIZE, 1) for name in ("mnist", "digits")}
    torch.manual_seed(0)
    net = Classifier()
    train(net, list(datasets.values()))
    net.eval()
    for name, data in datasets.items():
        print(f"{name}: {accuracy(net, data):.2%} of the held-out images classified correctly")
    path = Path(sys.argv[1])
    tensorfile.write(path, tensorfile.TensorFile(net.state_dict(), {"extractor": "digits-cnn", "version": 1}))
    print(f"{path}: SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


def train(net: Classifier, datasets: list[Dataset]) -> None:
    images = torch.cat([torch.from_numpy(data.train[..., 0].copy()) for data in datasets])
    labels = torch.cat([torch.from_numpy(data.train_columns["labels"].copy()) for data in datasets])
    steps = EPOCHS * (len(images) // BATCH_SIZE)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=LEARNING_RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        for indices in batches(len(images)):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(augmented(to_float(images[indices]))), labels[indices].long())
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {loss.item():.4f}", flush=True)


def batches(count: int) -> Iterator[Tensor]:
    yield from torch.split(torch.randperm(count)[: count // BATCH_SIZE * BATCH_SIZE], BATCH_SIZE)


def to_float(uint8_images: Tensor) -> Tensor:
    return uint8_images[:, None].float() / 127.5 - 1


def augmented(images: Tensor) -> Tensor:
    """Each image rotated by up to 10°, scaled by up to 10 % and shifted by up to two pixels."""
    n = len(images)
    angle = (torch.rand(n) * 2 - 1) * math.radians(10)
    scale = 1 + (torch.rand(n) * 2 - 1) * 0.1
    shift = (torch.rand(n, 2) * 2 - 1) * 4 / SIZE
    cos, sin = angle.cos() * scale, angle.sin() * scale
    matrices = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1  # outside the image it is black


@torch.inference_mode()
def accuracy(net: Classifier, data: Dataset) -> float:
    predictions = torch.cat([net(to_float(torch.from_numpy(chunk.copy()))).argmax(1) for chunk in chunks(data)])
    return float((predictions == torch.from_numpy(data.test_columns["labels"].copy())).float().mean())


def chunks(data: Dataset) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(data.test), 1000):
        yield data.test[start : start + 1000, ..., 0]


if __name__ == "__main__":
    main()
