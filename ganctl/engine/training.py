"""A training that is ready to run: what was set up for it, how it is described, and how it is run to its end."""

import errno
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ganctl import interrupt
from ganctl.data.batches import Batches
from ganctl.engine import loop, tensorboard
from ganctl.engine.divergence import Divergence
from ganctl.engine.event_log import event_log
from ganctl.engine.events import Emitter, Ended, Event, Subscriber, VerdictChanged
from ganctl.engine.loop import Plan
from ganctl.engine.state import State, parameters_of
from ganctl.errors import DivergedError, GanctlError
from ganctl.files import reason
from ganctl.gans.base import Family
from ganctl.runs.run import Run
from ganctl.settings import Settings
from ganctl.units import counted


@dataclass(frozen=True)
class Training:
    """A training that is ready to start or to go on.

    Attributes:
        run: the run directory.
        settings: with everything decided.
        family: the one that the settings name.
        options: the settings' options, parsed into the family's dataclass.
        warnings: sentences about what was not as asked for.
    """

    run: Run
    settings: Settings
    family: Family
    options: Any
    state: State
    batches: Batches
    plan: Plan
    warnings: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, int]:
        """Player → the number of its weights."""
        optimizers = self.state.optimizers
        return {player: sum(map(Tensor.numel, parameters_of(optimizers[player]))) for player in optimizers}

    @property
    def summary(self) -> str:
        """What is trained on what, where, in a line."""
        settings, channels = self.settings, "grey" if self.settings.channels == 1 else "colour"
        weights = ", ".join(f"{name} {count:,}" for name, count in self.parameters.items())
        precision = " in bfloat16" if self.plan.autocast else ""
        epochs = counted(settings.epochs, "epoch")
        return (
            f"{settings.family} ({settings.preset}) on {self.batches.description} of "
            f"{settings.size}×{settings.size} {channels}, {epochs} of "
            f"{counted(self.batches.steps_per_epoch, 'step')}, {self.state.device}{precision}; "
            f"parameters: {weights}"
        )

    @property
    def lighter_hint(self) -> str:
        """What to change where this training takes too long."""
        preset = self.family.light_preset
        if preset is None or preset == self.settings.preset:
            return "A smaller --size takes less."
        return f"--preset {preset} is several times as fast, and a smaller --size is too."

    @property
    def verb(self) -> str:
        """The first command that uses the model, such as ``sample``."""
        return self.family.verbs[0]

    @property
    def finished(self) -> bool:
        """Whether its last step is done."""
        return self.state.step >= self.plan.total_steps

    def train(self, stop: interrupt.StopReason = lambda: None, *subscribers: Subscriber) -> Ended:
        """Train to the end, or until there is a reason to stop, and log what happens: see `loop.train`.

        Args:
            stop: the reason to stop, or None to go on.
            subscribers: are called with every event; whatever they raise is warned of and ends nothing.

        Raises:
            DivergedError: a loss or weight is not finite; nothing bad was saved.
            GanctlError: the last save could not be written.
        """
        for warning in self.warnings:
            self.run.log_event("warning", message=warning)
        stop_code = (self.settings.stop_at or "").upper()
        reached: list[str] = []

        def note_verdict(event: Event) -> None:
            if isinstance(event, VerdictChanged) and event.raised and event.verdict.code == stop_code:
                reached.append(interrupt.EQUILIBRIUM)

        log = event_log(self.run, self.state)
        emit = Emitter(log, Subscriber(note_verdict), *self._tensorboard(), *subscribers)
        try:
            return self._trained(lambda: stop() or next(iter(reached), None), emit)
        except DivergedError as error:
            self.run.log_event("failure", step=error.step, tensor=error.tensor, message=error.message)
            raise
        except GanctlError as error:
            self.run.log_event("failure", step=self.state.step, message=error.message)
            raise
        except OSError as error:
            self.run.log_event("failure", step=self.state.step, message=reason(error))
            first = "Raise its limit (ulimit -f)" if error.errno == errno.EFBIG else "Make room for it"
            remedy = f"{first}, then: {self.run.resume_command}"
            raise GanctlError(f"{self.run.path} could not be saved: {reason(error)}.", remedy) from None

    def _trained(self, stop: interrupt.StopReason, emit: Emitter) -> Ended:
        """Train; if that diverges, find out where."""
        try:
            return loop.train(self.state, self.batches, self.plan, self.run, stop, emit)
        except DivergedError as error:
            raise Divergence(error, self).explain(stop, emit) from error

    def _tensorboard(self) -> list[Subscriber]:
        """The writer of TensorBoard's event files, if they are asked for and can be written."""
        if not (self.settings.tensorboard and tensorboard.is_installed()):
            return []
        return [tensorboard.EventFile(self.run, self.batches.steps_per_epoch, self.settings.epochs).subscriber]
