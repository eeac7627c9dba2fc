"""The training loop. It knows turns and players, a feed of batches and a run directory; it knows no family."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from ganctl import checkpoint, pictures
from ganctl.checkpoint import Contents
from ganctl.data.feed import Feed
from ganctl.errors import GanctlError
from ganctl.families.family import Sheet, Turn
from ganctl.run import Run
from ganctl.seeds import Stream, seeded
from ganctl.state import State, parameters_of
from ganctl.text import finite
from ganctl.verdicts import Verdict


class Watch(Protocol):
    """Who looks on: it may measure what was drawn, and has its say on every line of the log.

    What it must not forget stands in ``state.notes``. It changes nothing else of the training, but for the learning
    rates' factors there, and leaves the random numbers alone.
    """

    def measure(self, state: State, sheet: Sheet, epoch: int) -> Mapping[str, float]:
        """Further readings for the line of an epoch's end."""

    def judge(self, state: State, line: Mapping[str, float]) -> "Iterator[Event]":
        """What a line comes to."""


class Blind:
    """The watch of a training that nobody looks at."""

    def measure(self, state: State, sheet: Sheet, epoch: int) -> Mapping[str, float]:
        """Nothing."""
        return {}

    def judge(self, state: State, line: Mapping[str, float]) -> "Iterator[Event]":
        """Nothing."""
        return iter(())


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


@dataclass(frozen=True)
class Stepped:
    """One step was made. `readings` computes the means since the last report, on demand: it costs a wait."""

    step: int
    readings: Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Reported:
    """A line of the log: step, epoch, every player's loss and the readings, as means since the last line."""

    line: Mapping[str, float]


@dataclass(frozen=True)
class Drawn:
    """The progress sheet of an epoch was drawn."""

    epoch: int
    path: Path


@dataclass(frozen=True)
class Saved:
    """A checkpoint was saved."""

    step: int
    path: Path
    seconds: float


@dataclass(frozen=True)
class Warned:
    """Something went wrong that training survives."""

    message: str


@dataclass(frozen=True)
class Ended:
    """The loop is over and saved. `reason` is None where the target was reached."""

    step: int
    reason: str | None


@dataclass(frozen=True)
class Measured:
    """The quality was measured: figures by name, and those of held-out pictures where they are known."""

    step: int
    epoch: int
    figures: Mapping[str, float]
    held_out: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class Judged:
    """A verdict was raised, or taken back."""

    step: int
    epoch: int
    verdict: Verdict
    raised: bool


Event = Stepped | Reported | Drawn | Saved | Warned | Measured | Judged | Ended


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


def train(state: State, feed: Feed, plan: Plan, run: Run, stop: Callable[[], str | None]) -> Iterator[Event]:
    """Train up to the plan's total, or until `stop` gives a reason. The run's writer calls this.

    Yields:
        what happened, in order. The step in hand is always finished and saved before the end.

    Raises:
        DivergedError: a loss or weight is not finite; nothing bad was saved.
        OSError: the last save could not be written.
    """
    pending: list[str] = []
    saved, reason = time.monotonic(), stop()
    if state.step == 0:
        yield from _draw(run, 0, _sheet(state, feed, plan))
    while state.step < plan.total and not reason:
        advance(state, feed, plan)
        yield Stepped(state.step, state.means)
        epoch, into = divmod(state.step, feed.steps_per_epoch)
        measured: Mapping[str, float] = {}
        if into == 0:
            state.require_finite()
            sheet = _sheet(state, feed, plan)
            yield from _draw(run, epoch, sheet)
            measured = plan.watch.measure(state, sheet, epoch)
        if is_due(state, feed, plan):
            line = take_line(state, feed, measured)
            yield from _report(run, pending, line)
            yield from plan.watch.judge(state, line)
        reason = stop()
        due = (into == 0 and (epoch % plan.save_epochs == 0 or state.is_best)) or (
            time.monotonic() - saved >= plan.save_seconds
        )
        if due and not reason and state.step < plan.total:
            try:
                yield save(state, plan, run)
            except OSError as error:
                yield Warned(f"The checkpoint of step {state.step} could not be saved, training goes on: {error}")
            saved = time.monotonic()
    yield save(state, plan, run)
    yield Ended(state.step, None if state.step >= plan.total else reason)


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


def _report(run: Run, pending: list[str], line: Mapping[str, float]) -> Iterator[Event]:
    """Write a line of the log; on a full disk it waits in `pending` for the next one."""
    pending.append(json.dumps(finite(line)))
    try:
        run.append_log(pending)
        pending.clear()
    except OSError as error:
        yield Warned(f"The log could not be written, training goes on: {error}")
    yield Reported(line)


def _sheet(state: State, feed: Feed, plan: Plan) -> Sheet:
    """The progress sheet, always from the same seed."""
    with seeded(state.device, plan.seed, Stream.SHEET), torch.inference_mode():
        return state.recipe.preview(state.average, feed.held_out(state.device))


def _draw(run: Run, epoch: int, sheet: Sheet) -> Iterator[Event]:
    """Write the progress sheet of an epoch."""
    try:
        pictures.save_sheet(run.sheet(epoch), sheet.images, sheet.columns)
        yield Drawn(epoch, run.sheet(epoch))
    except OSError as error:
        yield Warned(f"The progress sheet of epoch {epoch} could not be written, training goes on: {error}")


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
