"""What the picture pool promises: the paper's rule, exact restarts, nothing but torch's own randomness."""

import pytest
import torch
from torch import Tensor

from ganctl.gans.image_pool import ImagePool

SHAPE = (1, 1, 1)


def numbered(*numbers: int) -> Tensor:
    """Pictures of one pixel, each with its number."""
    return torch.tensor(numbers, dtype=torch.float32)[:, None, None, None]


def full(size: int) -> ImagePool:
    """A pool of the pictures 0, 1, 2, ..."""
    pool = ImagePool(SHAPE, size)
    pool(numbered(*range(size)))
    return pool


def test_a_filling_pool_shows_what_comes_and_keeps_it() -> None:
    pool = ImagePool(SHAPE, 5)
    assert pool(numbered(7, 8, 9)).equal(numbered(7, 8, 9))
    assert pool.count == 3
    assert pool(numbered(1, 2)).equal(numbered(1, 2))
    assert pool.pictures.equal(numbered(7, 8, 9, 1, 2))


def test_a_full_pool_shows_the_new_picture_or_swaps_it_for_an_earlier_one() -> None:
    torch.manual_seed(0)
    pool = full(4)
    for number in range(4, 100):
        before = pool.pictures.flatten().tolist()
        shown = int(pool(numbered(number)))
        after = pool.pictures.flatten().tolist()
        if shown == number:
            assert after == before
        else:
            assert after == [number if kept == shown else kept for kept in before]
    assert pool.count == 4


def test_half_of_the_pictures_swap_and_every_place_is_as_likely() -> None:
    torch.manual_seed(0)
    swaps, places = 0, torch.zeros(5)
    for _ in range(40):
        pool = full(5)
        for number in range(5, 55):
            before = pool.pictures.clone()
            swaps += int(pool(numbered(number))) != number
            places += (pool.pictures != before).flatten()
    assert swaps / 2000 == pytest.approx(0.5, abs=0.05)
    torch.testing.assert_close(places / places.sum(), torch.full((5,), 0.2), atol=0.04, rtol=0)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_batch_goes_through_picture_by_picture_by_the_authors_rule(batch: int) -> None:
    """Against the rule in plain Python, with the same draws; batches that cross the filling's end included."""
    pool, kept = ImagePool(SHAPE, 5), list[float]()
    for start in range(0, 48, batch):
        numbers = range(start, start + batch)
        torch.manual_seed(start)
        shown = pool(numbered(*numbers)).flatten().tolist()
        torch.manual_seed(start)
        swaps, places = torch.rand(batch) < 0.5, torch.randint(5, (batch,))
        expected = []
        for number, swap, place in zip(numbers, swaps.tolist(), places.tolist(), strict=True):
            if len(kept) < 5:
                kept.append(number)
                expected.append(number)
            elif swap:
                expected.append(kept[place])
                kept[place] = number
            else:
                expected.append(number)
        assert shown == expected
    assert pool.pictures.flatten().tolist() == kept


def test_a_pool_goes_on_exactly_from_its_state() -> None:
    first = ImagePool((3, 4, 4), 6)
    for used in range(9):  # from empty over half full to full
        second = ImagePool((3, 4, 4), 6)
        second.load_state_dict({name: tensor.clone() for name, tensor in first.state_dict().items()})
        images = torch.randn(2, 3, 4, 4)
        torch.manual_seed(used)
        shown = first(images)
        torch.manual_seed(used)
        assert second(images).equal(shown)
        assert all(a.equal(b) for a, b in zip(first.buffers(), second.buffers(), strict=True))


def test_what_is_shown_has_no_gradient_and_no_share_in_the_pool() -> None:
    pool, images = full(3), torch.randn(8, 1, 1, 1, requires_grad=True)
    shown = pool(2 * images)
    kept = pool.pictures.clone()
    assert not shown.requires_grad
    shown.zero_()
    assert pool.pictures.equal(kept)


def test_a_pool_of_none_shows_every_picture_as_it_comes_and_draws_nothing() -> None:
    pool, images = ImagePool((3, 4, 4), 0), torch.randn(2, 3, 4, 4, requires_grad=True)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    shown = pool(images)
    assert shown.equal(images)
    assert not shown.requires_grad
    assert torch.rand(1).equal(expected)


def test_pictures_of_half_precision_are_kept_in_the_pool_s_own() -> None:
    assert full(2)(numbered(5).bfloat16()).dtype == torch.float32


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="0 pictures or more, not -1"):
        ImagePool(SHAPE, -1)
