"""A training from its settings to its end: the run directory, the data, the nets, and the way back into all that."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ganctl import assembly, board, checkpoint, device, engine, interrupt, names, precision, threads
from ganctl import run as runs
from ganctl.configuration import configure
from ganctl.data.feed import Images, Pairs
from ganctl.diagnosis import Case
from ganctl.engine import Plan
from ganctl.errors import CheckpointError, DataError, DivergedError, GanctlError, UsageError
from ganctl.families import find as find_family
from ganctl.run import Run
from ganctl.settings import Settings, Value, changed, require_options
from ganctl.state import State


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
    feed: Images | Pairs
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
        numbers = " in bfloat16" if self.plan.autocast else ""
        return (
            f"{told.family} ({told.preset}) on {self.feed.contents} of {told.size}×{told.size} {channels}, "
            f"{told.epochs} epochs of {self.feed.steps_per_epoch} steps, {told.device}{numbers}; parameters: {weights}"
        )

    @property
    def lighter(self) -> str:
        """What to ask for where this one takes too long; empty where nothing is known."""
        preset = find_family(self.settings.family).light_preset
        if preset is None or preset == self.settings.preset:
            return "A smaller --size takes less."
        return f"--preset {preset} is several times as fast, and a smaller --size is too."

    @property
    def verb(self) -> str:
        """What the model is for: ``sample`` or ``translate``."""
        return find_family(self.settings.family).verb

    @property
    def finished(self) -> bool:
        """Whether its target was reached before."""
        return self.state.step >= self.plan.total

    def events(self, stop: Callable[[], str | None] = lambda: None) -> Iterator[engine.Event]:
        """Train, and keep the diary: see `engine.train`."""
        for warning in self.warnings:
            self.run.event("warning", message=warning)
        ends: list[str] = []
        ends_with = (self.settings.stop_at or "").upper()
        try:
            for event in self._shown(lambda: stop() or next(iter(ends), None)):
                self._keep_diary(event)
                if isinstance(event, engine.Judged) and event.raised and event.verdict.code == ends_with:
                    ends.append(interrupt.EQUILIBRIUM)
                yield event
        except DivergedError as error:
            self.run.event("failure", step=error.step, tensor=error.tensor, message=error.message)
            raise
        except GanctlError as error:
            self.run.event("failure", step=self.state.step, message=error.message)
            raise
        except OSError as error:
            self.run.event("failure", step=self.state.step, message=str(error))
            remedy = f"Make room for it, then: {self.run.resume_command}"
            raise GanctlError(f"{self.run.path} could not be saved: {error}.", remedy) from None

    def _shown(self, stop: Callable[[], str | None]) -> Iterator[engine.Event]:
        """The engine's events, which TensorBoard sees too if it is asked to."""
        events = self._trained(stop)
        if self.settings.tensorboard and board.is_installed():
            return board.Board(self.run, self.feed.steps_per_epoch, self.settings.epochs).follow(
                events, self.state.step
            )
        return events

    def _trained(self, stop: Callable[[], str | None]) -> Iterator[engine.Event]:
        """Train; where that diverges, find out why."""
        try:
            yield from engine.train(self.state, self.feed, self.plan, self.run, stop)
        except DivergedError as error:
            yield from Case(error, self.run, self.settings, self.state, self.feed, self.plan).explain(stop)

    def _keep_diary(self, event: engine.Event) -> None:
        """Put what happened into ``events.jsonl``, if it belongs there."""
        match event:
            case engine.Saved(step, _, seconds):
                self.run.event("save", step=step, seconds=round(seconds, 3))
            case engine.Warned(message):
                self.run.event("warning", message=message)
            case engine.Measured(step, epoch, figures, held_out, seconds):
                measured = {"step": step, "epoch": epoch, "figures": figures, "held_out": held_out}
                self.run.event("evaluate", **measured, seconds=round(seconds, 3))
                if self.state.is_best and self.state.best is not None:
                    self.run.event("best", **self.state.best)
            case engine.Judged(step, epoch, verdict, raised):
                told = {"code": verdict.code, "severity": verdict.severity, "state": "raised" if raised else "cleared"}
                words = {"message": verdict.title, "remedy": verdict.remedy}
                self.run.event("verdict", **told, step=step, epoch=epoch, **words)
            case engine.Ended(step, reason):
                self.run.event("stop", step=step, reason=reason or "finished")
            case _:
                pass


