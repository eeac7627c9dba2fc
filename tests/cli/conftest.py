"""Fixtures of the command line's tests."""

import time
from functools import partial

import pytest

from ganctl import interrupt
from ganctl.data.batches import Batches
from ganctl.engine import loop
from ganctl.engine.loop import Plan
from ganctl.engine.state import State
from ganctl.inference import latent_walk


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes ten days ahead at the first step."""
    plain = loop.train_step

    def train_step(state: State, batches: Batches, plan: Plan) -> None:
        plain(state, batches, plan)
        monkeypatch.setattr(interrupt, "monotonic", lambda: time.monotonic() + 10 * 24 * 3600)

    monkeypatch.setattr(loop, "train_step", train_step)


@pytest.fixture
def short_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two frames are enough."""
    short = partial(latent_walk.LatentWalk, num_keys=1, frames_per_key=2)
    monkeypatch.setattr(latent_walk, "LatentWalk", short)
