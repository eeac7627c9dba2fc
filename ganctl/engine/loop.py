"""The training loop. It knows turns and players, a feed of batches and a run directory; it knows no family."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from ganctl import images
from ganctl.data.batches import Feed
from ganctl.engine.events import Drawn, Emitter, Ended, Reported, Saved, Started, Stepped
from ganctl.engine.state import State, parameters_of
from ganctl.errors import GanctlError
from ganctl.gans.base import Sheet, Turn
from ganctl.runs import checkpoint
from ganctl.runs.checkpoint import Contents
from ganctl.runs.run import Run
from ganctl.seeds import Stream, seeded
from ganctl.text import finite


class Watch(Protocol):
    """Who looks on: it may measure what was drawn, and has its say on every line of the log.

    What it must not forget stands in ``state.notes``. It changes nothing else of the training, but for the learning
    rates' factors there, and leaves the random numbers alone. Whatever it raises is warned of, and training goes on.
    """

    def measure(self, state: State, sheet: Sheet, epoch: int, emit: Emitter) -> Mapping[str, float]:
        """Further readings for the line of an epoch's end."""

    def judge(self, state: State, line: Mapping[str, float], emit: Emitter) -> None:
        """Say what a line comes to."""


class Blind:
    """The watch of a training that nobody looks at."""

    def measure(self, state: State, sheet: Sheet, epoch: int, emit: Emitter) -> Mapping[str, float]:
        """Nothing."""
        return {}

    def judge(self, state: State, line: Mapping[str, float], emit: Emitter) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Plan:
    """What the loop is to do.

    Attributes:
        total: the step at which it ends.
        seed: decides all randomness.
        log_every: steps between reports.
        save_epochs: a checkpoint at the end of every so many epochs, …
        save_seconds: … and after so many seconds without one.
        keep: checkpoints kept.
        header: what ``model.safetensors`` says of itself.
        schedule: the learning rates' factor at a step.
        autocast: whether losses are computed in bfloat16 where that is safe.
        watch: who looks on.
    """

    total: int
    seed: int
    log_every: int = 50
    save_epochs: int = 1
    save_seconds: float = 600.0
    keep: int = 2
    header: Mapping[str, Any] = field(default_factory=dict)
    schedule: Callable[[int], float] = lambda step: 1.0
    autocast: bool = False
    watch: Watch = field(default_factory=Blind)


def move(optimizers: Mapping[str, Optimizer], turn: Turn) -> None:
    """Move the players of a turn: first every gradient, then every step."""
    left = len(turn.losses)
    for player, loss in turn.losses.items():
        left -= 1
        parameters = parameters_of(optimizers[player])
        torch.autograd.backward(loss, inputs=parameters, retain_graph=left > 0)
        if all(parameter.grad is None for parameter in parameters):
            raise GanctlError(f"The loss of the {player} does not depend on it; its recipe is wrong.")
    for player in turn.losses:
        optimizers[player].step()
        optimizers[player].zero_grad(set_to_none=True)


def advance(state: State, feed: Feed, plan: Plan, look: Callable[[Turn], None] = lambda turn: None) -> None:
    """One step: every turn of the recipe, then the average. Randomness is a function of seed and step.

    Args:
        state: what moves.
        feed: what it learns from.
        plan: the seed, the learning rates' factors and the precision.
        look: is shown every turn before its players move.
    """
    factor = plan.schedule(state.step)
    for player, optimizer in state.optimizers.items():
        for group, rate in zip(optimizer.param_groups, state.rates[player], strict=True):
            group["lr"] = rate * factor * state.factors.get(player, 1.0)
    losses: dict[str, Tensor] = {}
    readings: dict[str, Tensor] = {}
    with seeded(state.device, plan.seed, Stream.STEP, state.step):
        turns = state.recipe.turns(feed.batch(state.step, state.device), state.step)
        while turn := _next(turns, state.device, plan.autocast):
            look(turn)
            move(state.optimizers, turn)
            losses |= {player: loss.detach().float() for player, loss in turn.losses.items()}
            readings |= turn.readings
    state.count(losses | readings)
    state.step += 1
    state.update_average()


