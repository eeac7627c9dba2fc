"""Set up a training: its settings, and from them the nets, the first state, the batches and the plan."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from ganctl import precision, tensorfile
from ganctl.data.batches import Batches
from ganctl.data.info import DataInfo
from ganctl.engine.loop import Plan
from ganctl.engine.monitor import build_monitor
from ganctl.engine.state import State
from ganctl.errors import CheckpointError, UsageError
from ganctl.gans import find as find_family
from ganctl.gans.base import Family, TrainingModule
from ganctl.gans.dataset import Data, make_batches
from ganctl.runs import checkpoint
from ganctl.runs.run import Run
from ganctl.seeds import RandomStream, seeded
from ganctl.settings import Settings, Value, parse_cadence, resolve, table_path
from ganctl.text import command, describe_malformed, printable


def configure(
    family: str,
    *,
    data: str | None = None,
    domains: str | None = None,
    pair: str | None = None,
    labels: str | None = None,
    preset: str | None = None,
    init_from: str | None = None,
    flags: Mapping[str, Value] | None = None,
    assignments: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of a new training, from the layers that `settings.resolve` describes.

    Args:
        family: its name.
        data: a set's name or a folder; the family's own if not given.
        domains: the names of two domains, for a family that translates.
        pair: ``lowres`` for both domains from one folder.
        labels: a CSV file of the pictures' classes, for a family that needs them.
        preset: a preset of the family's.
        init_from: a model whose weights the training starts from; its options and its size are a layer of their own.
        flags: settings and options by name; None values are left out.
        assignments: the texts of ``--set key=value``.

    Raises:
        UsageError: something that does not exist, or is out of bounds.
        CheckpointError: `init_from` is no usable model.
    """
    registered, base = find_family(family), None
    default_preset = registered.default_preset
    if init_from is not None:
        file = checkpoint.model_file(init_from).resolve()
        header = tensorfile.read_header(file)
        checkpoint.require_model(file, header)
        try:
            if header["family"] != family:
                raise UsageError(
                    f"{init_from} is of the family {header['family']}, not {family}.",
                    f"Train that one further: {command('ganctl', 'train', header['family'], '--init-from', init_from)}",
                )
            channels, size, _ = DataInfo.from_header(header).shape
            base = {**header["options"], "size": size, "channels": channels}
            default_preset = header["preset"] if header["preset"] in registered.presets else default_preset
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{init_from} does not say what it is: {describe_malformed(error)}.") from None
        init_from = str(file)
    return resolve(
        family,
        registered.options,
        registered.presets,
        preset=preset,
        default_preset=default_preset,
        flags=flags or {},
        assignments=assignments or {},
        base=base,
        data=data,
        domains=domains,
        pair=pair,
        labels=None if labels is None else table_path(labels),
        init_from=init_from,
    )


def build(
    settings: Settings, family: Family, options: Any, data: Data, device: torch.device, *, fresh: bool
) -> tuple[State, Batches, Plan, list[str]]:
    """The state at step 0, the batches, the plan, and sentences about other classes and what cannot be measured.

    Args:
        settings: with everything decided.
        family: the one that the settings name.
        options: the settings' options, parsed into the family's dataclass.
        data: to train on.
        device: to train on.
        fresh: whether the training begins now, so that `init_from` applies.

    Raises:
        UsageError: the model to start from knows another number of classes, or its weights do not fit.
    """
    renamed = _renamed_classes(settings.init_from, data.info.classes) if fresh and settings.init_from else []
    batches = make_batches(settings, family, options, data)
    total = settings.epochs * batches.steps_per_epoch
    state = initial_state(settings, family, options, data.info, device, fresh=fresh)
    epochs, seconds = parse_cadence(settings.checkpoint_every)
    header = _header(settings, data, batches)
    monitor, warnings = build_monitor(settings, family, data, batches, header)
    plan = Plan(
        total_steps=total,
        seed=settings.seed,
        log_every=settings.log_every,
        save_epochs=epochs,
        save_seconds=seconds,
        keep=settings.keep,
        header=header,
        schedule=partial(family.schedule, options),
        autocast=precision.resolve(settings.precision, device) == "bfloat16",
        monitor=monitor,
    )
    return state, batches, plan, [*renamed, *warnings]


