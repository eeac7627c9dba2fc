"""The monitor of a training: sample statistics, scores at some epochs, the best checkpoint, verdicts and balance."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import nn

from ganctl import device
from ganctl.data.batches import Batches
from ganctl.data.cache.dataset import Dataset, TwoDatasets
from ganctl.data.resolve import PLAIN2STRIPED
from ganctl.engine.events import Emitter, Evaluated, VerdictChanged, Warned
from ganctl.engine.lr_balance import balanced_factors
from ganctl.engine.state import State
from ganctl.evaluation import samples, translations
from ganctl.evaluation.extractors import registry
from ganctl.evaluation.extractors.base import Extractor
from ganctl.evaluation.reference import Reference, load_reference
from ganctl.evaluation.sample_stats import SampleStats
from ganctl.evaluation.verdict_tracker import VerdictTracker
from ganctl.gans.base import Family, Preview, no_scores
from ganctl.inference.model import Model
from ganctl.metrics.score import Score, rounded
from ganctl.runs.metric_names import ACCURACY, SAMPLE, SCORE, is_better, prefixed, roles_of
from ganctl.settings import Settings

PICTURES_PER_EVALUATION = 50_000  # training pictures between two, so that they cost a twentieth of the time or less
_MAX_FIRST_BALANCE_STEPS = 50  # that the balance accounts for where it is switched on in the middle of a training

Scores = Mapping[str, float]


class Quality(NamedTuple):
    """The measured quality of a model, by the scores' names.

    Attributes:
        scores: of the model; the first one decides which checkpoint is the best.
        held_out: the same scores of held-out pictures, where they are known.
        sample_stats: further statistics of the samples.
    """

    scores: Scores
    held_out: Scores
    sample_stats: Scores = MappingProxyType({})

    def followed_by(self, other: "Quality") -> "Quality":
        """Both, this one's scores first."""
        return Quality(*({**first, **second} for first, second in zip(self, other, strict=True)))


class Monitor:
    """Measures a training at the end of its epochs and judges every line of its log.

    What must survive a restart is in ``state.monitor_state``. Of the training itself it changes the learning rates'
    factors in there, and nothing else; it leaves torch's random generators alone. Whatever it raises is a warning to
    its caller, and training goes on.

    Args:
        steps_per_epoch: tells at which lines an epoch ends.
        sample_stats: makes the statistics of the training data, when they are first needed.
        measure_quality: measures a model; None where nothing does.
        evaluates_at: whether the quality is measured at the end of an epoch.
        balances: whether the learning rates follow the discriminator's accuracy.
        family: whose roles and remedies count.
    """

    def __init__(
        self,
        steps_per_epoch: int,
        sample_stats: Callable[[], SampleStats],
        measure_quality: Callable[[nn.Module], Quality] | None,
        evaluates_at: Callable[[int], bool],
        balances: bool,
        family: Family,
    ) -> None:
        self._steps_per_epoch, self._sample_stats, self._balances = steps_per_epoch, cache(sample_stats), balances
        self._measure_quality, self._evaluates_at, self._family = measure_quality, evaluates_at, family
        self._warned = False

    def measure(self, state: State, preview: Preview, epoch: int, emit: Emitter) -> Scores:
        """The preview's sample statistics, and the scores at some epochs, for the log; either, if the other fails."""
        measured: dict[str, float] = {}
        with emit.warn_and_continue(f"The sample statistics of epoch {epoch} could not be measured"):
            measured |= prefixed(SAMPLE, self._sample_stats().measure(preview.samples))
        if self._measure_quality is not None and self._evaluates_at(epoch):
            with emit.warn_and_continue(f"The quality of epoch {epoch} could not be measured"):
                start = time.monotonic()
                quality = self._measure_quality(state.ema_model)
                seconds = time.monotonic() - start
                _update_best(state, epoch, quality.scores)
                emit(Evaluated(state.step, epoch, quality.scores, quality.held_out, seconds))
                measured |= prefixed(SCORE, quality.scores) | prefixed(SAMPLE, quality.sample_stats)
        return measured

    def update(self, state: State, line: Scores, emit: Emitter) -> None:
        """Adapt the balance of the learning rates to a line of the log, and emit the verdicts that it changes."""
        self._balance(state, line, emit)
        memory = state.monitor_state.setdefault("verdicts", {})
        has_discriminator = "discriminator" in roles_of(state.optimizers, self._family.roles)
        tracker = VerdictTracker(memory, self._steps_per_epoch, has_discriminator)
        for verdict, raised in tracker.update(line):
            emit(VerdictChanged(state.step, int(line["epoch"]), verdict.of(self._family.name), raised))

    def _balance(self, state: State, line: Scores, emit: Emitter) -> None:
        """Update the factors of the learning rates, or remove them where the run is not to be balanced."""
        if not self._balances:
            for name in ("lr_factors", "balanced_at_step"):
                state.monitor_state.pop(name, None)
        elif ACCURACY in line:
            last_step = state.monitor_state.get("balanced_at_step", max(0, state.step - _MAX_FIRST_BALANCE_STEPS))
            steps, roles = state.step - last_step, roles_of(state.optimizers, self._family.roles)
            state.monitor_state["lr_factors"] = balanced_factors(state.balance_factors, line, steps, roles)
            state.monitor_state["balanced_at_step"] = state.step
        elif state.step % self._steps_per_epoch == 0 and not state.balance_factors and not self._warned:
            self._warned = True
            emit(Warned(f"{self._family.name} reports no metric named accuracy, so --balance has nothing to go by."))


