"""Promises of CycleGAN's nets: the authors' counts, shapes, reach, initial weights, and parts like the whole."""

from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganctl.gans.nets import patchgan, resnet, unet
from ganctl.gans.nets.layers import FewOutputs, InstanceNorm, shared_statistics

Upsample = Literal["deconv", "resize"]


def count(net: nn.Module) -> int:
    """Parameters of a net."""
    return sum(parameter.numel() for parameter in net.parameters())


def pictures(n: int, size: int, channels: int = 3) -> Tensor:
    """Noise in [-1, 1]."""
    return 2 * torch.rand(n, channels, size, size) - 1


def touched(net: nn.Module, size: int, row: int, column: int | slice) -> Tensor:
    """Rows of the input that a row of the output, or one value of it, depends on, norms apart."""
    image = pictures(1, size).requires_grad_()
    with shared_statistics(net, image):
        (gradient,) = torch.autograd.grad(net(image)[0, :, row, column].sum(), image)
    return gradient.abs().sum((0, 1, 3)).nonzero().flatten()


def test_the_nets_have_the_parameter_counts_of_the_authors() -> None:
    assert count(resnet.Generator()) == 11_378_179
    assert count(resnet.Generator(blocks=6)) == 7_837_699
    assert count(patchgan.Discriminator()) == 2_764_737


def test_the_tutorial_nets_have_the_parameter_counts_of_tensorflow() -> None:
    assert count(unet.Generator(256)) == 54_414_979
    assert count(unet.Discriminator()) == 2_765_569  # without the second picture that pix2pix's takes


