"""Of a long sequence, evenly spaced items stand for all."""

import numpy as np
import pytest

from ganctl.spacing import evenly_spaced


@pytest.mark.parametrize(("length", "count"), [(0, 5), (1, 1), (5, 5), (5, 9)])
def test_of_few_items_all_are_chosen(length: int, count: int) -> None:
    assert evenly_spaced(length, count) == list(range(length))


def test_one_item_is_the_first() -> None:
    assert evenly_spaced(9, 1) == [0]
    assert evenly_spaced(9, 0) == []


@pytest.mark.parametrize(("length", "count"), [(60_000, 5_000), (1_001, 24), (12, 5), (10, 4), (28_800, 1_999)])
def test_of_many_items_the_first_the_last_and_those_between_are_chosen(length: int, count: int) -> None:
    chosen = evenly_spaced(length, count)
    assert chosen == np.linspace(0, length - 1, count).round().astype(int).tolist()
    assert (chosen[0], chosen[-1], len(set(chosen))) == (0, length - 1, count)
