"""All scores of a finished model, and the verdicts on them."""

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganctl import tasks
from ganctl.data.batches import to_normalized_tensor
from ganctl.data.cache.dataset import Dataset
from ganctl.data.info import LABELS
from ganctl.errors import CheckpointError, UsageError
from ganctl.evaluation import samples, translations
from ganctl.evaluation.extractors import registry
from ganctl.evaluation.extractors.base import quantised
from ganctl.evaluation.reference import MAX_FEATURE_IMAGES, Reference, images_to_extract, load_reference, subsample
from ganctl.evaluation.sample_stats import SampleStats
from ganctl.evaluation.verdicts import Verdict, verdicts_of
from ganctl.gans import find as find_family
from ganctl.gans.dataset import open_data
from ganctl.inference.model import Model
from ganctl.metrics.score import Score
from ganctl.runs import run
from ganctl.runs.metric_names import LUMINANCE, RELATIVE_COVERAGE, SAMPLE
from ganctl.settings import Settings, table_path
from ganctl.spacing import evenly_spaced
from ganctl.text import describe_malformed

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Evaluation:
    """The scores of a model.

    Attributes:
        model: the file of its weights.
        step: training steps it has had.
        epoch: the same in passes over the data.
        data: name of the data set.
        pictures: number of generated images.
        held_out: number of real images beside them.
        extractor: name of the feature extractor; None where none could be had.
        extractor_input: how the extractor converts an image, in words.
        missing: a sentence on what is missing where there is no extractor; else empty.
        scores: all scores.
        verdicts: what the scores mean.
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
        """Convert to a plain mapping, for machines."""
        scores = {score.name: {"value": score.value, "held_out": score.held_out} for score in self.scores}
        verdicts = [
            {"code": v.code, "severity": v.severity, "title": v.title, "remedy": v.remedy} for v in self.verdicts
        ]
        return asdict(self) | {"model": str(self.model), "scores": scores, "verdicts": verdicts}


def evaluate(
    model: Model,
    *,
    data: str | None = None,
    labels: str | None = None,
    extractor: str | None = None,
    weights: Path | None = None,
    count: int = samples.DEFAULT_COUNT,
    seed: int = samples.SEED,
) -> Evaluation:
    """Measure a model against the images that it was trained on, and those that were held out.

    Args:
        model: see `ganctl.load`.
        data: the data set to measure against; the model's own if not given.
        labels: a CSV file of its pictures' classes, for a model that knows classes; if not given, the one of the run
            where that is of this data.
        extractor: ``digits-cnn`` or ``inception``; the one that fits if not given.
        weights: Inception's file, downloaded by hand.
        count: images to generate, where the model generates from noise.
        seed: seed of these images.

    Raises:
        UsageError: an argument is out of range or unknown.
        CheckpointError: the model's file does not say what it was trained on.
        DataError: the real images cannot be had.
        GanctlError: the extractor asked for cannot be had.
    """
    if not 2 <= count <= samples.MAX_COUNT:
        raise UsageError(f"{count:,} pictures cannot be measured.", f"Ask for 2 to {samples.MAX_COUNT:,}.")
    try:
        settings, step = _settings(model, data, labels), model.header["step"]
        epoch = step / model.header["steps_per_epoch"]
    except (KeyError, TypeError, ArithmeticError) as error:
        raise CheckpointError(
            f"{model.path} does not say what it was trained on: {describe_malformed(error)}."
        ) from None
    family = find_family(settings.family)
    real, _ = open_data(settings, family, family.options(**settings.options), fresh=False)
    choice = registry.choose_extractor(real.spec, extractor, weights, next(model.net.parameters()).device)
    datasets = real.datasets
    with tasks.task(f"Extracting features of {real.name}", "pictures", sum(map(images_to_extract, datasets))):
        references = [load_reference(dataset, choice.extractor) for dataset in datasets] if choice.extractor else []
    scores: list[Score] = []
    pictures, held_out = 0, sum(len(dataset.test) for dataset in datasets)
    if samples.has_common_scores(real, family):
        trained_on = replace(real, train=real.train[: settings.limit])
        conditions = samples.real_conditions(model, trained_on, count)
        generated = (quantised(chunk) for chunk in model.sample_batches(count, seed, conditions=conditions))
        with tasks.task("Generating and measuring", "pictures", count):
            asked_for = conditions.get(LABELS)
            scores = measure_samples(generated, count, trained_on, references, asked_for, model.info.classes)
        pictures, held_out = count, min(MAX_FEATURE_IMAGES, len(real.test))
    elif translations.has_common_scores(real, family):
        with tasks.task("Translating and measuring", "pictures", translations.translation_count(real)):
            scores = list(translations.translation_scores(model, real, references))
        pictures = translations.image_count(real)
    scores = [*family.scores(model, real, references), *scores]
    return Evaluation(
        model.path,
        step,
        epoch,
        real.name,
        pictures,
        held_out,
        None if choice.extractor is None else choice.extractor.name,
        "" if choice.extractor is None else choice.extractor.input_format,
        choice.missing,
        tuple(scores),
        tuple(verdict.of(settings.family) for verdict in score_verdicts(scores)),
    )


def measure_samples(
    generated: Iterable[Tensor],
    count: int,
    data: Dataset,
    references: list[Reference],
    labels: Tensor | None = None,
    class_names: Sequence[str] = (),
) -> list[Score]:
    """Compute all scores of images that were generated from noise.

    Args:
        generated: chunks [n, C, H, W] in [-1, 1], one of which is held at a time.
        count: number of images in all chunks.
        data: the real images.
        references: their features for each extractor; may be empty.
        labels: the classes that the images were asked for [count], or none.
        class_names: label i is the i-th of them.
    """
    max_compared = min(samples.MAX_STAT_IMAGES, samples.MAX_STAT_VALUES // math.prod(data.shape))
    compared = torch.tensor(evenly_spaced(count, max_compared))
    features: list[list[Tensor]] = [[] for _ in references]
    selection, start = [], 0
    for chunk in generated:
        for chunks, real in zip(features, references, strict=True):
            chunks.append(real.extractor.features(chunk))
        selection.append(chunk[compared[(compared >= start) & (compared < start + len(chunk))] - start])
        start += len(chunk)
    scores = []
    for chunks, real in zip(features, references, strict=True):
        classes = None if labels is None else real.extractor.class_numbers(labels, class_names)
        scores += samples.feature_scores(real, torch.cat(chunks), classes)
    held_out = to_normalized_tensor(subsample(data.test, max_compared), _CPU)
    return scores + samples.stat_scores(SampleStats([data.train], [data.test]), torch.cat(selection), held_out)


def score_verdicts(scores: list[Score]) -> list[Verdict]:
    """Derive the verdicts on scores, each once. An extractor's scores are looked up by their names without its own."""
    verdicts = [verdict for name, value in _metrics(scores) for verdict in verdicts_of({name: value})]
    return list({verdict.code: verdict for verdict in verdicts}.values())