@pytest.mark.parametrize("upsample", ["deconv", "resize"])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 64), (28, 12), (36, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_resnet_takes_sides_of_any_multiple_from_the_least(
    upsample: Upsample, height: int, width: int, channels: int
) -> None:
    net = resnet.Generator(channels, blocks=1, width=4, upsample=upsample)
    assert height % net.multiple == 0
    assert height >= net.least
    translated = net(20 * torch.randn(2, channels, height, width))
    assert translated.shape == (2, channels, height, width)
    assert translated.abs().max() <= 1


def test_below_the_least_the_resnet_has_nothing_to_reflect() -> None:
    net = resnet.Generator(blocks=1, width=4)
    with pytest.raises(RuntimeError, match=r"[Pp]adding size"):
        net(pictures(1, net.least - net.multiple))


@pytest.mark.parametrize(("size", "multiple"), [(256, 256), (512, 256), (128, 128), (64, 64), (96, 32), (60, 4)])
def test_the_unet_goes_as_deep_as_the_size_can_be_halved(size: int, multiple: int) -> None:
    net = unet.Generator(size, width=2)
    assert net.multiple == net.least == multiple
    translated = net(pictures(1, multiple))
    assert translated.shape == (1, 3, multiple, multiple)
    assert translated.abs().max() <= 1


@pytest.mark.parametrize("size", [-4, 0, 2, 30])
def test_a_size_the_unet_cannot_do_is_refused_in_one_sentence(size: int) -> None:
    with pytest.raises(ValueError, match=rf"multiple of 4, not {size}\.$"):
        unet.Generator(size)


@pytest.mark.parametrize("net", [patchgan.Discriminator(width=4), unet.Discriminator(width=4)])
def test_256_pixels_give_30_by_30_logits_and_the_least_gives_one(
    net: patchgan.Discriminator | unet.Discriminator,
) -> None:
    assert net(pictures(2, 256)).shape == (2, 1, 30, 30)
    assert net(pictures(2, net.min_size)).shape == (2, 1, 1, 1)
    with pytest.raises(RuntimeError):
        net(pictures(2, net.min_size - 1))


@pytest.mark.parametrize(("layers", "patch_size"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_has_70_pixels_a_side_with_three_layers(layers: int, patch_size: int) -> None:
    rows = touched(patchgan.Discriminator(width=4, layers=layers), 160, *2 * [160 // 2**layers // 2])
    assert len(rows) == rows[-1] - rows[0] + 1 == patch_size


def test_the_tutorial_discriminator_judges_the_same_patches() -> None:
    assert len(touched(unet.Discriminator(width=4), 160, 10, 10)) == 70


@pytest.mark.parametrize("upsample", ["deconv", "resize"])
@pytest.mark.parametrize("blocks", [0, 2])
def test_the_reach_of_the_resnet_is_the_farthest_that_a_pixel_depends_on(upsample: Upsample, blocks: int) -> None:
    torch.manual_seed(0)
    net, farthest = resnet.Generator(blocks=blocks, width=8, upsample=upsample), 0
    for row in range(60, 64):  # each of the four positions under two halvings
        rows = touched(net, 128, row, slice(None)).tolist()
        farthest = max(farthest, row - rows[0], rows[-1] - row)
    assert farthest == net.reach


def test_every_padding_of_the_resnet_but_the_strided_layers_reflects() -> None:
    net = resnet.Generator(blocks=2)
    strided = {*net.down.modules(), *net.up.modules()}
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m not in strided]
    paddings = [m.padding[0] for m in net.modules() if isinstance(m, nn.ReflectionPad2d)]
    assert [c.padding for c in convolutions] == [(0, 0)] * 6
    assert paddings == [3, 1, 1, 1, 1, 3]


def test_weights_start_from_n_0_002_and_biases_from_zero() -> None:
    torch.manual_seed(0)
    nets = [resnet.Generator(blocks=2), resnet.Generator(blocks=1, upsample="resize"), patchgan.Discriminator()]
    for net in [*nets, unet.Generator(64), unet.Discriminator()]:
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                assert module.weight.mean().item() == pytest.approx(0, abs=1.5e-3)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
                assert module.bias is None or not module.bias.any()
            elif isinstance(module, InstanceNorm) and module.weight is not None and module.bias is not None:
                assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.4)
                assert not module.bias.any()


@pytest.mark.parametrize(
    "net",
    [
        resnet.Generator(blocks=2, width=16),
        resnet.Generator(blocks=2, width=16, upsample="resize"),
        unet.Generator(32, width=8).eval(),
        patchgan.Discriminator(width=16),
        unet.Discriminator(width=16),
    ],
)
def test_a_batched_pass_equals_the_separate_passes(net: nn.Module) -> None:
    first, second = pictures(1, 32), pictures(2, 32)
    torch.testing.assert_close(net(torch.cat([first, second])), torch.cat([net(first), net(second)]), atol=1e-5, rtol=0)


def test_the_unet_drops_out_in_training_only() -> None:
    net, image = unet.Generator(32, width=4), pictures(1, 32)
    assert not net(image).equal(net(image))
    net.eval()
    assert net(image).equal(net(image))


@pytest.mark.parametrize("shape", [(1, 4, 9, 7), (3, 4, 16, 16), (2, 4, 1, 2)])
@pytest.mark.parametrize("affine", [False, True])
def test_instance_norm_and_its_gradient_are_pytorch_s(shape: tuple[int, ...], affine: bool) -> None:
    ours, theirs = InstanceNorm(4, affine), nn.InstanceNorm2d(4, affine=affine)
    theirs.load_state_dict(ours.state_dict())
    x, upstream = (3 + torch.randn(shape)).requires_grad_(), torch.randn(shape)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)
    gradients = [torch.autograd.grad(norm(x), x, upstream)[0] for norm in (ours, theirs)]
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


def test_instance_norm_makes_a_single_value_nothing() -> None:
    assert not InstanceNorm(4)(torch.randn(1, 4, 1, 1)).any()


@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_few_outputs_are_the_plain_convolution_s(kernel: int) -> None:
    conv, x = FewOutputs(5, 3, kernel), torch.randn(2, 5, 11, 9, requires_grad=True)
    arguments = [x, *conv.parameters()]
    fast, plain = conv(x), F.conv2d(x, conv.weight, conv.bias)
    torch.testing.assert_close(fast, plain, atol=1e-5, rtol=1e-5)
    upstream = torch.randn_like(plain)
    ours, theirs = (torch.autograd.grad(y, arguments, upstream) for y in (fast, plain))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("upsample", ["deconv", "resize"])
@torch.no_grad()
def test_with_shared_statistics_the_inside_of_a_tile_is_the_whole_picture_s(upsample: Upsample) -> None:
    torch.manual_seed(0)
    net, image = resnet.Generator(blocks=1, width=8, upsample=upsample), pictures(1, 128)
    image[..., :64] *= 0.2  # the halves differ, and so do their own statistics
    whole, tile, seen = net(image), image[:, :, 16:112, 20:116], slice(net.reach, 96 - net.reach)
    inside = whole[:, :, 16:112, 20:116][:, :, seen, seen]
    with shared_statistics(net, image):
        torch.testing.assert_close(net(image), whole, atol=1e-5, rtol=1e-4)
        both = net(torch.cat([tile, tile]))[:, :, seen, seen]
    torch.testing.assert_close(both, torch.cat([inside, inside]), atol=1e-5, rtol=1e-4)
    assert (net(tile)[:, :, seen, seen] - inside).abs().max() > 1e-3


@torch.no_grad()
def test_shared_statistics_leave_nothing_behind() -> None:
    net, image = unet.Generator(16, width=4).eval(), pictures(1, 16)
    alone, keys = net(image), list(net.state_dict())
    with shared_statistics(net, pictures(1, 32)):
        assert list(net.state_dict()) == keys
        assert not net(image).equal(alone)
    assert net(image).equal(alone)
    with pytest.raises(RuntimeError), shared_statistics(net, pictures(1, 15)):
        pytest.fail("a picture of a size the net cannot do was taken")
    assert net(image).equal(alone)
