"""The training loop. It knows turns and players, a feed of batches and a run directory; it knows no family."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganctl import checkpoint, pictures
from ganctl.checkpoint import Contents
from ganctl.data.feed import Feed
from ganctl.errors import CheckpointError, DivergedError, GanctlError
from ganctl.families.family import Recipe, Turn
from ganctl.run import Run
from ganctl.seeds import Stream, seeded


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


Event = Stepped | Reported | Drawn | Saved | Warned | Ended


class State:
    """All that a checkpoint holds: the recipe, the optimizers' moments, the average, and the sums for the log."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.device = device
        self.recipe = recipe.to(device).train()
        self.average = deepcopy(recipe.model).eval().requires_grad_(False)
        self.optimizers = recipe.optimizers()
        self.rates = {name: [group["lr"] for group in o.param_groups] for name, o in self.optimizers.items()}
        self.step = 0
        self.counted = 0
        self.sums: dict[str, Tensor] = {}
        self.first_bad = torch.tensor(-1, device=device)

    def update_average(self) -> None:
        """Move the averaged weights towards the model's; copy the buffers (batch-norm statistics).

        The decay grows with the steps, min(ema, (1 + t) / (10 + t)), so that the first weights are forgotten.
        """
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        model = self.recipe.model
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(model.parameters()), 1 - decay)
            for averaged, buffer in zip(self.average.buffers(), model.buffers(), strict=True):
                averaged.copy_(buffer)

    def count(self, readings: Mapping[str, Tensor]) -> None:
        """Add one step's readings to the sums, and latch the first step at which one is not finite."""
        for name, value in readings.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()
        finite = torch.stack([value.isfinite() for value in readings.values()]).all()
        self.first_bad = torch.where(finite | (self.first_bad >= 0), self.first_bad, self.step)
        self.counted += 1

    def means(self) -> dict[str, float]:
        """The means since the last report, to six digits."""
        return {name: float(f"{total.item() / self.counted:.6g}") for name, total in self.sums.items()}

    def require_finite(self) -> None:
        """Raise DivergedError where a loss, a reading or a weight is not a finite number."""
        step = int(self.first_bad.item())
        if step < 0 and all(norm.isfinite() for norm in torch._foreach_norm(list(self.recipe.parameters()))):
            return
        what = f"At step {step + 1} a loss" if step >= 0 else f"By step {self.step} a weight"
        raise DivergedError(f"{what} stopped being a finite number; nothing was saved after it.")

    def contents(self) -> Contents:
        """Everything that training needs to go on: tensors by name, and the engine's own block."""
        found = {f"recipe.{name}": tensor for name, tensor in self.recipe.state_dict().items()}
        found |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        found |= {f"sum.{name}": tensor for name, tensor in self.sums.items()}
        for player, parameter, name in self._optimized():
            for slot, value in self.optimizers[player].state.get(parameter, {}).items():
                found[f"optimizer.{player}.{name}.{slot}"] = value
        return Contents(found, {"step": self.step, "counted": self.counted, "sums": list(self.sums)})

    def restore(self, contents: Contents) -> None:
        """Become what `contents` described.

        Raises:
            CheckpointError: the names or shapes are another model's.
        """
        parts: dict[str, dict[str, Tensor]] = {"recipe": {}, "average": {}, "sum": {}, "optimizer": {}}
        try:
            for name, tensor in contents.tensors.items():
                part, _, rest = name.partition(".")
                parts[part][rest] = tensor
            self.recipe.load_state_dict(parts["recipe"])
            self.average.load_state_dict(parts["average"])
            self._restore_moments(parts["optimizer"])
            self.sums = {name: parts["sum"][name].to(self.device) for name in contents.header["sums"]}
            self.step, self.counted = int(contents.header["step"]), int(contents.header["counted"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(f"The checkpoint is of another model: {error}.") from None

    def _restore_moments(self, stored: Mapping[str, Tensor]) -> None:
        """Each moment in its parameter's strides: fused optimizers walk both in memory order."""
        for optimizer in self.optimizers.values():
            optimizer.state.clear()
        for player, parameter, name in self._optimized():
            prefix = f"{player}.{name}."
            slots = {key.removeprefix(prefix): value for key, value in stored.items() if key.startswith(prefix)}
            fused = self.optimizers[player].defaults.get("fused")
            for slot, value in slots.items():
                if value.shape == parameter.shape and slot != "step":
                    like = torch.empty_like(parameter, dtype=value.dtype, memory_format=torch.preserve_format)
                    slots[slot] = like.copy_(value)
                else:  # Adam's step count, which lives on the CPU unless the optimizer is fused
                    slots[slot] = value.clone().to(self.device if fused else "cpu")
            if slots:
                self.optimizers[player].state[parameter] = slots

    def _optimized(self) -> Iterator[tuple[str, nn.Parameter, str]]:
        names = {parameter: name for name, parameter in self.recipe.named_parameters()}
        for player, optimizer in self.optimizers.items():
            for parameter in _parameters(optimizer):
                yield player, parameter, names[parameter]


def move(optimizers: Mapping[str, Optimizer], turn: Turn) -> None:
    """Move the players of a turn: first every gradient, then every step."""
    left = len(turn.losses)
    for player, loss in turn.losses.items():
        left -= 1
        parameters = _parameters(optimizers[player])
        torch.autograd.backward(loss, inputs=parameters, retain_graph=left > 0)
        if all(parameter.grad is None for parameter in parameters):
            raise GanctlError(f"The loss of the {player} does not depend on it; its recipe is wrong.")
    for player in turn.losses:
        optimizers[player].step()
        optimizers[player].zero_grad(set_to_none=True)


def advance(state: State, feed: Feed, plan: Plan) -> None:
    """One step: every turn of the recipe, then the average. Randomness is a function of seed and step."""
    factor = plan.schedule(state.step)
    for player, optimizer in state.optimizers.items():
        for group, rate in zip(optimizer.param_groups, state.rates[player], strict=True):
            group["lr"] = rate * factor
    losses: dict[str, Tensor] = {}
    readings: dict[str, Tensor] = {}
    with seeded(state.device, plan.seed, Stream.STEP, state.step):
        turns = state.recipe.turns(feed.batch(state.step, state.device), state.step)
        while turn := _next(turns, state.device, plan.autocast):
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
        yield from _draw(state, feed, plan, run, epoch=0)
    while state.step < plan.total and not reason:
        advance(state, feed, plan)
        yield Stepped(state.step, state.means)
        epoch, into = divmod(state.step, feed.steps_per_epoch)
        if into == 0 or state.step % plan.log_every == 0:
            yield from _report(state, run, pending, epoch=math.ceil(state.step / feed.steps_per_epoch))
        if into == 0:
            yield from _draw(state, feed, plan, run, epoch)
        reason = stop()
        due = (into == 0 and epoch % plan.save_epochs == 0) or time.monotonic() - saved >= plan.save_seconds
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


def _report(state: State, run: Run, pending: list[str], epoch: int) -> Iterator[Event]:
    """Write a line of the log; on a full disk it waits in `pending` for the next one."""
    state.require_finite()
    line = {"step": state.step, "epoch": epoch, **state.means()}
    state.sums, state.counted = {}, 0
    pending.append(json.dumps(line))
    try:
        run.append_log(pending)
        pending.clear()
    except OSError as error:
        yield Warned(f"The log could not be written, training goes on: {error}")
    yield Reported(line)


def _draw(state: State, feed: Feed, plan: Plan, run: Run, epoch: int) -> Iterator[Event]:
    """Draw the progress sheet, always from the same seed."""
    with seeded(state.device, plan.seed, Stream.SHEET), torch.inference_mode():
        sheet = state.recipe.preview(state.average, feed.held_out(state.device))
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
    model = Contents(state.average.state_dict(), {**plan.header, "step": state.step})
    path = checkpoint.save(run, state.step, model, state.contents(), plan.keep)
    return Saved(state.step, path, time.monotonic() - began)


def _parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
