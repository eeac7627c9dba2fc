"""Turn the lines of a log into charts: group the metrics, and thin out long series without losing their extremes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ganctl.metrics.score import lower_is_better
from ganctl.runs.metric_names import (
    DISCRIMINATOR_METRICS,
    LOSS,
    METRIC,
    ROLES,
    SAMPLE,
    SCORE,
    BestScore,
)
from ganctl.spacing import evenly_spaced

Row = Mapping[str, float]

SCORE_TITLES = {  # by the beginnings of scores' names
    "fid-": "Fréchet distance (FID)",
    "kid-": "Kernel distance (KID)",
    "psnr-": "Likeness to the ground truth (PSNR, dB)",
    "ssim-": "Likeness to the ground truth (SSIM)",
}
_MAX_POINTS = 1000  # of a chart: more than a screen has columns
_MAX_TABLE_ROWS = 24

_OTHERS_NOTE = "What else this kind of GAN reports as it trains."
_LOSSES_NOTE = "Losses do not measure quality: each one rises as the other player improves."
_OUTPUTS_NOTE = "1 means “real”, 0 means “generated”. Close to a half, it can no longer tell them apart."
_UNBOUNDED_NOTE = "Its mean output, which has no bounds with this loss: higher means “more real”."
_SAMPLES_NOTE = (
    "1 is the value of real pictures. Repeats: the share of the samples that have a near-duplicate among them; real "
    "pictures have hardly any."
)


class ReferenceLine(NamedTuple):
    """A horizontal line to compare with, in the colour of the series with an index, or in a neutral one."""

    label: str
    value: float
    series: int | None = None


@dataclass(frozen=True)
class Chart:
    """A line chart over the epochs.

    Attributes:
        key: identifies it in the page.
        title: its heading.
        note: how to read it, a sentence.
        epochs: the x coordinates, rising.
        series: name → its value at each of the epochs, None where it was not measured.
        reference_lines: to compare with.
        y_range: the lower and upper end of the y axis; None where the values decide them.
        logarithmic: whether the y axis is.
        best: the epoch and value of the point to mark.
    """

    key: str
    title: str
    note: str
    epochs: tuple[float, ...]
    series: Mapping[str, tuple[float | None, ...]]
    reference_lines: tuple[ReferenceLine, ...] = ()
    y_range: tuple[float, float] | None = None
    logarithmic: bool = False
    best: tuple[float, float] | None = None

    @property
    def table(self) -> list[tuple[float, list[float | None]]]:
        """Evenly spaced epochs and the values of each series, for readers who cannot see the chart."""
        indices = evenly_spaced(len(self.epochs), _MAX_TABLE_ROWS)
        return [(self.epochs[index], [values[index] for values in self.series.values()]) for index in indices]

    @property
    def latest(self) -> list[float | None]:
        """The last value of each series."""
        return [next((v for v in reversed(values) if v is not None), None) for values in self.series.values()]

    @property
    def values(self) -> list[float]:
        """All values of all series."""
        return [value for values in self.series.values() for value in values if value is not None]


def charts(
    rows: Sequence[Row],
    steps_per_epoch: int,
    held_out_scores: Mapping[str, float],
    best: BestScore | None,
    discriminator: str | None = ROLES["discriminator"],
) -> list[Chart]:
    """The charts of a log, the most telling first.

    Args:
        rows: the log's lines in order; each has its ``step``.
        steps_per_epoch: to turn steps into epochs.
        held_out_scores: score → what held-out real pictures get.
        best: the score to mark.
        discriminator: the player that is one; without, its outputs are metrics like any others.
    """
    logged = list(dict.fromkeys(name for row in rows for name in row if name not in ("step", "epoch")))

    def chart(key: str, title: str, note: str, names: Iterable[str]) -> Chart:
        plotted = list(names)
        points = thinned([row for row in rows if any(name in row for name in plotted)], plotted)
        epochs = tuple(round(row["step"] / steps_per_epoch, 4) for row in points)
        series = {name.partition("/")[2]: tuple(row.get(name) for row in points) for name in plotted}
        return Chart(key, title, note, epochs, series)

    def with_prefix(prefix: str) -> Iterator[str]:
        return (name for name in logged if name.startswith(prefix))

    best_point = None if best is None else (round(best.step / steps_per_epoch, 4), best.value)
    all_charts = []
    for prefix, title in SCORE_TITLES.items():
        scores = chart(prefix.rstrip("-"), title, _direction(prefix), with_prefix(f"{SCORE}{prefix}"))
        marked = best_point if best is not None and best.name in scores.series else None
        all_charts.append(replace(_with_held_out(scores, held_out_scores), best=marked))
    all_charts.append(chart("losses", "Losses", _LOSSES_NOTE, with_prefix(LOSS)))
    of_discriminator = DISCRIMINATOR_METRICS if discriminator is not None else ()
    title = f"{(discriminator or '').capitalize()} outputs"
    outputs = chart("outputs", title, _OUTPUTS_NOTE, (name for name in logged if name in of_discriminator))
    all_charts.append(_with_bounds(outputs))
    samples = chart("samples", "Sample statistics", _SAMPLES_NOTE, with_prefix(SAMPLE))
    all_charts.append(replace(samples, reference_lines=(ReferenceLine("real pictures", 1.0),)))
    other_metrics = (name for name in with_prefix(METRIC) if name not in of_discriminator)
    all_charts.append(chart("others", "Other metrics", _OTHERS_NOTE, other_metrics))
    return [chart for chart in all_charts if chart.series]


def thinned(rows: Sequence[Row], names: Sequence[str], max_rows: int = _MAX_POINTS) -> list[Row]:
    """Thin rows out to about `max_rows` that still have the extremes of every series, and the first and last row."""
    if len(rows) <= max_rows:
        return list(rows)
    stretches = max(1, max_rows // (2 * len(names)))
    indices = {0, len(rows) - 1}
    for stretch in range(stretches):
        span = range(stretch * len(rows) // stretches, (stretch + 1) * len(rows) // stretches)
        for name in names:
            if measured := [index for index in span if name in rows[index]]:
                indices |= {extreme(measured, key=lambda index: rows[index][name]) for extreme in (min, max)}
    return [rows[index] for index in sorted(indices)]


def _direction(score: str) -> str:
    return "Lower is better." if lower_is_better(score) else "Higher is better."


def _with_bounds(chart: Chart) -> Chart:
    """The chart of the discriminator's outputs, from 0 to 1 where they are probabilities."""
    values = chart.values
    if values and min(values) >= 0 and max(values) <= 1:
        return replace(chart, reference_lines=(ReferenceLine("cannot tell", 0.5),), y_range=(0.0, 1.0))
    return replace(chart, note=_UNBOUNDED_NOTE)


def _with_held_out(chart: Chart, held_out_scores: Mapping[str, float]) -> Chart:
    """A chart of scores beside those of held-out pictures, logarithmic where the values span more than a decade."""
    lines = tuple(
        ReferenceLine("held-out", held_out_scores[name], index)
        for index, name in enumerate(chart.series)
        if name in held_out_scores
    )
    values = [*chart.values, *(line.value for line in lines)]
    spans_a_decade = bool(values) and min(values) > 0 and max(values) / min(values) > 10
    note = f"{chart.note} Dashed: the score of held-out real pictures." if lines else chart.note
    return replace(chart, note=note, reference_lines=lines, logarithmic=spans_a_decade)
