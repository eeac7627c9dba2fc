"""CycleGAN's mathematics: the authors' counts, losses, pool and schedule, whatever is computed together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from torch import Tensor

from ganctl import tensorfile
from ganctl.data.sources import cyclegan_sets
from ganctl.engine import loop, session
from ganctl.engine.setup import configure
from ganctl.errors import DataError
from ganctl.gans import cyclegan
from ganctl.gans.base import Update
from ganctl.gans.cyclegan import CycleGAN, Generators
from ganctl.gans.losses import luminance_correlation
from ganctl.gans.nets.layers import FewOutputs
from ganctl.gans.options.cyclegan import Options
from ganctl.runs import checkpoint
from ganctl.runs.run import Run
from tests.commands import ganctl
from tests.trainings import begin, tiny_pair

SHAPE = (3, 32, 32)


def options(**told: Any) -> Options:
    """Nets that are small enough to step with."""
    small = {"width": 8, "blocks": 2, "discriminator_width": 8, "discriminator_layers": 2, "pool_size": 2}
    return Options(**{**small, **told})


def fresh(told: Options) -> CycleGAN:
    """A module with weights that are large enough for its losses to matter."""
    torch.manual_seed(0)
    module = CycleGAN(told, cyclegan.model(told, SHAPE), SHAPE).train()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return module


def batch(count: int = 2) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {side: torch.rand(count, *SHAPE, generator=generator) * 2 - 1 for side in "ab"}


def gradients(module: CycleGAN, loss: Tensor, player: str) -> list[Tensor]:
    weights = [p for group in module.optimizers()[player].param_groups for p in group["params"]]
    return list(torch.autograd.grad(loss, weights, retain_graph=True))


def all_turns(module: CycleGAN) -> tuple[Update, Update]:
    first, second = list(module.updates(batch(), 0))
    return first, second


def test_the_paper_s_nets_have_the_authors_parameter_counts() -> None:
    with torch.device("meta"):
        shape = (3, 256, 256)
        module = CycleGAN(Options(), cyclegan.model(Options(), shape), shape)
    for side in (0, 1):
        assert sum(p.numel() for p in module.model.generator_to(side).parameters()) == 11_378_179
    for judge in (module.discriminator_a, module.discriminator_b):
        assert sum(p.numel() for p in judge.parameters()) == 2_764_737
    with torch.device("meta"):
        assert sum(p.numel() for p in cyclegan.model(Options(), (3, 128, 128)).parameters()) == 2 * 7_837_699


def separately(module: CycleGAN, given: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Equations 1 to 3 and section 5.2's identity loss, every pass on its own, as the authors' code has them."""
    a, b = given["a"], given["b"]
    g, f, d_x, d_y = module.model.a_to_b, module.model.b_to_a, module.discriminator_a, module.discriminator_b
    fake_b, fake_a = g(a), f(b)
    one = torch.ones(())
    fooling = F.mse_loss(d_y(fake_b), one.expand_as(d_y(fake_b))) + F.mse_loss(d_x(fake_a), one.expand_as(d_x(fake_a)))
    cycle = (f(fake_b) - a).abs().mean() + (g(fake_a) - b).abs().mean()
    identity = (g(b) - b).abs().mean() + (f(a) - a).abs().mean()
    generators = fooling + 10 * cycle + 10 * 0.5 * identity
    judging = torch.zeros(())
    for judge, real, fake in ((d_x, a, fake_a.detach()), (d_y, b, fake_b.detach())):
        judging = judging + 0.5 * ((judge(real) - 1).square().mean() + judge(fake).square().mean())
    return generators, judging, {"adversarial": fooling / 2, "cycle": cycle / 2, "identity": identity / 2}


def test_the_batched_passes_equal_the_separate_passes_of_the_paper() -> None:
    module = fresh(options())
    generators, judging, terms = separately(module, batch())
    expected = {
        "generator": (generators, gradients(module, generators, "generator")),
        "discriminator": (judging, gradients(module, judging, "discriminator")),
    }
    for update in all_turns(module):  # the pools are still filling, so they show what is new
        (player, loss), *others = update.losses.items()
        assert not others
        wanted, slopes = expected[player]
        torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-5)
        for found, slope in zip(gradients(module, loss, player), slopes, strict=True):
            torch.testing.assert_close(found, slope, rtol=1e-3, atol=1e-5)
        for name, value in update.metrics.items():
            if name in terms:
                torch.testing.assert_close(value, terms[name].detach(), rtol=1e-5, atol=1e-5)


