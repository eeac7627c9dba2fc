"""A training from its settings to its end: the run directory, the data, the nets, and the way back into all that."""

import dataclasses
import errno
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from warnings import warn

from ganctl import device, interrupt, precision
from ganctl.data.batches import SingleBatches, UnpairedBatches
from ganctl.data.domains import TwoDatasets
from ganctl.engine import loop, resumption, setup, tensorboard
from ganctl.engine.configuration import configure
from ganctl.engine.divergence import Divergence
from ganctl.engine.events import Emitter, Ended, Evaluated, Event, Saved, Subscriber, VerdictChanged, Warned
from ganctl.engine.loop import Plan
from ganctl.engine.resumption import ResumeRequest
from ganctl.engine.state import State
from ganctl.errors import DivergedError, GanctlError
from ganctl.files import discard, reason
from ganctl.gans import dataset
from ganctl.gans import find as find_family
from ganctl.runs import names
from ganctl.runs import run as runs
from ganctl.runs.run import Run
from ganctl.settings import Settings, Value
from ganctl.units import counted


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
    batches: SingleBatches | UnpairedBatches
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
        epochs = counted(told.epochs, "epoch")
        return (
            f"{told.family} ({told.preset}) on {self.batches.contents} of {told.size}×{told.size} {channels}, "
            f"{epochs} of {counted(self.batches.steps_per_epoch, 'step')}, {self.state.device}{numbers}; "
            f"parameters: {weights}"
        )

    @property
    def lighter_hint(self) -> str:
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
        return self.state.step >= self.plan.total_steps

    def train(self, stop: interrupt.StopReason = lambda: None, *subscribers: Subscriber) -> Ended:
        """Train to the end, or until there is a reason to stop, and keep the diary: see `engine.train`.

        Args:
            stop: says why to stop; None means go on.
            subscribers: are called with everything that happens; whatever they raise ends nothing.

        Raises:
            DivergedError: a loss or weight is not finite; nothing bad was saved.
            GanctlError: the last save could not be written.
        """
        for warning in self.warnings:
            self.run.log_event("warning", message=warning)
        last = (self.settings.stop_at or "").upper()
        reached: list[str] = []

        def note_verdict(event: Event) -> None:
            if isinstance(event, VerdictChanged) and event.raised and event.verdict.code == last:
                reached.append(interrupt.EQUILIBRIUM)

        diary = Subscriber(self._keep_diary, f"{self.run.events} could not be written")
        emit = Emitter(diary, Subscriber(note_verdict), *self._board(), *subscribers)
        try:
            return self._trained(lambda: stop() or next(iter(reached), None), emit)
        except DivergedError as error:
            self.run.log_event("failure", step=error.step, tensor=error.tensor, message=error.message)
            raise
        except GanctlError as error:
            self.run.log_event("failure", step=self.state.step, message=error.message)
            raise
        except OSError as error:
            self.run.log_event("failure", step=self.state.step, message=reason(error))
            first = "Raise its limit (ulimit -f)" if error.errno == errno.EFBIG else "Make room for it"
            remedy = f"{first}, then: {self.run.resume_command}"
            raise GanctlError(f"{self.run.path} could not be saved: {reason(error)}.", remedy) from None

    def _trained(self, stop: interrupt.StopReason, emit: Emitter) -> Ended:
        """Train; where that diverges, find out why."""
        try:
            return loop.train(self.state, self.batches, self.plan, self.run, stop, emit)
        except DivergedError as error:
            case = Divergence(error, self.run, self.settings, self.state, self.batches, self.plan)
            raise case.explain(stop, emit) from error

    def _board(self) -> list[Subscriber]:
        """TensorBoard's files, if they are asked for and can be written."""
        if not (self.settings.tensorboard and tensorboard.is_installed()):
            return []
        return [tensorboard.Board(self.run, self.batches.steps_per_epoch, self.settings.epochs).subscriber]

    def _keep_diary(self, event: Event) -> None:
        """Put what happened into ``events.jsonl``, if it belongs there."""
        match event:
            case Saved(step, _, seconds):
                self.run.log_event("save", step=step, seconds=round(seconds, 3))
            case Warned(message):
                self.run.log_event("warning", message=message)
            case Evaluated(step, epoch, scores, held_out, seconds):
                measured = {"step": step, "epoch": epoch, "scores": scores, "held_out": held_out}
                self.run.log_event("evaluate", **measured, seconds=round(seconds, 3))
                if self.state.is_best and self.state.best is not None:
                    self.run.log_event("best", **self.state.best)
            case VerdictChanged(step, epoch, verdict, raised):
                told = {"code": verdict.code, "severity": verdict.severity, "state": "raised" if raised else "cleared"}
                words = {"message": verdict.title, "remedy": verdict.remedy}
                self.run.log_event("verdict", **told, step=step, epoch=epoch, **words)
            case Ended(step, reason):
                self.run.log_event("stop", step=step, reason=reason or "finished")
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
        tensorboard.require_installed()
    if name is not None:
        runs.refuse_taken(names.locate(name))
    with ExitStack() as stack:
        training = _begin(settings, name, stack)
        training.run.log_event("start", step=0, command=runs.command_line())
        yield training


