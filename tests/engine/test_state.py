"""The state of a training: its averaged model, and that nothing of it is saved unless all is finite."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ganctl.engine.loop import Plan, train_step
from ganctl.engine.state import State
from ganctl.errors import DivergedError
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
    state.step += 1  # only a step changes anything in a training
    with pytest.raises(DivergedError):
        state.require_finite()


def test_everything_is_checked_once_a_step_whoever_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    checks, foreach_norm = [], torch._foreach_norm

    def counted(tensors: list[Tensor], order: float) -> Any:
        checks.append(len(tensors))
        return foreach_norm(tensors, order)

    monkeypatch.setattr(torch, "_foreach_norm", counted)
    run = train("run", fresh(False))
    assert len(checks) == len({line["step"] for line in run.read_log()}) == 5, "saved at three of these steps"


def test_large_numbers_and_no_numbers_are_finite() -> None:
    module = TwoDomains()
    with torch.no_grad():
        module.model.get_parameter("a2b.weight").fill_(1e30)
    module.pool = torch.empty(0, 3, 4, 4)
    State(module, CPU).require_finite()
