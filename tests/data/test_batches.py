"""Batches of one set: a function of their number, and in which order pictures come."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from ganctl.data.batches import ShuffledBatches
from ganctl.data.cache.dataset import Dataset
from ganctl.images.grids import to_uint8
from tests.data.folders import digest, grey_values, greys, opened

CPU = torch.device("cpu")


def numbered(count: int, test: int = 3) -> Dataset:
    """A set in which picture i has the value i, and held-out picture i the value 255 − i."""
    train = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 4, 6, 3))
    held_out = np.broadcast_to(255 - np.arange(test, dtype=np.uint8)[:, None, None, None], (test, 4, 6, 3))
    return Dataset("counted", "counted", train, held_out, "", [], 0)


def numbers(batches: ShuffledBatches, step: int) -> list[int]:
    values: list[int] = ((batches.batch(step, CPU)["images"][:, 0, 0, 0] + 1) * 127.5).round().int().tolist()
    return values


def epoch(batches: ShuffledBatches, number: int) -> list[int]:
    steps = range(number * batches.steps_per_epoch, (number + 1) * batches.steps_per_epoch)
    return [i for step in steps for i in numbers(batches, step)]


@pytest.mark.parametrize("order", [range(12), range(11, -1, -1), [5, 0, 11, 5, 3]])
def test_a_batch_depends_on_its_number_alone(order: Sequence[int]) -> None:
    batches = ShuffledBatches(numbered(23), 5, seed=1)
    for step in order:
        assert torch.equal(
            batches.batch(step, CPU)["images"], ShuffledBatches(numbered(23), 5, seed=1).batch(step, CPU)["images"]
        )


def test_batches_are_bit_for_bit_those_of_the_first_release() -> None:
    batches = ShuffledBatches(numbered(23), 5, seed=1)
    assert digest(batches, range(12)) == "2ba6ab4d9f8c71d34c8688ba245331a9c9287fcdf4889293c96cd6dfdae1f57a"
    limited = ShuffledBatches(numbered(23), 5, seed=1, limit=7)
    assert digest(limited, range(3)) == "a39c43a85f56b74718c7b343418f23669a8017de30ecb5cf202e1c16ee2594c6"


def test_an_epoch_is_full_batches_of_different_pictures() -> None:
    batches = ShuffledBatches(numbered(23), 5, seed=1)
    assert batches.steps_per_epoch == 4
    for number in range(5):
        assert len(set(epoch(batches, number))) == 20


def test_every_picture_comes_in_some_epoch() -> None:
    batches = ShuffledBatches(numbered(23), 5, seed=1)
    assert {i for number in range(20) for i in epoch(batches, number)} == set(range(23))


def test_the_order_differs_between_epochs_and_between_seeds() -> None:
    orders = [epoch(ShuffledBatches(numbered(20), 5, seed), number) for seed in (1, 2) for number in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert all(sorted(order) == list(range(20)) for order in orders)


def test_a_batch_is_never_larger_than_the_data() -> None:
    batches = ShuffledBatches(numbered(3), 64, seed=0)
    assert (batches.batch_size, batches.steps_per_epoch) == (3, 1)
    assert sorted(numbers(batches, 7)) == [0, 1, 2]


def test_a_limit_leaves_the_first_pictures() -> None:
    batches = ShuffledBatches(numbered(20), 2, seed=0, limit=5)
    assert (batches.description, batches.steps_per_epoch) == ("5 pictures", 2)
    assert {i for number in range(10) for i in epoch(batches, number)} == set(range(5))
    assert ShuffledBatches(numbered(20), 2, seed=0, limit=1000).description == "20 pictures"


def test_uint8_images_become_values_from_minus_one_to_one_channels_last() -> None:
    images = ShuffledBatches(numbered(256), 256, seed=0).batch(0, CPU)["images"]
    assert images.shape == (256, 3, 4, 6)
    assert images.dtype == torch.float32
    assert (images.min().item(), images.max().item()) == (-1, 1)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(np.sort(to_uint8(images)[:, 0, 0, 0]), np.arange(256))


def test_previews_show_held_out_pictures() -> None:
    held_out = to_uint8(ShuffledBatches(numbered(20, test=70), 4, seed=0).held_out(CPU)["images"])
    assert grey_values(held_out) == [255 - i for i in range(64)]


def test_previews_show_training_pictures_where_none_are_held_out() -> None:
    batches = ShuffledBatches(numbered(5, test=0), 4, seed=0)
    assert grey_values(to_uint8(batches.held_out(CPU)["images"])) == [0, 1, 2, 3, 4]


def test_a_batch_is_the_callers_to_change(folder: Path) -> None:
    batches = ShuffledBatches(opened(greys(folder, 25)), 4, seed=0)
    before = batches.batch(0, CPU)["images"].clone()
    batches.batch(0, CPU)["images"].zero_()
    batches.held_out(CPU)["images"].zero_()
    assert torch.equal(batches.batch(0, CPU)["images"], before)
