"""The state of a training: its averaged model, and that nothing of it is saved unless all is finite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganctl.data.batches import Batch
from ganctl.engine.loop import Plan, train_step
from ganctl.engine.state import State
from ganctl.errors import DivergedError
from ganctl.gans.base import Preview
from ganctl.runs.run import Run
from tests.engine.test_loop import CPU, Pairs, TwoDomains, fresh, train


def test_the_average_follows_the_weights_with_a_growing_decay() -> None:
    module = fresh(False)
    state = State(module, CPU)
    first = module.model.state_dict()["a2b.weight"].clone()
    train_step(state, Pairs(), Plan(total_steps=9, seed=3))
    now = module.model.state_dict()["a2b.weight"]
    decay = (1 + 1) / (10 + 1)
    assert torch.allclose(state.ema_model.state_dict()["a2b.weight"], decay * first + (1 - decay) * now)


def test_without_averaging_the_plain_weights_are_shipped() -> None:
    module = fresh(False)
    module.ema = 0.0
    state = State(module, CPU)
    train_step(state, Pairs(), Plan(total_steps=9, seed=3))
    for name, weight in module.model.state_dict().items():
        assert torch.equal(state.ema_model.state_dict()[name], weight)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.module.pool[0].fill_(torch.inf),
        lambda state: state.ema_model.state_dict()["a2b.weight"].fill_(torch.nan),
        lambda state: state.module.judges["a"].weight.data.fill_(-torch.inf),
    ],
    ids=["buffer", "average", "weight"],
)
def test_nothing_that_would_be_saved_may_be_infinite(spoil: Callable[[State], Any]) -> None:
    state = State(fresh(False), CPU)
    state.require_finite()
    spoil(state)
    with pytest.raises(DivergedError):
        state.require_finite()


class SpoilingPreview(TwoDomains):
    """Its second preview, which comes after an epoch's end was checked, makes a buffer infinite."""

    previews = 0

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        self.previews += 1
        if self.previews == 2:
            self.pool.fill_(torch.inf)
        return super().preview(model, batch)


def test_what_becomes_infinite_after_the_check_of_an_epochs_end_is_not_saved() -> None:
    with pytest.raises(DivergedError):
        train("run", SpoilingPreview())
    assert Run(Path("run")).checkpoint_steps() == []


def test_large_numbers_and_no_numbers_are_finite() -> None:
    module = TwoDomains()
    with torch.no_grad():
        module.model.get_parameter("a2b.weight").fill_(1e30)
    module.pool = torch.empty(0, 3, 4, 4)
    State(module, CPU).require_finite()