def test_the_tutorial_moves_all_at_once_on_the_same_pictures() -> None:
    module = fresh(options(loss="bce", simultaneous=True, pool_size=0, arch="unet"))
    module.eval()  # dropout draws differently in passes of other sizes
    (update,) = module.updates(batch(), 0)
    a, b = batch()["a"], batch()["b"]
    fake_a, fake_b = module.model.b_to_a(b), module.model.a_to_b(a)
    bce = F.binary_cross_entropy_with_logits
    judging = torch.zeros(())
    for judge, real, fake in ((module.discriminator_a, a, fake_a), (module.discriminator_b, b, fake_b)):
        told, seen = judge(real), judge(fake)
        judging = judging + 0.5 * (bce(told, torch.ones_like(told)) + bce(seen, torch.zeros_like(seen)))
    assert list(update.losses) == ["generator", "discriminator"]
    torch.testing.assert_close(update.losses["discriminator"], judging)
    told_a, told_b = module.discriminator_a(fake_a), module.discriminator_b(fake_b)
    fooling = bce(told_a, torch.ones_like(told_a)) + bce(told_b, torch.ones_like(told_b))
    cycle = F.l1_loss(module.model.b_to_a(fake_b), a) + F.l1_loss(module.model.a_to_b(fake_a), b)
    identity = F.l1_loss(module.model.a_to_b(b), b) + F.l1_loss(module.model.b_to_a(a), a)
    torch.testing.assert_close(update.losses["generator"], fooling + 10 * cycle + 5 * identity)


def test_without_an_identity_loss_its_passes_are_saved() -> None:
    module = fresh(options(lambda_identity=0.0))
    passes = []
    module.model.a_to_b.register_forward_hook(lambda _, given, __: passes.append(len(given[0])))
    first, _ = all_turns(module)
    assert "identity" not in first.metrics
    assert passes == [2, 2]  # and not 4 and 2


def test_the_discriminators_see_pictures_of_the_pool() -> None:
    module = fresh(options(pool_size=1))
    module.pool_a.pictures.fill_(0.25)
    module.pool_b.pictures.fill_(0.25)
    module.pool_a.count.fill_(1)
    module.pool_b.count.fill_(1)
    shown: list[Tensor] = []
    module.discriminator_b.register_forward_hook(lambda _, given, __: shown.append(given[0]))
    for seed in range(8):
        torch.manual_seed(seed)
        list(module.updates(batch(1), 0))
    earlier = [bool((pictures[1] == 0.25).all()) for pictures in shown if len(pictures) == 2]
    assert any(earlier)
    assert not all(earlier)


def test_the_generators_turn_moves_no_discriminator_and_the_other_way_round(pair: Path) -> None:
    with session.start(tiny_pair(pair), "some/run") as started:
        state, batches = started.state, started.batches
        updates = state.module.updates(batches.batch(0, state.device), 0)
        for player, other in (("generator", "discriminator"), ("discriminator", "generator")):
            update = next(updates)
            assert list(update.losses) == [player]
            before = {name: weights(state.optimizers[name]) for name in (player, other)}
            loop.move(state.optimizers, update)
            assert all(torch.equal(*both) for both in zip(before[other], weights(state.optimizers[other]), strict=True))
            assert not all(
                torch.equal(*both) for both in zip(before[player], weights(state.optimizers[player]), strict=True)
            )


def weights(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p.detach().clone() for group in optimizer.param_groups for p in group["params"]]


@pytest.mark.parametrize(("size", "load"), [(256, 286), (128, 143), (64, 72)])
def test_pictures_are_loaded_larger_in_the_paper_s_ratio(size: int, load: int) -> None:
    assert cyclegan.jitter(Options(), size) == (load, True)


@pytest.mark.parametrize(
    ("decay", "factors"), [(0.5, [1, 1, 1, 0.8, 0.2]), (0.0, [1, 1, 1, 1, 1]), (1.0, [1, 0.9, 0.5, 0.4, 0.1])]
)
def test_the_learning_rate_is_constant_then_falls_in_a_straight_line(decay: float, factors: list[float]) -> None:
    found = [cyclegan.schedule(Options(lr_decay_fraction=decay), step, 10) for step in (0, 1, 5, 6, 9)]
    assert found == pytest.approx(factors)


