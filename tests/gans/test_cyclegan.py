"""CycleGAN's mathematics: the authors' counts, losses, pool and schedule, whatever is computed together."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ganctl.data.info import DataInfo
from ganctl.engine import loop
from ganctl.gans import cyclegan
from ganctl.gans.base import Clock, Update
from ganctl.gans.cyclegan import CycleGAN, Generators
from ganctl.gans.nets.layers import FewOutputs
from ganctl.gans.options.cyclegan import Options

SHAPE = (3, 32, 32)


def options(**settings: Any) -> Options:
    """Nets that are small enough to step with."""
    small = {"width": 8, "blocks": 2, "discriminator_width": 8, "discriminator_layers": 2, "pool_size": 2}
    return Options(**{**small, **settings})


def fresh(options: Options) -> CycleGAN:
    """A module with weights that are large enough for its losses to matter."""
    torch.manual_seed(0)
    module = CycleGAN(options, cyclegan.model(options, DataInfo(SHAPE)), DataInfo(SHAPE)).train()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return module


def batch(count: int = 2) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {domain: torch.rand(count, *SHAPE, generator=generator) * 2 - 1 for domain in "ab"}


def gradients(module: CycleGAN, loss: Tensor, player: str) -> list[Tensor]:
    weights = [p for group in module.optimizers()[player].param_groups for p in group["params"]]
    return list(torch.autograd.grad(loss, weights, retain_graph=True))


def all_updates(module: CycleGAN) -> tuple[Update, Update]:
    first, second = list(module.updates(batch(), Clock(0, 1, 1)))
    return first, second


def test_the_paper_s_nets_have_the_authors_parameter_counts() -> None:
    with torch.device("meta"):
        info = DataInfo((3, 256, 256))
        module = CycleGAN(Options(), cyclegan.model(Options(), info), info)
    for domain in (0, 1):
        assert sum(p.numel() for p in module.model.generator_to(domain).parameters()) == 11_378_179
    for discriminator in (module.discriminator_a, module.discriminator_b):
        assert sum(p.numel() for p in discriminator.parameters()) == 2_764_737
    with torch.device("meta"):
        assert sum(p.numel() for p in cyclegan.model(Options(), DataInfo((3, 128, 128))).parameters()) == 2 * 7_837_699


def separate_passes(module: CycleGAN, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Equations 1 to 3 and section 5.2's identity loss, every pass on its own, as the authors' code has them."""
    a, b = batch["a"], batch["b"]
    g, f, d_x, d_y = module.model.a_to_b, module.model.b_to_a, module.discriminator_a, module.discriminator_b
    fake_b, fake_a = g(a), f(b)
    adversarial = (d_y(fake_b) - 1).square().mean() + (d_x(fake_a) - 1).square().mean()
    cycle = (f(fake_b) - a).abs().mean() + (g(fake_a) - b).abs().mean()
    identity = (g(b) - b).abs().mean() + (f(a) - a).abs().mean()
    generators = adversarial + 10 * cycle + 10 * 0.5 * identity
    discriminators = torch.zeros(())
    for d, real, fake in ((d_x, a, fake_a.detach()), (d_y, b, fake_b.detach())):
        discriminators = discriminators + 0.5 * ((d(real) - 1).square().mean() + d(fake).square().mean())
    return generators, discriminators, {"adversarial": adversarial / 2, "cycle": cycle / 2, "identity": identity / 2}


def test_the_batched_passes_equal_the_separate_passes_of_the_paper() -> None:
    module = fresh(options())
    generators, discriminators, terms = separate_passes(module, batch())
    expected = {
        "generator": (generators, gradients(module, generators, "generator")),
        "discriminator": (discriminators, gradients(module, discriminators, "discriminator")),
    }
    for update in all_updates(module):  # the pools are still filling, so they show what is new
        ((player, loss),) = update.losses.items()
        expected_loss, expected_gradients = expected[player]
        torch.testing.assert_close(loss, expected_loss, rtol=1e-5, atol=1e-5)
        for gradient, wanted in zip(gradients(module, loss, player), expected_gradients, strict=True):
            torch.testing.assert_close(gradient, wanted, rtol=1e-3, atol=1e-5)
        for name, value in update.metrics.items():
            if name in terms:
                torch.testing.assert_close(value, terms[name].detach(), rtol=1e-5, atol=1e-5)