@contextmanager
def resume(
    run: Run,
    *,
    epochs: int | None = None,
    more: int | None = None,
    origin: str | None = None,
    data: str | None = None,
    device: str | None = None,
    changes: Mapping[str, str] | None = None,
) -> Iterator[Training]:
    """Go on with a run from its newest usable checkpoint; what cannot be used is set aside.

    Whatever may be refused is refused before anything is changed.

    Args:
        run: which one.
        epochs: a new total.
        more: so many epochs beyond the old total.
        origin: ``best`` or the step of a checkpoint, to go back to: all that came later is set aside.
        data: where its data is now, if it was moved.
        device: where to go on, if elsewhere.
        changes: texts of settings to change from here on; see `settings.CHANGEABLE`.

    Raises:
        CheckpointError: it has checkpoints, and none can be used, or they cannot be read.
        DataError: the data cannot be had, or is not what the run began with.
        UsageError: the new total is already behind, there is no such checkpoint or device, or a change is not allowed.
        GanctlError: another process is writing the run.
        OSError: the disk refuses.
    """
    request = ResumeRequest(epochs, more, origin, data, device, changes or {})
    with run.writing(), resumption.prepared(run, request) as found:
        warnings = found.apply()
        yield Training(run, found.settings, found.state, found.batches, found.plan, warnings)


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

    Warns:
        UserWarning: of what is not as asked for, such as a set that cannot be had, and of what training survives.

    Raises:
        GanctlError: of the kind that says what was wrong.
        Warning: Python was told to raise them, and there was one before the first step: there is no run then.
        KeyboardInterrupt: Ctrl-C was pressed, or a notebook's stop button. The step in hand is finished and saved
            first, unless it comes before the first step or a second time.
    """
    told = configure(family, data=data, domains=domains, pair=pair, preset=preset, init_from=init_from, flags=settings)
    with interrupt.after_saving() as stop, start(told, run) as training:
        try:
            for warning in training.warnings:
                warn(warning, stacklevel=2)
        except Warning:  # which Python was told to raise: so nothing began
            discard(training.run.path)
            raise
        training.train(stop, Subscriber(_warn, "A warning was made an error"))
        return training.run.path


def _warn(event: Event) -> None:
    """Pass on what is warned of, to where Python's warnings go."""
    if isinstance(event, Warned):
        warn(event.message, stacklevel=2)


def _begin(settings: Settings, name: str | None, stack: ExitStack) -> Training:
    """A new run with everything in it; the stack holds its lock."""
    chosen, count = device.choose(settings.device), device.default_threads()
    numbers = precision.resolve(settings.precision, chosen)
    data, warnings = dataset.open_data(settings)
    channels, size, _ = data.shape
    settings = dataclasses.replace(settings, data=data.spec, size=size, channels=channels)
    state, batches, plan, missing = setup.build(settings, data, chosen, fresh=True)
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
            **({"domains": data.names} if isinstance(data, TwoDatasets) else {}),
        },
        "steps_per_epoch": batches.steps_per_epoch,
        "versions": device.versions(),
        "device": device.describe(chosen),
        "precision": numbers,
        "threads": count,
        "extensions": [],
        "command": runs.command_line(),
    }
    run = names.create_free(data.name, record) if name is None else runs.create(names.locate(name), record)
    stack.enter_context(interrupt.cleanup_on_interrupt(lambda: None if state.step else discard(run.path)))
    stack.enter_context(run.writing())
    stack.enter_context(device.threads(count))
    if data.broken:
        run.log_event("broken pictures", files=data.broken)
    return Training(run, settings, state, batches, plan, (*warnings, *missing))
