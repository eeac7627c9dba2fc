"""Batches of two sets: shuffled independently, cropped and mirrored."""

from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganctl.data.batches import Batches, ShuffledBatches, crop_and_flip
from ganctl.data.cache.dataset import Dataset, TwoDatasets, open_domains
from ganctl.data.info import Needs
from ganctl.data.resolve import resolve_domains
from tests.data.folders import digest

CPU = torch.device("cpu")


def numbered(a: int, b: int, load_size: int = 6, size: int = 4) -> TwoDatasets:
    """Sets whose pictures tell their number, row and column."""

    def dataset(count: int) -> Dataset:
        rows, columns = np.mgrid[:load_size, :load_size].astype(np.uint8)
        numbers = np.arange(count, dtype=np.uint8)[:, None, None] + 0 * rows
        images = np.stack([numbers, rows + 0 * numbers, columns + 0 * numbers], -1)
        return Dataset("c", "c", images, np.empty((0, size, size, 3), np.uint8), "", [], 0)

    return TwoDatasets("c", "c", ("A", "B"), (dataset(a), dataset(b)))


def unpaired(
    data: TwoDatasets, batch_size: int, seed: int, limit: int | None = None, hflip: bool = True
) -> ShuffledBatches:
    return ShuffledBatches(data, batch_size, seed, limit, hflip, Needs(("a", "b")))


def pixels(batches: Batches, step: int) -> dict[str, NDArray[np.int64]]:
    """The uint8 values [N, 3, H, W] of a step's batch."""
    batch = batches.batch(step, CPU)
    return {domain: ((images + 1) * 127.5).round().long().numpy() for domain, images in batch.items()}


def epoch(batches: Batches, number: int) -> dict[str, list[int]]:
    """The numbers of the pictures in an epoch, in order."""
    steps = range(number * batches.steps_per_epoch, (number + 1) * batches.steps_per_epoch)
    cropped = [pixels(batches, step) for step in steps]
    return {domain: [int(image[0, 0, 0]) for batch in cropped for image in batch[domain]] for domain in "ab"}


def test_an_epoch_is_the_larger_domain_and_the_smaller_begins_anew() -> None:
    batches = unpaired(numbered(5, 13), 1, seed=3)
    assert batches.steps_per_epoch == 13
    order = epoch(batches, 0)
    assert sorted(order["b"]) == list(range(13))
    assert sorted(order["a"][:5]) == sorted(order["a"][5:10]) == list(range(5))
    assert Counter(order["a"]).most_common()[-1][1] == 2
    assert order["a"][:5] != order["a"][5:10]


def test_the_domains_are_shuffled_independently_and_anew_for_every_epoch_and_seed() -> None:
    orders = [epoch(unpaired(numbered(13, 13), 1, seed), n) for seed in (1, 2) for n in (0, 1)]
    assert len({tuple(order[domain]) for order in orders for domain in "ab"}) == 8


def test_a_batch_is_a_function_of_its_step_alone() -> None:
    batches, second = unpaired(numbered(7, 9), 2, seed=1), unpaired(numbered(7, 9), 2, seed=1)
    ahead = {step: pixels(batches, step) for step in (9, 3, 17, 0)}
    for step, batch in ahead.items():
        for domain, images in pixels(second, step).items():
            assert np.array_equal(images, batch[domain])


def test_batches_are_bit_for_bit_those_of_the_first_release() -> None:
    flipped, cropped = (unpaired(numbered(5, 13), 2, seed=3, hflip=hflip) for hflip in (True, False))
    whole = unpaired(numbered(5, 13, 4, 4), 2, seed=3, limit=9, hflip=False)
    assert digest(flipped, range(20)) == "82d00e1a0e5e10210b84c88305b715a7b2b02bc6db7f1642f42e0c23d83c7b17"
    assert digest(cropped, range(20)) == "e7e643c0bb07f3ea35d0758ae174ca9ac9477460e3dcca7d555e2b4e97aaf55e"
    assert digest(whole, range(20)) == "a95e88e4077455b1ac90051b630559f3db629c6f3ad8c8b189b541aae5e29416"


def test_crops_go_everywhere_half_are_mirrored_and_none_is_distorted() -> None:
    batches = unpaired(numbered(20, 20), 4, seed=1)
    corners = Counter[tuple[int, int]]()
    mirrors = 0
    for step in range(50):
        for image in pixels(batches, step)["a"]:
            _, rows, columns = image
            mirrored = columns[0, 0] > columns[0, 1]
            columns = columns[:, ::-1] if mirrored else columns
            assert (np.diff(rows, axis=0) == 1).all() and (np.diff(columns, axis=1) == 1).all()
            corners[int(rows[0, 0]), int(columns[0, 0])] += 1
            mirrors += mirrored
    assert len(corners) == 9 and min(corners.values()) > 5
    assert 60 < mirrors < 140


def test_without_mirroring_nothing_is_mirrored() -> None:
    batches = unpaired(numbered(20, 20), 4, seed=1, hflip=False)
    assert all(image[2, 0, 0] < image[2, 0, 1] for step in range(10) for image in pixels(batches, step)["b"])


def test_a_crop_is_a_slice_of_the_picture() -> None:
    images = torch.arange(2 * 5 * 5).view(2, 5, 5, 1)
    cropped = crop_and_flip(images, torch.tensor([[1, 2, 0], [0, 1, 1]]), 3)
    assert torch.equal(cropped[0], images[0, 1:4, 2:5])
    assert torch.equal(cropped[1], images[1, 0:3, 1:4].flip(1))


def test_previews_show_whole_held_out_pictures_or_the_middles_of_others(pair: Path) -> None:
    opened = open_domains(resolve_domains(str(pair)), 16, None, 18)
    held_out = unpaired(opened, 2, seed=0).held_out(CPU)
    for domain, images in zip("ab", held_out.values(), strict=True):
        uint8_images = ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        assert np.array_equal(uint8_images, opened.datasets["ab".index(domain)].test[:3])
    middle = unpaired(numbered(5, 5), 1, seed=0).held_out(CPU)["a"]
    assert middle.shape == (3, 3, 4, 4)
    assert ((middle[0, 1, :, 0] + 1) * 127.5).round().tolist() == [1, 2, 3, 4]


def test_a_batch_larger_than_both_domains_is_as_large_as_the_larger() -> None:
    batches = unpaired(numbered(3, 5), 64, seed=0)
    assert (batches.batch_size, batches.steps_per_epoch) == (5, 1)
    assert batches.description == "3 A and 5 B pictures"
