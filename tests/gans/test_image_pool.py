"""The image pool follows the paper's rule, restarts exactly and takes its randomness from torch alone."""

import pytest
import torch
from torch import Tensor

from ganctl.gans.image_pool import ImagePool

SHAPE = (1, 1, 1)


def numbered(*numbers: int) -> Tensor:
    """Images of one pixel, each with its number."""
    return torch.tensor(numbers, dtype=torch.float32)[:, None, None, None]


def full(size: int) -> ImagePool:
    """A pool of the images 0, 1, 2, ..."""
    pool = ImagePool(SHAPE, size)
    pool(numbered(*range(size)))
    return pool


def test_a_filling_pool_returns_what_comes_and_stores_it() -> None:
    pool = ImagePool(SHAPE, 5)
    assert pool(numbered(7, 8, 9)).equal(numbered(7, 8, 9))
    assert pool.count == 3
    assert pool(numbered(1, 2)).equal(numbered(1, 2))
    assert pool.pictures.equal(numbered(7, 8, 9, 1, 2))


def test_a_full_pool_returns_the_new_image_or_swaps_it_for_an_earlier_one() -> None:
    torch.manual_seed(0)
    pool = full(4)
    for number in range(4, 100):
        before = pool.pictures.flatten().tolist()
        returned = int(pool(numbered(number)))
        after = pool.pictures.flatten().tolist()
        if returned == number:
            assert after == before
        else:
            assert after == [number if image == returned else image for image in before]
    assert pool.count == 4


def test_half_of_the_images_swap_and_every_slot_is_as_likely() -> None:
    torch.manual_seed(0)
    swaps, slots = 0, torch.zeros(5)
    for _ in range(40):
        pool = full(5)
        for number in range(5, 55):
            before = pool.pictures.clone()
            swaps += int(pool(numbered(number))) != number
            slots += (pool.pictures != before).flatten()
    assert swaps / 2000 == pytest.approx(0.5, abs=0.05)
    torch.testing.assert_close(slots / slots.sum(), torch.full((5,), 0.2), atol=0.04, rtol=0)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_batch_goes_through_image_by_image_by_the_authors_rule(batch: int) -> None:
    """Against the rule in plain Python, with the same random numbers; batches that cross the filling's end included."""
    pool, stored = ImagePool(SHAPE, 5), list[float]()
    for start in range(0, 48, batch):
        numbers = range(start, start + batch)
        torch.manual_seed(start)
        returned = pool(numbered(*numbers)).flatten().tolist()
        torch.manual_seed(start)
        swaps, slots = torch.rand(batch) < 0.5, torch.randint(5, (batch,))
        expected = []
        for number, swap, slot in zip(numbers, swaps.tolist(), slots.tolist(), strict=True):
            if len(stored) < 5:
                stored.append(number)
                expected.append(number)
            elif swap:
                expected.append(stored[slot])
                stored[slot] = number
            else:
                expected.append(number)
        assert returned == expected
    assert pool.pictures.flatten().tolist() == stored


def test_a_pool_goes_on_exactly_from_its_state() -> None:
    first = ImagePool((3, 4, 4), 6)
    for used in range(9):  # from empty over half full to full
        second = ImagePool((3, 4, 4), 6)
        second.load_state_dict({name: tensor.clone() for name, tensor in first.state_dict().items()})
        images = torch.randn(2, 3, 4, 4)
        torch.manual_seed(used)
        returned = first(images)
        torch.manual_seed(used)
        assert second(images).equal(returned)
        assert all(a.equal(b) for a, b in zip(first.buffers(), second.buffers(), strict=True))


def test_what_is_returned_has_no_gradient_and_no_share_in_the_pool() -> None:
    pool, images = full(3), torch.randn(8, 1, 1, 1, requires_grad=True)
    returned = pool(2 * images)
    stored = pool.pictures.clone()
    assert not returned.requires_grad
    returned.zero_()
    assert pool.pictures.equal(stored)


def test_a_pool_of_none_returns_every_image_as_it_comes_without_randomness() -> None:
    pool, images = ImagePool((3, 4, 4), 0), torch.randn(2, 3, 4, 4, requires_grad=True)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    returned = pool(images)
    assert returned.equal(images)
    assert not returned.requires_grad
    assert torch.rand(1).equal(expected)


def test_images_of_half_precision_are_stored_in_the_pool_s_own() -> None:
    assert full(2)(numbered(5).bfloat16()).dtype == torch.float32


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="0 pictures or more, not -1"):
        ImagePool(SHAPE, -1)
