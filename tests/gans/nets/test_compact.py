"""The compact nets start well, take the sizes that they promise, and can be penalised by R1."""

import pytest
import torch

from ganctl.gans.nets.compact import Discriminator, Generator, channels_per_map, coarsest_map


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (8, (4, 1)),
        (16, (8, 1)),
        (20, (5, 2)),
        (28, (7, 2)),
        (32, (8, 2)),
        (48, (6, 3)),
        (64, (8, 3)),
        (128, (8, 4)),
    ],
)
def test_a_size_starts_from_the_largest_map_that_doubles_up_to_it(size: int, expected: tuple[int, int]) -> None:
    assert coarsest_map(size) == expected


@pytest.mark.parametrize("size", [-8, 0, 1, 4, 7, 9, 27, 30, 36, 100])
def test_a_size_that_no_doubling_reaches_is_refused_in_one_sentence(size: int) -> None:
    with pytest.raises(ValueError, match=rf"^A compact network cannot generate images of {size} pixels: .* 128\.$"):
        Generator(4, size, 1, 2)
    with pytest.raises(ValueError, match=rf"^A compact network cannot generate images of {size} pixels: .* 128\.$"):
        Discriminator(size, 1, 2)


def test_maps_double_their_channels_towards_the_coarsest_but_the_finest_is_thin() -> None:
    assert channels_per_map(64, 1, thinning=4) == [16]
    assert channels_per_map(64, 4, thinning=2) == [32, 64, 128, 256]
    assert channels_per_map(1, 2, thinning=4) == [1, 1]


@pytest.mark.parametrize("size", [28, 64])
def test_new_nets_start_with_contrast_and_with_differences_that_the_discriminator_sees(size: int) -> None:
    torch.manual_seed(0)
    pictures = Generator(64, size, 1, 64)(torch.randn(64, 64))
    assert 0.1 < pictures.std(0).mean() < 0.9
    assert 0.1 < Discriminator(size, 1, 64)(pictures).std() < 10


def test_the_layout_in_memory_changes_no_answer() -> None:
    pair = torch.nn.Sequential(Generator(5, 28, 1, 8), Discriminator(28, 1, 8))
    z = torch.randn(3, 5)
    plain = pair(z)
    torch.testing.assert_close(pair.to(memory_format=torch.channels_last)(z), plain)


@pytest.mark.parametrize("size", [28, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_pair_agrees_on_shapes_and_range(size: int, channels: int) -> None:
    images = Generator(5, size, channels, 2)(50 * torch.randn(3, 5))
    assert images.shape == (3, channels, size, size)
    assert images.abs().max() <= 1
    assert Discriminator(size, channels, 2)(images).shape == (3,)


def test_one_picture_is_a_batch_too() -> None:
    assert Discriminator(28, 1, 2)(Generator(5, 28, 1, 2)(torch.randn(1, 5))).shape == (1,)


def test_every_weight_of_both_players_gets_a_gradient() -> None:
    generator, discriminator = Generator(5, 28, 1, 2), Discriminator(28, 1, 2)
    weights = [*generator.parameters(), *discriminator.parameters()]
    gradients = torch.autograd.grad(discriminator(generator(torch.randn(4, 5))).sum(), weights)
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_the_discriminator_has_the_second_derivatives_that_r1_needs() -> None:
    discriminator = Discriminator(28, 1, 2)
    images = torch.randn(2, 1, 28, 28, requires_grad=True)
    (slope,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum(), discriminator.output.weight)
    assert second.abs().sum() > 0
