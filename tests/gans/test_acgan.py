"""AC-GAN's mathematics: both heads from logits, the class loss switchable, what the label does."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ganctl.data.info import DataInfo
from ganctl.engine import loop
from ganctl.gans import acgan
from ganctl.gans.acgan import ACGAN
from ganctl.gans.base import Clock, Update
from ganctl.gans.options.acgan import Options

INFO = DataInfo((1, 16, 16), ("zero", "one", "two"))
STEPS = 250  # two seconds
FIRST = Clock(0, 9, 3)
WITHOUT_R1 = Clock(1, 9, 3)


def fresh(**settings: Any) -> ACGAN:
    torch.manual_seed(0)
    options = Options(**{"width": 8, "latent_dim": 8, "embedding_dim": 4, **settings})
    return ACGAN(options, acgan.model(options, INFO), INFO).train()


def batch() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "images": torch.rand(6, *INFO.shape, generator=generator) * 2 - 1,
        "labels": torch.tensor([0, 1, 2, 2, 1, 0]),
    }


def updates(module: ACGAN, clock: Clock = WITHOUT_R1) -> tuple[Update, Update]:
    torch.manual_seed(2)
    first, second = module.updates(batch(), clock)
    return first, second


def negative_log_likelihood(class_logits: Tensor, labels: Tensor) -> Tensor:
    """−E[log P(C = c | image)] from a single softmax."""
    probabilities = class_logits.exp() / class_logits.exp().sum(1, keepdim=True)
    return -probabilities[torch.arange(len(labels)), labels].log().mean()


@pytest.mark.parametrize("classify_fakes", [True, False])
def test_the_losses_are_those_of_the_paper(classify_fakes: bool) -> None:
    module, given = fresh(classify_fakes=classify_fakes, lambda_class=0.7), batch()
    first, second = updates(module)
    torch.manual_seed(2)
    fake = module.model(torch.randn(6, 8), given["labels"])
    (real_logits, real_classes), (fake_logits, fake_classes) = (
        module.discriminator(images, given["labels"]) for images in (given["images"], fake)
    )
    source = -(F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean())
    of_real, of_fake = (negative_log_likelihood(logits, given["labels"]) for logits in (real_classes, fake_classes))
    class_loss = of_real + of_fake if classify_fakes else of_real
    assert first.losses["discriminator"].item() == pytest.approx((source + 0.7 * class_loss).item(), rel=1e-5)
    expected = -F.logsigmoid(fake_logits).mean() + 0.7 * of_fake
    assert second.losses["generator"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_penalty_comes_on_top_at_its_steps_only() -> None:
    with_penalty, without = (updates(fresh(r1=5.0, r1_every=3), clock)[0] for clock in (FIRST, WITHOUT_R1))
    penalty = with_penalty.metrics["r1"]
    assert penalty > 0
    difference = with_penalty.losses["discriminator"] - without.losses["discriminator"]
    assert difference.item() == pytest.approx(penalty.item(), rel=1e-3)
    assert without.metrics["r1"] == 0


def test_the_classes_of_generated_images_become_those_that_are_asked_for() -> None:
    # With the classes of generated images in its loss, the players could agree on signs that no real image has.
    module, labels = fresh(classify_fakes=False), torch.arange(24) % 3
    generator = torch.Generator().manual_seed(1)
    brightness = (labels - 1.0)[:, None, None, None]  # each class has its own
    images = 0.6 * brightness + 0.2 * torch.randn(24, *INFO.shape, generator=generator)
    optimizers = module.optimizers()
    torch.manual_seed(3)
    for step in range(STEPS):
        for update in module.updates({"images": images.clone(), "labels": labels}, Clock(step, STEPS, STEPS)):
            loop.move(optimizers, update)
            metrics = update.metrics
    assert metrics["class accuracy of fakes"] > 0.9
    with torch.inference_mode():
        dark, middle, bright = (module.model(torch.randn(20, 8), torch.full((20,), label)).mean() for label in range(3))
    assert dark < middle - 0.2
    assert middle < bright - 0.2


def test_the_preview_has_a_row_for_each_class_and_repeats_no_latents() -> None:
    module = fresh()
    preview = module.preview(module.model.eval(), batch())
    assert (len(preview.images), preview.columns, list(preview.rows)) == (24, 8, list(INFO.classes))
    with torch.no_grad():  # a generator that does not listen to the labels yet
        module.model.get_submodule("embedding").weight.zero_()  # type: ignore[operator]
    deaf = module.preview(module.model, batch())
    assert len({image.detach().numpy().tobytes() for image in deaf.samples}) == len(deaf.samples), (
        "which is no collapse"
    )
