"""The way back into a run: all that may be refused is decided first, and only then is anything changed."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ganctl import device, precision, tensorfile, threads
from ganctl.data.batches import SingleBatches, UnpairedBatches
from ganctl.data.domains import TwoDatasets
from ganctl.engine import setup, tensorboard
from ganctl.engine.loop import Plan
from ganctl.engine.state import State
from ganctl.errors import CheckpointError, DataError, UsageError
from ganctl.gans import dataset
from ganctl.gans import find as find_family
from ganctl.gans.dataset import Data
from ganctl.runs import checkpoint, rollback
from ganctl.runs import run as runs
from ganctl.runs.run import Run
from ganctl.settings import Settings, changed, require_options
from ganctl.text import quote
from ganctl.units import counted


@dataclass(frozen=True)
class ResumeRequest:
    """What is asked for when a run is resumed.

    Attributes:
        epochs: a new total.
        more: so many epochs beyond the old total.
        origin: ``best`` or the step of a checkpoint, to go back to: all that came later is set aside.
        data: where its data is now, if it was moved.
        device: where it goes on, if elsewhere.
        changes: texts of settings to change from here on; see `settings.CHANGEABLE`.
    """

    epochs: int | None = None
    more: int | None = None
    origin: str | None = None
    data: str | None = None
    device: str | None = None
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> dict[str, str]:
        """All that is to be other than before, but for the epochs."""
        moved = {"data": self.data, "device": self.device}
        return {**self.changes, **{name: value for name, value in moved.items() if value is not None}}


@dataclass(frozen=True)
class Resumption:
    """A run that can go on; nothing of it was changed yet.

    Attributes:
        record: its ``run.json``.
        before: what it was told.
        settings: what it is told now.
        goes_back: whether what came after the step of `state` is to be set aside.
        unusable: what is wrong with each newer checkpoint that had to be passed over, by step.
        epoch: the last whole one.
        warnings: sentences about what is not as it was.
    """

    run: Run
    request: ResumeRequest
    record: Mapping[str, Any]
    before: Settings
    settings: Settings
    state: State
    batches: SingleBatches | UnpairedBatches
    plan: Plan
    goes_back: bool
    unusable: Mapping[int, str]
    epoch: int
    warnings: tuple[str, ...]

    def apply(self) -> tuple[str, ...]:
        """Set aside, cut and rewrite what has to be; sentences on that, and the warnings.

        Raises:
            OSError: the disk refuses; to resume once more completes it.
        """
        said = self._go_back() if self.goes_back else []
        for step, message in self.unusable.items():
            aside = checkpoint.quarantine(self.run, step)
            said.append(f"{message} It was set aside as {aside.name}.")
            self.run.log_event("quarantine", step=step, message=message)
        best = self.state.best
        if best is not None and not self.run.checkpoint(best["step"]).exists():
            del self.state.monitor_state["best"]  # it was gone back behind, or is damaged: the next best is one again
        if (record := self._new_record()) != self.record:
            self.run.rewrite(record)
        self.run.cut_log(self.state.step)
        self.run.mark_best(self.state.best)
        self.run.log_event("resume", step=self.state.step, command=runs.command_line())
        return (*said, *self.warnings)

    def _go_back(self) -> list[str]:
        step = self.state.step
        aside = rollback.set_aside_after(self.run, step, self.epoch)
        said = [] if aside is None else [f"What came after step {step} was set aside in {aside}."]
        if not self.request.changed:
            said.append("With nothing changed it does the same again; --set seed=1, say, makes it another training.")
        self.run.log_event("return", step=step, aside=None if aside is None else aside.name)
        return said

    def _new_record(self) -> dict[str, Any]:
        place = self.state.device
        numbers = precision.resolve(self.settings.precision, place)
        steps = self.batches.steps_per_epoch  # of other data, where that was accepted, it may be another number
        record = {**self.record, "steps_per_epoch": steps, "device": device.describe(place), "precision": numbers}
        if self.settings == self.before:
            return record
        extension: dict[str, Any] = {"from_step": self.state.step, "epochs": self.settings.epochs}
        if self.request.changed:
            extension["changes"] = self.request.changed
        return {**record, "settings": self.settings.to_json(), "extensions": [*record["extensions"], extension]}


@contextmanager
def prepared(run: Run, request: ResumeRequest) -> Iterator[Resumption]:
    """All that a run needs to go on, with the threads that it began with if there is room. It changes nothing yet.

    The run's writer calls this: another resume may have extended the run until a moment ago.

    Raises:
        CheckpointError: it has checkpoints, and none can be used, or they cannot be read.
        DataError: the data cannot be had, or is not what the run began with.
        UsageError: the new total is already behind, there is no such checkpoint or device, or a change is not allowed.
    """
    record = run.record()
    count, fewer = threads.resumed(record["threads"])
    with device.threads(count):
        yield _decide(run, record, request, fewer)


def _decide(run: Run, record: Mapping[str, Any], request: ResumeRequest, fewer_threads: str) -> Resumption:
    before = _recorded(run, record)
    told = changed(before, find_family(before.family).options, request.changes)
    told = dataclasses.replace(told, device=request.device or told.device, epochs=_total(told, request))
    chosen = _device(run, told, request)
    _require_readable(run)
    steps = run.checkpoint_steps()
    step = None if request.origin is None else checkpoint.chosen_step(run, request.origin)
    data, warnings = _open_data(run, record, told, request)
    told = told if request.data is None else dataclasses.replace(told, data=data.spec)
    state, batches, plan, missing = setup.build(told, data, chosen, fresh=not steps)
    unusable, epoch = {}, 0
    if step is None:
        unusable = setup.restore_newest(run, state)
    else:
        setup.restore(run, step, state)
        epoch = step // tensorfile.read_header(run.checkpoint(step) / checkpoint.MODEL)["steps_per_epoch"]
    if request.epochs is not None and state.step > plan.total_steps:
        done = state.step // batches.steps_per_epoch
        raise UsageError(f"{run.path} has already done {done} epochs.", "--more N adds to them; --from STEP goes back.")
    said = _device_changed(record, chosen) + _rescheduled(before, told, state.step, batches.steps_per_epoch)
    said += _lost_lines(run, told, state.step, batches)
    if told.tensorboard and not tensorboard.is_installed():
        said.append(f"{run.tensorboard} stays as it is until there is TensorBoard again: {tensorboard.INSTALL}")
    return Resumption(
        run=run,
        request=request,
        record=record,
        before=before,
        settings=told,
        state=state,
        batches=batches,
        plan=plan,
        goes_back=step is not None,
        unusable=unusable,
        epoch=epoch,
        warnings=(*filter(None, [fewer_threads]), *said, *warnings, *missing),
    )


def _recorded(run: Run, record: Mapping[str, Any]) -> Settings:
    settings = Settings.from_json(record["settings"])
    try:
        require_options(find_family(settings.family).options, settings.options)
    except UsageError as error:
        raise CheckpointError(f"{run.path / 'run.json'} cannot be used: {error.message}") from None
    return settings


def _total(settings: Settings, request: ResumeRequest) -> int:
    return request.epochs or settings.epochs + (request.more or 0)


def _device(run: Run, settings: Settings, request: ResumeRequest) -> torch.device:
    try:
        return device.choose(settings.device)
    except UsageError as error:
        if request.device is not None:
            raise
        raise UsageError(error.message, f"To go on here: {run.resume_command} --device auto") from None


def _require_readable(run: Run) -> None:
    """What cannot be read is not taken for an empty log, to which a resume would cut it, or for no best checkpoint."""
    run.best()
    for _ in (*run.read_log(), *run.read_events()):
        pass


def _lost_lines(run: Run, settings: Settings, step: int, batches: SingleBatches | UnpairedBatches) -> list[str]:
    """A sentence on lines of the log that should be there, for no checkpoint is ahead of it, and are not."""
    due = {*range(settings.log_every, step + 1, settings.log_every)}
    due |= {*range(batches.steps_per_epoch, step + 1, batches.steps_per_epoch)}
    lost = len(due - {line["step"] for line in run.read_log()})
    if not lost or settings.allow_changed_data:  # other data may have had other epochs
        return []
    return [f"Of {run.log} {counted(lost, 'line')} {'is' if lost == 1 else 'are'} lost; it goes on without."]


def _open_data(
    run: Run, record: Mapping[str, Any], settings: Settings, request: ResumeRequest
) -> tuple[Data, list[str]]:
    """The data that the run began with, under the names that it had then, wherever it is now."""
    asked = dataclasses.replace(settings, data=request.data or settings.data)
    try:
        data, warnings = dataset.open_data(asked, fresh=False)
    except DataError as error:
        if request.data is not None or not Path(settings.data or "").is_absolute():
            raise
        raise DataError(error.message, f"If it is elsewhere now: {run.resume_command} --data DIR") from None
    known = record["data"]
    if data.fingerprint != known["fingerprint"] and not settings.allow_changed_data:
        moved = f"--data {quote(request.data)} " if request.data else ""
        is_not = "is not" if request.data else "is no longer"
        raise DataError(
            f"The data {asked.data} {is_not} what {run.path} began with.",
            f"Bring that back, or accept this: {run.resume_command} {moved}--set allow_changed_data=true",
        )
    data = dataclasses.replace(data, name=known["name"])
    if isinstance(data, TwoDatasets) and "domains" in known:
        first, second = known["domains"]
        data = dataclasses.replace(data, names=(str(first), str(second)))
    return data, warnings


def _device_changed(record: Mapping[str, Any], chosen: torch.device) -> list[str]:
    """A sentence on bits, where a run goes on on another kind of device."""
    now = device.describe(chosen)
    if now == record["device"]:
        return []
    was = record["device"]
    return [f"It was on {was} and is on {now} from here: its bits differ from those of a run that stays."]


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
