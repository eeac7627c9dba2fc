"""The nets of TensorFlow's CycleGAN tutorial are the tutorial's."""

import pytest

from ganctl.gans.nets.unet import Discriminator, Generator
from tests.gans.nets.images import noise, parameter_count


def test_the_nets_have_the_parameter_counts_of_tensorflow() -> None:
    assert parameter_count(Generator(256)) == 54_414_979
    assert parameter_count(Discriminator()) == 2_765_569  # without the second picture that pix2pix's takes


@pytest.mark.parametrize(("size", "multiple"), [(256, 256), (512, 256), (128, 128), (64, 64), (96, 32), (60, 4)])
def test_the_unet_goes_as_deep_as_the_size_can_be_halved(size: int, multiple: int) -> None:
    net = Generator(size, width=2)
    assert net.size_multiple == net.min_size == multiple
    translated = net(noise(1, multiple))
    assert translated.shape == (1, 3, multiple, multiple)
    assert translated.abs().max() <= 1


@pytest.mark.parametrize("size", [-4, 0, 2, 30])
def test_a_size_the_unet_cannot_do_is_refused_in_one_sentence(size: int) -> None:
    with pytest.raises(ValueError, match=rf"multiple of 4, not {size}\.$"):
        Generator(size)


def test_the_unet_drops_out_in_training_only() -> None:
    net, image = Generator(32, width=4), noise(1, 32)
    assert not net(image).equal(net(image))
    net.eval()
    assert net(image).equal(net(image))
