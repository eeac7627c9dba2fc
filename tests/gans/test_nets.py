"""Promises of the nets: shapes, ranges, parameter counts, initial weights."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganctl.gans.losses import r1_penalty
from ganctl.gans.nets import dcgan_paper, dcgan_tutorial
from ganctl.gans.nets.layers import Dropout


def values(net: nn.Module) -> int:
    """Numbers in the net as Keras counts them: parameters and running statistics."""
    return sum(t.numel() for t in net.state_dict().values() if t.is_floating_point())


def test_the_tutorial_nets_have_the_parameter_counts_of_keras() -> None:
    assert values(dcgan_tutorial.Generator(100, 28, 1)) == 2_330_944
    assert values(dcgan_tutorial.Discriminator(28, 1)) == 212_865


def test_the_radford_generator_has_512_256_128_64_channels_at_64_pixels() -> None:
    net = dcgan_paper.Generator(100, 64, 3, 64)
    widths = [m.out_channels for m in net.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert widths == [512, 256, 128, 64, 3]
    assert sum(p.numel() for p in net.parameters()) == 3_576_704  # PyTorch's DCGAN example


def test_the_radford_discriminator_mirrors_it() -> None:
    net = dcgan_paper.Discriminator(64, 3, 64)
    widths = [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert widths == [64, 128, 256, 512, 1]
    assert sum(p.numel() for p in net.parameters()) == 2_765_568  # PyTorch's DCGAN example


@pytest.mark.parametrize("size", [4, 8, 28, 32, 60])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_tutorial_nets_do_any_multiple_of_four(size: int, channels: int) -> None:
    pictures = dcgan_tutorial.Generator(10, size, channels)(torch.randn(2, 10))
    assert pictures.shape == (2, channels, size, size)
    assert pictures.abs().max() <= 1
    assert dcgan_tutorial.Discriminator(size, channels)(pictures).shape == (2,)


@pytest.mark.parametrize("size", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_radford_nets_do_powers_of_two_from_16(size: int, channels: int) -> None:
    pictures = dcgan_paper.Generator(10, size, channels, 4)(torch.randn(2, 10))
    assert pictures.shape == (2, channels, size, size)
    assert pictures.abs().max() <= 1
    assert dcgan_paper.Discriminator(size, channels, 4)(pictures).shape == (2,)


@pytest.mark.parametrize("size", [-4, 0, 2, 30])
def test_a_size_the_tutorial_nets_cannot_do_is_refused_in_one_sentence(size: int) -> None:
    for build in (lambda: dcgan_tutorial.Generator(10, size, 1), lambda: dcgan_tutorial.Discriminator(size, 1)):
        with pytest.raises(ValueError, match=rf"multiple of 4, not {size}\.$"):
            build()


@pytest.mark.parametrize("size", [-16, 0, 8, 28, 48])
def test_a_size_the_radford_nets_cannot_do_is_refused_in_one_sentence(size: int) -> None:
    for build in (lambda: dcgan_paper.Generator(10, size, 1), lambda: dcgan_paper.Discriminator(size, 1)):
        with pytest.raises(ValueError, match=rf"power of two, not {size}\.$"):
            build()


def test_the_tutorial_weights_start_glorot_uniform_and_the_biases_at_zero() -> None:
    torch.manual_seed(0)
    generator, discriminator = dcgan_tutorial.Generator(100, 28, 1), dcgan_tutorial.Discriminator(28, 1)
    fans = {  # Keras: kernel height x width x (channels in + channels out)
        generator.dense.weight: 100 + 12544,
        generator.conv1.weight: 25 * (256 + 128),
        generator.conv2.weight: 25 * (128 + 64),
        discriminator.conv1.weight: 25 * (1 + 64),
        discriminator.conv2.weight: 25 * (64 + 128),
        discriminator.dense.weight: 6272 + 1,
    }
    for weight, fan in fans.items():
        limit = math.sqrt(6 / fan)
        assert 0.97 * limit < weight.abs().max().item() <= limit
        assert weight.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.05)
    for layer in (discriminator.conv1, discriminator.conv2, discriminator.dense):
        assert layer.bias is not None
        assert not layer.bias.any()


def test_the_radford_weights_start_normal() -> None:
    torch.manual_seed(0)
    for net in (dcgan_paper.Generator(100, 32, 3, 64), dcgan_paper.Discriminator(32, 3, 64)):
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                assert module.weight.mean().item() == pytest.approx(0, abs=3e-3)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
            elif isinstance(module, nn.BatchNorm2d):
                assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.4)
                assert not module.bias.any()


def test_the_tutorial_discriminator_is_the_tensorflow_one_with_rotated_kernels() -> None:
    """TensorFlow's "same" puts one zero before and two after, and flattens height, width, channels."""
    net = dcgan_tutorial.Discriminator(8, 1).eval()
    x = y = torch.randn(3, 1, 8, 8)
    for conv in (net.conv1, net.conv2):
        y = F.leaky_relu(F.conv2d(F.pad(y, (1, 2, 1, 2)), conv.weight.flip(2, 3), conv.bias, 2), 0.3)
    logits = net.dense(y.flip(2, 3).permute(0, 2, 3, 1).flatten(1)).flatten()
    torch.testing.assert_close(net(x), logits)


