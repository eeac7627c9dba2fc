"""Walks through the latents: closed, smooth, at constant norm, decided by the seed."""

from pathlib import Path

import pytest
import torch
from torch import nn

from ganctl.inference.latent_walk import LatentWalk, slerp
from ganctl.inference.model import Model


@pytest.fixture
def model() -> Model:
    """A model whose images are its nine latents, three by three."""
    net = nn.Sequential(nn.Linear(9, 9, bias=False), nn.Unflatten(1, (1, 3, 3)))
    nn.init.eye_(next(net.parameters()))
    header = {"family": "dcgan", "options": {"latent_dim": 9}, "shape": [1, 3, 3]}
    return Model(Path("model.safetensors"), "model", header, "model", net)


def test_a_walk_has_its_number_of_frames_and_images(model: Model) -> None:
    frames = list(LatentWalk(model, seed=0, num_keys=3, frames_per_key=4, num_images=5))
    assert len(frames) == 12
    assert {frame.shape for frame in frames} == {(5, 1, 3, 3)}


def test_a_walk_ends_where_it_began_and_never_jumps(model: Model) -> None:
    frames = torch.stack(list(LatentWalk(model, seed=0, num_keys=3, frames_per_key=12))).flatten(2)
    steps = (frames.roll(-1, 0) - frames).norm(dim=2)  # the last one is from the last frame to the first
    legs = (frames[::12].roll(-1, 0) - frames[::12]).norm(dim=2)
    assert (steps < 0.2 * legs.repeat_interleave(12, 0)).all()
    assert (steps[-1] < 0.05 * legs[-1]).all(), "the pace is slow at a key, so that the seam is not seen"


def test_a_walk_stays_between_the_norms_of_its_keys(model: Model) -> None:
    frames = torch.stack(list(LatentWalk(model, seed=0, num_keys=4, frames_per_key=6, num_images=8))).flatten(2)
    keys = frames[::6].norm(dim=2)
    assert frames.norm(dim=2).min() >= keys.min() - 1e-4
    assert frames.norm(dim=2).max() <= keys.max() + 1e-4


def test_a_walk_depends_on_its_seed_alone(model: Model) -> None:
    first, repeated, different = (
        torch.stack(list(LatentWalk(model, seed=seed, num_keys=2, frames_per_key=2))) for seed in (1, 1, 2)
    )
    assert torch.equal(first, repeated)
    assert not torch.equal(first, different)


def test_the_great_circle_starts_and_ends_at_its_ends() -> None:
    a, b = torch.randn(2, 5, 100, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)


def test_half_way_is_in_the_middle_of_the_great_circle() -> None:
    middle = slerp(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]]), 0.5)
    torch.testing.assert_close(middle, torch.full((1, 2), 3 / 2**0.5))


def test_from_a_latent_to_itself_nothing_moves() -> None:
    a = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(slerp(a, a.clone(), 0.3), a)