def initial_state(
    settings: Settings, family: Family, options: Any, info: DataInfo, device: torch.device, *, fresh: bool
) -> State:
    """The nets with their first weights, at step 0; the arguments as in `build`."""
    with seeded(torch.device("cpu"), settings.seed, RandomStream.WEIGHTS):
        module = family.training(options, family.model(options, info), info)
    if fresh and settings.init_from is not None:
        _initialise(module, settings.init_from)
    return State(module, device)


def _header(settings: Settings, data: Data, batches: Batches) -> dict[str, Any]:
    """The header of the model's file, by which it explains itself."""
    return {
        "format": checkpoint.MODEL_FORMAT,
        "family": settings.family,
        "preset": settings.preset,
        "options": dict(settings.options),
        **data.info.to_header(),
        "range": [-1, 1],
        "data": data.name,
        "steps_per_epoch": batches.steps_per_epoch,
    }


def _renamed_classes(init_from: str, classes: tuple[str, ...]) -> list[str]:
    """A sentence on classes that the model to start from calls otherwise; UsageError if their number differs."""
    learned = DataInfo.from_header(tensorfile.read_header(checkpoint.model_file(init_from))).classes
    if len(learned) != len(classes):
        message = f"{init_from} knows {len(learned):,} classes, and the data has {len(classes):,}: its nets do not fit."
        raise UsageError(message, "Take data of as many classes, or leave out --init-from.")
    pairs = enumerate(zip(learned, classes, strict=True))
    if (differing := next(((i, old, new) for i, (old, new) in pairs if old != new), None)) is None:
        return []
    label, old, new = differing
    was = f"Class {label} is {printable(new)} here and was {printable(old)} in {init_from}"
    return [f"{was}: what was learned of one class is where another begins."]


def _initialise(module: TrainingModule, init_from: str) -> None:
    """Take over another model's weights, and its discriminator's if its training state is beside it."""
    path = checkpoint.model_file(init_from)
    try:
        module.model.load_state_dict(tensorfile.read(path).tensors)
        state = path.with_name(checkpoint.STATE)
        if state.exists():
            stored = tensorfile.read(state).tensors
            tensors = {name.removeprefix("module."): t for name, t in stored.items() if name.startswith("module.")}
            names = {name for name, _ in module.named_parameters() if not name.startswith("model.")}
            module.load_state_dict({name: t for name, t in tensors.items() if name in names}, strict=False)
    except RuntimeError:
        raise UsageError(
            f"The weights of {init_from} do not fit these nets.",
            "Leave out --preset, --size, --channels and --set for its own.",
        ) from None


def restore_newest(run: Run, state: State) -> dict[int, str]:
    """Restore the newest usable checkpoint, if there is any. Nothing on the disk is changed.

    Returns:
        Step → what is wrong with its checkpoint, for each that had to be passed over.

    Raises:
        CheckpointError: there are some, and none can be used, or one cannot be read.
    """
    unusable: dict[int, str] = {}
    for step in run.checkpoint_steps():
        try:
            restore(run, step, state)
            return unusable
        except checkpoint.UnreadableError as error:
            raise CheckpointError(error.message, f"Once it can be: {run.resume_command}") from None
        except CheckpointError as error:
            unusable[step] = error.message
    if unusable or any(run.checkpoints.glob("unusable-*")):
        why = " ".join(unusable.values()) or "All that it had were set aside before."
        raise CheckpointError(f"{run.path} has no usable checkpoint. {why}", f"Start anew: {run.train_command}")
    return unusable


def restore(run: Run, step: int, state: State) -> None:
    """Restore the checkpoint of a step.

    Raises:
        CheckpointError: it cannot be used.
    """
    folder = run.checkpoint(step)
    checkpoint.verify(folder)
    state.restore(tensorfile.read(folder / checkpoint.STATE))
