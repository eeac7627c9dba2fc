"""What a training is: its settings, where each value comes from, and how text becomes a value.

Later layers win: family default < preset < flag < ``--set``. No torch here.
"""

import dataclasses
import math
import operator
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ganctl.errors import UsageError

Value = str | int | float | bool | None


def option(
    default: Any,
    doc: str,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    among: tuple[int, ...] = (),
) -> Any:
    """A documented dataclass field that knows its bounds: ``> above``, ``>= least``, ``<= most``, one of `among`."""
    bounds = {"doc": doc, "above": above, "least": least, "most": most, "among": among}
    return dataclasses.field(default=default, metadata=bounds)


@dataclass(frozen=True)
class Settings:
    """What every family's training is told. A family's own knobs are in `options`, by name."""

    family: str
    options: Mapping[str, Value]
    data: str | None = None
    preset: str | None = None
    init_from: str | None = None
    domains: str | None = None
    pair: str | None = None
    epochs: int = option(50, "passes over the data", least=1)
    batch_size: int = option(64, "pictures a step", least=1)
    size: int | None = option(None, "side of the pictures in pixels; the data's own if not given", least=4, most=1024)
    channels: int | None = option(None, "1 grey, 3 colour; decided from the data if not given", among=(1, 3))
    limit: int | None = option(None, "use only the first so many pictures", least=1)
    max_megapixels: float = option(128.0, "pictures that take more memory to decode are left out", above=0)
    seed: int = option(0, "decides all randomness", least=0)
    device: str = option("auto", "auto, cpu, cuda, cuda:N or mps")
    precision: Literal["auto", "float32", "bfloat16"] = option(
        "auto", "of the losses; auto is bfloat16 on a CUDA card that has it in hardware, else float32"
    )
    checkpoint_every: str = option("10m", "10m: every epoch and every ten minutes; 2e: every second epoch")
    keep: int = option(2, "checkpoints kept", least=2)
    log_every: int = option(50, "steps between two lines of log.jsonl", least=1)
    evaluate_every: int | None = option(
        None, "epochs between two measurements of the quality, 0 never; where it costs little if not given", least=0
    )
    extractor: Literal["digits-cnn", "inception"] | None = option(
        None, "what the quality is measured with; the one that fits if not given"
    )
    balance: bool = option(False, "lower the learning rate of the side that overpowers the other")
    stop_at: Literal["equilibrium"] | None = option(None, "equilibrium: end where the discriminator can no longer tell")
    tensorboard: bool = option(False, "write event files for TensorBoard")
    allow_changed_data: bool = option(False, "resume although the data is not what the run began with")

    def to_json(self) -> dict[str, Any]:
        """A plain mapping that `from_json` takes back."""
        return dataclasses.asdict(self) | {"options": dict(self.options)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Settings":
        """The settings written by `to_json`.

        Raises:
            UsageError: a value that no training can have been told.
            TypeError: the family is missing, or a setting is unknown here or of no kind that JSON has for it.
        """
        kinds = _kinds(cls, {field.name for field in dataclasses.fields(cls)} - {"options"})
        plain = {key: _checked(key, value, *kinds[key]) for key, value in record.items() if key in kinds}
        return cls(**{**record, **plain, "options": dict(record.get("options", ()))})


TRAINING_SETTINGS = frozenset(field.name for field in dataclasses.fields(Settings) if "doc" in field.metadata)


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
        options: the dataclass of the family's own knobs.
        presets: the family's named layers.
        preset: the one asked for, or None for `default_preset`.
        default_preset: the family's own choice.
        flags: what the command line gave as flags; None values are left out.
        assignments: the ``--set key=value`` texts.
        base: the options of the model that this training starts from, under the preset's place.
        fixed: `data`, `domains`, `pair` and `init_from`.

    Raises:
        UsageError: an unknown preset or key, or a value of the wrong kind or out of bounds.
    """
    name = preset or default_preset
    if name not in presets:
        raise UsageError(f"{family} has no preset {name!r}.", f"Its presets are: {', '.join(presets)}.")
    layer = dict(presets[name]) if preset or base is None else dict(base)
    layer |= {key: value for key, value in flags.items() if value is not None} | dict(assignments)
    kinds = _kinds(Settings, TRAINING_SETTINGS) | _kinds(options, {field.name for field in dataclasses.fields(options)})
    for key, value in layer.items():
        if key not in kinds:
            known = ", ".join(sorted(kinds))
            raise UsageError(f"{family} has no setting {key!r}.", f"It knows: {known}.")
        layer[key] = _checked(key, value, *kinds[key])
    defaults = {field.name: field.default for field in dataclasses.fields(options)}
    knobs = {key: value for key, value in layer.items() if key in TRAINING_SETTINGS}
    own = defaults | {key: value for key, value in layer.items() if key not in TRAINING_SETTINGS}
    parse_cadence(str(knobs.get("checkpoint_every", "10m")))
    return Settings(family=family, options=own, preset=name, **knobs, **fixed)  # type: ignore[arg-type]


def require_options(options: type, values: Mapping[str, Value]) -> None:
    """Raise UsageError unless these are values of a family's own knobs."""
    kinds = _kinds(options, {field.name for field in dataclasses.fields(options)})
    for key, value in values.items():
        if key not in kinds:
            raise UsageError(f"There is no setting {key!r}.")
        _checked(key, value, *kinds[key])


CHANGEABLE = (
    "allow_changed_data",
    "balance",
    "evaluate_every",
    "keep",
    "lr_discriminator",
    "lr_generator",
    "precision",
    "seed",
    "stop_at",
)
"""What ``resume --set`` may change: what asks for no other nets and no other data."""


def changed(settings: Settings, options: type, assignments: Mapping[str, str]) -> Settings:
    """A run's settings with some of them changed for what is to come.

    Raises:
        UsageError: a key that a run cannot be told afterwards, or a value that is not allowed.
    """
    if unknown := set(assignments) - set(CHANGEABLE):
        raise UsageError(f"resume cannot change {', '.join(sorted(unknown))}.", f"It knows: {', '.join(CHANGEABLE)}.")
    kinds = _kinds(Settings, TRAINING_SETTINGS) | _kinds(options, {field.name for field in dataclasses.fields(options)})
    values = {key: _checked(key, text, *kinds[key]) for key, text in assignments.items()}
    knobs = {key: value for key, value in values.items() if key in TRAINING_SETTINGS}
    own = {key: value for key, value in values.items() if key not in TRAINING_SETTINGS}
    return dataclasses.replace(settings, options={**settings.options, **own}, **knobs)  # type: ignore[arg-type]


def parse_cadence(text: str) -> tuple[int, float]:
    """How often to save: ``(epochs, seconds)``, either infinite where it plays no part.

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


def _kinds(cls: type, names: typing.AbstractSet[str]) -> dict[str, tuple[Any, Mapping[str, Any]]]:
    hints = typing.get_type_hints(cls)
    return {f.name: (hints[f.name], f.metadata) for f in dataclasses.fields(cls) if f.name in names}


def _checked(key: str, value: Value, kind: Any, bounds: Mapping[str, Any]) -> Value:
    """The value as its kind and within its bounds, or a UsageError that says what is allowed."""
    allowed = [t for t in typing.get_args(kind) if t is not type(None)] if _is_union(kind) else [kind]
    named = typing.get_args(allowed[0]) if typing.get_origin(allowed[0]) is Literal else ()
    if value is None or (isinstance(value, str) and value.lower() == "none" and "none" not in named):
        if _is_union(kind):
            return None
        raise UsageError(f"{key} needs a value.")
    choices, plain = named or bounds.get("among", ()), str if named else allowed[0]
    try:
        result = _converted(value, plain)
    except (ValueError, TypeError):
        raise UsageError(f"{key} = {value} is not {_A_KIND[plain]}.") from None
    if choices and result not in choices:
        raise UsageError(f"{key} = {value} is not allowed.", f"Choose among: {', '.join(map(str, choices))}.")
    if isinstance(result, float) and not math.isfinite(result):
        raise UsageError(f"{key} = {value} is not a finite number.")
    for name, holds, words in _BOUNDS:
        bound = bounds.get(name)
        if bound is not None and not holds(result, bound):
            raise UsageError(f"{key} = {value} is out of range.", f"It must be {words} {bound:g}.")
    return result


_BOUNDS = (("above", operator.gt, "more than"), ("least", operator.ge, "at least"), ("most", operator.le, "at most"))
_A_KIND = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType)


def _converted(value: str | int | float | bool, kind: type) -> str | int | float | bool:
    if kind is bool:
        if isinstance(value, bool):
            return value
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if str(value).lower() not in words:
            raise ValueError
        return words[str(value).lower()]
    if kind is int and isinstance(value, float) and not value.is_integer():
        raise ValueError
    return typing.cast("str | int | float", kind(value))
