"""From the log's lines to charts: which metrics belong together, and how few points show them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ganctl.runs.metric_names import ACCURACY, LOSS, METRIC, OUTPUT_REAL, OUTPUTS_FAKE, SAMPLE, SCORE
from ganctl.spacing import evenly_spaced

Row = Mapping[str, float]

SCORES = {  # the beginnings of scores' names, and what they are
    "fid-": "Fréchet distance",
    "kid-": "Kernel distance (KID)",
    "psnr-": "Likeness to the truth (PSNR, dB)",
    "ssim-": "Likeness to the truth (SSIM)",
}
_POINTS = 1000  # of a chart: more than a screen has columns for
_TABLED = 24  # rows of a chart's table


class Level(NamedTuple):
    """A horizontal line to compare with, in the colour of a series, or in none of theirs."""

    text: str
    value: float
    series: int | None = None


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        key: names it in the page.
        title: its heading.
        note: how to read it, a sentence.
        epochs: the horizontal places, rising.
        series: name → a value for each place, None where it was not measured.
        levels: lines to compare with.
        within: the vertical bounds; None where the values decide them.
        logarithmic: whether equal distances are equal ratios.
        best: the place and the value to mark.
    """

    key: str
    title: str
    note: str
    epochs: tuple[float, ...]
    series: Mapping[str, tuple[float | None, ...]]
    levels: tuple[Level, ...] = ()
    within: tuple[float, float] | None = None
    logarithmic: bool = False
    best: tuple[float, float] | None = None

    @property
    def table(self) -> list[tuple[float, list[float | None]]]:
        """Some of the places with their values, in words for who cannot see the chart."""
        places = evenly_spaced(len(self.epochs), _TABLED)
        return [(self.epochs[place], [values[place] for values in self.series.values()]) for place in places]

    @property
    def latest(self) -> list[float | None]:
        """The last value of each series."""
        return [next((v for v in reversed(values) if v is not None), None) for values in self.series.values()]


def charts(
    rows: Sequence[Row], steps_per_epoch: int, held_out: Mapping[str, float], best: tuple[int, str, float] | None
) -> list[Chart]:
    """The charts of a log, the most telling first.

    Args:
        rows: the log's lines in order; every one has its ``step``.
        steps_per_epoch: what makes epochs of steps.
        held_out: score → what held-out real pictures get.
        best: ``(step, score, value)`` to mark.
    """
    names = list(dict.fromkeys(name for row in rows for name in row if name not in ("step", "epoch")))
    outputs = {OUTPUT_REAL, *OUTPUTS_FAKE, ACCURACY}

    def chart(key: str, title: str, note: str, chosen: Iterable[str]) -> Chart:
        drawn = list(chosen)
        kept = thinned([row for row in rows if any(name in row for name in drawn)], drawn)
        epochs = tuple(round(row["step"] / steps_per_epoch, 4) for row in kept)
        series = {name.partition("/")[2]: tuple(row.get(name) for row in kept) for name in drawn}
        return Chart(key, title, note, epochs, series)

    def named(prefix: str) -> Iterator[str]:
        return (name for name in names if name.startswith(prefix))

    found = [
        _compared(chart(kind.rstrip("-"), title, _QUALITY, named(f"{SCORE}{kind}")), held_out, best, steps_per_epoch)
        for kind, title in SCORES.items()
    ]
    found.append(chart("losses", "Losses", "No score: each one rises as the other player gets better.", named(LOSS)))
    found.append(_judged(chart("judgement", "What the discriminator says", _SAYS, (n for n in names if n in outputs))))
    sample_stats = chart("samples", "Sample statistics", _SIGNS, named(SAMPLE))
    found.append(replace(sample_stats, levels=(Level("real pictures", 1.0),)))
    rest = (name for name in named(METRIC) if name not in outputs)
    found.append(chart("others", "Other metrics", "What else the family measures as it learns.", rest))
    return [drawn for drawn in found if drawn.series]


_QUALITY = "Distances: lower is better, likenesses: higher is. Dashed: what held-out real pictures get."
_SIGNS = "1 is what real pictures have. Repeats: the share of the pictures with a twin, hardly any among real ones."
_SAYS = "1 is “real”, 0 is “generated”. Close to a half, it can no longer tell."


def _judged(chart: Chart) -> Chart:
    values = [v for series in chart.series.values() for v in series if v is not None]
    if values and min(values) >= 0 and max(values) <= 1:
        return replace(chart, levels=(Level("cannot tell", 0.5),), within=(0.0, 1.0))
    return replace(chart, note="Its mean output, which this loss does not bound: higher is “more real”.")


def _compared(
    chart: Chart, held_out: Mapping[str, float], best: tuple[int, str, float] | None, steps_per_epoch: int
) -> Chart:
    """A chart of scores with what real pictures get, the best marked, and distances as ratios where they span some."""
    names = list(chart.series)
    levels = tuple(Level("held-out", held_out[name], place) for place, name in enumerate(names) if name in held_out)
    values = [v for series in chart.series.values() for v in series if v is not None]
    values += [level.value for level in levels]
    wide = bool(values) and min(values) > 0 and max(values) / min(values) > 10
    mark = None
    if best and best[1] in names:
        mark = round(best[0] / steps_per_epoch, 4), best[2]
    return replace(chart, levels=levels, logarithmic=wide, best=mark)


def thinned(rows: Sequence[Row], names: Sequence[str], most: int = _POINTS) -> list[Row]:
    """At most about so many rows that still show every series' extremes, and the first and last."""
    if len(rows) <= most:
        return list(rows)
    stretches = max(1, most // (2 * len(names)))
    kept = {0, len(rows) - 1}
    for stretch in range(stretches):
        places = range(stretch * len(rows) // stretches, (stretch + 1) * len(rows) // stretches)
        for name in names:
            if measured := [place for place in places if name in rows[place]]:
                kept |= {pick(measured, key=lambda place: rows[place][name]) for pick in (min, max)}
    return [rows[place] for place in sorted(kept)]
