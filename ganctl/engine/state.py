"""The state of a training: all that a checkpoint holds, and how it is restored from one."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganctl.errors import CheckpointError, DivergedError
from ganctl.gans.base import TrainingModule
from ganctl.gans.frozen import restore_trained, trained_tensors
from ganctl.runs import checkpoint
from ganctl.tensorfile import TensorFile


class State:
    """All that a checkpoint holds: the module, the optimizers' moments, the averaged model, the sums for the log.

    Attributes:
        log_sums: the sum of each loss and metric since the last line of the log.
        log_counts: the number of steps in each of these sums.
        monitor_state: the memory of the monitor as JSON: the best checkpoint, the balance and the verdicts.
    """

    def __init__(self, module: TrainingModule, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            module.to(memory_format=torch.channels_last)  # tensor cores read pictures so; others are transposed first
        self.module = module.to(device).train()
        self.ema_model = deepcopy(module.model).eval().requires_grad_(False)
        self.optimizers = module.optimizers()
        self.base_lrs = {name: [group["lr"] for group in o.param_groups] for name, o in self.optimizers.items()}
        self.step = 0
        self.steps_since_log = 0
        self.log_sums: dict[str, Tensor] = {}
        self.log_counts: dict[str, int] = {}
        self.monitor_state: dict[str, Any] = {}
        self.first_non_finite = torch.tensor(-1, device=device)

    @property
    def balance_factors(self) -> Mapping[str, float]:
        """The factors by which the balance lowers the players' learning rates."""
        factors: Mapping[str, float] = self.monitor_state.get("lr_factors", {})
        return factors

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The best checkpoint so far: step, epoch, score and value; None before the first measurement."""
        best: Mapping[str, Any] | None = self.monitor_state.get("best")
        return best

    @property
    def is_new_best(self) -> bool:
        """Whether the best so far was measured at this very step."""
        return self.best is not None and self.best["step"] == self.step

    def update_ema(self) -> None:
        """Move the averaged weights towards the model's; copy the buffers (batch-norm statistics).

        The decay grows with the steps, min(ema, (1 + t) / (10 + t)), so that the first weights are forgotten.
        """
        decay = min(self.module.ema, (1 + self.step) / (10 + self.step))
        model = self.module.model
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema_model.parameters()), list(model.parameters()), 1 - decay)
            for averaged, buffer in zip(self.ema_model.buffers(), model.buffers(), strict=True):
                averaged.copy_(buffer)

    def accumulate(self, metrics: Mapping[str, Tensor]) -> None:
        """Add one step's metrics to the sums, and latch the first step at which one is not finite."""
        for name, metric in metrics.items():
            value = metric.float()  # a sum in bfloat16 would soon lose what is added
            self.log_sums[name] = self.log_sums[name] + value if name in self.log_sums else value.clone()
            self.log_counts[name] = self.log_counts.get(name, 0) + 1
        self.steps_since_log += 1
        if not metrics:
            return
        finite = torch.stack([value.isfinite() for value in metrics.values()]).all()
        self.first_non_finite = torch.where(finite | (self.first_non_finite >= 0), self.first_non_finite, self.step)

    def means(self) -> dict[str, float]:
        """The means since the last line of the log, each over the steps that had the value, to six digits."""
        return {name: float(f"{total.item() / self.log_counts[name]:.6g}") for name, total in self.log_sums.items()}

    def require_finite(self) -> None:
        """Check that every loss, every metric and all that would be saved is finite.

        Raises:
            DivergedError: something is not.
        """
        step = int(self.first_non_finite.item()) + 1
        if step == 0:
            tensors = [
                value for value in self.to_file().tensors.values() if value.is_floating_point() and value.numel()
            ]
            largest = torch._foreach_norm(tensors, torch.inf)  # the sum of squares would overflow before they do
            if torch.stack([value.to(self.device, torch.float32) for value in largest]).isfinite().all():
                return
        subject = f"At step {step} a loss" if step else f"By step {self.step} a weight"
        raise DivergedError(
            f"{subject} stopped being a finite number; nothing was saved after it.", step=step or self.step
        )

    def to_file(self) -> TensorFile:
        """Everything that training needs to go on: tensors by name, and the engine's own header."""
        tensors = {f"module.{name}": tensor for name, tensor in trained_tensors(self.module).items()}
        tensors |= {f"ema.{name}": tensor for name, tensor in trained_tensors(self.ema_model).items()}
        tensors |= {f"sum.{name}": tensor for name, tensor in self.log_sums.items()}
        for player, parameter, name in self._optimized():
            for slot, value in self.optimizers[player].state.get(parameter, {}).items():
                tensors[f"optimizer.{player}.{name}.{slot}"] = value
        header = {
            "kind": checkpoint.TRAINING_STATE,
            "step": self.step,
            "steps_since_log": self.steps_since_log,
            "log_sums": list(self.log_sums),
            "log_counts": self.log_counts,
            "monitor": self.monitor_state,
        }
        return TensorFile(tensors, header)

    def restore(self, file: TensorFile) -> None:
        """Take over the state that `to_file` described.

        Raises:
            CheckpointError: the names or shapes are another model's.
        """
        parts: dict[str, dict[str, Tensor]] = {"module": {}, "ema": {}, "sum": {}, "optimizer": {}}
        try:
            for name, tensor in file.tensors.items():
                part, _, key = name.partition(".")
                parts[part][key] = tensor
            restore_trained(self.module, parts["module"])
            restore_trained(self.ema_model, parts["ema"])
            self._restore_moments(parts["optimizer"])
            self.log_sums = {name: parts["sum"][name].to(self.device) for name in file.header["log_sums"]}
            self.step, self.steps_since_log = int(file.header["step"]), int(file.header["steps_since_log"])
            counts = file.header.get("log_counts", {})  # which older checkpoints lack: every value was in every step
            self.log_counts = {name: int(counts.get(name, self.steps_since_log)) for name in self.log_sums}
            self.monitor_state = dict(file.header["monitor"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(f"The checkpoint is of another model: {error}.") from None

    def _restore_moments(self, stored: Mapping[str, Tensor]) -> None:
        """Restore each moment in its parameter's strides: fused optimizers walk both in memory order."""
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
        """Every optimized parameter as ``(player, parameter, name)``."""
        names = {parameter: name for name, parameter in self.module.named_parameters()}
        for player, optimizer in self.optimizers.items():
            for parameter in parameters_of(optimizer):
                yield player, parameter, names[parameter]


def parameters_of(optimizer: Optimizer) -> list[nn.Parameter]:
    """The weights that an optimizer updates: those that it was given and that are not frozen."""
    return [weight for group in optimizer.param_groups for weight in group["params"] if weight.requires_grad]
