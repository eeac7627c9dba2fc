"""digits: generated handwriting, the same every time, with labels, and much like MNIST."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from ganctl.data.sources import digits


def test_the_same_pictures_come_out_every_time() -> None:
    images, labels = digits.generate("train", 0, 700)
    again, labels_again = digits.generate("train", 0, 700)
    assert np.array_equal(images, again)
    assert np.array_equal(labels, labels_again)


def test_a_picture_does_not_depend_on_how_the_range_is_cut() -> None:
    images, labels = digits.generate("train", 300, 1700)
    cuts = [300, 301, 499, 500, 1234, 1234, 1500, 1700]
    pieces = [digits.generate("train", start, stop) for start, stop in pairwise(cuts)]
    assert np.array_equal(np.concatenate([piece[0] for piece in pieces]), images)
    assert np.array_equal(np.concatenate([piece[1] for piece in pieces]), labels)


def test_threads_may_generate_side_by_side() -> None:
    starts = range(0, 2000, 500)
    with ThreadPoolExecutor(4) as pool:
        pieces = list(pool.map(lambda start: digits.generate("test", start, start + 500)[0], starts))
    assert np.array_equal(np.concatenate(pieces), digits.generate("test", 0, 2000)[0])


def test_pictures_are_28_by_28_bytes_from_black_paper_to_white_ink() -> None:
    images, labels = digits.generate("test", 9_990, 10_000)
    assert images.shape == (10, 28, 28)
    assert labels.shape == (10,)
    assert images.dtype == labels.dtype == np.uint8
    assert (images.min(axis=(1, 2)) == 0).all()
    assert (images.max(axis=(1, 2)) >= 250).all()


def test_every_digit_comes_equally_often_and_in_no_order() -> None:
    labels = digits.generate("train", 0, 2000)[1]
    assert np.bincount(labels, minlength=10).tolist() == [200] * 10
    for period in range(1, 33):
        same = (labels[period:] == labels[:-period]).mean()
        assert 0.05 < same < 0.15, f"labels repeat after {period}"


def test_no_picture_comes_twice_not_even_in_the_other_split() -> None:
    pictures = np.concatenate([digits.generate("train", 0, 5000)[0], digits.generate("test", 0, 1000)[0]])
    assert len({picture.tobytes() for picture in pictures}) == 6000


def test_there_is_as_much_ink_as_in_mnist_and_it_is_in_the_middle() -> None:
    images, _ = digits.generate("train", 0, 2000)
    ink = images / 255
    assert ink.mean() == pytest.approx(0.131, abs=0.015)
    assert (images > 0).mean() == pytest.approx(0.192, abs=0.02)
    across = (ink.sum(axis=1) @ np.arange(28)) / ink.sum(axis=(1, 2))
    down = (ink.sum(axis=2) @ np.arange(28)) / ink.sum(axis=(1, 2))
    assert np.abs(across - 14).max() < 1.5
    assert np.abs(down - 14).max() < 1.5
    height = (images > 0).any(axis=2).sum(axis=1)
    assert 15 < height.mean() < 22


@pytest.mark.parametrize("digit", range(10))
def test_writers_differ(digit: int) -> None:
    images, labels = digits.generate("train", 0, 2000)
    same = images[labels == digit] / 255
    amounts = same.mean(axis=(1, 2))
    assert amounts.std() > 0.1 * amounts.mean()
    assert same.std(axis=0).max() > 0.3


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_resembles_its_own_kind_more_than_any_other(digit: int) -> None:
    images, labels = digits.generate("train", 0, 5000)
    means = np.stack([images[labels == label].mean(axis=0).ravel() for label in range(10)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    unseen, kinds = digits.generate("test", 0, 1000)
    nearest = (unseen[kinds == digit].reshape(-1, 784) @ means.T).argmax(axis=1)
    assert np.bincount(nearest, minlength=10).argmax() == digit


def test_an_empty_range_gives_no_pictures() -> None:
    images, labels = digits.generate("train", 60_000, 60_000)
    assert images.shape == (0, 28, 28)
    assert labels.shape == (0,)


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 10_001)])
def test_a_range_outside_the_split_is_refused_by_name(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match=f"digits test has pictures 0 to 10000, not {start} to {stop}"):
        digits.generate("test", start, stop)


def test_an_unknown_split_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="digits has the splits train, test, not 'valid'"):
        digits.generate("valid", 0, 1)
