"""A training from its settings to its end: the run directory, the data, the nets, and the way back into all that."""

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from ganctl import checkpoint, device, engine
from ganctl import run as runs
from ganctl.data.cache import Dataset, open_dataset
from ganctl.data.feed import Images
from ganctl.data.sources import source
from ganctl.engine import Plan, State
from ganctl.errors import CheckpointError, DataError, GanctlError, UsageError
from ganctl.families import find as find_family
from ganctl.families.family import Recipe
from ganctl.run import Run
from ganctl.seeds import Stream, seeded
from ganctl.settings import Settings, Value, parse_cadence, require_options, resolve


@dataclass(frozen=True)
class Training:
    """A training that is ready to go, or to go on.

    Attributes:
        run: where it is written.
        settings: what it was told, with everything decided.
        warnings: sentences about what was not as asked for.
    """

    run: Run
    settings: Settings
    state: State
    feed: Images
    plan: Plan
    warnings: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, int]:
        """The number of weights that each player moves."""
        groups = {name: o.param_groups for name, o in self.state.optimizers.items()}
        return {name: sum(p.numel() for group in groups[name] for p in group["params"]) for name in groups}

    @property
    def summary(self) -> str:
        """What is trained on what, where, in a line."""
        told, channels = self.settings, "grey" if self.settings.channels == 1 else "colour"
        weights = ", ".join(f"{name} {count:,}" for name, count in self.parameters.items())
        return (
            f"{told.family} ({told.preset}) on {self.feed.count:,} pictures of {told.size}×{told.size} {channels}, "
            f"{told.epochs} epochs of {self.feed.steps_per_epoch} steps, {told.device}; parameters: {weights}"
        )

    @property
    def finished(self) -> bool:
        """Whether its target was reached before."""
        return self.state.step >= self.plan.total

    def events(self, stop: Callable[[], str | None] = lambda: None) -> Iterator[engine.Event]:
        """Train, and keep the diary: see `engine.train`."""
        for warning in self.warnings:
            self.run.event("warning", message=warning)
        try:
            for event in engine.train(self.state, self.feed, self.plan, self.run, stop):
                match event:
                    case engine.Saved():
                        self.run.event("save", step=event.step, seconds=round(event.seconds, 3))
                    case engine.Warned():
                        self.run.event("warning", message=event.message)
                    case engine.Ended():
                        self.run.event("stop", step=event.step, reason=event.reason or "finished")
                yield event
        except GanctlError as error:
            self.run.event("failure", step=self.state.step, message=error.message)
            raise
        except OSError as error:
            self.run.event("failure", step=self.state.step, message=str(error))
            remedy = f"Make room for it, then: {self.run.resume_command}"
            raise GanctlError(f"{self.run.path} could not be saved: {error}.", remedy) from None


@dataclass(frozen=True)
class Forecast:
    """What a training will cost here, measured over a few real steps.

    Attributes:
        summary: what would be trained on what, where.
        warnings: sentences about what was not as asked for.
        parameters: weights of each player.
        steps: steps in an epoch.
        step_seconds: of one step.
        epochs: how many are asked for.
        batch_size: pictures in a step.
        peak_bytes: the most memory held.
        checkpoint_bytes: size of one checkpoint on the disk.
    """

    summary: str
    warnings: tuple[str, ...]
    parameters: Mapping[str, int]
    steps: int
    step_seconds: float
    epochs: int
    batch_size: int
    peak_bytes: int
    checkpoint_bytes: int


