"""Scores of translations between two domains, on the images that were held out."""

from collections.abc import Iterator, Sequence
from typing import TypeGuard

import torch
from torch import Tensor

from ganctl.data.batches import to_normalized_tensor
from ganctl.data.cache.dataset import Dataset, TwoDatasets
from ganctl.data.resolve import PLAIN2STRIPED
from ganctl.data.sources import striped
from ganctl.evaluation.extractors.base import quantised
from ganctl.evaluation.reference import Reference
from ganctl.gans.base import Family
from ganctl.gans.losses import luminance_correlation
from ganctl.inference.model import Model
from ganctl.metrics.images import psnr, ssim
from ganctl.metrics.score import Score, rounded
from ganctl.option import options_of

_MAX_TRAIN_IMAGES = 200  # which are translated where nothing was held out
_CPU = torch.device("cpu")


def held_out(data: Dataset) -> Tensor:
    """Return the held-out images [N, C, H, W] in [-1, 1], or some training images where nothing was held out."""
    size = data.shape[1]
    return to_normalized_tensor(data.test if len(data.test) else data.train[:_MAX_TRAIN_IMAGES, :size, :size], _CPU)


def image_count(data: TwoDatasets) -> int:
    """Count the images that `held_out` gives for both domains."""
    return sum(len(domain.test) or min(_MAX_TRAIN_IMAGES, len(domain.train)) for domain in data.datasets)


def translation_count(data: TwoDatasets) -> int:
    """Count the translations of full `translation_scores`: each image to the other domain, back, and to its own."""
    return 3 * image_count(data)


def has_common_scores(data: Dataset | TwoDatasets, family: Family) -> TypeGuard[TwoDatasets]:
    """Whether `translation_scores` measure a family: it translates from each of two domains to the other."""
    return isinstance(data, TwoDatasets) and "translate" in family.verbs and "to" in options_of(family.controls)


def translation_scores(
    model: Model, data: TwoDatasets, references: Sequence[Reference], full: bool = True
) -> Iterator[Score]:
    """Compute the scores of both directions.

    Args:
        model: a model that translates.
        data: what it was trained on; its held-out images are translated.
        references: of both domains, or none, which leaves out the distances.
        full: whether cycle, identity and luminance are measured, which takes two more translations of each image.
    """
    real = [held_out(dataset) for dataset in data.datasets]
    translated = [quantised(model.translate(real[1 - i], to=domain)) for i, domain in enumerate(data.names)]
    for i in reversed(range(len(references))):  # the direction of `translate` without --to comes first
        distances = references[i].distances(references[i].extractor.features(translated[i]))
        held_out_distances = references[i].held_out_distances
        for key, value in distances.items():
            meaning = f"{_DISTANCES[key[:3]]} of the training pictures of {data.names[i]}: lower is better"
            yield Score(f"{key}-{data.names[i]}", value, held_out_distances.get(key), meaning)
    if data.spec == PLAIN2STRIPED:
        yield from _truth_scores(data, real, translated)
    if full:
        yield from _consistency_scores(model, data, real, translated)


def _truth_scores(data: TwoDatasets, real: list[Tensor], translated: list[Tensor]) -> Iterator[Score]:
    """Likeness to the ground truth, which the built-in set has for every image."""
    for i, domain in reversed(list(enumerate(data.names))):
        source = striped.DOMAINS[1 - i]
        truth = to_normalized_tensor(striped.truth(source, 0, len(translated[i]), data.shape[1])[0], _CPU)
        for name, metric, unit in (("psnr", psnr, "in dB"), ("ssim", ssim, "1 is equal")):
            score, untranslated = (
                rounded(metric(images, truth).mean().item()) for images in (translated[i], real[1 - i])
            )
            meaning = f"likeness to the truth, {unit}; untranslated {untranslated}"
            yield Score(f"{name}-{domain}", score, None, meaning)


def _consistency_scores(
    model: Model, data: TwoDatasets, real: list[Tensor], translated: list[Tensor]
) -> Iterator[Score]:
    """Cycle, identity and luminance: what a translation keeps, in both directions."""
    for i, domain in enumerate(data.names):
        source_domain, source = data.names[1 - i], real[1 - i]
        cycle = (model.translate(translated[i], to=source_domain) - source).abs().mean().item()
        identity = (model.translate(real[i], to=domain) - real[i]).abs().mean().item()
        luminance = luminance_correlation(source, translated[i]).mean().item()
        there_and_back = f"{source_domain} → {domain} → {source_domain}"
        yield Score(f"cycle-{source_domain}", rounded(cycle), None, f"mean error of {there_and_back}, of 2")
        yield Score(f"identity-{domain}", rounded(identity), None, f"mean change of {domain} translated to {domain}")
        meaning = f"correlation of light with {source_domain}: -1 is a negative"
        yield Score(f"luminance-{domain}", rounded(luminance), None, meaning)


_DISTANCES = {"fid": "Fréchet distance to the features", "kid": "kernel distance to the features"}
