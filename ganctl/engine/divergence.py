"""Find the first non-finite tensor of a training that diverged, by replaying its steps from the last good checkpoint.

Exact steps give the same numbers again, so the first tensor that is not finite can be caught. Only the steps since
everything was last known to be finite are replayed with hooks on every tensor. Nothing of the run is changed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from ganctl import tensorfile
from ganctl.data.batches import Batches
from ganctl.data.info import DataInfo
from ganctl.engine import setup
from ganctl.engine.events import Emitter, VerdictChanged, Warned
from ganctl.engine.loop import Plan, is_log_step, log_line, train_step
from ganctl.engine.state import State, parameters_of
from ganctl.errors import CheckpointError, DivergedError
from ganctl.evaluation.verdicts import VERDICTS
from ganctl.gans.base import Update
from ganctl.interrupt import StopReason
from ganctl.option import learning_rates_of
from ganctl.runs import checkpoint
from ganctl.runs.checkpoint import STATE
from ganctl.runs.run import Run
from ganctl.tensorfile import TensorFile
from ganctl.text import command

if TYPE_CHECKING:
    from ganctl.engine.training import Training


class FirstNonFinite(NamedTuple):
    """The first tensor that was not finite.

    Attributes:
        step: at which it appeared, counted from 1 as in the log.
        tensor: its name in plain words.
    """

    step: int
    tensor: str


@dataclass(frozen=True)
class Divergence:
    """A training that diverged.

    Attributes:
        error: the failure as the loop noticed it, with the step by which it did.
        training: as the loop left it; the checkpoints of its run are all good.
    """

    error: DivergedError
    training: "Training"

    def explain(self, stop: StopReason, emit: Emitter) -> DivergedError:
        """Search for the first non-finite tensor; the error that says all that is known then.

        Args:
            stop: a reason to end the search early, or None.
            emit: is called with the verdict and with warnings.
        """
        step = self.error.step
        diverged = VERDICTS["DIVERGED"].of(self.training.settings.family)
        emit(VerdictChanged(step, -(-step // self.training.batches.steps_per_epoch), diverged, raised=True))
        first, good = None, last_good_checkpoint(self.training.run)
        if not stop():
            start = "from its beginning" if good is None else f"from the checkpoint of step {good[0]}"
            emit(
                Warned(
                    f"{self.error.message} To find the first bad number, the training is replayed {start}, "
                    "which takes as long as it took; Ctrl-C ends the search."
                )
            )
            try:
                first = self._search(None if good is None else good[1], stop)
                cause = f"{stop() or 'the end'} came first"
            except Exception as error:  # whatever it is, it must not hide what it was to explain
                cause = str(error)
            if first is None:
                emit(Warned(f"The first bad number was not found: {cause}."))
        return self._explained(first, None if good is None else good[0])

    def _search(self, good: TensorFile | None, stop: StopReason) -> FirstNonFinite | None:
        """Replay from a checkpoint's state, or from the beginning, to the step that is known to be bad."""
        training, trained = self.training, self.training.state
        state = setup.initial_state(
            training.settings,
            training.family,
            training.options,
            DataInfo.from_header(training.plan.header),
            trained.device,
            fresh=good is None,
        )
        if good is not None:
            state.restore(good)
        suspects = range(trained.step - trained.steps_since_log, self.error.step)
        return replay(state, training.batches, training.plan, suspects, stop)

    def _explained(self, first: FirstNonFinite | None, good: int | None) -> DivergedError:
        """The error with the first non-finite tensor, the last good checkpoint and the command to type."""
        step, tensor = first or (self.error.step, "")
        message = self.error.message.rstrip(".")
        if first:
            message = f"The training diverged at step {step}: the first tensor that is not finite is {tensor}"
        lr = self._smaller_rate()
        if good is None:
            unknown = f"ganctl train {self.training.family.name} --help lists what makes its steps smaller."
            remedy = f"Try a smaller --lr, as --lr {lr}." if lr else unknown
            return DivergedError(f"{message}; there is no checkpoint yet.", remedy, step, tensor)
        message += f"; the last good checkpoint is {self.training.run.checkpoint(good)}."
        return DivergedError(message, f"To resume would come to it again. {self._retry(good, lr)}", step, tensor)

    def _smaller_rate(self) -> str | None:
        """A learning rate for all players that is no larger than any of theirs; None where the family declares none."""
        options, declared = self.training.settings.options, learning_rates_of(self.training.family.options)
        rates = [float(options[name] or 0) for name in declared]
        return f"{min(*rates, max(rates) / 10):.2g}" if rates else None

    def _retry(self, good: int, lr: str | None) -> str:
        """The command that begins from a good checkpoint, the best if there is one, at a smaller learning rate."""
        settings, run = self.training.settings, self.training.run
        best = run.best_checkpoint()
        flags = {
            "data": settings.data,
            "domains": settings.domains,
            "pair": settings.pair,
            "labels": settings.labels,
            "batch-size": settings.batch_size,
            "limit": settings.limit,
            "init-from": run.checkpoint(best["step"] if best else good),
            "lr": lr,
        }
        words = [word for name, value in flags.items() if value is not None for word in (f"--{name}", str(value))]
        purpose = "In smaller steps" if lr else "With something that makes its steps smaller"
        return f"{purpose}: {command('ganctl', 'train', settings.family, *words)}"


