"""The training loop. It knows updates and players, batches by number and a run directory; it knows no family."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from ganctl.data.batches import Batches
from ganctl.engine.events import Emitter, Ended, Logged, Previewed, Saved, Started, Stepped
from ganctl.engine.state import State, parameters_of
from ganctl.errors import GanctlError
from ganctl.gans.base import Preview, Update
from ganctl.images import grids
from ganctl.runs import checkpoint
from ganctl.runs.metric_names import LOSS, METRIC, prefixed
from ganctl.runs.run import Run
from ganctl.seeds import Stream, seeded
from ganctl.tensorfile import TensorFile
from ganctl.text import finite


class Watch(Protocol):
    """Who looks on: it may measure what was drawn, and has its say on every line of the log.

    What it must not forget stands in ``state.notes``. It changes nothing else of the training, but for the learning
    rates' factors there, and leaves the random numbers alone. Whatever it raises is warned of, and training goes on.
    """

    def measure(self, state: State, preview: Preview, epoch: int, emit: Emitter) -> Mapping[str, float]:
        """Further metrics for the line of an epoch's end."""

    def judge(self, state: State, line: Mapping[str, float], emit: Emitter) -> None:
        """Say what a line comes to."""


class Blind:
    """The watch of a training that nobody looks at."""

    def measure(self, state: State, preview: Preview, epoch: int, emit: Emitter) -> Mapping[str, float]:
        """Nothing."""
        return {}

    def judge(self, state: State, line: Mapping[str, float], emit: Emitter) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Plan:
    """What the loop is to do.

    Attributes:
        total_steps: the step at which it ends.
        seed: decides all randomness.
        log_every: steps between reports.
        save_epochs: a checkpoint at the end of every so many epochs, …
        save_seconds: … and after so many seconds without one.
        keep: checkpoints kept.
        header: what ``model.safetensors`` says of itself.
        schedule: the learning rates' factor at a step.
        autocast: whether losses are computed in bfloat16 where that is safe.
        monitor: who looks on.
    """

    total_steps: int
    seed: int
    log_every: int = 50
    save_epochs: int = 1
    save_seconds: float = 600.0
    keep: int = 2
    header: Mapping[str, Any] = field(default_factory=dict)
    schedule: Callable[[int], float] = lambda step: 1.0
    autocast: bool = False
    monitor: Watch = field(default_factory=Blind)


def move(optimizers: Mapping[str, Optimizer], update: Update) -> None:
    """Move the players of an update: first every gradient, then every step."""
    left = len(update.losses)
    for player, loss in update.losses.items():
        left -= 1
        parameters = parameters_of(optimizers[player])
        torch.autograd.backward(loss, inputs=parameters, retain_graph=left > 0)
        if all(parameter.grad is None for parameter in parameters):
            raise GanctlError(f"The loss of the {player} does not depend on it; its module is wrong.")
    for player in update.losses:
        optimizers[player].step()
        optimizers[player].zero_grad(set_to_none=True)


def train_step(
    state: State, batches: Batches, plan: Plan, look: Callable[[Update], None] = lambda update: None
) -> None:
    """One step: every update of the module, then the average. Randomness is a function of seed and step.

    Args:
        state: what moves.
        batches: what it learns from.
        plan: the seed, the learning rates' factors and the precision.
        look: is shown every update before its players move.
    """
    factor = plan.schedule(state.step)
    for player, optimizer in state.optimizers.items():
        for group, rate in zip(optimizer.param_groups, state.base_lrs[player], strict=True):
            group["lr"] = rate * factor * state.lr_factors.get(player, 1.0)
    losses: dict[str, Tensor] = {}
    metrics: dict[str, Tensor] = {}
    with seeded(state.device, plan.seed, Stream.STEP, state.step):
        updates = state.module.updates(batches.batch(state.step, state.device), state.step)
        while update := _next(updates, state.device, plan.autocast):
            look(update)
            move(state.optimizers, update)
            losses |= {player: loss.detach().float() for player, loss in update.losses.items()}
            metrics |= update.metrics
    state.accumulate(prefixed(LOSS, losses) | prefixed(METRIC, metrics))
    state.step += 1
    state.update_ema()


