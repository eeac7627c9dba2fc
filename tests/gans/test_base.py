"""Every family keeps the promises of the interface to the engine."""

from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from ganctl.data.info import DataInfo
from ganctl.engine import loop
from ganctl.engine.state import parameters_of
from ganctl.gans import FAMILIES, find
from ganctl.gans.base import Clock, Family, Preview, TrainingModule

SHAPE = (3, 32, 32)
INFO = DataInfo(SHAPE, ("3", "5", "8"), ("horse", "zebra"))


def options_of(family: Family) -> Any:
    """The options of the default preset."""
    names = {field.name for field in fields(family.options)}
    preset = family.presets[family.default_preset]
    return family.options(**{name: value for name, value in preset.items() if name in names})


def build(family: Family) -> TrainingModule:
    torch.manual_seed(0)
    options = options_of(family)
    return family.training(options, family.model(options, INFO), INFO).train()


def batch(family: Family) -> dict[str, Tensor]:
    images = {name: torch.rand(2, *SHAPE) * 2 - 1 for name in family.needs.sets}
    return images | {name: torch.tensor([2, 0]) for name in family.needs.columns}


def train(module: TrainingModule, family: Family) -> Preview:
    """Two steps, and the preview after them."""
    optimizers = module.optimizers()
    torch.manual_seed(1)
    for step in range(2):
        for update in module.updates(batch(family), Clock(step, 2, 2)):
            assert set(update.losses) <= set(optimizers)
            for name, value in {**update.losses, **update.metrics}.items():
                assert value.shape == (), name
                assert value.isfinite(), name
            assert not any(value.requires_grad for value in update.metrics.values())
            loop.move(optimizers, update)
    with torch.inference_mode():
        return module.preview(module.model.eval(), batch(family))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_step_moves_every_weight_with_finite_scalars_and_is_a_function_of_the_seed(name: str) -> None:
    family = find(name)
    module, again = build(family), build(family)
    before = {key: value.clone() for key, value in module.named_parameters() if value.requires_grad}
    preview, preview_again = train(module, family), train(again, family)
    still = [key for key, value in module.named_parameters() if key in before and value.equal(before[key])]
    assert not [key for key in still if not key.endswith("bias")]  # instance norm takes away the biases before it
    states = module.state_dict(), again.state_dict()
    assert all(value.equal(states[1][key]) for key, value in states[0].items())
    assert preview.images.equal(preview_again.images)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_preview_is_a_full_grid_of_images_with_the_samples_among_them(name: str) -> None:
    family = find(name)
    preview = train(build(family), family)
    assert preview.images.shape[1:] == preview.samples.shape[1:] == SHAPE
    assert len(preview.images) % preview.columns == 0
    assert preview.images.abs().max() <= 1
    rows = {tuple(image.flatten().tolist()) for image in preview.images}
    assert {tuple(sample.flatten().tolist()) for sample in preview.samples} <= rows


@pytest.mark.parametrize("name", FAMILIES)
def test_every_parameter_belongs_to_exactly_one_player(name: str) -> None:
    module = build(find(name))
    moved = [id(weight) for optimizer in module.optimizers().values() for weight in parameters_of(optimizer)]
    assert sorted(moved) == sorted(id(weight) for weight in module.parameters() if weight.requires_grad)


@pytest.mark.parametrize("name", FAMILIES)
def test_presets_consist_of_settings_and_the_default_is_one_of_them(name: str) -> None:
    family = find(name)
    assert family.default_preset in family.presets
    assert family.light_preset is None or family.light_preset in family.presets
    factors = [family.schedule(options_of(family), Clock(step, 100, 10)) for step in range(100)]
    assert all(0 < factor <= 1 for factor in factors if isinstance(factor, float))
