"""How fast and how large one step of CycleGAN's preset `paper` is at 128 pixels with 9 blocks.

    OMP_NUM_THREADS=2 pytest -s tests/benchmarks/test_cyclegan_speed.py

Against the machine (a product of two 2048 × 2048 matrices) and against the plain formulation on the same nets: each
generator and discriminator pass on its own as in the authors' code, and a DataLoader with PIL transforms. Ratios are
medians over rounds in turns; they are recorded, never asserted.
"""

import itertools
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn
from torch.autograd import backward
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from ganctl.data.sources import striped
from ganctl.engine import loop, session
from ganctl.engine.setup import configure
from ganctl.engine.training import Training
from ganctl.gans.image_pool import ImagePool
from ganctl.gans.nets import patchgan, resnet
from tests.benchmarks.in_turns import PRODUCT, Step, in_turns, matrix_product, ratio, record

SIZE, BLOCKS, ROUNDS, PICTURES = 128, 9, 8, 40
# Multiply-adds of one pass over one picture: of a generator by its layers' output sizes, and with the transposed
# convolutions counted where they work; of a discriminator.
GENERATOR, GENERATOR_STRICT, DISCRIMINATOR = 14.2e9, 12.4e9, 0.75e9
GENERATOR_PASSES = 6  # two translations, two back, two identities; each forward, and twice that backward
DISCRIMINATOR_PASSES = 2 * 2 + 4 * 3  # the generators' update needs no slopes of the weights


def operations(generator: float) -> float:
    return 2 * (GENERATOR_PASSES * 3 * generator + DISCRIMINATOR_PASSES * DISCRIMINATOR)


def test_speed_of_the_paper_step(benchmark: BenchmarkFixture) -> None:
    torch.manual_seed(0)
    with ganctl_step() as ours:
        plain = plain_step(batches("plain"), batches("striped"), SIZE)
        seconds = in_turns(benchmark, ROUNDS, ours, product=matrix_product(), plain=plain)
    product_rate = [PRODUCT / t for t in seconds["product"]]
    record(
        benchmark,
        generators_rate_over_matrix_product=rate(2 * 18 * GENERATOR, seconds["ours"], product_rate),
        step_rate_over_matrix_product=rate(operations(GENERATOR), seconds["ours"], product_rate),
        step_rate_counted_strictly=rate(operations(GENERATOR_STRICT), seconds["ours"], product_rate),
        speed_over_plain_formulation=ratio(seconds["plain"], seconds["ours"]),
        seconds_a_step=statistics.median(seconds["ours"]),
        matrix_product_gflops=statistics.median(product_rate) / 1e9,
    )


def rate(work: float, seconds: list[float], product_rate: list[float]) -> float:
    return statistics.median(work / t / r for t, r in zip(seconds, product_rate, strict=True))


def test_share_of_the_identity_passes(benchmark: BenchmarkFixture) -> None:
    with ganctl_step() as full, ganctl_step("lambda_identity=0") as without:
        seconds = in_turns(benchmark, ROUNDS, full, without=without)
    record(benchmark, share_of_identity_passes=1 - ratio(seconds["without"], seconds["ours"]))


def test_share_of_the_batch(benchmark: BenchmarkFixture) -> None:
    with ganctl_training() as started:
        batches, state, plan = started.batches, started.state, started.plan
        numbers = itertools.count(1)
        seconds = in_turns(
            benchmark,
            ROUNDS,
            lambda: batches.batch(next(numbers), state.device),
            step=lambda: loop.train_step(state, batches, plan),
        )
    record(benchmark, batch_over_step=ratio(seconds["ours"], seconds["step"]))


def test_memory_of_the_paper_step(benchmark: BenchmarkFixture) -> None:
    """The peak of a process of its own for each."""
    found = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    peaks = {
        name: int(subprocess.run([sys.executable, "-m", __name__, name], env=found, capture_output=True).stdout)
        for name in ("ganctl", "plain")
    }
    benchmark.pedantic(lambda: None)  # type: ignore[no-untyped-call]
    record(benchmark, memory_over_plain=peaks["ganctl"] / peaks["plain"], gigabytes=peaks["ganctl"] / 1e9)


