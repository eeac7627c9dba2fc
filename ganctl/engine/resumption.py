"""Resume a run: everything that may be refused is decided first, and only then is anything changed."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ganctl import device, precision, tensorfile, threads
from ganctl.data.cache.dataset import TwoDatasets
from ganctl.engine import resume_warnings, setup, tensorboard
from ganctl.engine.training import Training
from ganctl.errors import CheckpointError, DataError, UsageError
from ganctl.gans import dataset
from ganctl.gans import find as find_family
from ganctl.gans.base import Family
from ganctl.gans.dataset import Data
from ganctl.runs import checkpoint, rollback
from ganctl.runs import run as runs
from ganctl.runs.run import Run
from ganctl.settings import Settings, changed, require_options, table_path
from ganctl.text import quote


@dataclass(frozen=True)
class ResumeRequest:
    """What is to be other than before when a run is resumed.

    Attributes:
        epochs: a new total.
        more: so many epochs beyond the old total.
        from_checkpoint: ``best`` or the step of a checkpoint to go back to: all that came later is set aside.
        data: where its data is now, if it was moved.
        device: to go on on, if another one.
        changes: texts of settings to change from here on; see `settings.changeable`.
        labels: where its table of labels is now, if it was moved.
    """

    epochs: int | None = None
    more: int | None = None
    from_checkpoint: str | None = None
    data: str | None = None
    device: str | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    labels: str | None = None

    @property
    def changed(self) -> dict[str, str]:
        """The settings to change, without the number of epochs."""
        flags = {"data": self.data, "labels": self.labels, "device": self.device}
        return {**self.changes, **{name: value for name, value in flags.items() if value is not None}}


@dataclass(frozen=True)
class Resumption:
    """A run that can go on; nothing of it was changed yet.

    Attributes:
        training: as it goes on; its warnings are sentences about what is not as it was.
        request: what is to be other than before.
        record: the run's ``run.json``.
        before: the settings that the run had.
        goes_back: whether what came after the step of the training is to be set aside.
        unusable: step → what is wrong with its checkpoint, for each newer one that had to be passed over.
        epoch: the last complete one.
    """

    training: Training
    request: ResumeRequest
    record: Mapping[str, Any]
    before: Settings
    goes_back: bool
    unusable: Mapping[int, str]
    epoch: int

    def apply(self) -> Training:
        """Carry the decision out: quarantine, roll back, rewrite run.json, cut the log. Return the training.

        Raises:
            OSError: the disk refuses; to resume once more completes it.
        """
        run, state = self.training.run, self.training.state
        sentences = self._go_back() if self.goes_back else []
        for step, message in self.unusable.items():
            folder = checkpoint.quarantine(run, step)
            sentences.append(f"{message} It was set aside as {folder.name}.")
            run.log_event("quarantine", step=step, message=message)
        if state.best is not None and not run.checkpoint(state.best["step"]).exists():
            del state.monitor_state["best"]  # it was set aside: the next measurement is the best again
        if (record := self._new_record()) != self.record:
            run.write_record(record)
        run.cut_log(state.step)
        run.mark_best_checkpoint(state.best)
        run.log_event("resume", step=state.step, command=runs.command_line())
        return dataclasses.replace(self.training, warnings=(*sentences, *self.training.warnings))

    def _go_back(self) -> list[str]:
        """Set aside what came after the checkpoint; sentences on that."""
        run, step = self.training.run, self.training.state.step
        folder = rollback.set_aside_after(run, step, self.epoch)
        sentences = [] if folder is None else [f"What came after step {step} was set aside in {folder}."]
        if not self.request.changed:
            sentences.append(
                "With nothing changed it does the same again; --set seed=1, say, makes it another training."
            )
        run.log_event("return", step=step, aside=None if folder is None else folder.name)
        return sentences

    def _new_record(self) -> dict[str, Any]:
        """The ``run.json`` from here on."""
        settings, torch_device = self.training.settings, self.training.state.device
        record = {
            **self.record,
            "device": device.describe(torch_device),
            "precision": precision.resolve(settings.precision, torch_device),
            "steps_per_epoch": self.training.batches.steps_per_epoch,
        }
        if settings == self.before:
            return record
        extension: dict[str, Any] = {"from_step": self.training.state.step, "epochs": settings.epochs}
        if self.request.changed:
            extension["changes"] = self.request.changed
        return {**record, "settings": settings.to_json(), "extensions": [*record["extensions"], extension]}


@contextmanager
def prepare(run: Run, request: ResumeRequest) -> Iterator[Resumption]:
    """Decide how a run goes on, with its CPU threads set inside the block. Nothing is changed yet.

    The caller holds the run's lock: another process may have extended the run until a moment ago.

    Raises:
        CheckpointError: it has checkpoints, and none can be used, or they cannot be read.
        DataError: the data cannot be had, or is not what the run began with.
        UsageError: the new total is already behind, there is no such checkpoint or device, or a change is not allowed.
    """
    record = run.record()
    count, fewer_threads = threads.resumed(record["threads"])
    with device.threads(count):
        yield _prepared(run, record, request, [fewer_threads] if fewer_threads else [])


def _prepared(run: Run, record: Mapping[str, Any], request: ResumeRequest, warnings: list[str]) -> Resumption:
    before = _recorded_settings(run, record)
    family = find_family(before.family)
    settings = changed(before, family.options, request.changes)
    epochs = request.epochs or settings.epochs + (request.more or 0)
    settings = dataclasses.replace(settings, device=request.device or settings.device, epochs=epochs)
    options = family.options(**settings.options)
    torch_device = _choose_device(run, settings, request)
    _require_readable(run)
    steps = run.checkpoint_steps()
    step = None if request.from_checkpoint is None else checkpoint.find_step(run, request.from_checkpoint)
    data, data_warnings = _open_data(run, record, settings, family, options, request)
    settings = _moved(settings, request, data.spec)
    state, batches, plan, missing = setup.build(settings, family, options, data, torch_device, fresh=not steps)
    unusable, epoch = {}, 0
    if step is None:
        unusable = setup.restore_newest(run, state)
    else:
        setup.restore(run, step, state)
        epoch = step // tensorfile.read_header(run.checkpoint(step) / checkpoint.MODEL)["steps_per_epoch"]
    if request.epochs is not None and state.step > plan.total_steps:
        done = state.step // batches.steps_per_epoch
        raise UsageError(f"{run.path} has already done {done} epochs.", "--more N adds to them; --from STEP goes back.")
    warnings += resume_warnings.of_device(record, torch_device)
    warnings += resume_warnings.of_schedule(before, settings, partial(family.schedule, options), state.step, batches)
    warnings += resume_warnings.of_log(run, settings, state.step, batches)
    if settings.tensorboard and not tensorboard.is_installed():
        warnings.append(f"{run.tensorboard} stays as it is until there is TensorBoard again: {tensorboard.INSTALL}")
    warnings += [*data_warnings, *missing]
    training = Training(run, settings, family, options, state, batches, plan, tuple(warnings))
    return Resumption(training, request, record, before, step is not None, unusable, epoch)


def _recorded_settings(run: Run, record: Mapping[str, Any]) -> Settings:
    settings = Settings.from_json(record["settings"])
    try:
        require_options(find_family(settings.family).options, settings.options)
    except UsageError as error:
        raise CheckpointError(f"{run.path / 'run.json'} cannot be used: {error.message}") from None
    return settings


def _choose_device(run: Run, settings: Settings, request: ResumeRequest) -> torch.device:
    try:
        return device.choose(settings.device)
    except UsageError as error:
        if request.device is not None:
            raise
        raise UsageError(error.message, f"To go on here: {run.resume_command} --device auto") from None


def _require_readable(run: Run) -> None:
    """Raise CheckpointError where the log, the events or the best checkpoint cannot be read.

    They would be taken for an empty log, to which a resume would cut it, or for no best checkpoint.
    """
    run.best_checkpoint()
    for _ in (*run.read_log(), *run.read_events()):
        pass


def _moved(settings: Settings, request: ResumeRequest, data: str | None) -> Settings:
    """The settings with the places where the data, if it was moved, and the table of labels are now."""
    moved = settings if request.data is None or data is None else settings.moved(data)
    return moved if request.labels is None else dataclasses.replace(moved, labels=table_path(request.labels))


def _open_data(
    run: Run, record: Mapping[str, Any], settings: Settings, family: Family, options: Any, request: ResumeRequest
) -> tuple[Data, list[str]]:
    """The data that the run began with, under the names that it had then, wherever it is now."""
    if request.labels is not None and settings.labels is None:
        raise UsageError(f"{run.path} learns from no table of labels.", "Leave out --labels.")
    moved = _moved(settings, request, request.data)
    try:
        data, warnings = dataset.open_data(moved, family, options, fresh=False)
    except DataError as error:
        if moved.labels is not None and not Path(moved.labels).exists():
            raise DataError(error.message, f"If it is elsewhere now: {run.resume_command} --labels FILE.csv") from None
        if request.data is not None or not Path(settings.data or "").is_absolute():
            raise
        raise DataError(error.message, f"If it is elsewhere now: {run.resume_command} --data DIR") from None
    recorded = record["data"]
    if data.fingerprint != recorded["fingerprint"] and not settings.allow_changed_data:
        flag = f"--data {quote(request.data)} " if request.data else ""
        flag += f"--labels {quote(request.labels)} " if request.labels else ""
        is_not = "is not" if request.data else "is no longer"
        table = f" with the labels in {moved.labels}" if moved.labels else ""
        raise DataError(
            f"The data {moved.data}{table} {is_not} what {run.path} began with.",
            f"Bring that back, or accept this: {run.resume_command} {flag}--set allow_changed_data=true",
        )
    if (count := len(data.info.classes)) != recorded.get("classes", count):
        message = f"{moved.data} has {count:,} classes now, and {run.path} began with {recorded['classes']}"
        raise DataError(
            f"{message}: its nets are built for these.", f"Bring them back, or start anew: {run.train_command}"
        )
    data = dataclasses.replace(data, name=recorded["name"])
    if isinstance(data, TwoDatasets) and "domains" in recorded:
        first, second = recorded["domains"]
        data = dataclasses.replace(data, names=(str(first), str(second)))
    return data, warnings
