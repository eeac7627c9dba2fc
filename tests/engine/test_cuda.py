"""What a card must do: every family trains in both precisions, resumes, and is used (`pytest -m cuda`)."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from ganctl import tensorfile
from ganctl.engine import forecast, session
from ganctl.engine.setup import configure
from ganctl.gans.nets.layers import InstanceNorm
from ganctl.inference import loading
from ganctl.precision import Precision
from ganctl.runs import checkpoint
from ganctl.settings import Settings, Value
from tests.trainings import PAIR_TOTAL, TOTAL, begin, go_on, tiny, tiny_pair

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


@pytest.fixture(params=["dcgan", "cyclegan"])
def case(request: pytest.FixtureRequest, photos: Path, pair: Path) -> tuple[Settings, int]:
    """The settings of a tiny training on the card, and its steps."""
    if request.param == "dcgan":
        return tiny(photos, device="cuda"), TOTAL
    return tiny_pair(pair, device="cuda"), PAIR_TOTAL


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_family_trains_in_both_precisions(
    case: tuple[Settings, int], precision: Precision, tmp_path: Path
) -> None:
    settings, total = case
    run = begin(dataclasses.replace(settings, precision=precision), tmp_path / "run")
    assert run.record()["device"].startswith("cuda")
    assert run.record()["settings"]["precision"] == precision
    lines = list(run.read_log())
    assert lines[-1]["step"] == total
    assert all(math.isfinite(value) for line in lines for value in line.values())


@pytest.mark.parametrize("preset", ["tutorial", "paper"])
def test_the_other_nets_of_dcgan_train_too(preset: str, photos: Path, tmp_path: Path) -> None:
    size = {"tutorial": 28, "paper": 32}[preset]
    flags: dict[str, Value] = {"size": size, "batch_size": 8, "epochs": 1, "device": "cuda"}
    run = begin(configure("dcgan", data=str(photos), preset=preset, flags=flags), tmp_path / "run")
    assert run.checkpoint_steps()[0] == 5


def test_the_tutorial_of_cyclegan_trains_too(pair: Path, tmp_path: Path) -> None:
    flags: dict[str, Value] = {"size": 32, "batch_size": 2, "epochs": 1, "device": "cuda"}
    settings = configure("cyclegan", data=str(pair), preset="tutorial", flags=flags, assignments={"width": "8"})
    assert begin(settings, tmp_path / "run").checkpoint_steps()[0] == 7


def test_what_resumes_is_what_was_saved_and_goes_on(case: tuple[Settings, int], tmp_path: Path) -> None:
    settings, total = case
    run = begin(settings, tmp_path / "run", stop_at=7)
    saved = tensorfile.read(run.checkpoint(7) / checkpoint.STATE).tensors
    with session.resume(run) as resumed:
        restored = resumed.state.to_file().tensors
        assert set(restored) == set(saved)
        assert all(torch.equal(restored[name].cpu(), saved[name]) for name in saved)
        weights = [p for o in resumed.state.optimizers.values() for group in o.param_groups for p in group["params"]]
        moments = [o.state[p]["exp_avg"] for o in resumed.state.optimizers.values() for p in o.state]
        assert len(moments) == len(weights)
        assert [m.stride() for m in moments] == [w.stride() for w in weights]
    go_on(run)
    assert run.checkpoint_steps()[0] == total


def test_a_card_and_the_cpu_make_the_same_pictures(case: tuple[Settings, int], tmp_path: Path) -> None:
    run = begin(case[0], tmp_path / "run")
    models = [loading.load(str(run.path), device) for device in ("cuda", "cpu")]
    if case[0].family == "dcgan":
        card, cpu = (model.sample(9, seed=1) for model in models)
    else:
        horses = torch.rand(2, 3, 20, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
        card, cpu = (model.translate(horses) for model in models)
    assert card.shape == cpu.shape
    assert (card - cpu).abs().max() < 0.02


def test_a_dry_run_measures_the_cards_memory(case: tuple[Settings, int]) -> None:
    forecasted = forecast.measure(case[0], steps=3)
    assert forecasted.peak_bytes is not None
    assert 0 < forecasted.peak_bytes < torch.cuda.get_device_properties(0).total_memory
    assert forecasted.step_seconds > 0


def test_the_compiled_instance_norm_is_the_eager_one() -> None:
    norm = InstanceNorm(8, affine=True).cuda()
    x = torch.randn(2, 8, 16, 16, device="cuda", generator=torch.Generator("cuda").manual_seed(0))
    x = (3 + 2 * x).to(memory_format=torch.channels_last)
    torch.testing.assert_close(torch.compile(norm)(x), norm(x), atol=1e-4, rtol=1e-4)
