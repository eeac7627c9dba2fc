"""A family can bring batches and scores of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import ganctl
from ganctl import gans
from ganctl.data.batches import Batch, ShuffledBatches
from ganctl.data.cache.dataset import Dataset, TwoDatasets
from ganctl.engine.setup import configure
from ganctl.evaluation.evaluate import evaluate
from ganctl.gans.base import Clock, NoControls, Update
from ganctl.inference.model import Model
from ganctl.metrics.score import Score
from tests import awkward
from tests.trainings import EPOCHS, TOTAL, begin, go_on, warned

SIZES: list[int] = []


class Twice(ShuffledBatches):
    """Every image of a batch twice."""

    def batch(self, step: int, device: torch.device) -> Batch:
        return {name: torch.cat([rows, rows]) for name, rows in super().batch(step, device).items()}


class Counting(awkward.Awkward):
    """Notes the sizes of its batches."""

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        SIZES.append(len(batch["images"]))
        yield from super().updates(batch, clock)


def scores(model: Model, data: Dataset | TwoDatasets, references: Sequence[object]) -> Iterator[Score]:
    """A share of mistakes that falls with the steps."""
    weights = next(iter(model.net.parameters()))
    yield Score("error-guest", float(weights.detach().abs().mean()), None, "size of its first weights")


@pytest.fixture(autouse=True)
def guest(monkeypatch: pytest.MonkeyPatch) -> None:
    SIZES.clear()
    special = replace(
        awkward.FAMILY,
        training=Counting,
        batches=lambda data, settings, options: Twice(data, settings.batch_size, settings.seed, hflip=True),
        scores=scores,
    )
    monkeypatch.setitem(gans.FAMILIES, awkward.NAME, special)


def test_it_trains_on_its_own_batches_and_its_first_score_decides_which_checkpoint_is_the_best(photos: Path) -> None:
    flags = {"size": 16, "batch_size": 8, "epochs": EPOCHS, "evaluate_every": 1, "keep": 100}
    run = begin(configure(awkward.NAME, data=str(photos), flags=flags), Path("own/run"), stop_at=TOTAL // 2)
    go_on(run)
    assert set(SIZES) == {16}
    measured = {line["step"]: line["score/error-guest"] for line in run.read_log() if "score/error-guest" in line}
    assert len(measured) == EPOCHS
    best = min(measured, key=lambda step: measured[step])
    first = evaluate(ganctl.load(run.path, checkpoint="best")).scores[0]
    assert first.name == "error-guest"
    assert first.value == pytest.approx(measured[best], rel=1e-4)


@pytest.mark.parametrize("sets", [1, 2])
def test_a_family_that_no_common_score_fits_is_measured_by_its_own(
    sets: int, photos: Path, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that translates what it learns from, and one that translates in one direction only."""
    if sets == 1:
        special, data, options = replace(awkward.FAMILY, verbs=("translate",)), photos, {}
    else:
        special = replace(
            gans.find("cyclegan"), controls=NoControls, bind=lambda model, controls, info: model.generator_to(1)
        )
        data, options = pair, {"width": "4", "blocks": "1", "discriminator_width": "4", "discriminator_layers": "1"}
    monkeypatch.setitem(gans.FAMILIES, special.name, replace(special, scores=scores))
    flags = {"size": 16, "batch_size": 4, "epochs": 2, "evaluate_every": 1}
    run = begin(configure(special.name, data=str(data), flags=flags, assignments=options), Path("own/run"))
    assert not [message for message in warned(run) if "could not be measured" in message]
    assert sum("score/error-guest" in line for line in run.read_log()) == 2
    measured = evaluate(ganctl.load(run.path, checkpoint="best"))
    assert [score.name for score in measured.scores] == ["error-guest"]