def _metrics(scores: list[Score]) -> Iterator[tuple[str, float]]:
    """The scores under the names that verdicts listen to."""
    for score in scores:
        kind = score.name.split("-")[0]  # without the extractor or the domain
        match kind:
            case "coverage" if score.held_out:
                yield RELATIVE_COVERAGE, score.value / score.held_out
            case "luminance":
                yield LUMINANCE, score.value
            case _:
                yield f"{SAMPLE}{kind}", score.value


def _settings(model: Model, data: str | None, labels: str | None) -> Settings:
    """The settings that say which images a model is measured against, at its own size."""
    family, info = model.family, model.info
    channels, size, _ = info.shape
    run_folder = next((folder for folder in model.path.parents if run.Run(folder).exists), None)
    recorded = None if run_folder is None else Settings.from_json(run.Run(run_folder).record()["settings"])
    table = None if labels is None else table_path(labels)
    if recorded is not None and data is None:
        return recorded if table is None else replace(recorded, labels=table)
    if recorded is not None and data is not None and table is None:
        table = _table_of_run(recorded, data)
    options = dict(model.header["options"])
    domains = ",".join(info.domains) if info.domains and data is not None else None
    return Settings(
        family.name,
        options,
        data=data or model.header["data"],
        domains=domains,
        labels=table,
        size=size,
        channels=channels,
    )


def _table_of_run(recorded: Settings, data: str) -> str | None:
    """The table of labels that a run was trained with, if it is of this data: the same, or moved with its table."""
    moved = recorded.moved(data).labels
    if moved is None or not Path(moved).is_file():
        return None
    is_same = Path(os.path.realpath(os.path.expanduser(data))) == Path(recorded.data or "")  # noqa: PTH111
    return moved if is_same or moved != recorded.labels else None
