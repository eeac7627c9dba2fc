"""The compact networks told of classes."""

import pytest
import torch
from torch import Tensor

from ganctl.gans.nets import conditional
from ganctl.gans.nets.conditional import class_deviation

LABELS = torch.tensor([0, 2, 0, 2, 0, 1])


def deviation_one_by_one(maps: Tensor, labels: Tensor) -> Tensor:
    return torch.stack([maps[labels == label].std(0, unbiased=False).mean() for label in labels])


def test_the_deviation_is_that_of_the_images_of_the_same_class() -> None:
    maps = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    deviation = class_deviation(maps, LABELS, 4)
    assert torch.allclose(deviation, deviation_one_by_one(maps, LABELS), atol=1e-3)
    assert deviation[5] == pytest.approx(0, abs=1e-3), "a single image"


def test_the_same_picture_again_and_again_has_no_deviation_and_a_finite_gradient() -> None:
    maps = torch.ones(6, 4, 3, 3, requires_grad=True)
    deviation = class_deviation(maps, LABELS, 4)
    (gradient,) = torch.autograd.grad(deviation.sum(), maps)
    assert deviation.max() < 1e-3
    assert gradient.isfinite().all()


def test_labels_change_the_images_and_the_discriminator_has_a_logit_for_each_class() -> None:
    torch.manual_seed(0)
    generator = conditional.Generator(latent=8, embedding=4, classes=3, size=16, channels=3, width=8)
    images = generator(torch.randn(1, 8).expand(6, -1), LABELS)
    assert images.shape == (6, 3, 16, 16)
    assert torch.allclose(images[0], images[2], atol=1e-6)
    assert not torch.allclose(images[0], images[1], atol=1e-2)
    logits, class_logits = conditional.Discriminator(16, 3, 8, 3)(images, LABELS)
    assert (logits.shape, class_logits.shape) == ((6,), (6, 3))
