"""What settings mean: the data, the nets, the feed and the plan that a training is put together from."""

from pathlib import Path
from typing import Any

import torch

from ganctl import checkpoint, names, precision
from ganctl.data import check
from ganctl.data.cache import Dataset, open_dataset
from ganctl.data.domains import Domains, TwoDatasets, domains, open_domains
from ganctl.data.feed import Images, Pairs
from ganctl.data.findings import by_reason
from ganctl.data.source import Source
from ganctl.data.sources import source
from ganctl.engine import Plan
from ganctl.errors import CheckpointError, DataError, UsageError
from ganctl.families import find as find_family
from ganctl.families.family import Recipe, Shape
from ganctl.run import Run
from ganctl.seeds import Stream, seeded
from ganctl.settings import Settings, parse_cadence
from ganctl.state import State
from ganctl.watching import watch

Data = Dataset | TwoDatasets


def open_data(settings: Settings, fresh: bool = True) -> tuple[Data, list[str]]:
    """The data, and sentences on what is odd about it. Without ``--data``, the family's own or its stand-in.

    Args:
        settings: with or without everything decided.
        fresh: whether this is a beginning, to which a quick check of the files belongs.
    """
    found = find_family(settings.family)
    own, stand_in = found.default_data
    warnings = []
    try:
        origin = _origin(settings, own if settings.data is None else settings.data)
    except DataError as error:
        if any(told is not None for told in (settings.data, settings.pair, settings.domains)):
            raise
        origin = _origin(settings, stand_in)
        warnings.append(f"{own} cannot be had, so the built-in set {stand_in} is used. {error.message}")
    size = settings.size or origin.native_size() or found.default_size
    _require_drawable(settings, size)
    load = found.jitter(found.options(**settings.options), size).load
    warnings += origin.notes if fresh else ()
    data: Data
    if isinstance(origin, Domains):
        warnings += _look(origin) if fresh else []
        data = open_domains(origin, size, settings.channels, load, thorough=not fresh)
    else:
        data = open_dataset(origin, size, settings.channels, load, thorough=not fresh)
    count = min(settings.limit or data.counts[0], data.counts[0])
    if broken := [line for each in (data.sides if isinstance(data, TwoDatasets) else [data]) for line in each.broken]:
        what = "picture is" if len(broken) == 1 else "pictures are"
        warnings.append(f"{len(broken)} {what} left out: {by_reason(broken)}; events.jsonl names them.")
    if data.enlarged:
        smaller, enlarged = ("is", "was") if data.enlarged == 1 else ("are", "were")
        warnings.append(
            f"{data.enlarged} of the pictures {smaller} smaller than {size} pixels and {enlarged} enlarged."
        )
    if count == 1:
        warnings.append("There is one picture only: all that can be learned is to repeat it.")
    if settings.batch_size > count:
        warnings.append(f"The batch of {settings.batch_size} is more than the data, so it is {count}.")
    return data, warnings


def _origin(settings: Settings, data: str) -> Source | Domains:
    """Where the data comes from: one set, or two for a family of two domains."""
    if find_family(settings.family).domains:
        return domains(data, settings.domains, settings.pair, settings.limit, settings.max_megapixels)
    if settings.domains is not None or settings.pair is not None:
        raise UsageError(f"{settings.family} learns from one set.", "--domains and --pair are for cyclegan.")
    return source(data, settings.limit, settings.max_megapixels)


def _look(origin: Domains) -> list[str]:
    """The quick part of ``ganctl check``."""
    if origin.tree is None:
        return []
    found = check.quick(*origin.tree)
    return [f"{finding.message} {finding.remedy}" for finding in found if finding.severity != "note"]


def _require_drawable(settings: Settings, size: int) -> None:
    """Build the nets without their weights, before a long decoding is in vain.

    Raises:
        UsageError: they cannot draw that size, or no memory could address them.
    """
    found, shape = find_family(settings.family), (settings.channels or 3, size, size)
    options = found.options(**settings.options)
    try:
        with torch.device("meta"):
            recipe = found.recipe(options, found.model(options, shape), shape)
        recipe.optimizers()  # outside: the first one imports parts of torch that some versions cannot load on meta
    except ValueError as error:
        raise UsageError(f"{error}".rstrip(".") + ".", "Choose another --size, --preset or --set.") from None
    except (RuntimeError, TypeError, OverflowError):
        raise UsageError("These nets are too large for any memory.", "Make them smaller with --set.") from None