@pytest.mark.parametrize("output", ["residual", "mask"])
def test_a_generator_with_a_residual_or_mask_output_can_keep_the_picture(output: Any) -> None:
    net = cyclegan.generator(options(output=output), SHAPE)
    last = net.get_submodule("to_picture.conv")
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.zero_()
        if output == "mask":
            last.get_parameter("bias")[-1] = -50  # nowhere
        picture = batch()["a"]
        assert torch.equal(net(picture), picture)
        last.get_parameter("bias")[:3] = 3
        if output == "mask":
            last.get_parameter("bias")[-1] = 50  # everywhere
        assert (net(picture) > 0.99).all()


@pytest.mark.parametrize(
    "told",
    [
        {"output": "residual"},
        {"output": "mask"},
        {"upsample": "resize"},
        {"arch": "unet"},
        {"loss": "bce"},
        {"loss": "hinge"},
        {"pool_size": 0},
        {"simultaneous": True},
        {"lambda_identity": 0.0},
    ],
    ids=str,
)
def test_every_option_trains_in_half_precision_as_on_a_graphics_card(
    told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FewOutputs, "forward", torch.nn.Conv2d.forward)  # which cards have
    module = fresh(options(**told))
    updates = module.updates(batch(), 0)
    players: list[str] = []
    while True:
        with torch.autocast("cpu", torch.bfloat16):
            update = next(updates, None)
        if update is None:
            break
        loop.move(module.optimizers(), update)
        players += update.losses
        assert all(value.isfinite() for value in [*update.losses.values(), *update.metrics.values()])
    assert players == ["generator", "discriminator"]


def test_another_model_s_weights_start_a_run_of_another_size_without_its_pool(pair: Path) -> None:
    first = begin(tiny_pair(pair, epochs=1), Path("runs/first"))
    small = {"width": "4", "blocks": "1", "discriminator_width": "4", "discriminator_layers": "1", "pool_size": "5"}
    settings = configure(
        "cyclegan",
        data=str(pair),
        init_from=str(first.path),
        flags={"size": 20, "batch_size": 2, "epochs": 1},
        assignments=small,
    )
    with session.start(settings, "runs/second") as second:
        module = second.state.module
        assert module.get_buffer("pool_a.count") == 0
        stored = tensorfile.read(first.checkpoint(7) / checkpoint.STATE).tensors
        for name in ("discriminator_a.to_logits.weight", "model.a_to_b.to_picture.conv.weight"):
            assert torch.equal(module.get_parameter(name), stored[f"module.{name}"])


def test_luminance_correlation_tells_negatives_from_pictures() -> None:
    picture = batch()["a"]
    assert luminance_correlation(picture, 0.3 * picture + 0.1) == pytest.approx([1, 1], abs=1e-5)
    assert luminance_correlation(picture, -picture) == pytest.approx([-1, -1], abs=1e-5)
    assert luminance_correlation(picture, torch.ones_like(picture)) == pytest.approx([0, 0], abs=1e-5)
    grey = picture[:, :1]
    rows = zip(grey.flatten(1), (grey**3).flatten(1), strict=True)
    expected = [np.corrcoef(one.numpy(), other.numpy())[0, 1] for one, other in rows]
    assert luminance_correlation(grey, grey**3).tolist() == pytest.approx(expected, abs=1e-5)


def test_the_log_has_both_players_and_every_term(pair: Path) -> None:
    line = next(begin(tiny_pair(pair, epochs=1), Path("some/run")).read_log())
    assert set(line) == {
        "step",
        "epoch",
        "loss/generator",
        "loss/discriminator",
        "metric/adversarial",
        "metric/cycle",
        "metric/identity",
        "metric/luminance",
        "metric/D(x)",
        "metric/D(G(x))",
        "metric/accuracy",
    }