@contextmanager
def start(settings: Settings, name: str | None = None) -> Iterator[Training]:
    """Begin a new run.

    Args:
        settings: see `configuration.configure`.
        name: of the run, or its path; the data's name if not given.

    Raises:
        UsageError: the run exists, the device does not, the nets cannot draw this size, or an extra is missing.
        DataError: the pictures cannot be had.
        OSError: the disk refuses.
    """
    if settings.tensorboard:
        board.require_installed()
    if name is not None:
        runs.refuse_taken(names.locate(name))
    with ExitStack() as stack:
        training = _begin(settings, name, stack)
        training.run.event("start", step=0, command=runs.command_line())
        yield training


@contextmanager
def resume(
    run: Run,
    *,
    epochs: int | None = None,
    more: int | None = None,
    origin: str | None = None,
    changes: Mapping[str, str] | None = None,
) -> Iterator[Training]:
    """Go on with a run from its newest usable checkpoint; what cannot be used is set aside.

    Args:
        run: which one.
        epochs: a new total.
        more: so many epochs beyond the old total.
        origin: ``best`` or the step of a checkpoint, to go back to: all that came later is set aside.
        changes: texts of settings to change from here on; see `settings.CHANGEABLE`.

    Raises:
        CheckpointError: it has checkpoints, and none can be used.
        DataError: the data cannot be had, or is not what the run began with.
        UsageError: the new total is already behind, there is no such checkpoint, or a change is not allowed.
        GanctlError: another process is writing the run.
    """
    record = run.record()
    count, fewer = threads.resumed(record["threads"])
    with run.writing(), device.threads(count):
        told = settings = Settings.from_json(record["settings"])
        try:
            require_options(find_family(settings.family).options, settings.options)
        except UsageError as error:
            raise CheckpointError(f"{run.path / 'run.json'} cannot be used: {error.message}") from None
        settings = changed(settings, find_family(settings.family).options, changes or {})
        chosen = device.choose(settings.device)
        data, warnings = assembly.open_data(settings, fresh=False)
        if data.fingerprint != record["data"]["fingerprint"] and not settings.allow_changed_data:
            raise DataError(
                f"The data {settings.data} is no longer what {run.path} began with.",
                f"Bring it back, or accept it: {run.resume_command} --set allow_changed_data=true",
            )
        extended = dataclasses.replace(settings, epochs=epochs or settings.epochs + (more or 0))
        returned = [] if origin is None else _go_back(run, origin, repeats=settings == told)
        fresh = not run.checkpoint_steps()
        state, feed, plan, missing = assembly.build(extended, data, chosen, fresh=fresh)
        problems = [*filter(None, [fewer]), *returned, *assembly.restore_newest(run, state)]
        if state.best is not None and not run.checkpoint(state.best["step"]).exists():
            del state.notes["best"]  # it was gone back behind, or is damaged: the next best is one again
        if extended.tensorboard and not board.is_installed():
            problems.append(f"{run.board} stays as it is until there is TensorBoard again: {board.INSTALL}")
        problems += _rescheduled(settings, extended, state.step, feed.steps_per_epoch)
        if epochs is not None and state.step > plan.total:
            raise UsageError(f"{run.path} has already done {state.step // feed.steps_per_epoch} epochs.")
        if extended != told:
            step = {"from_step": state.step, "epochs": extended.epochs} | (
                {"changes": dict(changes)} if changes else {}
            )
            run.rewrite({**record, "settings": extended.to_json(), "extensions": [*record["extensions"], step]})
        run.cut_log(state.step)
        run.mark_best(state.best)
        run.event("resume", step=state.step, command=runs.command_line())
        yield Training(run, extended, state, feed, plan, (*problems, *warnings, *missing))