def build(
    settings: Settings, data: Data, chosen: torch.device, *, fresh: bool
) -> tuple[State, Images | Pairs, Plan, list[str]]:
    """The nets with their first weights, the feed, the plan, and sentences about what was asked for and is missing.

    Args:
        settings: with everything decided.
        data: what they say to learn from.
        chosen: the device they say.
        fresh: whether this is a beginning, to which `init_from` applies.
    """
    found = find_family(settings.family)
    options = found.options(**settings.options)
    feed = feed_of(settings, data)
    total = settings.epochs * feed.steps_per_epoch
    state = first_state(settings, data.shape, chosen, fresh=fresh)
    epochs, seconds = parse_cadence(settings.checkpoint_every)
    header = _header(settings, data, feed)
    watching, warnings = watch(settings, data, feed, header)
    plan = Plan(
        total=total,
        seed=settings.seed,
        log_every=settings.log_every,
        save_epochs=epochs,
        save_seconds=seconds,
        keep=settings.keep,
        header=header,
        schedule=lambda step: found.schedule(options, step, total),
        autocast=precision.resolve(settings.precision, chosen) == "bfloat16",
        watch=watching,
    )
    return state, feed, plan, warnings


def first_state(settings: Settings, shape: Shape, chosen: torch.device, *, fresh: bool) -> State:
    """The nets with their first weights, at step 0; `fresh` as in `build`."""
    found = find_family(settings.family)
    options = found.options(**settings.options)
    with seeded(torch.device("cpu"), settings.seed, Stream.WEIGHTS):
        recipe = found.recipe(options, found.model(options, shape), shape)
    if fresh and settings.init_from is not None:
        _initialise(recipe, settings.init_from)
    return State(recipe, chosen)


def feed_of(settings: Settings, data: Data) -> Images | Pairs:
    """The batches that the settings ask for."""
    if isinstance(data, Dataset):
        return Images(data, settings.batch_size, settings.seed, settings.limit)
    found = find_family(settings.family)
    mirror = found.jitter(found.options(**settings.options), data.shape[1]).mirror
    return Pairs(data, settings.batch_size, settings.seed, settings.limit, mirror)


def _header(settings: Settings, data: Data, feed: Images | Pairs) -> dict[str, Any]:
    """What a model's file says of itself."""
    header = {
        "format": 1,
        "family": settings.family,
        "preset": settings.preset,
        "options": dict(settings.options),
        "shape": data.shape,
        "range": [-1, 1],
        "data": data.name,
        "steps_per_epoch": feed.steps_per_epoch,
    }
    return header | ({"domains": data.names} if isinstance(data, TwoDatasets) else {})


def _initialise(recipe: Recipe, init_from: str) -> None:
    """Take over another model's weights, and its discriminator's where its training state lies beside it."""
    path = model_file(init_from)
    try:
        recipe.model.load_state_dict(checkpoint.read(path).tensors)
        state = path.with_name(checkpoint.STATE)
        if state.exists():
            stored = checkpoint.read(state).tensors
            others = {name.removeprefix("recipe."): t for name, t in stored.items() if name.startswith("recipe.")}
            weights = {name for name, _ in recipe.named_parameters() if not name.startswith("model.")}
            recipe.load_state_dict({name: t for name, t in others.items() if name in weights}, strict=False)
    except RuntimeError:
        raise UsageError(
            f"The weights of {init_from} do not fit these nets.",
            "Leave out --preset, --size and --set for its own.",
        ) from None


def model_file(model: str) -> Path:
    """The ``model.safetensors`` that MODEL means; a CheckpointError where there is none."""
    path = names.find(model)
    if path.is_file():
        return path
    if (path / "run.json").exists():
        return checkpoint.newest_model(Run(path))[0]
    return path / checkpoint.MODEL


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
        raise CheckpointError(f"{run.path} has no usable checkpoint. {why}", f"Start anew: {run.again_command}")
    return unusable


def restore(run: Run, step: int, state: State) -> None:
    """Become what the checkpoint of a step holds.

    Raises:
        CheckpointError: it cannot be used.
    """
    folder = run.checkpoint(step)
    checkpoint.verify(folder)
    state.restore(checkpoint.read(folder / checkpoint.STATE))