def _update_best(state: State, epoch: int, scores: Scores) -> None:
    """Remember the current step as the best if the first of its scores says so."""
    score, value = next(iter(scores.items()), ("", math.nan))
    best = state.best
    if math.isfinite(value) and (best is None or score != best["score"] or is_better(score, value, best["value"])):
        state.monitor_state["best"] = {"step": state.step, "epoch": epoch, "score": score, "value": value}


def build_monitor(
    settings: Settings, family: Family, data: Dataset | TwoDatasets, batches: Batches, header: Mapping[str, Any]
) -> tuple[Monitor, list[str]]:
    """The monitor that the settings ask for, and a sentence on what it cannot measure, if anything.

    Raises:
        UsageError: there is no such extractor.
        GanctlError: the extractor asked for cannot be had.
    """
    datasets = data.datasets
    interval = evaluation_interval(settings, data, batches.steps_per_epoch * batches.batch_size)
    measure_quality, missing = None, ""
    if interval:
        extractor, missing = registry.choose_extractor(
            data.spec, settings.extractor, None, device.choose(settings.device)
        )
        measure_quality = _quality_measure(family, data, extractor, header)
    last_epoch = settings.epochs if settings.evaluate_every else None

    def sample_stats() -> SampleStats:
        return SampleStats(
            [dataset.train[: settings.limit] for dataset in datasets], [dataset.test for dataset in datasets]
        )

    monitor = Monitor(
        batches.steps_per_epoch,
        sample_stats,
        measure_quality,
        lambda epoch: epoch == last_epoch or epoch % interval == 0,
        settings.balance,
        family,
    )
    return monitor, [missing] if missing else []


def evaluation_interval(settings: Settings, data: Dataset | TwoDatasets, pictures_per_epoch: int) -> int:
    """Epochs between two measurements of the quality; 0 for never.

    Without ``--evaluate-every`` it is measured where that needs nothing but what ships with ganctl, and once in
    `PICTURES_PER_EVALUATION` pictures of training.
    """
    if settings.evaluate_every is not None:
        return settings.evaluate_every
    interval = -(-PICTURES_PER_EVALUATION // pictures_per_epoch)
    has_extractor = isinstance(data, Dataset) and registry.fits_digits(data.spec)
    return interval if has_extractor and interval <= settings.epochs else 0


def _quality_measure(
    family: Family, data: Dataset | TwoDatasets, extractor: Extractor | None, header: Mapping[str, Any]
) -> Callable[[nn.Module], Quality] | None:
    """A function that measures a model of these data; it extracts the real pictures' features at its first call."""
    if extractor is None and data.spec != PLAIN2STRIPED and family.scores is no_scores:
        return None
    references: list[Reference] = []

    def measure_quality(net: nn.Module) -> Quality:
        if not references and extractor is not None:
            references.extend(load_reference(dataset, extractor) for dataset in data.datasets)
        model = Model(Path(), data.name, header, data.name, net)
        own = _quality(family.scores(model, data, references))
        if translations.has_common_scores(data, family):
            return own.followed_by(_quality(translations.translation_scores(model, data, references, full=False)))
        if not references or not samples.has_common_scores(data, family):
            return own
        conditions = samples.real_conditions(model, data, samples.DEFAULT_COUNT)
        batches = model.sample_batches(samples.DEFAULT_COUNT, samples.SEED, conditions=conditions)
        features = torch.cat([references[0].extractor.features(batch) for batch in batches])
        classes = samples.classify_features(references[0], features)
        rarest = {} if classes is None else {"rarest": rounded(classes.rarest)}
        return own.followed_by(Quality(references[0].distances(features), references[0].held_out_distances, rarest))

    return measure_quality


def _quality(scores: Iterable[Score]) -> Quality:
    measured = list(scores)
    held_out = {score.name: score.held_out for score in measured if score.held_out}
    return Quality({score.name: score.value for score in measured}, held_out)
