"""A pretrained part stays what it is, in every mode and through every checkpoint, and is saved only where asked for."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn, optim

from ganctl.data.batches import Batch
from ganctl.engine.loop import Plan, train_step
from ganctl.engine.state import State
from ganctl.gans.base import Clock, Preview, TrainingModule, Update
from ganctl.gans.frozen import Frozen
from tests.engine.test_loop import CPU, Pairs


def pretrained() -> nn.Module:
    """Features whose batch norm and dropout would show a training mode."""
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5))
    for number, weight in enumerate(net.parameters(), 2):
        nn.init.constant_(weight, 1 / number)
    return net


class Perceptual(TrainingModule):
    """A painter that works on frozen features, and learns by the distance of others."""

    ema = 0.9

    def __init__(self, in_model_file: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.model = nn.Sequential(Frozen(pretrained(), in_model_file), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1))
        self.features = Frozen(pretrained())

    def optimizers(self) -> dict[str, optim.Optimizer]:
        return {"painter": optim.Adam(self.model.parameters(), 1e-2)}  # frozen ones among them do no harm

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        yield Update({"painter": (self.features(self.model(batch["a"])) - self.features(batch["b"])).abs().mean()})

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        return Preview(batch["a"], 1, batch["a"])


def frozen_parts(module: nn.Module) -> list[Frozen]:
    return [part for part in module.modules() if isinstance(part, Frozen)]


def trained(module: TrainingModule, steps: int, state: State | None = None) -> State:
    state = state or State(module, CPU)
    for _ in range(steps):
        train_step(state, Pairs(), Plan(total_steps=9, seed=3))
    return state


@pytest.mark.parametrize("in_model_file", [False, True])
def test_training_leaves_it_as_it_was_and_gradients_flow_through_it(in_model_file: bool) -> None:
    images, expected = torch.rand(2, 3, 4, 4), pretrained().eval()
    module = Perceptual(in_model_file)
    before = module.model.state_dict()["2.weight"].clone()
    state = trained(module, 3)
    assert not module.model.state_dict()["2.weight"].equal(before)
    for part in frozen_parts(module) + frozen_parts(state.ema_model):
        assert part(images).equal(expected(images))
        assert not part(images).requires_grad
    assert module.training
    state.require_finite()


@pytest.mark.parametrize("in_model_file", [False, True])
def test_no_training_state_holds_it_and_the_models_file_where_it_is_asked_to(in_model_file: bool) -> None:
    state = trained(Perceptual(in_model_file), 1)
    assert not [name for name in state.to_file().tensors if ".net." in name or "features" in name]
    in_file = [name for name in state.ema_model.state_dict() if name.startswith("0.")]
    assert bool(in_file) == in_model_file


@pytest.mark.parametrize("in_model_file", [False, True])
def test_a_training_with_it_resumes_exactly(in_model_file: bool) -> None:
    whole, stopped = trained(Perceptual(in_model_file), 4), trained(Perceptual(in_model_file), 2)
    file = stopped.to_file()
    resumed = State(Perceptual(in_model_file), CPU)
    resumed.restore(file)
    trained(resumed.module, 2, resumed)
    one, other = whole.to_file().tensors, resumed.to_file().tensors
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)


def test_it_moves_with_its_module_and_a_copy_has_weights_of_its_own() -> None:
    module = Perceptual(False)
    copied = deepcopy(module).to(torch.float64)
    images = torch.rand(2, 3, 4, 4)
    assert copied.features(images.double()).dtype == torch.float64
    result: Tensor = module.features(images)
    assert result.dtype == torch.float32
    assert not list(module.features.parameters())
