"""DCGAN's schedule: what the learning rates do as a training goes on."""

import pytest

from ganctl.gans.base import Clock
from ganctl.gans.dcgan import schedule
from ganctl.gans.options.dcgan import PRESETS, Options


def test_the_default_slows_down_with_the_steps_and_not_towards_an_end() -> None:
    factors = [
        schedule(Options(lr_decay_steps=100), Clock(step, total, 10)) for step in (0, 100, 300) for total in (300, 9000)
    ]
    assert factors == pytest.approx([1, 1, 0.5**0.5, 0.5**0.5, 0.5, 0.5])


@pytest.mark.parametrize("preset", ["tutorial", "paper"])
def test_what_follows_a_publication_keeps_its_learning_rates(preset: str) -> None:
    decay_steps = PRESETS[preset].get("lr_decay_steps", Options().lr_decay_steps)
    assert decay_steps == 0
    assert schedule(Options(), Clock(10**6, 10**6, 10)) == 1.0
