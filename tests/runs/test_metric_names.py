"""The prefix of a name in the log says its kind, and each score knows which value is better."""

import pytest

from ganctl.runs.metric_names import LOSS, METRIC, SAMPLE, SCORE, best, is_better, of_kind, prefixed

LINE = {
    "step": 40,
    "epoch": 2,
    "loss/discriminator": 1.3,
    "loss/generator": 0.8,
    "metric/D(x)": 0.5,
    "metric/r1": 0.1,
    "sample/diversity": 0.9,
    "score/fid-digits-cnn": 0.4,
}


def test_a_prefix_says_the_kind_of_every_name_but_step_and_epoch() -> None:
    assert of_kind(LINE, LOSS) == {"discriminator": 1.3, "generator": 0.8}
    assert of_kind(LINE, METRIC, SAMPLE) == {"D(x)": 0.5, "r1": 0.1, "diversity": 0.9}
    assert of_kind(LINE, SCORE) == {"fid-digits-cnn": 0.4}
    assert prefixed(LOSS, of_kind(LINE, LOSS)) == {name: LINE[name] for name in LINE if name.startswith(LOSS)}


@pytest.mark.parametrize(("name", "better", "worse"), [("fid-x", 1, 2), ("kid-x", -0.1, 0.1), ("psnr-b", 30, 20)])
def test_distances_are_better_low_and_likenesses_high(name: str, better: float, worse: float) -> None:
    assert is_better(name, better, worse)
    assert not is_better(name, worse, better)
    assert not is_better(name, better, better)


def test_the_best_is_decided_by_the_first_score_and_is_the_first_of_equal_ones() -> None:
    lines = [{"step": n, "score/fid-x": value, "score/kid-x": -value} for n, value in enumerate([3.0, 2.0, 2.5, 2.0])]
    assert best([{"step": 9}, *lines]) == (1, "fid-x", 2.0)
    assert best([{"step": n, "score/ssim-b": value} for n, value in enumerate([0.1, 0.3, 0.2])]) == (1, "ssim-b", 0.3)
    assert best([{"step": 1, "metric/fid-x": 1.0}]) is None
