"""Defines the settings of a training, lays their layers over each other, and reads them from text.

Later layers win: family default < preset < flag < ``--set``. No torch here.
"""

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ganctl.errors import UsageError
from ganctl.option import Value as Value
from ganctl.option import fields_of, learning_rates_of, option, options_of


@dataclass(frozen=True)
class Settings:
    """What every family's training can be set to. A family's own options are in `options`, by name."""

    family: str
    options: Mapping[str, Value]
    data: str | None = None
    preset: str | None = None
    init_from: str | None = None
    domains: str | None = None
    pair: str | None = None
    labels: str | None = None
    epochs: int = option(50, "Passes over the training pictures.", "Optimisation", ge=1)
    batch_size: int = option(64, "Pictures per training step.", "Optimisation", ge=1)
    size: int | None = option(
        None,
        "Width and height of the training pictures in pixels; without it, the data set's or the family's own.",
        "Data",
        metavar="PX",
        ge=4,
        le=1024,
    )
    channels: int | None = option(
        None, "1 for grey, 3 for colour; without it, the data decides.", "Data", choices=(1, 3)
    )
    limit: int | None = option(None, "Train on only the first N pictures.", "Data", ge=1)
    max_megapixels: float = option(
        128.0, "Leave out pictures that need more than N million pixels to decode.", "Data", metavar="N", gt=0
    )
    seed: int = option(0, "Seed of everything random.", "Run", ge=0)
    device: str = option(
        "auto", "Device to train on; cuda:1 is the second CUDA card.", "Run", metavar="auto|cpu|cuda|mps"
    )
    precision: Literal["auto", "float32", "bfloat16"] = option(
        "auto", "Precision of the losses; auto is bfloat16 on a CUDA card that has it in hardware, else float32.", "Run"
    )
    checkpoint_every: str = option(
        "10m",
        "10m saves after every epoch and at least every ten minutes; 2e saves after every second epoch.",
        "Run",
        metavar="10m|2e",
    )
    keep: int = option(2, "Latest checkpoints to keep.", "Run", ge=2)
    log_every: int = option(50, "Steps between two lines of log.jsonl.", "Run", ge=1)
    evaluate_every: int | None = option(
        None,
        "Epochs between two measurements of the quality, 0 for none; without it, chosen to cost little.",
        "Measuring",
        metavar="EPOCHS",
        ge=0,
    )
    extractor: Literal["digits-cnn", "inception"] | None = option(
        None, "Net whose features measure the quality; without it, the one that fits the data.", "Measuring"
    )
    balance: bool = option(
        False, "Lower the learning rate of the discriminator or generator that overpowers the other.", "Optimisation"
    )
    stop_at: Literal["equilibrium"] | None = option(
        None, "End at equilibrium: the discriminator can no longer tell and the scores stopped improving.", "Measuring"
    )
    tensorboard: bool = option(False, "Also write event files for TensorBoard.", "Run")
    allow_changed_data: bool = option(False, "Resume even if the data is no longer what the run began with.")

    def to_json(self) -> dict[str, Any]:
        """A plain mapping that `from_json` takes back."""
        return dataclasses.asdict(self) | {"options": dict(self.options)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Settings":
        """The settings written by `to_json`.

        Raises:
            UsageError: a value that no training can have.
            TypeError: the family is missing, or a setting is unknown or of a type that JSON does not hold for it.
        """
        declared = fields_of(cls)
        values = {key: declared[key].parse(value) for key, value in record.items() if key in declared}
        return cls(**{**record, **values, "options": dict(record.get("options", ()))})

    def moved(self, data: str) -> "Settings":
        """The settings for data that is in another folder now, and the table of labels too if it was in the old one."""
        labels = self.labels
        if labels is not None and self.data is not None and Path(labels).is_relative_to(self.data):
            labels = str(Path(os.path.expanduser(data)).absolute() / Path(labels).relative_to(self.data))  # noqa: PTH111
        return dataclasses.replace(self, data=data, labels=labels)


def table_path(labels: str) -> str:
    """The absolute path of a table of labels as it was typed: ``~`` is the user's folder, links are followed."""
    path = Path(os.path.expanduser(labels))  # noqa: PTH111 - Path.expanduser raises where there is no such user
    return str(Path(os.path.realpath(path.parent), path.name))


def resolve(
    family: str,
    options: type,
    presets: Mapping[str, Mapping[str, Value]],
    *,
    preset: str | None,
    default_preset: str,
    flags: Mapping[str, Value],
    assignments: Mapping[str, str],
    base: Mapping[str, Value] | None = None,
    **fixed: str | None,
) -> Settings:
    """Lay the layers of a training's settings over each other.

    Args:
        family: its name.
        options: the dataclass of the family's own options.
        presets: the family's named layers.
        preset: the one asked for, or None for `default_preset`.
        default_preset: the family's own choice.
        flags: values of the command line's flags; None values are left out.
        assignments: the ``--set key=value`` texts.
        base: the options of the model that this training starts from, over those of the default preset.
        fixed: `data`, `domains`, `pair`, `labels` and `init_from`.

    Raises:
        UsageError: an unknown preset or key, or a value of the wrong type or out of bounds.
    """
    name = preset or default_preset
    if name not in presets:
        raise UsageError(f"{family} has no preset {name!r}.", f"Its presets are: {', '.join(presets)}.")
    values = {**presets[name], **({} if preset else base or {})}
    values |= {key: value for key, value in flags.items() if value is not None} | dict(assignments)
    common, own = options_of(Settings), options_of(options)
    if unknown := next((key for key in values if key not in common | own), None):
        keys = ", ".join(sorted(common | own))
        raise UsageError(f"{family} has no setting {unknown!r}.", f"It knows: {keys}.")
    values = {key: (common | own)[key].parse(value) for key, value in values.items()}
    parse_cadence(str(values.get("checkpoint_every", "10m")))
    return Settings(
        family=family,
        options={key: values.get(key, declared.default) for key, declared in own.items()},
        preset=name,
        **{key: value for key, value in values.items() if key in common},  # type: ignore[arg-type]
        **fixed,  # type: ignore[arg-type]
    )


def require_options(options: type, values: Mapping[str, Value]) -> None:
    """Raise UsageError unless these are values of a family's own options."""
    declared = options_of(options)
    for key, value in values.items():
        if key not in declared:
            raise UsageError(f"There is no setting {key!r}.")
        declared[key].parse(value)


_CHANGEABLE = ("allow_changed_data", "balance", "evaluate_every", "keep", "precision", "seed", "stop_at")


def changeable(options: type) -> list[str]:
    """The settings that ``resume --set`` may change: those that need no other nets and no other data.

    Args:
        options: the dataclass of a family's own options, whose learning rates are among them.
    """
    return sorted([*_CHANGEABLE, *learning_rates_of(options)])


def changed(settings: Settings, options: type, assignments: Mapping[str, str]) -> Settings:
    """A run's settings with some of them changed for the rest of its training.

    Raises:
        UsageError: a key that cannot be changed, or a value that is not allowed.
    """
    names = changeable(options)
    if unknown := set(assignments) - set(names):
        raise UsageError(f"resume cannot change {', '.join(sorted(unknown))}.", f"It knows: {', '.join(names)}.")
    common, own = options_of(Settings), options_of(options)
    values = {key: (common | own)[key].parse(text) for key, text in assignments.items()}
    changed_options = {key: value for key, value in values.items() if key in own}
    changed_settings = {key: value for key, value in values.items() if key in common}
    options_after = {**settings.options, **changed_options}
    return dataclasses.replace(settings, options=options_after, **changed_settings)  # type: ignore[arg-type]


def parse_cadence(text: str) -> tuple[int, float]:
    """Read how often to save: ``(epochs, seconds)``, either infinite where it plays no part.

    ``10m``, ``90s`` and ``1h`` mean at every epoch's end and at least that often; ``2e`` means at every
    second epoch's end.
    """
    try:
        amount, unit = float(text[:-1]), text[-1:]
        if not 0 < amount < math.inf:
            raise ValueError
        if unit == "e" and amount.is_integer():
            return int(amount), math.inf
        return 1, amount * {"s": 1, "m": 60, "h": 3600}[unit]
    except (ValueError, KeyError):
        raise UsageError(f"{text!r} is no checkpoint interval.", "Write 10m, 90s, 1h, or 2e for epochs.") from None


def parse_assignments(texts: list[str]) -> dict[str, str]:
    """``["width=64"]`` → ``{"width": "64"}``."""
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {text!r} is no assignment.", "Write --set key=value.")
        pairs[key.strip().replace("-", "_")] = value.strip()
    return pairs
