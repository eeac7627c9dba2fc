"""Build the page: fill the template with a run's summary, and put styles, scripts and images inside."""

import base64
import hashlib
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ganctl.report import images, settings_table
from ganctl.report.charts import Chart
from ganctl.report.summary import RunSummary
from ganctl.settings import Settings
from ganctl.units import counted, duration

_FOLDER = Path(__file__).parent
_SIGNS = {"error": "×", "warning": "!", "failure": "×", "good": "✓", "note": "i", "best": "★", "cleared": "✓"}
_MAX_EVENTS = 200  # of more, the first and the last half of these are listed


def build(summary: RunSummary) -> bytes:
    """Build the whole page, as UTF-8. In names that are not Unicode the bytes are escaped.

    Raises:
        OSError: a file of the package is missing.
    """
    settings = Settings.from_json(summary.record["settings"])
    verb = settings_table.verb(settings.family)
    styles = [_read("uplot/uPlot.min.css"), _read("page.css")]
    licence = f"/*\n{_read('uplot/LICENSE')}*/\n"
    scripts = [licence + _read("uplot/uPlot.iife.min.js"), _read("page.js")]
    frames, events = images.frames(summary.run), summary.events.entries
    captions = images.captions(summary.run)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"data_url": images.data_url, "number": _number, "sign": lambda kind: _SIGNS.get(kind, "·")}
    text = environment.from_string(
        _read("page.html")
    ).render(
        policy=_policy(styles, scripts),
        styles=[Markup(style) for style in styles],  # noqa: S704 - the package's own files
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - the package's own files
        summary=summary,
        name=summary.run.path.resolve().name,
        settings=settings,
        facts=_facts(summary, settings),
        verdicts=summary.events.verdicts,
        charts=summary.charts,
        chart_data=[_chart_data(chart) for chart in summary.charts],
        frames=frames,
        frame_data=[{"epoch": frame.epoch, "url": images.data_url(frame.image)} for frame in frames],
        translations=images.translations(summary.run, settings.size or 0) if verb == "translate" else [],
        titles=captions.titles,
        row_names=[name for name, _ in groupby(captions.rows)],
        events=events if len(events) <= _MAX_EVENTS else (*events[: _MAX_EVENTS // 2], *events[-_MAX_EVENTS // 2 :]),
        events_left_out=max(0, len(events) - _MAX_EVENTS),
        setting_rows=settings_table.rows(settings),
        commands=settings_table.commands(summary, verb),
    )
    return text.encode("utf-8", errors="backslashreplace")


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _policy(styles: list[str], scripts: list[str]) -> str:
    """A Content Security Policy that allows these styles and scripts by their hashes, embedded images, and no more."""

    def hashes(texts: list[str]) -> str:
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        return " ".join(f"'sha256-{digest}'" for digest in digests)

    return (
        f"default-src 'none'; img-src data:; style-src {hashes(styles)}; script-src {hashes(scripts)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _facts(summary: RunSummary, settings: Settings) -> list[tuple[str, str]]:
    """The head of the page: terms and their values."""
    available, device, threads = summary.record["data"]["train"], summary.record["device"], summary.record["threads"]
    count = min(settings.limit or available, available)
    on_cpu = f", {counted(threads, 'thread')}" if device == "cpu" else ""
    facts = [
        ("Epochs", f"{_number(summary.epochs_done)} of {settings.epochs}"),
        ("Trained for", duration(summary.events.training_seconds)),
        ("Pictures", f"up to {count:,} of each domain" if "domains" in summary.record["data"] else f"{count:,}"),
        ("Size", f"{settings.size}×{settings.size} {'grey' if settings.channels == 1 else 'colour'}"),
        ("Device", f"{device}{on_cpu}"),
    ]
    if best := summary.best:
        facts.append((f"Best {best.name}", f"{_number(best.value)} at epoch {_number(summary.epoch_of(best.step))}"))
        if best.name in summary.events.held_out_scores:
            facts.append(("Held-out real pictures", _number(summary.events.held_out_scores[best.name])))
    return facts


def _chart_data(chart: Chart) -> dict[str, Any]:
    """A chart as the script plots it."""
    return {
        "key": chart.key,
        "epochs": chart.epochs,
        "series": [{"name": name, "values": values} for name, values in chart.series.items()],
        "referenceLines": [line._asdict() for line in chart.reference_lines],
        "yRange": chart.y_range,
        "logarithmic": chart.logarithmic,
        "best": chart.best,
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