def configure(
    family: str,
    *,
    data: str | None = None,
    preset: str | None = None,
    init_from: str | None = None,
    flags: Mapping[str, Value] | None = None,
    assignments: Mapping[str, str] | None = None,
) -> Settings:
    """Lay the settings' layers over each other; see `settings.resolve`.

    Raises:
        UsageError: something that does not exist, or is out of bounds.
        CheckpointError: `init_from` is no usable model.
    """
    found, base = find_family(family), None
    if init_from is not None:
        file = _model_file(init_from).resolve()
        header = checkpoint.read_header(file)
        try:
            if header["family"] != family:
                raise UsageError(f"{init_from} is a {header['family']} and not a {family}.")
            base = {**header["options"], "size": header["shape"][1], "channels": header["shape"][0]}
        except (KeyError, TypeError, IndexError) as error:
            raise CheckpointError(f"{init_from} does not say what it is: {error!r}.") from None
        init_from = str(file)
    return resolve(
        family,
        found.options,
        found.presets,
        preset=preset,
        default_preset=found.default_preset,
        flags=flags or {},
        assignments=assignments or {},
        base=base,
        data=data,
        init_from=init_from,
    )


@contextmanager
def start(settings: Settings, name: str | None = None) -> Iterator[Training]:
    """Begin a new run.

    Args:
        settings: see `configure`.
        name: of the run, or its path; the data's name if not given.

    Raises:
        UsageError: the run exists, the device does not, or the nets cannot draw this size.
        DataError: the pictures cannot be had.
        OSError: the disk refuses.
    """
    if name is not None:
        runs.refuse_taken(runs.locate(name))
    with ExitStack() as stack:
        training = _begin(settings, name, stack)
        training.run.event("start", step=0, command=runs.command_line())
        yield training


@contextmanager
def resume(
    run: Run, *, epochs: int | None = None, more: int | None = None, allow_changed_data: bool = False
) -> Iterator[Training]:
    """Go on with a run from its newest usable checkpoint; what cannot be used is set aside.

    Args:
        run: which one.
        epochs: a new total.
        more: so many epochs beyond the old total.
        allow_changed_data: go on with data that is not what the run began with, from now on.

    Raises:
        CheckpointError: it has checkpoints, and none can be used.
        DataError: the data cannot be had, or is not what the run began with.
        UsageError: the new total is already behind.
        GanctlError: another process is writing the run.
    """
    record = run.record()
    with run.writing(), device.threads(record["threads"]):
        settings = Settings.from_json(record["settings"])
        try:
            require_options(find_family(settings.family).options, settings.options)
        except UsageError as error:
            raise CheckpointError(f"{run.path / 'run.json'} cannot be used: {error.message}") from None
        if allow_changed_data:
            settings = dataclasses.replace(settings, allow_changed_data=True)
        chosen = device.choose(settings.device)
        data, warnings = _open(settings)
        if data.fingerprint != record["data"]["fingerprint"] and not settings.allow_changed_data:
            raise DataError(
                f"The data {settings.data} is no longer what {run.path} began with.",
                f"Bring it back, or accept it: {run.resume_command} --set allow_changed_data=true",
            )
        extended = dataclasses.replace(settings, epochs=epochs or settings.epochs + (more or 0))
        fresh = not run.checkpoint_steps()
        training = dataclasses.replace(_build(extended, data, chosen, warnings, fresh=fresh), run=run)
        state = training.state
        problems = _restore_newest(run, state)
        if epochs is not None and state.step > training.plan.total:
            raise UsageError(f"{run.path} has already done {state.step // training.feed.steps_per_epoch} epochs.")
        if extended.to_json() != record["settings"]:
            step = {"from_step": state.step, "epochs": extended.epochs}
            run.rewrite({**record, "settings": extended.to_json(), "extensions": [*record["extensions"], step]})
        run.cut_log(state.step)
        run.event("resume", step=state.step, command=runs.command_line())
        yield dataclasses.replace(training, warnings=(*problems, *training.warnings))


