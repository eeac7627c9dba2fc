"""A judge of drawn MNIST digits: a small classifier, and four figures that its features and answers give.

The Fréchet distance is that of Heusel et al. 2017 (https://arxiv.org/abs/1706.08500, equation 6), with this
classifier's penultimate features in the place of Inception's, between the pictures and the 60,000 training
digits. Compare a model with the held-out digits' own distance, `Judge.reference`, and never across judges.

    judge = Judge.at(Path("data"), cache=Path("/tmp/judge"))
    judge.figures(images)      # uint8 [N, 28, 28]
"""

import gzip
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

FEATURES = 96


class Figures(NamedTuple):
    """What the judge says of a set of pictures."""

    frechet: float
    """Squared Fréchet distance to the training digits' features; 0 is equality."""
    confidence: float
    """The mean of the highest class probability, 0.1 to 1."""
    balance: float
    """The entropy of the histogram of classes over log 10: 1 is even, 0 is one class only."""
    least: float
    """The smallest share of a class, 0 to 0.1."""


class Classifier(nn.Module):
    """Three convolutions and a hidden layer, whose outputs are what the Fréchet distance compares."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * 7 * 7, FEATURES, bias=False),
            nn.BatchNorm1d(FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Map uint8 pictures [N, 28, 28] to logits [N, 10]."""
        logits: Tensor = self.head(F.dropout(self.features(images), 0.25, self.training))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """Map uint8 pictures [N, 28, 28] to features [N, FEATURES], 0 or more."""
        features: Tensor = self.body(images.unsqueeze(1).float() / 255)
        return features


@dataclass(frozen=True)
class Judge:
    """A trained classifier, the training digits' feature statistics, and the held-out digits."""

    classifier: Classifier
    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]
    accuracy: float
    """Share of the 10,000 held-out digits that the classifier names rightly."""
    reference: Figures
    """The figures of the 10,000 held-out digits: what a perfect generator could be expected to get."""

    @classmethod
    def at(cls, data: Path, cache: Path) -> "Judge":
        """Load the judge kept in the folder `cache`, or train it there first, a minute or two on two cores.

        Args:
            data: the folder that holds `MNIST/raw` with the four gzipped IDX files.
            cache: a folder for the classifier's weights; made if missing.
        """
        images, labels = (read_idx(data, f"train-{part}") for part in ("images-idx3", "labels-idx1"))
        weights = cache / "mnist-judge-1.safetensors"
        classifier = Classifier()
        if not weights.exists():
            cache.mkdir(parents=True, exist_ok=True)
            learn(classifier, images, labels)
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                save_file(classifier.state_dict(), Path(scratch, weights.name))
                Path(scratch, weights.name).replace(weights)
        classifier.load_state_dict(load_file(weights))
        classifier.eval()

        mean, covariance = statistics(features(classifier, images))
        images, labels = (read_idx(data, f"t10k-{part}") for part in ("images-idx3", "labels-idx1"))
        held_out = features(classifier, images)
        logits = classifier.head(held_out)
        accuracy = (logits.argmax(1) == labels).float().mean().item()
        reference = figures(held_out, logits, mean, covariance)
        return cls(classifier, mean, covariance, accuracy, reference)

    def figures(self, images: Tensor) -> Figures:
        """Judge uint8 pictures [N, 28, 28], white on black. The distance falls with N: compare at 10,000."""
        found = features(self.classifier, images)
        return figures(found, self.classifier.head(found), self.mean, self.covariance)


def read_idx(data: Path, name: str) -> Tensor:
    """Read a gzipped IDX file of unsigned bytes as a uint8 tensor; the format is on MNIST's own page."""
    content = gzip.decompress(Path(data, "MNIST", "raw", f"{name}-ubyte.gz").read_bytes())
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", dimensions, offset=4)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy())


def learn(classifier: Classifier, images: Tensor, labels: Tensor, epochs: int = 5, batch: int = 128) -> None:
    """Train in place from a fixed seed, and leave torch's global random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for module in classifier.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.reset_parameters()
        steps = epochs * (len(images) // batch)
        optimizer = torch.optim.Adam(classifier.parameters(), fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
        classifier.train()
        for _ in range(epochs):
            for chosen in torch.split(torch.randperm(len(images)), batch)[: len(images) // batch]:
                optimizer.zero_grad()
                logits = classifier(shifted(images[chosen]))
                torch.autograd.backward(F.cross_entropy(logits, labels[chosen].long()))
                optimizer.step()
                schedule.step()


def shifted(images: Tensor) -> Tensor:
    """Move a batch of digits by up to two pixels, all by the same step."""
    right, down = torch.randint(-2, 3, (2,)).tolist()
    return images.roll((down, right), (1, 2))


@torch.no_grad()
def features(classifier: Classifier, images: Tensor) -> Tensor:
    """The penultimate features [N, FEATURES] of uint8 pictures [N, 28, 28]."""
    return torch.cat([classifier.features(chunk) for chunk in torch.split(images, 1000)])


def statistics(found: Tensor) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The mean [D] and covariance [D, D] of features [N, D]."""
    rows = found.double().numpy()
    return rows.mean(0), np.cov(rows, rowvar=False)


def figures(
    found: Tensor, logits: Tensor, mean: npt.NDArray[np.float64], covariance: npt.NDArray[np.float64]
) -> Figures:
    """The four figures of features [N, D] and logits [N, 10], relative to a mean and covariance."""
    best = logits.detach().softmax(1).max(1)
    share = best.indices.bincount(minlength=10).double() / len(logits)
    return Figures(
        frechet=frechet(*statistics(found), mean, covariance),
        confidence=best.values.double().mean().item(),
        balance=torch.special.entr(share).sum().item() / math.log(10),
        least=share.min().item(),
    )


def frechet(
    mean_a: npt.NDArray[np.float64],
    covariance_a: npt.NDArray[np.float64],
    mean_b: npt.NDArray[np.float64],
    covariance_b: npt.NDArray[np.float64],
) -> float:
    """|μa - μb|² + tr(Ca + Cb - 2 (Ca Cb)^½), never below 0.

    The trace of the root is the sum of the roots of the eigenvalues of Ra Cb Ra, with Ra the symmetric root
    of Ca: the same eigenvalues as Ca Cb, but of a symmetric matrix, so that they are real and found stably.
    """
    values, vectors = np.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ covariance_b @ root).clip(0)
    spread = np.trace(covariance_a) + np.trace(covariance_b) - 2 * np.sqrt(product).sum()
    return max(0.0, float(np.square(mean_a - mean_b).sum() + spread))
