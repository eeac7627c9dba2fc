"""What was chosen for a run: its settings, of which those that its preset does not say come first, and its commands."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from ganctl import gans
from ganctl.errors import UsageError
from ganctl.report.summary import RunSummary
from ganctl.settings import Settings
from ganctl.text import quote

_DECIDED = {"size", "channels", "device", "precision", "data"}  # by the data and the machine, where nobody does


class SettingRow(NamedTuple):
    """A setting.

    Attributes:
        usual: the preset's value, or the default where the preset leaves it.
        chosen: whether the run has another.
        meaning: what it decides.
    """

    name: str
    value: str
    usual: str
    chosen: bool
    meaning: str


class Command(NamedTuple):
    """Something to type, and what for."""

    purpose: str
    text: str


def settings(told: Settings) -> list[SettingRow]:
    """Every setting, those that differ from the preset first."""
    usual, meanings = _usual(told)
    values = {name: value for name, value in told.to_json().items() if name not in ("options", "family", "preset")}
    values |= told.options
    found = []
    for name, value in values.items():
        known = name in usual and not (name in _DECIDED and usual[name] in (None, "auto"))
        differs = known and usual[name] != value
        found.append(SettingRow(name, _said(value), _said(usual.get(name)), differs, meanings.get(name, "")))
    return sorted(found, key=lambda choice: not choice.chosen)


def commands(story: RunSummary, verb: str) -> list[Command]:
    """What reproduces a run, and what can be done with it."""
    run = quote(str(story.run.path))
    further = f" --more {story.record['settings']['epochs']}" if story.state == "finished" else ""
    found = [
        Command("Train the same again", story.record["command"]),
        Command("Go further" if further else "Go on with it", f"{story.run.resume_command}{further}"),
    ]
    use = f"ganctl translate {run} PICTURE" if verb == "translate" else f"ganctl sample {run}"
    found.append(Command("Redraw pictures with it" if verb == "translate" else "Draw pictures from it", use))
    if story.best:
        found.append(Command("The same from its best checkpoint", f"{use} --checkpoint best"))
    found.append(Command("Measure how good it is", f"ganctl evaluate {run}"))
    found.append(Command("Film its progress", f"ganctl make-gif {run}"))
    return found


def verb(family: str) -> str:
    """What a family's models are for; ``sample`` where this version of ganctl does not know it."""
    try:
        return gans.find(family).verb
    except UsageError:
        return "sample"


def _usual(told: Settings) -> tuple[dict[str, Any], dict[str, str]]:
    """Defaults under the preset's layer, and what each setting decides; nothing for a family unknown here."""
    try:
        found = gans.find(told.family)
    except UsageError:
        return {}, {}
    fields = [*dataclasses.fields(Settings), *dataclasses.fields(found.options)]
    defaults = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}
    meanings: Mapping[str, str] = {field.name: str(field.metadata.get("doc", "")) for field in fields}
    return defaults | dict(found.presets.get(told.preset or "", {})), dict(meanings)


def _said(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
