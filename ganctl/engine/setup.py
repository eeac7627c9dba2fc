"""What settings mean: the nets, the first state, the batches and the plan that a training is put together from."""

from typing import Any

import torch

from ganctl import precision, tensorfile
from ganctl.data.batches import SingleBatches, UnpairedBatches
from ganctl.data.cache.dataset import TwoDatasets
from ganctl.engine.loop import Plan
from ganctl.engine.monitor import watch
from ganctl.engine.state import State
from ganctl.errors import CheckpointError, UsageError
from ganctl.gans.base import Family, Shape, TrainingModule
from ganctl.gans.dataset import Data, make_batches
from ganctl.runs import checkpoint
from ganctl.runs.run import Run
from ganctl.seeds import Stream, seeded
from ganctl.settings import Settings, parse_cadence


def build(
    settings: Settings, family: Family, options: Any, data: Data, device: torch.device, *, fresh: bool
) -> tuple[State, SingleBatches | UnpairedBatches, Plan, list[str]]:
    """The nets with their first weights, the batches, the plan, and sentences about what was asked for and is missing.

    Args:
        settings: with everything decided.
        family: the one that they name.
        options: theirs, as the family's dataclass.
        data: what they say to learn from.
        device: to train on.
        fresh: whether this is a beginning, to which `init_from` applies.
    """
    batches = make_batches(settings, family, options, data)
    total = settings.epochs * batches.steps_per_epoch
    state = initial_state(settings, family, options, data.shape, device, fresh=fresh)
    epochs, seconds = parse_cadence(settings.checkpoint_every)
    header = _header(settings, data, batches)
    watching, warnings = watch(settings, data, batches, header)
    plan = Plan(
        total_steps=total,
        seed=settings.seed,
        log_every=settings.log_every,
        save_epochs=epochs,
        save_seconds=seconds,
        keep=settings.keep,
        header=header,
        schedule=lambda step: family.schedule(options, step, total),
        autocast=precision.resolve(settings.precision, device) == "bfloat16",
        monitor=watching,
    )
    return state, batches, plan, warnings


def initial_state(
    settings: Settings, family: Family, options: Any, shape: Shape, device: torch.device, *, fresh: bool
) -> State:
    """The nets with their first weights, at step 0; the arguments as in `build`."""
    with seeded(torch.device("cpu"), settings.seed, Stream.WEIGHTS):
        module = family.training(options, family.model(options, shape), shape)
    if fresh and settings.init_from is not None:
        _initialise(module, settings.init_from)
    return State(module, device)


def _header(settings: Settings, data: Data, batches: SingleBatches | UnpairedBatches) -> dict[str, Any]:
    """What a model's file says of itself."""
    header = {
        "format": 1,
        "family": settings.family,
        "preset": settings.preset,
        "options": dict(settings.options),
        "shape": data.shape,
        "range": [-1, 1],
        "data": data.name,
        "steps_per_epoch": batches.steps_per_epoch,
    }
    return header | ({"domains": data.names} if isinstance(data, TwoDatasets) else {})


def _initialise(module: TrainingModule, init_from: str) -> None:
    """Take over another model's weights, and its discriminator's where its training state lies beside it."""
    path = checkpoint.model_file(init_from)
    try:
        module.model.load_state_dict(tensorfile.read(path).tensors)
        state = path.with_name(checkpoint.STATE)
        if state.exists():
            stored = tensorfile.read(state).tensors
            others = {name.removeprefix("module."): t for name, t in stored.items() if name.startswith("module.")}
            weights = {name for name, _ in module.named_parameters() if not name.startswith("model.")}
            module.load_state_dict({name: t for name, t in others.items() if name in weights}, strict=False)
    except RuntimeError:
        raise UsageError(
            f"The weights of {init_from} do not fit these nets.",
            "Leave out --preset, --size and --set for its own.",
        ) from None


def restore_newest(run: Run, state: State) -> dict[int, str]:
    """Walk from the newest checkpoint back to one that can be used. Nothing on the disk is changed.

    Returns:
        What is wrong with each step that had to be passed over.

    Raises:
        CheckpointError: there are some, and none can be used, or the disk does not give one.
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
    """Become what the checkpoint of a step holds.

    Raises:
        CheckpointError: it cannot be used.
    """
    folder = run.checkpoint(step)
    checkpoint.verify(folder)
    state.restore(tensorfile.read(folder / checkpoint.STATE))
