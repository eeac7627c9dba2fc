"""A finished model, measured."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganctl import progress
from ganctl.data.batches import to_tensor
from ganctl.data.cache.dataset import Dataset
from ganctl.errors import CheckpointError, UsageError
from ganctl.evaluation import samples, translations
from ganctl.evaluation.extractors import registry
from ganctl.evaluation.extractors.base import quantised
from ganctl.evaluation.reference import SOME, Reference, pictures_to_extract, reference, spaced
from ganctl.evaluation.sample_stats import SampleStats
from ganctl.evaluation.verdicts import Verdict, verdicts_of
from ganctl.gans import find as find_family
from ganctl.gans.dataset import open_data
from ganctl.inference.model import Model
from ganctl.metrics.score import Score
from ganctl.runs import run
from ganctl.runs.metric_names import LUMINANCE, SAMPLE
from ganctl.settings import Settings
from ganctl.text import malformed

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Evaluation:
    """What was measured of a model.

    Attributes:
        model: its file.
        step: of its training.
        epoch: the same in passes over the data.
        data: the set's name.
        pictures: how many generated ones were looked at.
        held_out: how many real ones stand beside.
        extractor: its name; None where none was to be had.
        extractor_input: what it makes of a picture first.
        missing: what there is no extractor for; empty where there is one.
        scores: all of them.
        verdicts: what they come to.
    """

    model: Path
    step: int
    epoch: float
    data: str
    pictures: int
    held_out: int
    extractor: str | None
    extractor_input: str
    missing: str
    scores: tuple[Score, ...]
    verdicts: tuple[Verdict, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain mapping, for machines."""
        scores = {score.name: {"value": score.value, "held_out": score.held_out} for score in self.scores}
        told = [{"code": v.code, "severity": v.severity, "title": v.title, "remedy": v.remedy} for v in self.verdicts]
        return asdict(self) | {"model": str(self.model), "scores": scores, "verdicts": told}


def evaluate(
    model: Model,
    *,
    data: str | None = None,
    extractor: str | None = None,
    weights: Path | None = None,
    count: int = samples.COUNT,
    seed: int = samples.SEED,
) -> Evaluation:
    """Measure a model against the pictures that it learned from, and those that were held out.

    Args:
        model: see `ganctl.load`.
        data: the set to measure against; the model's own if not given.
        extractor: ``digits-cnn`` or ``inception``; the one that fits if not given.
        weights: Inception's file, downloaded by hand.
        count: pictures to draw, where the model draws from noise.
        seed: decides these.

    Raises:
        UsageError: an argument that means nothing.
        CheckpointError: the model's file does not say what it was trained on.
        DataError: the pictures cannot be had.
        GanctlError: the extractor asked for cannot be had.
    """
    if not 2 <= count <= samples.MOST:
        raise UsageError(f"{count:,} pictures cannot be measured.", f"Ask for 2 to {samples.MOST:,}.")
    try:
        told, step = _settings(model, data), model.header["step"]
        epoch = step / model.header["steps_per_epoch"]
    except (KeyError, TypeError, ArithmeticError) as error:
        raise CheckpointError(f"{model.path} does not say what it was trained on: {malformed(error)}.") from None
    real, _ = open_data(told, fresh=False)
    chosen = registry.choose_extractor(real.spec, extractor, weights, next(model.net.parameters()).device)
    sides = [real] if isinstance(real, Dataset) else real.datasets
    with progress.task(f"Looking at {real.name}", "pictures", sum(map(pictures_to_extract, sides))):
        references = [reference(side, chosen.extractor) for side in sides] if chosen.extractor else []
    if isinstance(real, Dataset):
        drawn = (quantised(piece) for piece in model.generate(count, seed))
        learnt = replace(real, train=real.train[: told.limit])
        with progress.task("Drawing and measuring", "pictures", count):
            scores = measured(drawn, count, learnt, references)
        pictures, held_out = count, min(SOME, len(real.test))
    else:
        with progress.task("Translating and measuring", "pictures", translations.passes(real)):
            scores = list(translations.compared(model, real, references))
        pictures, held_out = translations.count(real), sum(len(side.test) for side in real.datasets)
    return Evaluation(
        model.path,
        step,
        epoch,
        real.name,
        pictures,
        held_out,
        None if chosen.extractor is None else chosen.extractor.name,
        "" if chosen.extractor is None else chosen.extractor.input_format,
        chosen.missing,
        tuple(scores),
        tuple(verdict.of(told.family) for verdict in judged(scores)),
    )


def measured(drawn: Iterable[Tensor], count: int, data: Dataset, references: list[Reference]) -> list[Score]:
    """All scores of pictures that are to look like a set's.

    Args:
        drawn: pieces [n, C, H, W] in [-1, 1], of which one at a time is held.
        count: how many pictures that is.
        data: the set.
        references: how extractors see it; none for the scores that need none.
    """
    most = min(samples.LOOKED_AT, samples.VALUES // int(torch.tensor(data.shape).prod()))
    chosen = torch.linspace(0, count - 1, min(most, count)).round().long()
    features: list[list[Tensor]] = [[] for _ in references]
    some, start = [], 0
    for piece in drawn:
        for found, each in zip(features, references, strict=True):
            found.append(each.extractor.features(piece))
        some.append(piece[chosen[(chosen >= start) & (chosen < start + len(piece))] - start])
        start += len(piece)
    pairs = zip(references, features, strict=True)
    seen = [score for each, found in pairs for score in samples.seen(each, torch.cat(found))]
    held_out = to_tensor(spaced(data.test, most), _CPU)
    return seen + samples.looked_at(SampleStats([data.train], [data.test]), torch.cat(some), held_out)


def judged(scores: list[Score]) -> list[Verdict]:
    """What scores come to. Those of an extractor are looked up by the names that they have without it."""
    found = [verdict for name, value in _metrics(scores) for verdict in verdicts_of({name: value})]
    return list({verdict.code: verdict for verdict in found}.values())


def _metrics(scores: list[Score]) -> Iterator[tuple[str, float]]:
    for score in scores:
        plain = score.name.split("-")[0]
        yield f"{SAMPLE}{plain}", score.value
        if plain == "luminance":
            yield LUMINANCE, score.value
        if plain in ("coverage", "recall") and score.held_out:
            yield f"relative {plain}", score.value / score.held_out


def _settings(model: Model, data: str | None) -> Settings:
    """The settings that say which pictures a model is measured against, at its own size."""
    family, (channels, size, _) = find_family(model.header["family"]), model.header["shape"]
    folder = next((place for place in model.path.parents if (place / "run.json").exists()), None)
    if folder is not None and data is None:
        return Settings.from_json(run.Run(folder).record()["settings"])
    options = dict(model.header["options"])
    domains = ",".join(model.domains) if model.domains and data is not None else None
    return Settings(
        family.name, options, data=data or model.header["data"], domains=domains, size=size, channels=channels
    )