def forecast(settings: Settings, steps: int = 6) -> Forecast:
    """Run a few real steps in a run that is then thrown away.

    Raises:
        As `start`.
    """
    folder = Path(tempfile.mkdtemp(prefix="ganctl-"))
    try:
        with ExitStack() as stack:
            training = _begin(settings, str(folder / "dry-run"), stack)
            state, feed, plan = training.state, training.feed, training.plan
            seconds = []
            for _ in range(steps):
                began = time.perf_counter()
                engine.advance(state, feed, plan)
                state.require_finite()  # also waits for an accelerator
                seconds.append(time.perf_counter() - began)
            saved = engine.save(state, plan, training.run)
            return Forecast(
                summary=training.summary,
                warnings=training.warnings,
                parameters=training.parameters,
                steps=feed.steps_per_epoch,
                step_seconds=sum(seconds[1:]) / (steps - 1),
                epochs=training.settings.epochs,
                batch_size=feed.batch_size,
                peak_bytes=device.peak_memory(state.device),
                checkpoint_bytes=sum(file.stat().st_size for file in saved.path.iterdir()),
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def train(
    family: str,
    *,
    data: str | None = None,
    run: str | None = None,
    preset: str | None = None,
    init_from: str | None = None,
    **settings: Value,
) -> Path:
    """Train from Python, without a terminal; `ganctl.load` opens what comes out.

    Args:
        family: such as ``"dcgan"``.
        data: a set's name or a folder; the family's own if not given.
        run: its name under ``runs/``, or its path.
        preset: a preset of the family's.
        init_from: a model to start from.
        settings: any of the settings and of the family's options, such as ``epochs=3``.

    Returns:
        The run directory.

    Raises:
        GanctlError: of the kind that says what was wrong.
    """
    told = configure(family, data=data, preset=preset, init_from=init_from, flags=settings)
    with start(told, run) as training:
        for _ in training.events():
            pass
        return training.run.path


def _begin(settings: Settings, name: str | None, stack: ExitStack) -> Training:
    """A new run with everything in it; the stack holds its lock."""
    chosen, count = device.choose(settings.device), torch.get_num_threads()
    data, warnings = _open(settings)
    channels, size, _ = data.shape
    settings = dataclasses.replace(settings, data=data.origin, device=str(chosen), size=size, channels=channels)
    training = _build(settings, data, chosen, warnings, fresh=True)
    record = {
        "format": 1,
        "settings": settings.to_json(),
        "shape": data.shape,
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "train": len(data.train),
            "held_out": len(data.test),
            "broken": len(data.broken),
        },
        "versions": device.versions(),
        "threads": count,
        "extensions": [],
        "command": runs.command_line(),
    }
    run = runs.create_free(data.name, record) if name is None else runs.create(runs.locate(name), record)
    stack.enter_context(run.writing())
    stack.enter_context(device.threads(count))
    if data.broken:
        run.event("broken pictures", files=data.broken)
    return dataclasses.replace(training, run=run)


def _open(settings: Settings) -> tuple[Dataset, list[str]]:
    """The data, and sentences on what is odd about it. Without ``--data``, the family's own or its stand-in."""
    found = find_family(settings.family)
    own, stand_in = found.default_data
    warnings = []
    try:
        origin = source(settings.data or own, settings.limit)
    except DataError as error:
        if settings.data is not None:
            raise
        origin = source(stand_in)
        warnings.append(f"{own} cannot be had, so the built-in set {stand_in} is used. {error.message}")
    size = settings.size or origin.native_size() or found.default_size
    _require_drawable(settings, size)
    data = open_dataset(origin, size, settings.channels)
    count = min(settings.limit or len(data.train), len(data.train))
    if data.broken:
        what = "picture" if len(data.broken) == 1 else "pictures"
        warnings.append(f"{len(data.broken)} broken {what} left out; events.jsonl names them.")
    if data.enlarged:
        warnings.append(f"{data.enlarged} of the pictures are smaller than {size} pixels and were enlarged.")
    if count == 1:
        warnings.append("There is one picture only: all that can be learned is to repeat it.")
    if settings.batch_size > count:
        warnings.append(f"The batch of {settings.batch_size} is more than the data, so it is {count}.")
    return data, warnings


