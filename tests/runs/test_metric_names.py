"""What the names in a line of the log are, and which value of a figure is the better one."""

import pytest

from ganctl.runs.metric_names import best, figures, is_better, losses, readings, vitals

LINE = {
    "step": 40,
    "epoch": 2,
    "discriminator": 1.3,
    "generator": 0.8,
    "D(x)": 0.5,
    "r1": 0.1,
    "diversity": 0.9,
    "novelty": 1.0,
    "fid-digits-cnn": 0.4,
    "kid-digits-cnn": 0.01,
    "psnr-striped": 20.0,
}


def test_every_name_but_step_and_epoch_is_of_one_kind() -> None:
    kinds = [losses(LINE), readings(LINE), vitals(LINE), figures(LINE)]
    names = [name for kind in kinds for name in kind]
    assert sorted(names) == sorted(set(LINE) - {"step", "epoch"})
    assert readings(LINE) == {"D(x)": 0.5, "r1": 0.1}


@pytest.mark.parametrize(("name", "better", "worse"), [("fid-x", 1, 2), ("kid-x", -0.1, 0.1), ("psnr-b", 30, 20)])
def test_distances_are_better_low_and_likenesses_high(name: str, better: float, worse: float) -> None:
    assert is_better(name, better, worse)
    assert not is_better(name, worse, better)
    assert not is_better(name, better, better)


def test_the_best_is_judged_by_the_first_figure_and_the_first_of_equals() -> None:
    lines = [{"step": n, "fid-x": value, "kid-x": -value} for n, value in enumerate([3.0, 2.0, 2.5, 2.0])]
    assert best([{"step": 9}, *lines]) == (1, "fid-x", 2.0)
    assert best([{"step": n, "ssim-b": value} for n, value in enumerate([0.1, 0.3, 0.2])]) == (1, "ssim-b", 0.3)
    assert best([{"step": 1}]) is None
