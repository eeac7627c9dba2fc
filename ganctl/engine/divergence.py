"""Where a training left the finite numbers: found by going its steps once more, from its last good checkpoint.

Steps that are exact come to the same numbers again, so the first tensor that is not finite can be caught in the act.
The way there is gone plainly; only the steps since everything was last known to be finite are gone under inspection.
Nothing of the run is touched.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from ganctl import tensorfile
from ganctl.data.batches import Batches
from ganctl.engine import setup
from ganctl.engine.events import Emitter, VerdictChanged, Warned
from ganctl.engine.loop import Plan, is_due, log_line, train_step
from ganctl.engine.state import State, parameters_of
from ganctl.errors import CheckpointError, DivergedError
from ganctl.evaluation.verdicts import VERDICTS
from ganctl.gans.base import Family, Update
from ganctl.interrupt import StopReason
from ganctl.runs import checkpoint
from ganctl.runs.checkpoint import STATE
from ganctl.runs.run import Run
from ganctl.settings import Settings
from ganctl.tensorfile import TensorFile
from ganctl.text import command


class FirstNonFinite(NamedTuple):
    """What was not finite first.

    Attributes:
        step: in which it appeared, counted from 1 as in the log.
        tensor: what it is, in plain words.
    """

    step: int
    tensor: str


@dataclass(frozen=True)
class Divergence:
    """A training that diverged.

    Attributes:
        error: what was noticed, and the step by which it was.
        run: its checkpoints are all good.
        settings: with everything decided.
        family: the one that they name.
        options: theirs, as the family's dataclass.
        state: where the training broke off.
    """

    error: DivergedError
    run: Run
    settings: Settings
    family: Family
    options: Any
    state: State
    batches: Batches
    plan: Plan

    def explain(self, stop: StopReason, emit: Emitter) -> DivergedError:
        """Search for the first bad tensor; the error with what is known then.

        Args:
            stop: ends the search early.
            emit: is called with what happens.
        """
        step = self.error.step
        diverged = VERDICTS["DIVERGED"].of(self.settings.family)
        emit(VerdictChanged(step, -(-step // self.batches.steps_per_epoch), diverged, raised=True))
        found, good = None, last_good_checkpoint(self.run)
        if not stop():
            where = "from its beginning" if good is None else f"from the checkpoint of step {good[0]}"
            emit(
                Warned(
                    f"{self.error.message} To find the first bad number, the training is replayed {where}, "
                    "which takes as long as it took; Ctrl-C ends the search."
                )
            )
            try:
                found = self._search(None if good is None else good[1], stop)
                missed = f"{stop() or 'the end'} came first"
            except Exception as error:  # whatever it is, it must not hide what it was to explain
                missed = str(error)
            if found is None:
                emit(Warned(f"The first bad number was not found: {missed}."))
        return self._with(found, None if good is None else good[0])

    def _search(self, good: TensorFile | None, stop: StopReason) -> FirstNonFinite | None:
        """Go from a checkpoint, or from the beginning, to the step that is known to be bad."""
        shape = self.plan.header["shape"]
        state = setup.initial_state(
            self.settings, self.family, self.options, shape, self.state.device, fresh=good is None
        )
        if good is not None:
            state.restore(good)
        all_was_well = self.state.step - self.state.steps_since_log
        return replay(state, self.batches, self.plan, range(all_was_well, self.error.step), stop)

    def _with(self, found: FirstNonFinite | None, good: int | None) -> DivergedError:
        """The error with all that is known."""
        step, tensor = found or (self.error.step, "")
        said = self.error.message.rstrip(".")
        if found:
            said = f"The training diverged at step {step}: the first tensor that is not finite is {tensor}"
        told = self.settings.options
        rates = [float(told[name] or 0) for name in ("lr_generator", "lr_discriminator")]
        lr = f"{min(*rates, max(rates) / 10):.2g}"
        if good is None:
            return DivergedError(
                f"{said}; there is no checkpoint yet.", f"Try a smaller --lr, as --lr {lr}.", step, tensor
            )
        said += f"; the last good checkpoint is {self.run.checkpoint(good)}."
        return DivergedError(said, f"To resume would come to it again. {self._anew(good, lr)}", step, tensor)

    def _anew(self, good: int, lr: str) -> str:
        """The command that goes on from a good checkpoint, the best if there is one, in smaller steps."""
        told, best = self.settings, self.run.best()
        flags = {
            "data": told.data,
            "domains": told.domains,
            "pair": told.pair,
            "batch-size": told.batch_size,
            "limit": told.limit,
            "init-from": self.run.checkpoint(best["step"] if best else good),
            "lr": lr,
        }
        words = [word for name, value in flags.items() if value is not None for word in (f"--{name}", str(value))]
        return f"In smaller steps: {command('ganctl', 'train', told.family, *words)}"


def last_good_checkpoint(run: Run) -> tuple[int, TensorFile] | None:
    """The step and the training state of the newest usable checkpoint; None where there is none."""
    with suppress(CheckpointError):
        for step in run.checkpoint_steps():
            folder = run.checkpoint(step)
            with suppress(CheckpointError, OSError):
                checkpoint.verify(folder)
                return step, tensorfile.read(folder / STATE)
    return None


def replay(state: State, batches: Batches, plan: Plan, suspects: range, stop: StopReason) -> FirstNonFinite | None:
    """Go the same steps again, those of `suspects` under inspection.

    Args:
        state: where to begin; it moves.
        batches: as before.
        plan: as before; its watch has its say at every line of the log, as balance is a part of the training.
        suspects: steps, counted from 0, the last of which is known to be bad.
        stop: ends it early.

    Returns:
        What was not finite first; None if nothing was.
    """
    silent = Emitter()
    while state.step < suspects.stop and not stop():
        if state.step < suspects.start:
            train_step(state, batches, plan)
        elif tensor := tracked_step(state, batches, plan):
            return FirstNonFinite(state.step, tensor)
        if is_due(state, batches, plan):
            line = log_line(state, batches, {})
            with silent.surviving("Judging failed"):  # as in the training itself
                plan.monitor.judge(state, line, silent)
    return None


class NonFiniteTracker:
    """Eyes on the tensors of a step, in the order in which they come to be.

    Attributes:
        first: the first that was not finite, in plain words; None so far.
    """

    def __init__(self, module: nn.Module) -> None:
        self.first: str | None = None
        self._names = {parameter: name for name, parameter in module.named_parameters()}

    def check(self, what: str, tensor: Tensor | None) -> None:
        """Look at a tensor."""
        if self.first is None and tensor is not None and not tensor.detach().isfinite().all():
            self.first = what

    def check_update(self, update: Update) -> None:
        """Look at an update before its players move."""
        for player, loss in update.losses.items():
            self.check(f"the loss of the {player}", loss)
        for name, reading in update.metrics.items():
            self.check(f"the reading {name}", reading)

    @contextmanager
    def hooks(self, state: State) -> Iterator[None]:
        """Look at the output of every module, and at every gradient and weight as a player moves."""

        def see_output(name: str) -> Callable[[nn.Module, Any, Any], None]:
            return lambda module, inputs, output: self.check(f"the output of {name}", output)

        def see_gradients(optimizer: Optimizer, *call: Any) -> None:
            for parameter in parameters_of(optimizer):
                self.check(f"the gradient of {self._names[parameter]}", parameter.grad)

        def see_weights(optimizer: Optimizer, *call: Any) -> None:
            for parameter in parameters_of(optimizer):
                self.check(f"the weight {self._names[parameter]} after its step", parameter)
                for slot, value in optimizer.state.get(parameter, {}).items():
                    self.check(f"the optimizer's {slot} of {self._names[parameter]}", value)

        with ExitStack() as stack:
            for name, module in state.module.named_modules():
                stack.enter_context(module.register_forward_hook(see_output(name)))
            for optimizer in state.optimizers.values():
                stack.enter_context(optimizer.register_step_pre_hook(see_gradients))
                stack.enter_context(optimizer.register_step_post_hook(see_weights))
            yield


def tracked_step(state: State, batches: Batches, plan: Plan) -> str | None:
    """Make a step; what was not finite first in it, in plain words, or None where it came out well."""
    eyes = NonFiniteTracker(state.module)
    with eyes.hooks(state):
        train_step(state, batches, plan, eyes.check_update)
    kept = {name: tensor for name, tensor in state.to_file().tensors.items() if tensor.is_floating_point()}
    bad = next((name for name, tensor in kept.items() if not tensor.isfinite().all()), None)
    if bad is None and state.first_non_finite < 0:
        return None  # an infinity on the way that came to nothing
    return eyes.first or f"{str(bad).partition('.')[2]} after the step"
