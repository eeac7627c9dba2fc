"""How fast one step of TensorFlow's DCGAN tutorial is: against the machine, and against the classic loop.

    OMP_NUM_THREADS=2 pytest -s tests/benchmarks/test_tutorial_speed.py

Three things are timed in turns in one process, so that a busy machine slows all of them alike: ganctl's step,
a product of two 2048 x 2048 matrices, and a step of the loop of PyTorch's DCGAN example on the same nets, data
loader included. The ratios are medians over the rounds; they are recorded, never asserted.
"""

import itertools
import statistics
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn
from torch.autograd import backward
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from ganctl.engine import loop, session
from ganctl.engine.setup import configure
from tests.benchmarks.in_turns import PRODUCT, Step, in_turns, matrix_product, ratio, record

BATCH, LATENT, ROUNDS = 256, 100, 10
PICTURE = 480e6  # operations a picture, mul and add apart: both nets, forward and backward, zero padding counted


def test_speed_of_the_tutorial_step(benchmark: BenchmarkFixture) -> None:
    torch.manual_seed(0)
    with ganctl_step() as ours:
        seconds = in_turns(benchmark, ROUNDS, ours, product=matrix_product(), plain=plain_step(batches()))
    rates = [(PICTURE * BATCH / a) / (PRODUCT / b) for a, b in zip(seconds["ours"], seconds["product"], strict=True)]
    record(
        benchmark,
        step_rate_over_matrix_product=statistics.median(rates),
        speed_over_plain_loop=ratio(seconds["plain"], seconds["ours"]),
        matrix_product_gflops=PRODUCT / statistics.median(seconds["product"]) / 1e9,
    )


@contextmanager
def ganctl_step() -> Iterator[Step]:
    """The engine's step with the preset `tutorial` on the built-in digits."""
    settings = configure("dcgan", data="digits", preset="tutorial", flags={"device": "cpu"})
    with session.start(settings, "benchmark/run") as started:
        yield lambda: loop.train_step(started.state, started.batches, started.plan)


class Digits(Dataset[tuple[Tensor, int]]):
    """60,000 grey pictures as torchvision's MNIST hands them out: an array, PIL, then the transforms."""

    def __init__(self) -> None:
        self.pixels = np.random.default_rng(0).integers(0, 256, (60_000, 28, 28), dtype=np.uint8)
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), 0


class Undo(nn.Module):
    """[N, 12544] → [N, 256, 7, 7]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.view(-1, 256, 7, 7)


def batches() -> Iterator[tuple[Tensor, Tensor]]:
    """What PyTorch's data loader makes of them."""
    return itertools.chain.from_iterable(itertools.repeat(DataLoader(Digits(), BATCH, shuffle=True)))


def plain_step(batches: Iterator[tuple[Tensor, Tensor]], device: str | torch.device = "cpu") -> Step:
    """https://github.com/pytorch/examples/blob/main/dcgan/main.py with the tutorial's nets and Adam."""
    generator = nn.Sequential(
        nn.Linear(LATENT, 12544, bias=False),
        nn.BatchNorm1d(12544),
        nn.LeakyReLU(0.3),
        Undo(),
        nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(128, 64, 5, 2, 2, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(64, 1, 5, 2, 2, 1, bias=False),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, 2, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(6272, 1),
        nn.Flatten(0),
    )
    generator.to(device)
    discriminator.to(device)
    adam_g = torch.optim.Adam(generator.parameters(), 1e-4, eps=1e-7)
    adam_d = torch.optim.Adam(discriminator.parameters(), 1e-4, eps=1e-7)
    bce = F.binary_cross_entropy_with_logits
    ones, zeros = torch.ones(BATCH, device=device), torch.zeros(BATCH, device=device)

    def step() -> None:
        real = next(batches)[0].to(device)
        discriminator.zero_grad()
        backward(bce(discriminator(real), ones))
        fake = generator(torch.randn(BATCH, LATENT, device=device))
        backward(bce(discriminator(fake.detach()), zeros))
        adam_d.step()
        generator.zero_grad()
        backward(bce(discriminator(fake), ones))
        adam_g.step()

    return step
