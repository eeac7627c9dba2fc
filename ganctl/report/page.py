"""The page: a template filled with a run's story, styles and scripts inside, and a policy that lets nothing out."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ganctl.report import images, settings_table
from ganctl.report.charts import Chart
from ganctl.report.summary import RunSummary
from ganctl.settings import Settings
from ganctl.units import duration

_HERE = Path(__file__).parent
_SIGNS = {"error": "×", "warning": "!", "failure": "×", "good": "✓", "note": "i", "best": "★", "cleared": "✓"}
_MOMENTS = 200  # told one by one; of more, the first and the last


def render(story: RunSummary) -> bytes:
    """The whole page in UTF-8. Names that are no Unicode show the bytes they are made of.

    Raises:
        OSError: a file of the package is missing.
    """
    told = Settings.from_json(story.record["settings"])
    verb = settings_table.verb(told.family)
    styles = [_part("uplot/uPlot.min.css"), _part("page.css")]
    licence = f"/*\n{_part('uplot/LICENSE')}*/\n"
    scripts = [licence + _part("uplot/uPlot.iife.min.js"), _part("page.js")]
    frames, moments = images.frames(story.run), story.events.moments
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"address": images.address, "number": _number, "sign": lambda kind: _SIGNS.get(kind, "·")}
    text = environment.from_string(
        _part("page.html")
    ).render(
        policy=_policy(styles, scripts),
        styles=[Markup(style) for style in styles],  # noqa: S704 - the package's own files
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - the package's own files
        story=story,
        name=story.run.path.resolve().name,
        told=told,
        facts=_facts(story, told, verb),
        verdicts=story.events.verdicts,
        charts=story.charts,
        curves=[_curves(chart) for chart in story.charts],
        frames=frames,
        reel=[{"epoch": frame.epoch, "address": images.address(frame.picture)} for frame in frames],
        translations=images.translations(story.run, told.size or 0) if verb == "translate" else [],
        moments=moments if len(moments) <= _MOMENTS else (*moments[: _MOMENTS // 2], *moments[-_MOMENTS // 2 :]),
        untold=max(0, len(moments) - _MOMENTS),
        choices=settings_table.settings(told),
        commands=settings_table.commands(story, verb),
        epoch_of=lambda step: _number(step / story.steps_per_epoch),
    )
    return text.encode("utf-8", errors="backslashreplace")


def _part(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _policy(styles: list[str], scripts: list[str]) -> str:
    """A Content Security Policy: these styles and scripts by their hashes, pictures from inside, and nothing else."""

    def allowed(texts: list[str]) -> str:
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        return " ".join(f"'sha256-{hashed}'" for hashed in hashes)

    return (
        f"default-src 'none'; img-src data:; style-src {allowed(styles)}; script-src {allowed(scripts)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _facts(story: RunSummary, told: Settings, verb: str) -> list[tuple[str, str]]:
    """The few things to know first."""
    data, threads = story.record["data"], story.record["threads"]
    pictures = min(told.limit or data["train"], data["train"])
    found = [
        ("Epochs", f"{_number(story.epochs)} of {told.epochs}"),
        ("Trained for", duration(story.events.seconds)),
        ("Pictures", f"up to {pictures:,} of each" if verb == "translate" else f"{pictures:,}"),
        ("Size", f"{told.size}×{told.size} {'grey' if told.channels == 1 else 'colour'}"),
        ("Device", f"{told.device}, {threads} thread{'s' * (threads != 1)}" if told.device == "cpu" else told.device),
    ]
    if story.best:
        step, score, value = story.best
        found.append((f"Best {score}", f"{_number(value)} at epoch {_number(step / story.steps_per_epoch)}"))
        if score in story.events.held_out:
            found.append(("Held-out pictures", _number(story.events.held_out[score])))
    return found


def _curves(chart: Chart) -> dict[str, Any]:
    """What the script draws of a chart."""
    return {
        "key": chart.key,
        "epochs": chart.epochs,
        "series": [{"name": name, "values": values} for name, values in chart.series.items()],
        "levels": [level._asdict() for level in chart.levels],
        "within": chart.within,
        "logarithmic": chart.logarithmic,
        "best": chart.best,
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
