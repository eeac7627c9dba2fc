"""What a line of the log is the mean of, where players move several times in a step and metrics are rare."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.optim import SGD, Optimizer

from ganctl.data.batches import Batch
from ganctl.engine.loop import Plan, log_line, train_step
from ganctl.engine.state import State
from ganctl.gans.base import Clock, Preview, TrainingModule, Update
from ganctl.tensorfile import TensorFile
from tests.engine.test_loop import CPU, Pairs

PLAN = Plan(total_steps=9, seed=3)


class Repeating(TrainingModule):
    """Its only player moves twice in a step, and reports a metric at every second step only."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Linear(1, 1, bias=False)

    def optimizers(self) -> dict[str, Optimizer]:
        return {"painter": SGD(self.model.parameters(), 1.0)}

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        for part in (1.0, 2.0):
            metrics = {"often": torch.tensor(part)} | (
                {"rare": torch.tensor(10.0 + clock.step)} if clock.step % 2 else {}
            )
            zero = 0 * self.model.get_parameter("weight").sum()
            yield Update({"painter": zero + part + clock.step}, metrics)

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        raise NotImplementedError


class Idle(Repeating):
    """Nothing moves at every second step."""

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        yield from super().updates(batch, clock) if clock.step % 2 else ()


def after(steps: int, module: TrainingModule) -> State:
    state = State(module, CPU)
    for _ in range(steps):
        train_step(state, Pairs(), PLAN)
    return state


def test_losses_of_one_player_in_a_step_are_added_up_and_metrics_averaged() -> None:
    means = after(4, Repeating()).means()
    assert means["loss/painter"] == pytest.approx(3 + 2 * (0 + 1 + 2 + 3) / 4)
    assert means["metric/often"] == pytest.approx(1.5)


def test_a_metric_that_is_not_in_every_step_is_averaged_over_the_steps_that_had_it() -> None:
    state = after(4, Repeating())
    assert state.means()["metric/rare"] == pytest.approx((11 + 13) / 2)
    log_line(state, Pairs(), {})
    assert state.log_counts == {}
    train_step(state, Pairs(), PLAN)
    assert "metric/rare" not in state.means()


def test_a_step_in_which_nothing_moves_is_in_no_mean() -> None:
    assert after(4, Idle()).means()["loss/painter"] == pytest.approx(3 + 2 * (1 + 3) / 2)


def test_the_means_survive_a_stop() -> None:
    state = after(3, Repeating())
    file, again = state.to_file(), State(Repeating(), CPU)
    again.restore(file)
    assert file.header["log_counts"] == {"loss/painter": 3, "metric/often": 3, "metric/rare": 1}
    assert again.means() == state.means()


def test_a_checkpoint_of_before_has_every_value_in_every_step() -> None:
    file = after(2, Idle()).to_file()
    header = {name: value for name, value in file.header.items() if name != "log_counts"}
    again = State(Idle(), CPU)
    again.restore(TensorFile(file.tensors, header))
    assert again.means()["loss/painter"] == pytest.approx((3 + 2 * 1) / 2)
