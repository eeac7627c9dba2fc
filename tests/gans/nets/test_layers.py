"""Layers compute what PyTorch's do, and what those cannot."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganctl.gans.nets import unet
from ganctl.gans.nets.layers import Dropout, FewOutputs, InstanceNorm, saturate, shared_statistics
from tests.gans.nets.images import noise


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
    survives = (Dropout(0.3)(torch.ones(1 << 18)) > 0).float().view(-1, 8)  # the values of two random words
    correlations = survives.T.corrcoef() - torch.eye(8)
    assert correlations.abs().max() < 0.03
    torch.testing.assert_close(survives.mean(0), torch.full((8,), 0.7), atol=0.015, rtol=0)


def test_dropout_keeps_the_memory_layout() -> None:
    x = torch.ones(2, 3, 5, 5).contiguous(memory_format=torch.channels_last)
    assert Dropout(0.3).mask(x).stride() == x.stride()


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_dropout_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="at least 0 and less than 1"):
        Dropout(p)


@pytest.mark.parametrize("shape", [(1, 4, 9, 7), (3, 4, 16, 16), (2, 4, 1, 2)])
@pytest.mark.parametrize("affine", [False, True])
def test_instance_norm_and_its_gradient_are_pytorch_s(shape: tuple[int, ...], affine: bool) -> None:
    mine, pytorch = InstanceNorm(4, affine), nn.InstanceNorm2d(4, affine=affine)
    pytorch.load_state_dict(mine.state_dict())
    x, upstream = (3 + torch.randn(shape)).requires_grad_(), torch.randn(shape)
    torch.testing.assert_close(mine(x), pytorch(x), atol=1e-5, rtol=1e-5)
    gradients = [torch.autograd.grad(norm(x), x, upstream)[0] for norm in (mine, pytorch)]
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
    mine, pytorch = (torch.autograd.grad(y, arguments, upstream) for y in (fast, plain))
    torch.testing.assert_close(mine, pytorch, atol=1e-4, rtol=1e-4)


def test_what_is_saturated_is_led_back_and_not_further_out() -> None:
    x = torch.tensor([-3.0, -3.0, -0.5, 0.5, 3.0, 3.0], requires_grad=True)
    uphill = torch.tensor([-1.0, 1.0, 1.0, -1.0, -1.0, 1.0])  # a step goes the other way
    y = saturate(x)
    assert y.tolist() == [-1, -1, -0.5, 0.5, 1, 1]
    assert torch.autograd.grad(y, x, uphill)[0].tolist() == [-1, 0, 1, -1, 0, 1]


@torch.no_grad()
def test_shared_statistics_leave_nothing_behind() -> None:
    net, image = unet.Generator(16, width=4).eval(), noise(1, 16)
    alone, keys = net(image), list(net.state_dict())
    with shared_statistics(net, noise(1, 32)):
        assert list(net.state_dict()) == keys
        assert not net(image).equal(alone)
    assert net(image).equal(alone)
    with pytest.raises(RuntimeError), shared_statistics(net, noise(1, 15)):
        pytest.fail("a picture of a size the net cannot do was taken")
    assert net(image).equal(alone)
