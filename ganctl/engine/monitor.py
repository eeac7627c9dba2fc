"""Who looks on while a training runs: vital signs, quality at some epochs, the best checkpoint, verdicts, balance."""

import math
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganctl import device
from ganctl.data.batches import Feed
from ganctl.data.cache.dataset import Dataset
from ganctl.data.domains import BUILT_IN, TwoDatasets
from ganctl.engine.events import Emitter, Judged, Measured
from ganctl.engine.lr_balance import balanced
from ganctl.engine.state import State
from ganctl.evaluation import samples, translations
from ganctl.evaluation.extractors import registry
from ganctl.evaluation.extractors.base import Extractor
from ganctl.evaluation.reference import Reference, reference
from ganctl.evaluation.sample_stats import Vitals
from ganctl.evaluation.score import digits
from ganctl.evaluation.verdicts import Watcher
from ganctl.gans.base import Sheet
from ganctl.inference.model import Model
from ganctl.runs.metric_names import figures, is_better
from ganctl.settings import Settings

_AT_ONCE = 50  # steps that the balance answers for where it was switched on in the middle of a training
WORTH = 50_000  # training pictures between two measurements, so that these cost a twentieth of the time or less

Figures = Mapping[str, float]
Quality = Callable[[nn.Module], tuple[Figures, Figures]]
"""A model in evaluation mode → its figures, perhaps a vital sign, and the figures of held-out pictures."""


class Watching:
    """The watch of a training; see `engine.Watch`.

    Args:
        steps_per_epoch: tells where an epoch ends.
        vitals: gives the measure of the data that is learned from, when it is first needed.
        quality: what measures it; None where nothing does.
        due: whether the quality is measured at the end of an epoch.
        balances: whether the learning rates follow the discriminator's accuracy.
        family: whose remedies are told.
    """

    def __init__(
        self,
        steps_per_epoch: int,
        vitals: Callable[[], Vitals],
        quality: Quality | None,
        due: Callable[[int], bool],
        balances: bool,
        family: str,
    ) -> None:
        self._steps_per_epoch, self._vitals, self._balances = steps_per_epoch, cache(vitals), balances
        self._quality, self._due, self._family = quality, due, family

    def measure(self, state: State, sheet: Sheet, epoch: int, emit: Emitter) -> Figures:
        """Vital signs of the sheet, and at some epochs the model's quality; each without the other if that fails."""
        found: dict[str, float] = {}
        with emit.surviving(f"The vital signs of epoch {epoch} could not be measured"):
            found |= self._vitals().of(sheet.drawn)
        if self._quality is not None and self._due(epoch):
            with emit.surviving(f"The quality of epoch {epoch} could not be measured"):
                began = time.monotonic()
                quality, held_out = self._quality(state.average)
                seconds = time.monotonic() - began
                _note_best(state, epoch, quality)
                emit(Measured(state.step, epoch, figures(quality), held_out, seconds))
                found |= quality
        return found

    def judge(self, state: State, line: Figures, emit: Emitter) -> None:
        """Move the balance, and say what is raised and taken back."""
        if not self._balances:
            for name in ("balance", "balanced"):
                state.notes.pop(name, None)
        elif "accuracy" in line:
            since = state.notes.get("balanced", max(0, state.step - _AT_ONCE))
            state.notes["balance"] = balanced(state.factors, line, state.step - since)
            state.notes["balanced"] = state.step
        watcher = Watcher(state.notes.setdefault("watch", {}), self._steps_per_epoch)
        for change in watcher.look(line):
            emit(Judged(state.step, int(line["epoch"]), change.verdict.of(self._family), change.raised))


def _note_best(state: State, epoch: int, quality: Figures) -> None:
    """Remember the step in hand as the best, if the first figure says so."""
    found = next(iter(figures(quality).items()), None)
    if (
        found
        and math.isfinite(found[1])
        and (state.best is None or found[0] != state.best["figure"] or is_better(*found, state.best["value"]))
    ):
        state.notes["best"] = {"step": state.step, "epoch": epoch, "figure": found[0], "value": found[1]}


def watch(
    settings: Settings, data: Dataset | TwoDatasets, feed: Feed, header: Mapping[str, Any]
) -> tuple[Watching, list[str]]:
    """The watch that the settings ask for, and a sentence on what it lacks.

    Raises:
        UsageError: there is no such extractor.
        GanctlError: the extractor asked for cannot be had.
    """
    sides = (data,) if isinstance(data, Dataset) else data.sides
    every, quality, missing = cadence(settings, data, feed.steps_per_epoch * feed.batch_size), None, ""
    if every:
        extractor, missing = registry.choose(data.origin, settings.extractor, None, device.choose(settings.device))
        quality = _quality(data, extractor, header)
    last = settings.epochs if settings.evaluate_every else None

    def vitals() -> Vitals:
        return Vitals([side.train[: settings.limit] for side in sides], [side.test for side in sides])

    found = Watching(
        feed.steps_per_epoch,
        vitals,
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
    fits = isinstance(data, Dataset) and registry.fits_digits(data.origin)
    return every if fits and every <= settings.epochs else 0


def _quality(data: Dataset | TwoDatasets, extractor: Extractor | None, header: Mapping[str, Any]) -> Quality | None:
    """What measures a model of these data; real pictures are looked at when it is first used."""
    if extractor is None and data.origin != BUILT_IN:
        return None
    known: list[Reference] = []

    def quality(net: nn.Module) -> tuple[Figures, Figures]:
        if not known and extractor is not None:
            sides = (data,) if isinstance(data, Dataset) else data.sides
            known.extend(reference(side, extractor) for side in sides)
        model = Model(Path(), data.name, header, data.name, net)
        if isinstance(data, TwoDatasets):
            both = {each.name: each for each in translations.compared(model, data, known, full=False)}
            return {n: f.value for n, f in both.items()}, {n: f.held_out for n, f in both.items() if f.held_out}
        pieces = model.draw(samples.COUNT, samples.SEED)
        features = torch.cat([known[0].extractor.features(piece) for piece in pieces])
        found = samples.classes(known[0], features)
        vital = {} if found is None else {"rarest": digits(found.rarest)}
        return {**known[0].distances(features), **vital}, known[0].best_to_expect

    return quality