def test_the_tutorial_moves_both_players_at_once_on_the_same_images() -> None:
    module = fresh(options(loss="bce", simultaneous=True, pool_size=0, arch="unet"))
    module.eval()  # dropout gives other values in passes of other sizes
    (update,) = module.updates(batch(), Clock(0, 1, 1))
    a, b = batch()["a"], batch()["b"]
    fake_a, fake_b = module.model.b_to_a(b), module.model.a_to_b(a)
    bce = F.binary_cross_entropy_with_logits
    discriminators = torch.zeros(())
    for d, real, fake in ((module.discriminator_a, a, fake_a), (module.discriminator_b, b, fake_b)):
        real_logits, fake_logits = d(real), d(fake)
        loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
        discriminators = discriminators + 0.5 * loss
    assert list(update.losses) == ["generator", "discriminator"]
    torch.testing.assert_close(update.losses["discriminator"], discriminators)
    logits_a, logits_b = module.discriminator_a(fake_a), module.discriminator_b(fake_b)
    adversarial = bce(logits_a, torch.ones_like(logits_a)) + bce(logits_b, torch.ones_like(logits_b))
    cycle = F.l1_loss(module.model.b_to_a(fake_b), a) + F.l1_loss(module.model.a_to_b(fake_a), b)
    identity = F.l1_loss(module.model.a_to_b(b), b) + F.l1_loss(module.model.b_to_a(a), a)
    torch.testing.assert_close(update.losses["generator"], adversarial + 10 * cycle + 5 * identity)


def test_without_an_identity_loss_its_passes_are_saved() -> None:
    module = fresh(options(lambda_identity=0.0))
    passes = []
    module.model.a_to_b.register_forward_hook(lambda _, args, __: passes.append(len(args[0])))
    first, _ = all_updates(module)
    assert "identity" not in first.metrics
    assert passes == [2, 2]  # and not 4 and 2


def test_the_discriminators_are_shown_images_of_the_pool() -> None:
    module = fresh(options(pool_size=1))
    module.pool_a.pictures.fill_(0.25)
    module.pool_b.pictures.fill_(0.25)
    module.pool_a.count.fill_(1)
    module.pool_b.count.fill_(1)
    inputs: list[Tensor] = []
    module.discriminator_b.register_forward_hook(lambda _, args, __: inputs.append(args[0]))
    for seed in range(8):
        torch.manual_seed(seed)
        list(module.updates(batch(1), Clock(0, 1, 1)))
    earlier = [bool((images[1] == 0.25).all()) for images in inputs if len(images) == 2]
    assert any(earlier)
    assert not all(earlier)


@pytest.mark.parametrize(("size", "load"), [(256, 286), (128, 143), (64, 72)])
def test_images_are_loaded_larger_in_the_paper_s_ratio(size: int, load: int) -> None:
    assert cyclegan.jitter(Options(), size) == (load, True)


@pytest.mark.parametrize(
    ("decay", "factors"), [(0.5, [1, 1, 1, 0.8, 0.2]), (0.0, [1, 1, 1, 1, 1]), (1.0, [1, 0.9, 0.5, 0.4, 0.1])]
)
def test_the_learning_rate_is_constant_then_falls_in_a_straight_line(decay: float, factors: list[float]) -> None:
    schedule = [cyclegan.schedule(Options(lr_decay_fraction=decay), Clock(step, 10, 5)) for step in (0, 1, 5, 6, 9)]
    assert schedule == pytest.approx(factors)


@pytest.mark.parametrize("output", ["residual", "mask"])
def test_a_generator_with_a_residual_or_mask_output_can_keep_the_picture(output: Any) -> None:
    net = cyclegan.generator(options(output=output), DataInfo(SHAPE))
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
    "settings",
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
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FewOutputs, "forward", torch.nn.Conv2d.forward)  # which cards have
    module = fresh(options(**settings))
    updates = module.updates(batch(), Clock(0, 1, 1))
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


def test_a_preview_has_each_image_its_translation_that_translated_back_and_its_identity() -> None:
    module = fresh(options())
    held_out = batch(3)
    with torch.inference_mode():
        preview = module.preview(module.model, held_out)
    assert (preview.columns, len(preview.images)) == (4, 24)
    rows = preview.images.view(6, 4, *SHAPE)
    model: Generators = module.model
    for number, row in enumerate(rows):
        domain = number // 3
        image = held_out["ab"[domain]][number % 3][None]
        forward, backward = model.generator_to(1 - domain), model.generator_to(domain)
        expected = [image, forward(image), backward(forward(image)), backward(image)]
        torch.testing.assert_close(row, torch.cat(expected))
