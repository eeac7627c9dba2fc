"""The PatchGAN has the authors' patches; what all of CycleGAN's nets have in common."""

import pytest
import torch
from torch import nn

from ganctl.gans.nets import resnet, unet
from ganctl.gans.nets.layers import InstanceNorm
from ganctl.gans.nets.patchgan import Discriminator
from tests.gans.nets.images import noise, parameter_count, receptive_rows


def test_the_discriminator_has_the_parameter_count_of_the_authors() -> None:
    assert parameter_count(Discriminator()) == 2_764_737


@pytest.mark.parametrize("net", [Discriminator(width=4), unet.Discriminator(width=4)])
def test_256_pixels_give_30_by_30_logits_and_the_smallest_image_gives_one(
    net: Discriminator | unet.Discriminator,
) -> None:
    assert net(noise(2, 256)).shape == (2, 1, 30, 30)
    assert net(noise(2, net.min_size)).shape == (2, 1, 1, 1)
    with pytest.raises(RuntimeError):
        net(noise(2, net.min_size - 1))


@pytest.mark.parametrize(("layers", "patch_size"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_has_70_by_70_pixels_with_three_layers(layers: int, patch_size: int) -> None:
    rows = receptive_rows(Discriminator(width=4, layers=layers), 160, *2 * [160 // 2**layers // 2])
    assert len(rows) == rows[-1] - rows[0] + 1 == patch_size


def test_the_tutorial_discriminator_has_the_same_patches() -> None:
    assert len(receptive_rows(unet.Discriminator(width=4), 160, 10, 10)) == 70


def test_weights_start_from_n_0_002_and_biases_from_zero() -> None:
    torch.manual_seed(0)
    nets = [resnet.Generator(blocks=2), resnet.Generator(blocks=1, upsample="resize"), Discriminator()]
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
        Discriminator(width=16),
        unet.Discriminator(width=16),
    ],
)
def test_a_batched_pass_equals_the_separate_passes(net: nn.Module) -> None:
    first, second = noise(1, 32), noise(2, 32)
    torch.testing.assert_close(net(torch.cat([first, second])), torch.cat([net(first), net(second)]), atol=1e-5, rtol=0)