def _require_drawable(settings: Settings, size: int) -> None:
    """Build the nets without their weights, before a long decoding is in vain.

    Raises:
        UsageError: they cannot draw that size, or no memory could address them.
    """
    found, shape = find_family(settings.family), (settings.channels or 3, size, size)
    options = found.options(**settings.options)
    try:
        with torch.device("meta"):
            found.recipe(options, found.model(options, shape), shape).optimizers()
    except ValueError as error:
        raise UsageError(f"{error}".rstrip(".") + ".", "Choose another --size, --preset or --set.") from None
    except (RuntimeError, TypeError, OverflowError):
        raise UsageError("These nets are too large for any memory.", "Make them smaller with --set.") from None


def _build(
    settings: Settings, data: Dataset, chosen: torch.device, warnings: Sequence[str], *, fresh: bool
) -> Training:
    """The nets with their first weights, the feed and the plan; the run is still to be named."""
    found = find_family(settings.family)
    options = found.options(**settings.options)
    feed = Images(data, settings.batch_size, settings.seed, settings.limit)
    total = settings.epochs * feed.steps_per_epoch
    with seeded(torch.device("cpu"), settings.seed, Stream.WEIGHTS):
        recipe = found.recipe(options, found.model(options, data.shape), data.shape)
    if fresh and settings.init_from is not None:
        _initialise(recipe, settings.init_from)
    epochs, seconds = parse_cadence(settings.checkpoint_every)
    plan = Plan(
        total=total,
        seed=settings.seed,
        log_every=settings.log_every,
        save_epochs=epochs,
        save_seconds=seconds,
        keep=settings.keep,
        header={
            "format": 1,
            "family": settings.family,
            "preset": settings.preset,
            "options": dict(settings.options),
            "shape": data.shape,
            "range": [-1, 1],
            "data": data.name,
            "steps_per_epoch": feed.steps_per_epoch,
        },
        schedule=lambda step: found.schedule(options, step, total),
        autocast=chosen.type == "cuda",
    )
    return Training(Run(Path()), settings, State(recipe, chosen), feed, plan, tuple(warnings))


def _initialise(recipe: Recipe, init_from: str) -> None:
    """Take over another model's weights, and its discriminator's where its training state lies beside it."""
    path = _model_file(init_from)
    try:
        recipe.model.load_state_dict(checkpoint.read(path).tensors)
        state = path.with_name(checkpoint.STATE)
        if state.exists():
            stored = checkpoint.read(state).tensors
            others = {name.removeprefix("recipe."): t for name, t in stored.items() if name.startswith("recipe.")}
            others = {name: t for name, t in others.items() if not name.startswith("model.")}
            recipe.load_state_dict(others, strict=False)
    except RuntimeError:
        raise UsageError(
            f"The weights of {init_from} do not fit these nets.",
            "Leave out --preset, --size and --set for its own.",
        ) from None


def _model_file(model: str) -> Path:
    path = runs.find(model)
    if path.is_file():
        return path
    if (path / "run.json").exists():
        return checkpoint.newest_model(Run(path))[0]
    return path / checkpoint.MODEL


def _restore_newest(run: Run, state: State) -> list[str]:
    """Walk from the newest checkpoint back to one that can be used; say what had to be set aside."""
    problems: list[str] = []
    for step in run.checkpoint_steps():
        folder = run.checkpoint(step)
        try:
            checkpoint.verify(folder)
            state.restore(checkpoint.read(folder / checkpoint.STATE))
            return problems
        except CheckpointError as error:
            aside = checkpoint.quarantine(run, step)
            problems.append(f"{error.message} It was set aside as {aside.name}.")
            run.event("quarantine", step=step, message=error.message)
    if any(run.checkpoints.glob("unusable-*")):
        why = " ".join(problems) or "All that it had were set aside before."
        raise CheckpointError(f"{run.path} has no usable checkpoint. {why}", "Start anew: ganctl train")
    return problems
