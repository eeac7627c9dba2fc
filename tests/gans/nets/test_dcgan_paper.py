"""The nets of the DCGAN paper have its layers, sizes and initial weights."""

import pytest
import torch
from torch import nn

from ganctl.gans.losses import r1_penalty
from ganctl.gans.nets import dcgan_tutorial
from ganctl.gans.nets.dcgan_paper import Discriminator, Generator


def test_the_generator_has_512_256_128_64_channels_at_64_pixels() -> None:
    net = Generator(100, 64, 3, 64)
    widths = [m.out_channels for m in net.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert widths == [512, 256, 128, 64, 3]
    assert sum(p.numel() for p in net.parameters()) == 3_576_704  # PyTorch's DCGAN example


def test_the_discriminator_mirrors_it() -> None:
    net = Discriminator(64, 3, 64)
    widths = [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert widths == [64, 128, 256, 512, 1]
    assert sum(p.numel() for p in net.parameters()) == 2_765_568  # PyTorch's DCGAN example


@pytest.mark.parametrize("size", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_nets_do_powers_of_two_from_16(size: int, channels: int) -> None:
    pictures = Generator(10, size, channels, 4)(torch.randn(2, 10))
    assert pictures.shape == (2, channels, size, size)
    assert pictures.abs().max() <= 1
    assert Discriminator(size, channels, 4)(pictures).shape == (2,)


@pytest.mark.parametrize("size", [-16, 0, 8, 28, 48])
def test_a_size_the_nets_cannot_do_is_refused_in_one_sentence(size: int) -> None:
    for build in (lambda: Generator(10, size, 1), lambda: Discriminator(size, 1)):
        with pytest.raises(ValueError, match=rf"power of two, not {size}\.$"):
            build()


def test_the_weights_start_normal() -> None:
    torch.manual_seed(0)
    for net in (Generator(100, 32, 3, 64), Discriminator(32, 3, 64)):
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                assert module.weight.mean().item() == pytest.approx(0, abs=3e-3)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
            elif isinstance(module, nn.BatchNorm2d):
                assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.4)
                assert not module.bias.any()


@pytest.mark.parametrize("net", [dcgan_tutorial.Discriminator(16, 1), Discriminator(16, 1, 4)])
def test_r1_reaches_the_weights_of_every_discriminator(net: nn.Module) -> None:
    images = torch.randn(4, 1, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(r1_penalty(net(images), images), [next(net.parameters())])
    assert gradient.abs().max() > 0
