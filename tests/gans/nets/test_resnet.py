"""CycleGAN's generator has the authors' layers, and its tiles fit together."""

from typing import Literal

import pytest
import torch
from torch import nn

from ganctl.gans.nets.layers import shared_statistics
from ganctl.gans.nets.resnet import Generator
from tests.gans.nets.images import noise, parameter_count, receptive_rows

Upsample = Literal["deconv", "resize"]


def test_the_generator_has_the_parameter_count_of_the_authors() -> None:
    assert parameter_count(Generator()) == 11_378_179
    assert parameter_count(Generator(blocks=6)) == 7_837_699


@pytest.mark.parametrize("upsample", ["deconv", "resize"])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 64), (28, 12), (36, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_resnet_takes_heights_and_widths_of_any_multiple_from_its_minimum(
    upsample: Upsample, height: int, width: int, channels: int
) -> None:
    net = Generator(channels, blocks=1, width=4, upsample=upsample)
    assert height % net.size_multiple == 0
    assert height >= net.min_size
    translated = net(20 * torch.randn(2, channels, height, width))
    assert translated.shape == (2, channels, height, width)
    assert translated.abs().max() <= 1


def test_below_its_minimum_the_resnet_has_nothing_to_reflect() -> None:
    net = Generator(blocks=1, width=4)
    with pytest.raises(RuntimeError, match=r"[Pp]adding size"):
        net(noise(1, net.min_size - net.size_multiple))


@pytest.mark.parametrize("upsample", ["deconv", "resize"])
@pytest.mark.parametrize("blocks", [0, 2])
def test_the_reach_of_the_resnet_is_the_farthest_that_a_pixel_depends_on(upsample: Upsample, blocks: int) -> None:
    torch.manual_seed(0)
    net, farthest = Generator(blocks=blocks, width=8, upsample=upsample), 0
    for row in range(60, 64):  # each of the four positions under two halvings
        rows = receptive_rows(net, 128, row, slice(None)).tolist()
        farthest = max(farthest, row - rows[0], rows[-1] - row)
    assert farthest == net.receptive_radius


def test_every_padding_of_the_resnet_but_the_strided_layers_reflects() -> None:
    net = Generator(blocks=2)
    strided = {*net.down.modules(), *net.up.modules()}
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m not in strided]
    paddings = [m.padding[0] for m in net.modules() if isinstance(m, nn.ReflectionPad2d)]
    assert [c.padding for c in convolutions] == [(0, 0)] * 6
    assert paddings == [3, 1, 1, 1, 1, 3]


@pytest.mark.parametrize("upsample", ["deconv", "resize"])
@torch.no_grad()
def test_with_shared_statistics_the_inside_of_a_tile_is_the_whole_image_s(upsample: Upsample) -> None:
    torch.manual_seed(0)
    net, image = Generator(blocks=1, width=8, upsample=upsample), noise(1, 128)
    image[..., :64] *= 0.2  # the halves differ, and so do their own statistics
    whole, tile, inner = net(image), image[:, :, 16:112, 20:116], slice(net.receptive_radius, 96 - net.receptive_radius)
    inside = whole[:, :, 16:112, 20:116][:, :, inner, inner]
    with shared_statistics(net, image):
        torch.testing.assert_close(net(image), whole, atol=1e-5, rtol=1e-4)
        tiles = net(torch.cat([tile, tile]))[:, :, inner, inner]
    torch.testing.assert_close(tiles, torch.cat([inside, inside]), atol=1e-5, rtol=1e-4)
    assert (net(tile)[:, :, inner, inner] - inside).abs().max() > 1e-3