def _go_back(run: Run, origin: str, repeats: bool) -> list[str]:
    """Set aside all that came after a checkpoint; what was done, in sentences.

    Args:
        run: which.
        origin: ``best`` or a step.
        repeats: whether nothing is changed from there on.

    Raises:
        UsageError: there is no such checkpoint.
        CheckpointError: it cannot be used, and nothing was set aside.
    """
    step = checkpoint.chosen_step(run, origin)
    folder = run.checkpoint(step)
    checkpoint.verify(folder)
    steps_per_epoch = checkpoint.read_header(folder / checkpoint.MODEL)["steps_per_epoch"]
    aside = run.abandon(step, step // steps_per_epoch)
    said = [] if aside is None else [f"What came after step {step} was set aside in {aside}."]
    if repeats:
        said.append("With nothing changed it does the same again; --set seed=1, say, makes it another training.")
    run.event("return", step=step, aside=None if aside is None else aside.name)
    return said


def _rescheduled(before: Settings, now: Settings, step: int, steps_per_epoch: int) -> list[str]:
    """A sentence on the learning rates, where another end gives them other values."""
    found = find_family(now.family)
    ends = [told.epochs * steps_per_epoch for told in (before, now)]
    places = (step, min(ends) - 1)
    old, new = ([found.schedule(found.options(**now.options), place, end) for place in places] for end in ends)
    if old == new:
        return []
    return [
        f"The learning rates' schedule is now that of {now.epochs} epochs: "
        f"here their factor is {new[0]:.3g}, and was {old[0]:.3g} on the way to {before.epochs}."
    ]


def train(
    family: str,
    *,
    data: str | None = None,
    domains: str | None = None,
    pair: str | None = None,
    run: str | None = None,
    preset: str | None = None,
    init_from: str | None = None,
    **settings: Value,
) -> Path:
    """Train from Python, without a terminal; `ganctl.load` opens what comes out.

    Args:
        family: such as ``"dcgan"``.
        data: a set's name or a folder; the family's own if not given.
        domains: the names of two domains, as ``"horse,zebra"``, for a family that translates.
        pair: ``"lowres"`` for both domains from one folder.
        run: its name under ``runs/``, or its path.
        preset: a preset of the family's.
        init_from: a model to start from.
        settings: any of the settings and of the family's options, such as ``epochs=3``.

    Returns:
        The run directory.

    Raises:
        GanctlError: of the kind that says what was wrong.
    """
    told = configure(family, data=data, domains=domains, pair=pair, preset=preset, init_from=init_from, flags=settings)
    with start(told, run) as training:
        for _ in training.events():
            pass
        return training.run.path


def _begin(settings: Settings, name: str | None, stack: ExitStack) -> Training:
    """A new run with everything in it; the stack holds its lock."""
    chosen, count = device.choose(settings.device), device.default_threads()
    numbers = precision.resolve(settings.precision, chosen)
    data, warnings = assembly.open_data(settings)
    channels, size, _ = data.shape
    settings = dataclasses.replace(settings, data=data.origin, device=str(chosen), size=size, channels=channels)
    settings = dataclasses.replace(settings, precision=numbers)
    state, feed, plan, missing = assembly.build(settings, data, chosen, fresh=True)
    record = {
        "format": 1,
        "settings": settings.to_json(),
        "shape": data.shape,
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "train": data.counts[0],
            "held_out": data.counts[1],
            "broken": len(data.broken),
        },
        "versions": device.versions(),
        "threads": count,
        "extensions": [],
        "command": runs.command_line(),
    }
    run = names.create_free(data.name, record) if name is None else runs.create(names.locate(name), record)
    stack.enter_context(run.writing())
    stack.enter_context(device.threads(count))
    if data.broken:
        run.event("broken pictures", files=data.broken)
    return Training(run, settings, state, feed, plan, (*warnings, *missing))
