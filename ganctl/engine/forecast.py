"""Forecast the cost of a training on this machine from a few real steps."""

import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganctl import device, interrupt
from ganctl.engine import loop, session
from ganctl.settings import Settings

_MAX_SECONDS = 20.0  # of steps, after which fewer have to do


@dataclass(frozen=True)
class Forecast:
    """The cost of a training on this machine, measured over a few real steps.

    Attributes:
        summary: what would be trained on what, where.
        warnings: sentences about what was not as asked for.
        lighter_hint: what to change where it takes too long.
        parameters: player → the number of its weights.
        steps_per_epoch: in an epoch.
        step_seconds: duration of one step.
        epochs: that the training is to have.
        batch_size: pictures in a step.
        peak_bytes: the most memory held; None where the system does not tell.
        checkpoint_bytes: size of one checkpoint on the disk.
    """

    summary: str
    warnings: tuple[str, ...]
    lighter_hint: str
    parameters: Mapping[str, int]
    steps_per_epoch: int
    step_seconds: float
    epochs: int
    batch_size: int
    peak_bytes: int | None
    checkpoint_bytes: int


def measure(settings: Settings, steps: int = 6) -> Forecast:
    """Run a few real steps, two at least, in a run that is then deleted.

    Raises:
        GanctlError: as `session.start`.
    """
    folder = Path(tempfile.mkdtemp(prefix="ganctl-"))
    try:
        cleanup = interrupt.cleanup_on_interrupt(lambda: shutil.rmtree(folder, ignore_errors=True))
        with cleanup, session.start(settings, str(folder / "dry-run")) as trial:
            state, batches, plan = trial.state, trial.batches, trial.plan
            seconds = []
            for _ in range(steps):
                start = time.perf_counter()
                loop.train_step(state, batches, plan)
                state.require_finite()  # also waits for an accelerator
                seconds.append(time.perf_counter() - start)
                if len(seconds) > 1 and sum(seconds) > _MAX_SECONDS:
                    break
            saved = loop.save(state, plan, trial.run)
            return Forecast(
                summary=trial.summary,
                warnings=trial.warnings,
                lighter_hint=trial.lighter_hint,
                parameters=trial.parameters,
                steps_per_epoch=batches.steps_per_epoch,
                step_seconds=sum(seconds[1:]) / (len(seconds) - 1),
                epochs=trial.settings.epochs,
                batch_size=batches.batch_size,
                peak_bytes=device.peak_memory(state.device),
                checkpoint_bytes=sum(file.stat().st_size for file in saved.path.iterdir()),
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
