"""Losses are those of the papers, and what is logged of them means the same for all."""

import math

import numpy as np
import pytest
import torch

from ganctl.gans.losses import Hinge, LeastSquares, adversarial_loss, luminance_correlation, r1_penalty

REAL = torch.tensor([-1.5, 0.0, 2.0])
FAKE = torch.tensor([-3.0, 0.5, 1.0])


def test_bce_is_the_summed_binary_cross_entropy() -> None:
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    loss = adversarial_loss("bce")
    expected = bce(REAL, torch.ones(3)) + bce(FAKE, torch.zeros(3))
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), expected)
    torch.testing.assert_close(loss.generator(FAKE), bce(FAKE, torch.ones(3)))


def test_bce_of_an_undecided_discriminator_is_twice_log_two_and_log_two() -> None:
    zero = torch.zeros(4)
    loss = adversarial_loss("bce")
    assert loss.discriminator(zero, zero).item() == pytest.approx(2 * math.log(2))
    assert loss.generator(zero).item() == pytest.approx(math.log(2))


def test_bce_stays_finite_for_extreme_logits() -> None:
    loss = adversarial_loss("bce")
    far = torch.tensor([1e4, -1e4])
    assert loss.discriminator(far, far).isfinite()
    assert loss.generator(far).isfinite()


def test_lsgan_is_equation_two_with_its_three_targets() -> None:
    loss = adversarial_loss("lsgan", a=-1.0, b=1.0, c=0.0)
    assert loss == LeastSquares(-1.0, 1.0, 0.0)
    expected = ((REAL - 1) ** 2).mean() / 2 + ((FAKE + 1) ** 2).mean() / 2
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), expected)
    torch.testing.assert_close(loss.generator(FAKE), (FAKE**2).mean() / 2)


def test_lsgan_aims_at_zero_for_fake_and_one_for_real_by_default() -> None:
    loss = adversarial_loss("lsgan")
    assert loss.discriminator(torch.ones(2), torch.zeros(2)).item() == 0
    assert loss.generator(torch.ones(2)).item() == 0


def test_hinge_stops_at_the_margin() -> None:
    loss = adversarial_loss("hinge")
    assert loss == Hinge()
    assert loss.discriminator(torch.tensor([1.0, 5.0]), torch.tensor([-1.0, -5.0])).item() == 0
    assert loss.discriminator(torch.zeros(2), torch.zeros(2)).item() == 2
    torch.testing.assert_close(loss.generator(FAKE), -FAKE.mean())


@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, 1.0, -1.0), (1.0, 0.0, 2.0)])
def test_lsgan_refuses_a_generator_that_would_learn_to_be_recognised(a: float, b: float, c: float) -> None:
    with pytest.raises(ValueError, match=f"--set lsgan_c={b:g}$"):
        adversarial_loss("lsgan", a, b, c)


@pytest.mark.parametrize("name", ["bce", "lsgan", "hinge"])
def test_real_and_fake_batches_may_differ_in_size(name: str) -> None:
    assert adversarial_loss(name).discriminator(torch.zeros(3), torch.zeros(5)).shape == ()


@pytest.mark.parametrize("name", ["bce", "lsgan", "hinge"])
def test_the_mean_output_is_detached_and_scalar(name: str) -> None:
    output = adversarial_loss(name).mean_output(REAL.clone().requires_grad_())
    assert not output.requires_grad
    assert output.shape == ()


def test_the_mean_output_is_a_probability_for_bce_and_the_raw_output_otherwise() -> None:
    torch.testing.assert_close(adversarial_loss("bce").mean_output(REAL), REAL.sigmoid().mean())
    for name in ("lsgan", "hinge"):
        torch.testing.assert_close(adversarial_loss(name).mean_output(REAL), REAL.mean())


def test_an_unknown_loss_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no loss called wgan: choose bce, lsgan or hinge"):
        adversarial_loss("wgan")


def test_r1_of_a_linear_discriminator_is_half_its_squared_weight() -> None:
    weight = torch.tensor([1.0, -2.0, 3.0, 0.5], requires_grad=True)
    images = torch.randn(6, 1, 2, 2, requires_grad=True)
    penalty = r1_penalty(images.flatten(1) @ weight, images)
    torch.testing.assert_close(penalty, weight.square().sum() / 2)
    (gradient,) = torch.autograd.grad(penalty, weight)
    torch.testing.assert_close(gradient, weight.detach())


def test_r1_is_the_mean_over_pictures() -> None:
    images = torch.tensor([[1.0], [3.0]], requires_grad=True)
    logits = images.square().sum(1)  # gradients 2 and 6
    assert r1_penalty(logits, images).item() == pytest.approx((4 + 36) / 2 / 2)


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (1.0, -1.0), (3.0, 2.0)])
def test_a_discriminator_that_is_right_is_right_whichever_way_lsgans_targets_lie(a: float, b: float) -> None:
    loss = adversarial_loss("lsgan", a, b, b)
    real, fake = torch.full((3,), b), torch.full((5,), a)
    assert loss.accuracy(real, fake) == 1
    assert loss.accuracy(fake, real) == 0
    assert loss.accuracy(real, real) == loss.accuracy(fake, fake) == 0.5
    assert loss.mean_output(real) > loss.mean_output(fake)  # else the verdict is that the generator wins


def test_lsgan_with_one_target_for_both_is_refused() -> None:
    with pytest.raises(ValueError, match="must differ"):
        adversarial_loss("lsgan", 1.0, 1.0)


def test_luminance_correlation_tells_negatives_from_images() -> None:
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert luminance_correlation(image, 0.3 * image + 0.1) == pytest.approx([1, 1], abs=1e-5)
    assert luminance_correlation(image, -image) == pytest.approx([-1, -1], abs=1e-5)
    assert luminance_correlation(image, torch.ones_like(image)) == pytest.approx([0, 0], abs=1e-5)
    grey = image[:, :1]
    rows = zip(grey.flatten(1), (grey**3).flatten(1), strict=True)
    expected = [np.corrcoef(x.numpy(), y.numpy())[0, 1] for x, y in rows]
    assert luminance_correlation(grey, grey**3).tolist() == pytest.approx(expected, abs=1e-5)