def test_the_tutorial_generator_is_the_tensorflow_one_with_rotated_kernels() -> None:
    """TensorFlow's transposed convolution mirrors its convolution: it crops one before and two after."""
    net = dcgan_tutorial.Generator(5, 8, 3).eval()
    z = torch.randn(2, 5)
    y = F.leaky_relu(net.norm0(net.dense(z)), 0.3).view(2, 2, 2, 256).permute(0, 3, 1, 2).flip(2, 3)
    y = F.leaky_relu(net.norm1(F.conv_transpose2d(y, net.conv1.weight.flip(2, 3), padding=2)), 0.3)
    y = F.conv_transpose2d(y, net.conv2.weight.flip(2, 3), stride=2)[:, :, 1:-2, 1:-2]
    y = F.leaky_relu(net.norm2(y), 0.3)
    y = F.conv_transpose2d(y, net.conv3.weight.flip(2, 3), stride=2)[:, :, 1:-2, 1:-2]
    torch.testing.assert_close(net(z), y.tanh())


def test_the_tutorial_discriminator_drops_out_as_if_after_leaky_relu() -> None:
    x = torch.randn(5, 7)
    torch.manual_seed(3)
    before = F.leaky_relu(Dropout(0.3)(x.clone()), 0.3)
    torch.manual_seed(3)
    torch.testing.assert_close(before, Dropout(0.3)(F.leaky_relu(x, 0.3)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5])
def test_dropout_zeroes_its_share_and_keeps_the_mean(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = Dropout(p)(torch.ones(40, 8, 25, 125, dtype=dtype))  # a million: a deviation of 0.0005
    assert (x == 0).float().mean().item() == pytest.approx(p, abs=0.0025)
    assert x.float().mean().item() == pytest.approx(1, abs=0.005)
    assert x.unique().tolist() == ([1.0] if p == 0 else [0.0, x.max().item()])


@pytest.mark.parametrize("shape", [(), (1,), (3,), (5, 7), (2, 3, 5, 5)])
def test_dropout_takes_any_shape(shape: tuple[int, ...]) -> None:
    assert Dropout(0.3)(torch.ones(shape)).shape == shape


def test_dropout_decides_on_every_value_by_itself() -> None:
    torch.manual_seed(0)
    kept = (Dropout(0.3)(torch.ones(1 << 18)) > 0).float().view(-1, 8)  # the values of two random words
    correlations = kept.T.corrcoef() - torch.eye(8)
    assert correlations.abs().max() < 0.03
    torch.testing.assert_close(kept.mean(0), torch.full((8,), 0.7), atol=0.015, rtol=0)


def test_dropout_keeps_the_memory_layout() -> None:
    x = torch.ones(2, 3, 5, 5).contiguous(memory_format=torch.channels_last)
    assert Dropout(0.3).mask(x).stride() == x.stride()


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_dropout_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="at least 0 and less than 1"):
        Dropout(p)


def twice(make: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
    """The same draw under the same seed, twice."""
    torch.manual_seed(7)
    first = make()
    torch.manual_seed(7)
    return first, make()


def test_dropout_follows_the_global_seed_and_stops_in_evaluation() -> None:
    net, x = dcgan_tutorial.Discriminator(28, 1), torch.randn(4, 1, 28, 28)
    first, second = twice(lambda: net(x))
    assert first.equal(second)
    assert not first.equal(net(x))
    net.eval()
    assert net(x).equal(net(x))


@pytest.mark.parametrize("net", [dcgan_tutorial.Discriminator(16, 1), dcgan_paper.Discriminator(16, 1, 4)])
def test_r1_reaches_the_weights_of_every_discriminator(net: nn.Module) -> None:
    images = torch.randn(4, 1, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(r1_penalty(net(images), images), [next(net.parameters())])
    assert gradient.abs().max() > 0
