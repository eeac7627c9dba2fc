"""How good translations between two domains are, on the pictures that were held out."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ganctl.data.batches import to_tensor
from ganctl.data.cache.dataset import Dataset
from ganctl.data.domains import PLAIN2STRIPED, TwoDatasets
from ganctl.data.sources import striped
from ganctl.evaluation.extractors.base import quantised
from ganctl.evaluation.reference import Reference
from ganctl.gans.losses import luminance_correlation
from ganctl.inference.model import Model
from ganctl.metrics.images import psnr, ssim
from ganctl.metrics.score import Score, rounded

_LEARNT = 200  # training pictures at most, where nothing was held out
_CPU = torch.device("cpu")


def held_out(data: Dataset) -> Tensor:
    """The pictures to translate: [N, C, H, W] in [-1, 1]. Of a set that has no others, it is what was learned from."""
    side = data.shape[1]
    return to_tensor(data.test if len(data.test) else data.train[:_LEARNT, :side, :side], _CPU)


def count(data: TwoDatasets) -> int:
    """How many pictures `held_out` has of both domains."""
    return sum(len(side.test) or min(_LEARNT, len(side.train)) for side in data.datasets)


def passes(data: TwoDatasets) -> int:
    """How many translations `compared` makes in full: of each picture there, back, and into its own domain."""
    return 3 * count(data)


def compared(model: Model, data: TwoDatasets, references: Sequence[Reference], full: bool = True) -> Iterator[Score]:
    """The scores of both directions.

    Args:
        model: that translates.
        data: what it learned from; its held-out pictures are translated.
        references: of both domains, or none.
        full: whether cycle, identity and luminance are told too, which takes two more passes.
    """
    real = [held_out(side) for side in data.datasets]
    made = [quantised(model.translate(real[1 - side], domain)) for side, domain in enumerate(data.names)]
    for side in reversed(range(len(references))):  # what `translate` does unasked comes first
        reference = references[side]
        features = reference.extractor.features(made[side])
        expected = reference.held_out_distances
        for key, value in reference.distances(features).items():
            meaning = f"{_DISTANCES[key[:3]]} of the training pictures of {data.names[side]}: lower is better"
            yield Score(f"{key}-{data.names[side]}", value, expected.get(key), meaning)
    if data.spec == PLAIN2STRIPED:
        yield from _truly(data, real, made)
    if full:
        yield from _kept(model, data, real, made)


def _truly(data: TwoDatasets, real: list[Tensor], made: list[Tensor]) -> Iterator[Score]:
    """What translations of drawn animals are worth beside the truth."""
    for side, domain in reversed(list(enumerate(data.names))):
        given = striped.DOMAINS[1 - side]
        truth = to_tensor(striped.truth(given, 0, len(made[side]), data.shape[1])[0], _CPU)
        for name, measure, unit in (("psnr", psnr, "in dB"), ("ssim", ssim, "1 is equal")):
            pairs = [measure(pictures, truth).mean().item() for pictures in (made[side], real[1 - side])]
            meaning = f"likeness to the truth, {unit}; untranslated {rounded(pairs[1])}"
            yield Score(f"{name}-{domain}", rounded(pairs[0]), None, meaning)


def _kept(model: Model, data: TwoDatasets, real: list[Tensor], made: list[Tensor]) -> Iterator[Score]:
    """What is left of a picture on the way, in both directions."""
    for side, domain in enumerate(data.names):
        other, given = data.names[1 - side], real[1 - side]
        back = (model.translate(made[side], other) - given).abs().mean().item()
        same = (model.translate(real[side], domain) - real[side]).abs().mean().item()
        alike = luminance_correlation(given, made[side]).mean().item()
        yield Score(f"cycle-{other}", rounded(back), None, f"mean error of {other} → {domain} → {other}, of 2")
        yield Score(f"identity-{domain}", rounded(same), None, f"mean change of {domain} told to become {domain}")
        yield Score(f"luminance-{domain}", rounded(alike), None, f"correlation of light with {other}: -1 is a negative")


_DISTANCES = {"fid": "Fréchet distance to the features", "kid": "kernel distance to the features"}
