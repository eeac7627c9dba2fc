"""The training loop. It knows players and their updates, batches and a run directory; it knows no GAN in particular."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ganctl.data.batches import Batch, Batches
from ganctl.engine.events import Emitter, Ended, Saved, Started, Stepped
from ganctl.engine.retrying_writer import RetryingWriter
from ganctl.engine.state import State, parameters_of
from ganctl.errors import GanctlError
from ganctl.gans.base import Clock, Preview, Update
from ganctl.runs import checkpoint
from ganctl.runs.metric_names import LOSS, METRIC, prefixed
from ganctl.runs.run import Run
from ganctl.seeds import RandomStream, seeded
from ganctl.tensorfile import TensorFile

if TYPE_CHECKING:
    from ganctl.engine.monitor import Monitor


@dataclass(frozen=True)
class Plan:
    """What the loop is to do.

    Attributes:
        total_steps: the step at which it ends.
        seed: decides all randomness.
        log_every: steps between two lines of the log.
        save_epochs: epochs between two checkpoints, which are saved at an epoch's end.
        save_seconds: seconds after which a checkpoint is saved in any case.
        keep: checkpoints kept.
        header: of ``model.safetensors``.
        schedule: the clock → the factor of all learning rates, or player → factor.
        autocast: whether losses are computed in bfloat16 where that is safe.
        monitor: measures and judges the training; None for none.
    """

    total_steps: int
    seed: int
    log_every: int = 50
    save_epochs: int = 1
    save_seconds: float = 600.0
    keep: int = 2
    header: Mapping[str, Any] = field(default_factory=dict)
    schedule: Callable[[Clock], float | Mapping[str, float]] = lambda clock: 1.0
    autocast: bool = False
    monitor: "Monitor | None" = None


def move(optimizers: Mapping[str, Optimizer], update: Update) -> None:
    """Move the players of an update: first every gradient, then every step.

    Raises:
        GanctlError: a player's loss does not depend on any of its weights.
    """
    remaining = len(update.losses)
    for player, loss in update.losses.items():
        remaining -= 1
        parameters = parameters_of(optimizers[player])
        torch.autograd.backward(loss, inputs=parameters, retain_graph=remaining > 0)
        if all(parameter.grad is None for parameter in parameters):
            raise GanctlError(
                f"The loss of the {player} does not depend on its weights: the updates of this GAN are wrong."
            )
    for player in update.losses:
        optimizers[player].step()
        optimizers[player].zero_grad(set_to_none=True)


def train_step(
    state: State, batches: Batches, plan: Plan, on_update: Callable[[Update], None] = lambda update: None
) -> None:
    """One step: every update that the GAN's training module yields, then the moving average of the weights.

    Randomness is a function of seed and step.

    Args:
        state: advanced by one step.
        batches: of training data.
        plan: gives the seed, the learning rates' schedule and the precision.
        on_update: is called with every update before its players move.
    """
    clock = Clock(state.step, plan.total_steps, batches.steps_per_epoch)
    scheduled = plan.schedule(clock)
    for player, optimizer in state.optimizers.items():
        factor, balance_factor = lr_factor(scheduled, player), state.balance_factors.get(player, 1.0)
        for group, base_lr in zip(optimizer.param_groups, state.base_lrs[player], strict=True):
            group["lr"] = base_lr * factor * balance_factor
    with seeded(state.device, plan.seed, RandomStream.STEP, state.step):
        metrics = move_players(state, batches.batch(state.step, state.device), clock, plan, on_update)
    state.accumulate(metrics)
    state.step += 1
    state.update_ema()


def lr_factor(scheduled: float | Mapping[str, float], player: str) -> float:
    """The factor of a player's learning rate in what a family's schedule returned; 1 for one that is not in it."""
    return scheduled.get(player, 1.0) if isinstance(scheduled, Mapping) else scheduled


def move_players(
    state: State, batch: Batch, clock: Clock, plan: Plan, on_update: Callable[[Update], None]
) -> dict[str, Tensor]:
    """Make every update of a step, and return its losses and metrics under the log's keys.

    The losses of a player that moves more than once are added up; a metric of several updates is their mean. Nothing in
    it waits for the device, so that a CUDA graph can record it.
    """
    losses: dict[str, list[Tensor]] = {}
    metrics: dict[str, list[Tensor]] = {}
    updates = state.module.updates(batch, clock)
    while update := _next_update(updates, state.device, plan.autocast):
        on_update(update)
        move(state.optimizers, update)
        for player, loss in update.losses.items():
            losses.setdefault(player, []).append(loss.detach().float())
        for name, metric in update.metrics.items():
            metrics.setdefault(name, []).append(metric)
    sums = {player: values[0] if len(values) == 1 else torch.stack(values).sum() for player, values in losses.items()}
    means = {name: values[0] if len(values) == 1 else _mean(values) for name, values in metrics.items()}
    return prefixed(LOSS, sums) | prefixed(METRIC, means)


def _mean(values: list[Tensor]) -> Tensor:
    return torch.stack([value.float() for value in values]).mean()


def _next_update(updates: Iterator[Update], device: torch.device, autocast: bool) -> Update | None:
    """The next update. Autocast closes before any weight moves: its cache would keep the old ones."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
        return next(updates, None)


