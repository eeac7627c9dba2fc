"""How good pictures from noise are, beside real ones."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ganctl.evaluation.reference import Reference
from ganctl.evaluation.sample_stats import SampleStats
from ganctl.metrics.manifold import density_coverage, precision_recall
from ganctl.metrics.score import Score, rounded

COUNT = 10_000  # pictures drawn
MOST = 200_000  # pictures drawn at most: the features of all are in memory, up to 8 kB each
LOOKED_AT = 2_000  # of them at most, for what needs no extractor, …
VALUES = 100_000_000  # … with so many values at most
REAL = 3  # k of precision and recall
NEAR = 5  # k of density and coverage
SEED = 0


class Classes(NamedTuple):
    """What a classifier finds in a set of pictures.

    Attributes:
        confidence: the mean of the highest probability, from 1 over the number of classes to 1.
        balance: the entropy of the shares of the classes over its maximum: 1 is even, 0 is one class only.
        covered: how many classes have a fifth of their share of the held-out pictures, or more.
        rarest: the least share of a class over its share of the held-out pictures.
    """

    confidence: float
    balance: float
    covered: int
    rarest: float


def classes(reference: Reference, features: Tensor) -> Classes | None:
    """What the extractor's classifier finds in features [N, D]; None where it has none, or real ones have no labels."""
    if reference.extractor.classify is None or not len(reference.labels):
        return None
    return counted(reference.extractor.classify(features), reference.labels)


def counted(probabilities: Tensor, labels: Tensor) -> Classes:
    """What probabilities [N, K] come to.

    Args:
        probabilities: a row for each picture.
        labels: the classes of held-out pictures [M].
    """
    best = probabilities.max(1)
    count = probabilities.shape[1]
    shares = best.indices.bincount(minlength=count).double() / len(probabilities)
    real = labels.long().bincount(minlength=count).double() / len(labels)
    there = real > 0
    relative = shares[there] / real[there]
    return Classes(
        confidence=best.values.double().mean().item(),
        balance=torch.special.entr(shares).sum().item() / math.log(count),
        covered=int((relative >= 0.2).sum()),
        rarest=relative.min().item(),
    )


def seen(reference: Reference, features: Tensor) -> list[Score]:
    """The scores of pictures that need an extractor, from features [N, D] of theirs."""
    name, held_out = reference.extractor.name, reference.held_out_features
    expected = reference.held_out_distances
    found = [
        Score(key, value, expected.get(key), MEANINGS[key[:3]]) for key, value in reference.distances(features).items()
    ]
    size = min(len(reference.train_features), len(features), *([len(held_out)] if len(held_out) > NEAR else []))
    if size > NEAR:
        ours = _shares(reference.train_features[:size], features[:size])
        real = _shares(reference.train_features[:size], held_out[:size]) if len(held_out) > NEAR else {}
        found += [Score(f"{key}-{name}", value, real.get(key), MEANINGS[key]) for key, value in ours.items()]
    seen_classes, real_classes = (classes(reference, rows) for rows in (features, held_out))
    if seen_classes is not None and real_classes is not None:
        pairs = zip(Classes._fields, seen_classes, real_classes, strict=True)
        found += [Score(f"{key}-{name}", rounded(value), rounded(held), MEANINGS[key]) for key, value, held in pairs]
    return found


def _shares(real: Tensor, generated: Tensor) -> Mapping[str, float]:
    pair = precision_recall(real, generated, REAL)._asdict() | density_coverage(real, generated, NEAR)._asdict()
    return {key: rounded(value) for key, value in pair.items()}


def looked_at(sample_stats: SampleStats, pictures: Tensor, held_out: Tensor) -> list[Score]:
    """The scores of pictures that need no extractor: all are relative to real pictures, whose own is about 1.

    Args:
        sample_stats: of the same data.
        pictures: drawn [N, C, H, W] in [-1, 1].
        held_out: real ones, whose scores are told beside; of none, none are.
    """
    real = sample_stats.measure(held_out) if len(held_out) else {}
    return [Score(key, value, real.get(key), MEANINGS[key]) for key, value in sample_stats.measure(pictures).items()]


MEANINGS = {
    "fid": "Fréchet distance to the training pictures: lower is better",
    "kid": "kernel distance to the training pictures: lower is better, 0 is alike",
    "precision": f"share of the samples that could be real (k = {REAL})",
    "recall": f"share of the real pictures that could be drawn (k = {REAL})",
    "density": f"how densely real pictures lie about the samples (k = {NEAR})",
    "coverage": f"share of the real pictures with a sample near by (k = {NEAR})",
    "confidence": "how sure the classifier is of what it sees",
    "balance": "how evenly the classes are drawn: 1 is evenly",
    "covered": "classes with a fifth of their share or more",
    "rarest": "the rarest class's share, over its share of real pictures",
    "diversity": "distance of the pictures to each other, over that of real ones",
    "contrast": "spread of the values, over that of real pictures",
    "repeats": "share of the pictures that have a twin",
    "novelty": "distance to the nearest training picture, over that of held-out pictures; 0 is a copy",
    "checkerboard": "energy at the frequencies of upsampling, over that of real pictures",
}