def train(state: State, feed: Feed, plan: Plan, run: Run, stop: Callable[[], str | None], emit: Emitter) -> Ended:
    """Train up to the plan's total, or until `stop` gives a reason. The run's writer calls this.

    Args:
        state: what moves.
        feed: what it learns from.
        plan: what is to be done.
        run: where it is written.
        stop: asked for the first time when all is ready for the first step, and then after every step. The step in
            hand is always finished and saved before the end.
        emit: is called with what happens, in order.

    Raises:
        DivergedError: a loss or weight is not finite; nothing bad was saved.
        OSError: the last save could not be written.
    """
    unwritten = Unwritten()
    emit(Started(state.step))
    sheet = _draw(0, state, feed, plan, emit) if state.step == 0 else None
    saved, reason = time.monotonic(), stop()
    if sheet is not None:
        unwritten.sheets[0] = sheet
        unwritten.write_sheets(run, emit)
    while state.step < plan.total and not reason:
        advance(state, feed, plan)
        emit(Stepped(state.step, state.means))
        epoch, into = divmod(state.step, feed.steps_per_epoch)
        measured: Mapping[str, float] = {}
        if into == 0:
            state.require_finite()
            measured = _look(run, epoch, state, feed, plan, unwritten, emit)
        if is_due(state, feed, plan):
            line = take_line(state, feed, measured)
            _report(run, line, unwritten, emit)
            with emit.surviving("The training could not be judged"):
                plan.watch.judge(state, line, emit)
        reason = stop()
        due = (into == 0 and (epoch % plan.save_epochs == 0 or state.is_best)) or (
            time.monotonic() - saved >= plan.save_seconds
        )
        if due and not reason and state.step < plan.total:
            with emit.surviving(f"The checkpoint of step {state.step} could not be saved"):
                unwritten.write(run, emit)
                emit(save(state, plan, run))
            saved = time.monotonic()
    unwritten.write(run, emit)
    emit(save(state, plan, run))
    ended = Ended(state.step, None if state.step >= plan.total else reason)
    emit(ended)
    return ended


def _next(turns: Iterator[Turn], device: torch.device, autocast: bool) -> Turn | None:
    """The next turn. Autocast closes before any weight moves: its cache would keep the old ones."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
        return next(turns, None)


def is_due(state: State, feed: Feed, plan: Plan) -> bool:
    """Whether a line of the log is due after this step."""
    return state.step % plan.log_every == 0 or state.step % feed.steps_per_epoch == 0


def take_line(state: State, feed: Feed, measured: Mapping[str, float]) -> Mapping[str, float]:
    """The means since the line before, which are then forgotten, and what was measured now.

    Raises:
        DivergedError: a number is not finite.
    """
    state.require_finite()
    epoch = math.ceil(state.step / feed.steps_per_epoch)
    line = {"step": state.step, "epoch": epoch, **state.means(), **measured}
    state.sums, state.counted = {}, 0
    return line


@dataclass
class Unwritten:
    """Lines of the log and progress sheets that the disk refused: tried again before every checkpoint.

    No checkpoint is ahead of its log. A sheet only shows: one that cannot be written keeps nothing from
    being saved.
    """

    lines: list[str] = field(default_factory=list)
    sheets: dict[int, Sheet] = field(default_factory=dict)

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
        """Write the sheets, or warn of those that cannot be."""
        for epoch, sheet in list(self.sheets.items()):
            with emit.surviving(f"The progress sheet of epoch {epoch} could not be written"):
                images.save_sheet(run.sheet(epoch), sheet.images, sheet.columns)
                del self.sheets[epoch]
                emit(Drawn(epoch, run.sheet(epoch)))


def _report(run: Run, line: Mapping[str, float], unwritten: Unwritten, emit: Emitter) -> None:
    """Write a line of the log, and those before it that the disk refused."""
    unwritten.lines.append(json.dumps(finite(line)))
    with emit.surviving("The log could not be written"):
        unwritten.write_lines(run)
    emit(Reported(line))


def _look(
    run: Run, epoch: int, state: State, feed: Feed, plan: Plan, unwritten: Unwritten, emit: Emitter
) -> Mapping[str, float]:
    """Draw the progress sheet of an epoch's end, and measure it; the readings for the log."""
    sheet = _draw(epoch, state, feed, plan, emit)
    if sheet is None:
        return {}
    unwritten.sheets[epoch] = sheet
    unwritten.write_sheets(run, emit)
    with emit.surviving(f"Epoch {epoch} could not be measured"):
        return plan.watch.measure(state, sheet, epoch, emit)
    return {}


def _draw(epoch: int, state: State, feed: Feed, plan: Plan, emit: Emitter) -> Sheet | None:
    """The progress sheet of an epoch, always from the same seed; None where that failed."""
    failure = f"The progress sheet of epoch {epoch} could not be drawn"
    with emit.surviving(failure), seeded(state.device, plan.seed, Stream.SHEET), torch.inference_mode():
        return state.recipe.preview(state.average, feed.held_out(state.device))
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
    model = Contents(state.average.state_dict(), {**plan.header, "step": state.step})
    path = checkpoint.save(run, state.step, model, state.contents(), plan.keep, state.best)
    return Saved(state.step, path, time.monotonic() - began)