def last_good_checkpoint(run: Run) -> tuple[int, TensorFile] | None:
    """The step and the training state of the newest usable checkpoint; None if there is none."""
    with suppress(CheckpointError):
        for step in run.checkpoint_steps():
            folder = run.checkpoint(step)
            with suppress(CheckpointError, OSError):
                checkpoint.verify(folder)
                return step, tensorfile.read(folder / STATE)
    return None


def replay(state: State, batches: Batches, plan: Plan, suspects: range, stop: StopReason) -> FirstNonFinite | None:
    """Train the same steps again, those of `suspects` with hooks on every tensor.

    Args:
        state: where to begin; it is trained.
        batches: as before.
        plan: as before; its monitor judges every line of the log, as the balance is a part of the training.
        suspects: steps, counted from 0, the last of which is known to be bad.
        stop: a reason to end the search early, or None.

    Returns:
        The first tensor that was not finite; None if all were.
    """
    silent = Emitter()
    while state.step < suspects.stop and not stop():
        if state.step < suspects.start:
            train_step(state, batches, plan)
        elif tensor := tracked_step(state, batches, plan):
            return FirstNonFinite(state.step, tensor)
        if is_log_step(state.step, batches, plan):
            state.require_finite()
            line = log_line(state, batches, {})
            if plan.monitor is not None:
                with silent.warn_and_continue("Judging failed"):  # as in the training itself
                    plan.monitor.update(state, line, silent)
    return None


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in what a net returns: one, or several in nested tuples, lists and mappings."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from tensors_in(part)


class NonFiniteTracker:
    """Checks the tensors of a step in the order in which they are computed.

    Attributes:
        first: the name of the first that was not finite, in plain words; None so far.
    """

    def __init__(self, module: nn.Module) -> None:
        self.first: str | None = None
        self._names = {parameter: name for name, parameter in module.named_parameters()}

    def check(self, name: str, value: Any) -> None:
        """Check a tensor, or every one in nested tuples, lists and mappings; anything else is passed over."""
        if self.first is None and not all(tensor.detach().isfinite().all() for tensor in tensors_in(value)):
            self.first = name

    def check_update(self, update: Update) -> None:
        """Check an update's losses and metrics, before its players move."""
        for player, loss in update.losses.items():
            self.check(f"the loss of the {player}", loss)
        for name, metric in update.metrics.items():
            self.check(f"the metric {name}", metric)

    @contextmanager
    def hooks(self, state: State) -> Iterator[None]:
        """Check the output of every module, and every gradient, weight and moment as a player moves."""

        def check_output(name: str) -> Callable[[nn.Module, Any, Any], None]:
            return lambda module, inputs, output: self.check(f"the output of {name}", output)

        def check_gradients(optimizer: Optimizer, *call: Any) -> None:
            for parameter in parameters_of(optimizer):
                self.check(f"the gradient of {self._names[parameter]}", parameter.grad)

        def check_weights(optimizer: Optimizer, *call: Any) -> None:
            for parameter in parameters_of(optimizer):
                self.check(f"the weight {self._names[parameter]} after its step", parameter)
                for slot, value in optimizer.state.get(parameter, {}).items():
                    self.check(f"the optimizer's {slot} of {self._names[parameter]}", value)

        with ExitStack() as stack:
            for name, module in state.module.named_modules():
                stack.enter_context(module.register_forward_hook(check_output(name)))
            for optimizer in state.optimizers.values():
                stack.enter_context(optimizer.register_step_pre_hook(check_gradients))
                stack.enter_context(optimizer.register_step_post_hook(check_weights))
            yield


def tracked_step(state: State, batches: Batches, plan: Plan) -> str | None:
    """One step with hooks; the first tensor that was not finite, in plain words, or None if the step ended well."""
    tracker = NonFiniteTracker(state.module)
    with tracker.hooks(state):
        train_step(state, batches, plan, tracker.check_update)
    tensors = {name: tensor for name, tensor in state.to_file().tensors.items() if tensor.is_floating_point()}
    bad = next((name for name, tensor in tensors.items() if not tensor.isfinite().all()), None)
    if bad is None and state.first_non_finite < 0:
        return None  # an intermediate infinity that came to nothing
    return tracker.first or f"{str(bad).partition('.')[2]} after the step"