def train(state: State, batches: Batches, plan: Plan, run: Run, stop: Callable[[], str | None], emit: Emitter) -> Ended:
    """Train up to the plan's total, or until `stop` gives a reason. The run's writer calls this.

    Args:
        state: what moves.
        batches: what it learns from.
        plan: what is to be done.
        run: where it is written.
        stop: asked for the first time when all is ready for the first step, and then after every step. The step in
            hand is always finished and saved before the end.
        emit: is called with what happens, in order.

    Raises:
        DivergedError: a loss or weight is not finite; nothing bad was saved.
        OSError: the last save could not be written.
    """
    unwritten = PendingWrites()
    emit(Started(state.step))
    preview = _draw(0, state, batches, plan, emit) if state.step == 0 else None
    saved, reason = time.monotonic(), stop()
    if preview is not None:
        unwritten.previews[0] = preview
        unwritten.write_sheets(run, emit)
    while state.step < plan.total_steps and not reason:
        train_step(state, batches, plan)
        emit(Stepped(state.step, state.means))
        epoch, into = divmod(state.step, batches.steps_per_epoch)
        measured: Mapping[str, float] = {}
        if into == 0:
            state.require_finite()
            measured = _look(run, epoch, state, batches, plan, unwritten, emit)
        if is_due(state, batches, plan):
            line = log_line(state, batches, measured)
            _report(run, line, unwritten, emit)
            with emit.surviving("The training could not be judged"):
                plan.monitor.judge(state, line, emit)
        reason = stop()
        due = (into == 0 and (epoch % plan.save_epochs == 0 or state.is_best)) or (
            time.monotonic() - saved >= plan.save_seconds
        )
        if due and not reason and state.step < plan.total_steps:
            with emit.surviving(f"The checkpoint of step {state.step} could not be saved"):
                unwritten.write(run, emit)
                emit(save(state, plan, run))
            saved = time.monotonic()
    unwritten.write(run, emit)
    emit(save(state, plan, run))
    ended = Ended(state.step, None if state.step >= plan.total_steps else reason)
    emit(ended)
    return ended


def _next(updates: Iterator[Update], device: torch.device, autocast: bool) -> Update | None:
    """The next update. Autocast closes before any weight moves: its cache would keep the old ones."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
        return next(updates, None)


def is_due(state: State, batches: Batches, plan: Plan) -> bool:
    """Whether a line of the log is due after this step."""
    return state.step % plan.log_every == 0 or state.step % batches.steps_per_epoch == 0


def log_line(state: State, batches: Batches, measured: Mapping[str, float]) -> Mapping[str, float]:
    """The means since the line before, which are then forgotten, and what was measured now.

    Raises:
        DivergedError: a number is not finite.
    """
    state.require_finite()
    epoch = math.ceil(state.step / batches.steps_per_epoch)
    line = {"step": state.step, "epoch": epoch, **state.means(), **measured}
    state.log_sums, state.steps_since_log = {}, 0
    return line


@dataclass
class PendingWrites:
    """Lines of the log and previews that the disk refused: tried again before every checkpoint.

    No checkpoint is ahead of its log. A preview only shows: one that cannot be written keeps nothing from
    being saved.
    """

    lines: list[str] = field(default_factory=list)
    previews: dict[int, Preview] = field(default_factory=dict)

    def write(self, run: Run, emit: Emitter) -> None:
        """Write all of it; what is written is forgotten.

        Raises:
            OSError: the disk refuses a line.
        """
        self.write_sheets(run, emit)
        self.write_lines(run)

    def write_lines(self, run: Run) -> None:
        """Write the lines, or raise OSError."""
        if self.lines:
            run.append_log(self.lines)
            self.lines.clear()

    def write_sheets(self, run: Run, emit: Emitter) -> None:
        """Write the previews, or warn of those that cannot be."""
        for epoch, preview in list(self.previews.items()):
            with emit.surviving(f"The preview of epoch {epoch} could not be written"):
                grids.save_preview(run.preview(epoch), preview.images, preview.columns)
                del self.previews[epoch]
                emit(Previewed(epoch, run.preview(epoch)))


def _report(run: Run, line: Mapping[str, float], unwritten: PendingWrites, emit: Emitter) -> None:
    """Write a line of the log, and those before it that the disk refused."""
    unwritten.lines.append(json.dumps(finite(line)))
    with emit.surviving("The log could not be written"):
        unwritten.write_lines(run)
    emit(Logged(line))


def _look(
    run: Run, epoch: int, state: State, batches: Batches, plan: Plan, unwritten: PendingWrites, emit: Emitter
) -> Mapping[str, float]:
    """Draw the preview of an epoch's end, and measure it; the metrics for the log."""
    preview = _draw(epoch, state, batches, plan, emit)
    if preview is None:
        return {}
    unwritten.previews[epoch] = preview
    unwritten.write_sheets(run, emit)
    with emit.surviving(f"Epoch {epoch} could not be measured"):
        return plan.monitor.measure(state, preview, epoch, emit)
    return {}


def _draw(epoch: int, state: State, batches: Batches, plan: Plan, emit: Emitter) -> Preview | None:
    """The preview of an epoch, always from the same seed; None where that failed."""
    failure = f"The preview of epoch {epoch} could not be drawn"
    with emit.surviving(failure), seeded(state.device, plan.seed, Stream.PREVIEW), torch.inference_mode():
        return state.module.preview(state.ema_model, batches.held_out(state.device))
    return None


def save(state: State, plan: Plan, run: Run) -> Saved:
    """Save a checkpoint.

    Raises:
        DivergedError: it would hold a number that is not finite.
        OSError: the disk refuses.
    """
    state.require_finite()
    began = time.monotonic()
    run.sync_log()
    model = TensorFile(state.ema_model.state_dict(), {**plan.header, "step": state.step})
    path = checkpoint.save(run, state.step, model, state.to_file(), plan.keep, state.best)
    return Saved(state.step, path, time.monotonic() - began)
