"""The charts of a log keep every extreme, and show what a score is to be compared with."""

from typing import Any

import numpy as np

from ganctl.report import charts, summary
from ganctl.runs.metric_names import BestScore
from tests.handmade_runs import STEPS, log


def test_thinned_series_keep_every_extreme() -> None:
    rng = np.random.default_rng(0)
    rows = [{"step": float(step), "a": rng.normal(), "b": rng.normal()} for step in range(50_000)]
    rows[31_234]["a"], rows[777]["b"] = 99.0, -99.0
    points = charts.thinned(rows, ["a", "b"])
    assert 500 < len(points) <= 1002
    assert (points[0], points[-1]) == (rows[0], rows[-1])
    assert rows[31_234] in points
    assert rows[777] in points
    assert [row["step"] for row in points] == sorted(row["step"] for row in points)


def test_lines_come_in_order_and_what_no_browser_can_plot_is_left_out() -> None:
    odd, late = {"step": 1, "a": float("nan"), "b": True}, {"step": 2, "a": 3, "c": 10**400, "d": 1e300}
    lines: list[dict[str, Any]] = [{"step": 2, "a": 1.0}, odd, late]
    assert summary.log_rows(lines) == [{"step": 1}, {"step": 2, "a": 3}]


def test_scores_are_compared_with_those_of_held_out_pictures_and_the_best_is_marked() -> None:
    (chart, *_) = charts.charts(log(50), STEPS, {"fid-digits-cnn": 0.1}, BestScore(4000, "fid-digits-cnn", 0.37))
    assert chart.reference_lines == (("held-out", 0.1, 0),)
    assert chart.best == (40, 0.37)
    assert chart.logarithmic


def test_an_axis_from_zero_to_one_is_only_for_probabilities() -> None:
    inside, outside = ([{"step": 1.0, "metric/D(x)": value}] for value in (0.7, 1.2))
    assert charts.charts(inside, 1, {}, None)[0].y_range == (0, 1)
    assert charts.charts(outside, 1, {}, None)[0].y_range is None
