"""The monitor of a training: sample statistics, scores at some epochs, the best checkpoint, verdicts and balance."""

import math
import time
from collections.abc import Callable, Mapping
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
from ganctl.engine.events import Emitter, Evaluated, VerdictChanged
from ganctl.engine.lr_balance import balanced_factors
from ganctl.engine.state import State
from ganctl.evaluation import samples, translations
from ganctl.evaluation.extractors import registry
from ganctl.evaluation.extractors.base import Extractor
from ganctl.evaluation.reference import Reference, reference
from ganctl.evaluation.sample_stats import SampleStats
from ganctl.evaluation.verdicts import VerdictTracker
from ganctl.gans.base import Preview
from ganctl.inference.model import Model
from ganctl.metrics.score import rounded
from ganctl.runs.metric_names import ACCURACY, SAMPLE, SCORE, is_better, prefixed
from ganctl.settings import Settings

_AT_ONCE = 50  # steps that the balance answers for where it was switched on in the middle of a training
WORTH = 50_000  # training pictures between two measurements, so that these cost a twentieth of the time or less

Scores = Mapping[str, float]


class Quality(NamedTuple):
    """What is measured of a model, by name.

    Attributes:
        scores: of the model; the first one decides which checkpoint is the best.
        held_out: the same of held-out pictures, where they are known.
        sample_stats: what its samples tell beside that.
    """

    scores: Scores
    held_out: Scores
    sample_stats: Scores = MappingProxyType({})


class Watching:
    """The watch of a training; see `engine.Watch`.

    Args:
        steps_per_epoch: tells where an epoch ends.
        sample_stats: gives the measure of the data that is learned from, when it is first needed.
        quality: what measures it; None where nothing does.
        due: whether the quality is measured at the end of an epoch.
        balances: whether the learning rates follow the discriminator's accuracy.
        family: whose remedies are told.
    """

    def __init__(
        self,
        steps_per_epoch: int,
        sample_stats: Callable[[], SampleStats],
        quality: Callable[[nn.Module], Quality] | None,
        due: Callable[[int], bool],
        balances: bool,
        family: str,
    ) -> None:
        self._steps_per_epoch, self._sample_stats, self._balances = steps_per_epoch, cache(sample_stats), balances
        self._quality, self._due, self._family = quality, due, family

    def measure(self, state: State, preview: Preview, epoch: int, emit: Emitter) -> Scores:
        """Sample statistics of the preview, and the scores at some epochs; each without the other if that fails."""
        found: dict[str, float] = {}
        with emit.surviving(f"The sample statistics of epoch {epoch} could not be measured"):
            found |= prefixed(SAMPLE, self._sample_stats().measure(preview.samples))
        if self._quality is not None and self._due(epoch):
            with emit.surviving(f"The quality of epoch {epoch} could not be measured"):
                began = time.monotonic()
                quality = self._quality(state.ema_model)
                seconds = time.monotonic() - began
                _note_best(state, epoch, quality.scores)
                emit(Evaluated(state.step, epoch, quality.scores, quality.held_out, seconds))
                found |= prefixed(SCORE, quality.scores) | prefixed(SAMPLE, quality.sample_stats)
        return found

    def judge(self, state: State, line: Scores, emit: Emitter) -> None:
        """Move the balance, and say what is raised and taken back."""
        if not self._balances:
            for name in ("balance", "balanced"):
                state.monitor_state.pop(name, None)
        elif ACCURACY in line:
            since = state.monitor_state.get("balanced", max(0, state.step - _AT_ONCE))
            state.monitor_state["balance"] = balanced_factors(state.lr_factors, line, state.step - since)
            state.monitor_state["balanced"] = state.step
        watcher = VerdictTracker(state.monitor_state.setdefault("watch", {}), self._steps_per_epoch)
        for change in watcher.look(line):
            emit(VerdictChanged(state.step, int(line["epoch"]), change.verdict.of(self._family), change.raised))


def _note_best(state: State, epoch: int, quality: Scores) -> None:
    """Remember the step in hand as the best, if the first score says so."""
    found = next(iter(quality.items()), None)
    if (
        found
        and math.isfinite(found[1])
        and (state.best is None or found[0] != state.best["score"] or is_better(*found, state.best["value"]))
    ):
        state.monitor_state["best"] = {"step": state.step, "epoch": epoch, "score": found[0], "value": found[1]}


def watch(
    settings: Settings, data: Dataset | TwoDatasets, batches: Batches, header: Mapping[str, Any]
) -> tuple[Watching, list[str]]:
    """The watch that the settings ask for, and a sentence on what it lacks.

    Raises:
        UsageError: there is no such extractor.
        GanctlError: the extractor asked for cannot be had.
    """
    sides = (data,) if isinstance(data, Dataset) else data.datasets
    every, quality, missing = cadence(settings, data, batches.steps_per_epoch * batches.batch_size), None, ""
    if every:
        extractor, missing = registry.choose_extractor(
            data.spec, settings.extractor, None, device.choose(settings.device)
        )
        quality = _quality(data, extractor, header)
    last = settings.epochs if settings.evaluate_every else None

    def sample_stats() -> SampleStats:
        return SampleStats([side.train[: settings.limit] for side in sides], [side.test for side in sides])

    found = Watching(
        batches.steps_per_epoch,
        sample_stats,
        quality,
        lambda epoch: epoch == last or epoch % every == 0,
        settings.balance,
        settings.family,
    )
    return found, [missing] if missing else []


def cadence(settings: Settings, data: Dataset | TwoDatasets, pictures: int) -> int:
    """Epochs between two measurements of the quality; 0 for never.

    Without ``--evaluate-every`` it is measured where that needs nothing but what ships with ganctl, and once in
    `WORTH` pictures of training.

    Args:
        settings: the training's.
        data: what it learns from.
        pictures: how many of them an epoch has.
    """
    if settings.evaluate_every is not None:
        return settings.evaluate_every
    every = -(-WORTH // pictures)
    fits = isinstance(data, Dataset) and registry.fits_digits(data.spec)
    return every if fits and every <= settings.epochs else 0


def _quality(
    data: Dataset | TwoDatasets, extractor: Extractor | None, header: Mapping[str, Any]
) -> Callable[[nn.Module], Quality] | None:
    """What measures a model of these data; real pictures are looked at when it is first used."""
    if extractor is None and data.spec != PLAIN2STRIPED:
        return None
    known: list[Reference] = []

    def quality(net: nn.Module) -> Quality:
        if not known and extractor is not None:
            sides = (data,) if isinstance(data, Dataset) else data.datasets
            known.extend(reference(side, extractor) for side in sides)
        model = Model(Path(), data.name, header, data.name, net)
        if isinstance(data, TwoDatasets):
            both = {each.name: each for each in translations.compared(model, data, known, full=False)}
            held_out = {name: score.held_out for name, score in both.items() if score.held_out}
            return Quality({name: score.value for name, score in both.items()}, held_out)
        pieces = model.generate(samples.COUNT, samples.SEED)
        features = torch.cat([known[0].extractor.features(piece) for piece in pieces])
        found = samples.classes(known[0], features)
        rarest = {} if found is None else {"rarest": rounded(found.rarest)}
        return Quality(known[0].distances(features), known[0].held_out_distances, rarest)

    return quality
