"""The nets of TensorFlow's DCGAN tutorial are the tutorial's, layer by layer."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganctl.gans.nets.dcgan_tutorial import Discriminator, Generator
from ganctl.gans.nets.layers import Dropout


def keras_size(net: nn.Module) -> int:
    """The size of a net as Keras counts it: parameters and running statistics."""
    return sum(t.numel() for t in net.state_dict().values() if t.is_floating_point())


def test_the_nets_have_the_parameter_counts_of_keras() -> None:
    assert keras_size(Generator(100, 28, 1)) == 2_330_944
    assert keras_size(Discriminator(28, 1)) == 212_865


@pytest.mark.parametrize("size", [4, 8, 28, 32, 60])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_nets_do_any_multiple_of_four(size: int, channels: int) -> None:
    pictures = Generator(10, size, channels)(torch.randn(2, 10))
    assert pictures.shape == (2, channels, size, size)
    assert pictures.abs().max() <= 1
    assert Discriminator(size, channels)(pictures).shape == (2,)


@pytest.mark.parametrize("size", [-4, 0, 2, 30])
def test_a_size_the_nets_cannot_do_is_refused_in_one_sentence(size: int) -> None:
    for build in (lambda: Generator(10, size, 1), lambda: Discriminator(size, 1)):
        with pytest.raises(ValueError, match=rf"multiple of 4, not {size}\.$"):
            build()


def test_the_weights_start_glorot_uniform_and_the_biases_at_zero() -> None:
    torch.manual_seed(0)
    generator, discriminator = Generator(100, 28, 1), Discriminator(28, 1)
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


def test_the_discriminator_is_the_tensorflow_one_with_rotated_kernels() -> None:
    """TensorFlow's "same" puts one zero before and two after, and flattens height, width, channels."""
    net = Discriminator(8, 1).eval()
    x = y = torch.randn(3, 1, 8, 8)
    for conv in (net.conv1, net.conv2):
        y = F.leaky_relu(F.conv2d(F.pad(y, (1, 2, 1, 2)), conv.weight.flip(2, 3), conv.bias, 2), 0.3)
    logits = net.dense(y.flip(2, 3).permute(0, 2, 3, 1).flatten(1)).flatten()
    torch.testing.assert_close(net(x), logits)


def test_the_generator_is_the_tensorflow_one_with_rotated_kernels() -> None:
    """TensorFlow's transposed convolution mirrors its convolution: it crops one before and two after."""
    net = Generator(5, 8, 3).eval()
    z = torch.randn(2, 5)
    y = F.leaky_relu(net.norm0(net.dense(z)), 0.3).view(2, 2, 2, 256).permute(0, 3, 1, 2).flip(2, 3)
    y = F.leaky_relu(net.norm1(F.conv_transpose2d(y, net.conv1.weight.flip(2, 3), padding=2)), 0.3)
    y = F.conv_transpose2d(y, net.conv2.weight.flip(2, 3), stride=2)[:, :, 1:-2, 1:-2]
    y = F.leaky_relu(net.norm2(y), 0.3)
    y = F.conv_transpose2d(y, net.conv3.weight.flip(2, 3), stride=2)[:, :, 1:-2, 1:-2]
    torch.testing.assert_close(net(z), y.tanh())


def test_the_discriminator_drops_out_as_if_after_leaky_relu() -> None:
    x = torch.randn(5, 7)
    torch.manual_seed(3)
    before = F.leaky_relu(Dropout(0.3)(x.clone()), 0.3)
    torch.manual_seed(3)
    torch.testing.assert_close(before, Dropout(0.3)(F.leaky_relu(x, 0.3)))


def twice(make: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
    """The same under the same seed, twice."""
    torch.manual_seed(7)
    first = make()
    torch.manual_seed(7)
    return first, make()


def test_dropout_follows_the_global_seed_and_stops_in_evaluation() -> None:
    net, x = Discriminator(28, 1), torch.randn(4, 1, 28, 28)
    first, second = twice(lambda: net(x))
    assert first.equal(second)
    assert not first.equal(net(x))
    net.eval()
    assert net(x).equal(net(x))
