"""`digits-cnn`: the features of a small classifier of handwritten digits, whose weights ship with ganctl.

It learned from MNIST and from the built-in `digits` alike (``examples/train_digits_cnn.py``), so its scores need no
download. They compare with each other and with those of held-out images, and with no paper's.
"""

import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganctl import tensorfile
from ganctl.errors import CheckpointError
from ganctl.evaluation.extractors.base import Extractor

FEATURES = 96
CLASSES = 10
SIZE = 28  # height and width of its input in pixels
WEIGHTS = Path(__file__).with_name("digits-cnn.safetensors")
SHA256 = "5f1bd8b2f05d47587885e46eb4dd59e9fc03fa258fb5a6c40840831147313d2d"


class Classifier(nn.Module):
    """Images [N, 1, 28, 28] in [-1, 1] → logits [N, 10]: three convolutions and a hidden layer of `FEATURES`."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *stage(1, 32, 5, stride=2),
            *stage(32, 64, 3, stride=2),
            *stage(64, 64, 3, stride=1),
            nn.Flatten(),
            nn.Linear(64 * (SIZE // 4) ** 2, FEATURES, bias=False),
            nn.BatchNorm1d(FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, CLASSES)

    def features(self, images: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [-1, 1] → [N, FEATURES], 0 or more."""
        features: Tensor = self.body(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [-1, 1] → logits [N, 10]."""
        logits: Tensor = self.head(F.dropout(self.features(images), 0.25, self.training))
        return logits


def stage(channels_in: int, channels_out: int, kernel: int, stride: int) -> tuple[nn.Module, ...]:
    """A convolution, batch norm and ReLU."""
    conv = nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False)
    return conv, nn.BatchNorm2d(channels_out), nn.ReLU()


def extractor(path: Path = WEIGHTS) -> Extractor:
    """Load the classifier as an extractor.

    Raises:
        CheckpointError: the file is not the one that ships with this version of ganctl.
    """
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise CheckpointError(f"{path} is damaged: its SHA-256 is not that of digits-cnn.", "Install ganctl again.")
    with torch.random.fork_rng(devices=[]):  # its random weights are replaced at once
        net = Classifier()
    net.load_state_dict(tensorfile.read(path).tensors)
    net.eval().requires_grad_(False)
    return Extractor(
        "digits-cnn",
        f"grey, {SIZE}×{SIZE}, bilinear with antialiasing",
        extract=lambda images: net.features(as_input(images)),
        classify=lambda features: net.head(features).softmax(1),
        classes=tuple("0123456789"),
    )


def as_input(images: Tensor) -> Tensor:
    """Convert images [N, C, H, W] in [-1, 1] to the classifier's input: grey, [N, 1, 28, 28]."""
    if images.shape[1] == 3:
        weights = torch.tensor([0.299, 0.587, 0.114])  # luma of BT.601, as Pillow's
        images = (images * weights[:, None, None]).sum(1, keepdim=True)
    if images.shape[2:] == (SIZE, SIZE):
        return images
    return F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False)
