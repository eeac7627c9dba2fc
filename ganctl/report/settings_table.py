"""List a run's settings, those that differ from its preset first, and the commands that use it."""

from typing import Any, NamedTuple

from ganctl import gans
from ganctl.errors import UsageError
from ganctl.option import fields_of
from ganctl.report.summary import RunSummary
from ganctl.runs import status
from ganctl.settings import Settings
from ganctl.text import quote

_RESOLVED = {"size", "channels", "device", "precision", "data"}  # from data and machine, where they are not given


_MEANINGS = {
    "data": "The data set.",
    "domains": "The two folders that are its domains, where it has more.",
    "pair": "How the second domain is made of the pictures.",
    "labels": "Table of the pictures' classes.",
    "init_from": "The model whose weights it began with.",
}
"""What the settings decide that are no options."""


class SettingRow(NamedTuple):
    """A setting.

    Attributes:
        preset_value: the preset's value, or the default where the preset does not set it.
        differs: whether the run's value is another one.
        meaning: what it decides.
    """

    name: str
    value: str
    preset_value: str
    differs: bool
    meaning: str


class Command(NamedTuple):
    """A command to type, and what for."""

    purpose: str
    text: str


def rows(settings: Settings) -> list[SettingRow]:
    """Every setting, those that differ from the preset first."""
    preset, meanings = _preset_and_meanings(settings)
    values = {name: value for name, value in settings.to_json().items() if name not in ("options", "family", "preset")}
    values |= settings.options
    table = []
    for name, value in values.items():
        resolved = name in _RESOLVED and preset.get(name) in (None, "auto")
        differs = name in preset and not resolved and preset[name] != value
        table.append(SettingRow(name, _format(value), _format(preset.get(name)), differs, meanings.get(name, "")))
    return sorted(table, key=lambda row: not row.differs)


def commands(summary: RunSummary, verb: str) -> list[Command]:
    """The command that reproduces a run, and those that use it."""
    run = quote(str(summary.run.path))
    go_on = status.continue_command(summary.run, summary.record["settings"]["epochs"])
    use = f"ganctl translate {run} PICTURE" if verb == "translate" else f"ganctl sample {run}"
    listed = [
        Command("Train the same again", summary.record["command"]),
        Command("Train it further" if summary.state == "finished" else "Go on with it", go_on),
        Command("Translate pictures with it" if verb == "translate" else "Generate pictures with it", use),
    ]
    if "label" in _controls(summary.record["settings"]["family"]):
        listed.append(Command("The same, a row for each class", f"{use} --label all"))
    if summary.best:
        listed.append(Command("The same with its best checkpoint", f"{use} --checkpoint best"))
    listed.append(Command("Measure how good it is", f"ganctl evaluate {run}"))
    listed.append(Command("Animate its progress", f"ganctl make-gif {run}"))
    return listed


def _controls(family: str) -> set[str]:
    """What a family's models can be asked for; nothing where this version of ganctl does not know the family."""
    try:
        return set(fields_of(gans.find(family).controls))
    except UsageError:
        return set()


def verb(family: str) -> str:
    """The command that a family's models are for; ``sample`` where this version of ganctl does not know the family."""
    try:
        return gans.find(family).verbs[0]
    except UsageError:
        return "sample"


def _preset_and_meanings(settings: Settings) -> tuple[dict[str, Any], dict[str, str]]:
    """By name, each setting's value in the preset and its documentation; empty for an unknown family."""
    try:
        family = gans.find(settings.family)
    except UsageError:
        return {}, {}
    declared = fields_of(Settings) | fields_of(family.options)
    defaults = {name: option.default for name, option in declared.items()}
    meanings = {name: option.doc for name, option in declared.items()} | _MEANINGS
    return defaults | dict(family.presets.get(settings.preset or "", {})), meanings


def _format(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