def train(state: State, batches: Batches, plan: Plan, run: Run, stop: Callable[[], str | None], emit: Emitter) -> Ended:
    """Train up to the plan's total, or until `stop` gives a reason. The caller holds the run's lock.

    Args:
        state: is trained.
        batches: of training data.
        plan: what is to be done.
        run: the directory to write to.
        stop: called for the first time when all is ready for the first step, and then after every step. The current
            step is always finished and saved before the end.
        emit: is called with what happens, in order.

    Raises:
        DivergedError: a loss or weight is not finite; nothing bad was saved.
        OSError: the last save could not be written.
    """
    writer = RetryingWriter(run, emit)
    emit(Started(state.step))
    preview = _preview(0, state, batches, plan, emit) if state.step == 0 else None
    last_save, reason = time.monotonic(), stop()
    if preview is not None:
        writer.write_preview(0, preview)
    while state.step < plan.total_steps and not reason:
        train_step(state, batches, plan)
        emit(Stepped(state.step, state.means))  # the means are computed only if a display asks: that waits for the GPU
        epoch, steps_into_epoch = divmod(state.step, batches.steps_per_epoch)
        if is_log_step(state.step, batches, plan):
            state.require_finite()
            measured = {} if steps_into_epoch else _measure(epoch, state, batches, plan, writer, emit)
            line = log_line(state, batches, measured)
            writer.write_line(line)
            if plan.monitor is not None:
                with emit.warn_and_continue("The training could not be judged"):
                    plan.monitor.update(state, line, emit)  # emits verdicts, and balances the learning rates
        reason = stop()
        save_is_due = (steps_into_epoch == 0 and (epoch % plan.save_epochs == 0 or state.is_new_best)) or (
            time.monotonic() - last_save >= plan.save_seconds
        )
        if save_is_due and not reason and state.step < plan.total_steps:
            with emit.warn_and_continue(f"The checkpoint of step {state.step} could not be saved"):
                writer.retry()
                emit(save(state, plan, run))
            last_save = time.monotonic()
    writer.retry()
    emit(save(state, plan, run))
    ended = Ended(state.step, None if state.step >= plan.total_steps else reason)
    emit(ended)
    return ended


def is_log_step(step: int, batches: Batches, plan: Plan) -> bool:
    """Whether a line of the log is due after a step: at every epoch's end, and in between."""
    return step % plan.log_every == 0 or step % batches.steps_per_epoch == 0


def log_line(state: State, batches: Batches, measured: Mapping[str, float]) -> Mapping[str, float]:
    """A line of the log: what was measured now, and the means since the line before, whose sums are reset.

    `State.require_finite` has passed at this step.
    """
    epoch = math.ceil(state.step / batches.steps_per_epoch)
    line = {"step": state.step, "epoch": epoch, **state.means(), **measured}
    state.log_sums, state.log_counts, state.steps_since_log = {}, {}, 0
    return line


def _measure(
    epoch: int, state: State, batches: Batches, plan: Plan, writer: RetryingWriter, emit: Emitter
) -> Mapping[str, float]:
    """Generate and write the preview of an epoch's end; what the monitor measures then."""
    preview = _preview(epoch, state, batches, plan, emit)
    if preview is None:
        return {}
    writer.write_preview(epoch, preview)
    if plan.monitor is not None:
        with emit.warn_and_continue(f"Epoch {epoch} could not be measured"):
            return plan.monitor.measure(state, preview, epoch, emit)
    return {}


def _preview(epoch: int, state: State, batches: Batches, plan: Plan, emit: Emitter) -> Preview | None:
    """The preview of an epoch, always from the same seed; None where that failed."""
    failure = f"The preview of epoch {epoch} could not be generated"
    with emit.warn_and_continue(failure), seeded(state.device, plan.seed, RandomStream.PREVIEW), torch.inference_mode():
        preview = state.module.preview(state.ema_model, batches.held_out(state.device))
        preview.require_fitting_names()
        return preview
    return None


def save(state: State, plan: Plan, run: Run) -> Saved:
    """Save a checkpoint.

    Raises:
        DivergedError: it would hold a number that is not finite.
        OSError: the disk refuses.
    """
    state.require_finite()
    start = time.monotonic()
    run.sync_log()
    model = TensorFile(state.ema_model.state_dict(), {**plan.header, "step": state.step})
    path = checkpoint.save(run, state.step, model, state.to_file(), plan.keep, state.best)
    return Saved(state.step, path, time.monotonic() - start)