@contextmanager
def ganctl_training(*assignments: str) -> Iterator[Training]:
    """A training on the built-in pair, decoded before."""
    told = dict(pair.split("=") for pair in (f"blocks={BLOCKS}", *assignments))
    settings = configure(
        "cyclegan",
        data="plain2striped",
        preset="paper",
        flags={"device": "cpu", "size": SIZE, "limit": PICTURES},
        assignments=told,
    )
    with session.start(settings, f"benchmark/{'-'.join(assignments) or 'run'}") as started:
        yield started


@contextmanager
def ganctl_step(*assignments: str) -> Iterator[Step]:
    """The engine's step."""
    with ganctl_training(*assignments) as started:
        yield lambda: loop.train_step(started.state, started.batches, started.plan)


class Animals(Dataset[Tensor]):
    """A folder's pictures, as the authors' data loader has them: opened, resized, cropped and mirrored by PIL."""

    def __init__(self, domain: str) -> None:
        self.files = [Path(f"{domain}-{i}.jpg") for i in range(PICTURES)]
        for file, picture in zip(self.files, striped.generate("train", domain, 0, PICTURES, 256), strict=True):
            Image.fromarray(picture).save(file)
        load = round(SIZE * 286 / 256)
        self.transform = transforms.Compose(
            [
                transforms.Resize((load, load), transforms.InterpolationMode.BICUBIC),
                transforms.RandomCrop(SIZE),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.5,) * 3),
            ]
        )

    def __len__(self) -> int:
        return PICTURES

    def __getitem__(self, index: int) -> Tensor:
        pixels: Tensor = self.transform(Image.open(self.files[index]).convert("RGB"))
        return pixels


def batches(domain: str) -> Iterator[Tensor]:
    return itertools.chain.from_iterable(itertools.repeat(DataLoader(Animals(domain), 1, shuffle=True)))


def plain_step(
    domain_a: Iterator[Tensor], domain_b: Iterator[Tensor], size: int, device: str | torch.device = "cpu"
) -> Step:
    """https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix, models/cycle_gan_model.py, pass for pass."""
    g, f = (resnet.Generator(3, BLOCKS).to(device) for _ in "ab")
    d_x, d_y = (patchgan.Discriminator().to(device) for _ in "ab")
    pool_x, pool_y = (ImagePool((3, size, size)).to(device) for _ in "ab")
    adam_g = torch.optim.Adam(itertools.chain(g.parameters(), f.parameters()), 2e-4, (0.5, 0.999))
    adam_d = torch.optim.Adam(itertools.chain(d_x.parameters(), d_y.parameters()), 2e-4, (0.5, 0.999))

    def trainable(wanted: bool) -> None:
        for judge in (d_x, d_y):
            judge.requires_grad_(wanted)

    def judge(net: nn.Module, real: Tensor, fake: Tensor) -> None:
        backward(0.5 * (towards(net(real), 1.0) + towards(net(fake.detach()), 0.0)))

    def step() -> None:
        a, b = next(domain_a).to(device), next(domain_b).to(device)
        fake_b = g(a)
        back_a = f(fake_b)
        fake_a = f(b)
        back_b = g(fake_a)
        trainable(False)
        adam_g.zero_grad()
        identity = F.l1_loss(g(b), b) + F.l1_loss(f(a), a)
        fooling = towards(d_y(fake_b), 1.0) + towards(d_x(fake_a), 1.0)
        cycle = F.l1_loss(back_a, a) + F.l1_loss(back_b, b)
        backward(fooling + 10 * cycle + 5 * identity)
        adam_g.step()
        trainable(True)
        adam_d.zero_grad()
        judge(d_y, b, pool_y(fake_b))
        judge(d_x, a, pool_x(fake_a))
        adam_d.step()

    return step


def towards(logits: Tensor, target: float) -> Tensor:
    return (logits - target).square().mean()


def main(name: str) -> None:
    """Print the peak memory of a few steps, in bytes."""
    with ExitStack() as stack:
        ours = name == "ganctl"
        step = stack.enter_context(ganctl_step()) if ours else plain_step(batches("plain"), batches("striped"), SIZE)
        for _ in range(3):
            step()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main(sys.argv[1])
