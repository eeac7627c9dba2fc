"""Start, resume and run trainings: the run directory, the data, the nets and the loop, from settings to the end."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from warnings import warn

from ganctl import device, interrupt, precision
from ganctl.data.cache.dataset import TwoDatasets
from ganctl.engine import resumption, setup, tensorboard
from ganctl.engine.events import Event, Subscriber, Warned
from ganctl.engine.resumption import ResumeRequest
from ganctl.engine.setup import configure
from ganctl.engine.training import Training
from ganctl.files import discard
from ganctl.gans import dataset
from ganctl.gans import find as find_family
from ganctl.runs import names
from ganctl.runs import run as runs
from ganctl.runs.record import FORMAT
from ganctl.runs.run import Run
from ganctl.settings import Settings, Value


@contextmanager
def start(settings: Settings, name: str | None = None) -> Iterator[Training]:
    """Start a new run.

    Args:
        settings: see `setup.configure`.
        name: of the run, or its path; the data's name if not given.

    Raises:
        UsageError: the run exists, the device does not, the nets do not support the size, or an extra is missing.
        DataError: the pictures cannot be had.
        OSError: the disk refuses.
    """
    if settings.tensorboard:
        tensorboard.require_installed()
    if name is not None:
        runs.refuse_taken(names.locate(name))
    with ExitStack() as stack:
        training = _create(settings, name, stack)
        training.run.log_event("start", step=0, command=runs.command_line())
        yield training


@contextmanager
def resume(run: Run, request: ResumeRequest | None = None) -> Iterator[Training]:
    """Resume a run from its newest usable checkpoint, or the one asked for; what cannot be used is set aside.

    Whatever may be refused is refused before anything is changed.

    Args:
        run: to resume.
        request: what is to be other than before.

    Raises:
        CheckpointError: it has checkpoints, and none can be used, or they cannot be read.
        DataError: the data cannot be had, or is not what the run began with.
        UsageError: the new total is already behind, there is no such checkpoint or device, or a change is not allowed.
        GanctlError: another process is writing the run.
        OSError: the disk refuses.
    """
    with run.writing(), resumption.prepare(run, request or ResumeRequest()) as resumed:
        yield resumed.apply()


def train(
    family: str,
    *,
    data: str | None = None,
    domains: str | None = None,
    pair: str | None = None,
    labels: str | None = None,
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
        labels: a CSV file of the pictures' classes, for a family that needs them.
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
        KeyboardInterrupt: Ctrl-C was pressed, or a notebook's stop button. The current step is finished and saved
            first, unless it comes before the first step or a second time.
    """
    configured = configure(
        family,
        data=data,
        domains=domains,
        pair=pair,
        labels=labels,
        preset=preset,
        init_from=init_from,
        flags=settings,
    )
    with interrupt.sigint_after_saving() as stop, start(configured, run) as training:
        try:
            for warning in training.warnings:
                warn(warning, stacklevel=2)
        except Warning:  # which Python was told to raise: so nothing began
            discard(training.run.path)
            raise
        training.train(stop, Subscriber(_warn, "A warning was made an error"))
        return training.run.path


def _warn(event: Event) -> None:
    """Pass a warning on to Python's own warnings."""
    if isinstance(event, Warned):
        warn(event.message, stacklevel=2)


def _create(settings: Settings, name: str | None, stack: ExitStack) -> Training:
    """Create a run and all that its training needs; the stack holds its lock."""
    torch_device, threads = device.choose(settings.device), device.default_threads()
    family = find_family(settings.family)
    options = family.options(**settings.options)
    data, warnings = dataset.open_data(settings, family, options)
    channels, size, _ = data.shape
    settings = dataclasses.replace(settings, data=data.spec, size=size, channels=channels)
    state, batches, plan, missing = setup.build(settings, family, options, data, torch_device, fresh=True)
    record = {
        "format": FORMAT,
        "settings": settings.to_json(),
        "shape": data.shape,
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "train": data.counts[0],
            "held_out": data.counts[1],
            "broken": len(data.broken),
            **({"domains": data.names} if isinstance(data, TwoDatasets) else {}),
            **({"classes": len(data.info.classes)} if data.info.classes else {}),
        },
        "versions": device.versions(),
        "device": device.describe(torch_device),
        "precision": precision.resolve(settings.precision, torch_device),
        "threads": threads,
        "steps_per_epoch": batches.steps_per_epoch,
        "extensions": [],
        "command": runs.command_line(),
    }
    run = names.create_free(data.name, record) if name is None else runs.create(names.locate(name), record)
    stack.enter_context(interrupt.cleanup_on_interrupt(lambda: None if state.step else discard(run.path)))
    stack.enter_context(run.writing())
    stack.enter_context(device.threads(threads))
    if data.broken:
        run.log_event("broken pictures", files=data.broken)
    return Training(run, settings, family, options, state, batches, plan, (*warnings, *missing))