def test_a_sheet_shows_each_picture_its_translation_the_way_back_and_its_identity() -> None:
    module = fresh(options())
    held_out = batch(3)
    with torch.inference_mode():
        sheet = module.preview(module.model, held_out)
    assert (sheet.columns, len(sheet.images)) == (4, 24)
    rows = sheet.images.view(6, 4, *SHAPE)
    model: Generators = module.model
    for number, row in enumerate(rows):
        side = number // 3
        picture = held_out["ab"[side]][number % 3][None]
        there, back = model.generator_to(1 - side), model.generator_to(side)
        expected = [picture, there(picture), back(there(picture)), back(picture)]
        torch.testing.assert_close(row, torch.cat(expected))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--size", 18], "multiple of 4"),
        (["--size", 8], "12 pixels or more"),
        (["--preset", "tutorial", "--size", 30], "multiple of 4"),
        (["--data", "mnist"], "There is no data 'mnist'"),
        (["--set", "output=nothing"], "Choose among: image, residual, mask"),
    ],
)
def test_what_a_cyclegan_cannot_do_is_a_sentence(pair: Path, arguments: list[object], why: str) -> None:
    told = [] if "--data" in arguments else ["--data", pair]
    outcome = ganctl("train", "cyclegan", *told, *arguments)
    assert outcome.code in (2, 4)
    assert why in " ".join(outcome.err)
    assert not Path("runs").exists()


def test_domains_are_for_families_that_have_two(pair: Path) -> None:
    outcome = ganctl("train", "dcgan", "--data", pair, "--domains", "a,b")
    assert outcome.code == 2
    assert "learns from one set" in outcome.err[0]


def test_without_the_network_the_built_in_pair_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(name: str) -> Path:
        raise DataError(f"{name} could not be downloaded.")

    monkeypatch.setattr(cyclegan_sets, "fetch", unreachable)
    small = ("--size", 16, "--limit", 4, "--epochs", 1)
    tiny = ("width=4", "blocks=1", "discriminator_width=4", "discriminator_layers=1")
    outcome = ganctl("train", "cyclegan", *small, *(f"--set={setting}" for setting in tiny))
    assert outcome.code == 0, outcome
    assert outcome.out == ["runs/plain2striped"]
    assert any("plain2striped is used" in line for line in outcome.err)
    assert Run(Path("runs/plain2striped")).record()["data"]["name"] == "plain2striped"


def test_the_progress_sheet_and_translate_give_the_same_pixels(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for part in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / "mine" / part).mkdir(parents=True)
        for i in range(4):
            levels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(levels).save(tmp_path / f"mine/{part}/{i}.png")
    run = begin(tiny_pair(tmp_path / "mine", epochs=1), Path("runs/mine"))
    for side, domain in (("A", "B"), ("B", "A")):
        told = ganctl("translate", "mine", tmp_path / f"mine/test{side}", "--to", domain)
        assert told.code == 0, told
        assert told.err == ["translated 4 of 4"]
        for number in range(3):
            cells = sheet_row(run.preview(1), "AB".index(side) * 3 + number)
            original = levels_of(tmp_path / f"mine/test{side}/{number}.png")
            assert np.array_equal(cells[0], original)
            assert np.array_equal(cells[1], levels_of(Path(f"test{side}-{domain}/{number}.png")))
            assert not np.array_equal(cells[1], original)


def test_a_run_is_filmed_described_and_named_after_its_data(pair: Path) -> None:
    begin(tiny_pair(pair, epochs=2), Path(f"runs/{pair.name}"))
    film = ganctl("make-gif", pair.name)
    assert (film.code, film.out) == (0, [f"runs/{pair.name}/training.gif"])
    with Image.open(film.out[0]) as frames:
        assert len(list(ImageSequence.Iterator(frames))) == 3
    described = ganctl("info", pair.name).out
    assert any(line.split() == ["domains", "A", "⇄", "B"] for line in described)
    assert any("14 to learn from, 7 held out" in line for line in described)
    listed = ganctl("runs").out
    assert any(line.split()[:2] == [pair.name, "cyclegan"] and "2/2" in line for line in listed)


def levels_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def sheet_row(path: Path, row: int, side: int = 16) -> list[NDArray[np.uint8]]:
    """The four pictures of a row, as they were before the sheet enlarged them."""
    factor = round(512 / (4 * (side + 2)))
    pitch = factor * (side + 1)
    top = factor + row * pitch
    return [
        levels_of(path)[top : top + factor * side : factor, left : left + factor * side : factor]
        for left in range(factor, 4 * pitch, pitch)
    ]
