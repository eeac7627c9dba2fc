"""Scores are comparable: it is known which way is better, and they promise no more digits than they have."""

import pytest

from ganctl.metrics.score import lower_is_better, rounded


@pytest.mark.parametrize("name", ["fid-digits-cnn", "kid-inception", "fid-inception-zebra", "error-test"])
def test_lower_distances_are_better(name: str) -> None:
    assert lower_is_better(name)


@pytest.mark.parametrize("name", ["psnr-striped", "ssim-plain", "precision-inception", "diversity"])
def test_higher_likenesses_are_better(name: str) -> None:
    assert not lower_is_better(name)


def test_a_score_is_rounded_to_four_digits() -> None:
    assert [rounded(value) for value in (123456.0, 0.000123456, -1.99996)] == [123500.0, 0.0001235, -2.0]
