"""All that a checkpoint holds of a training, and how it comes back from one."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganctl.errors import CheckpointError, DivergedError
from ganctl.gans.base import Recipe
from ganctl.runs.checkpoint import Contents


class State:
    """All that a checkpoint holds: the recipe, the optimizers' moments, the average, the sums for the log, and notes.

    Attributes:
        notes: JSON of those who look on, by name: what they must not forget when the training is stopped.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            recipe.to(memory_format=torch.channels_last)  # tensor cores read pictures so; others are transposed first
        self.recipe = recipe.to(device).train()
        self.average = deepcopy(recipe.model).eval().requires_grad_(False)
        self.optimizers = recipe.optimizers()
        self.rates = {name: [group["lr"] for group in o.param_groups] for name, o in self.optimizers.items()}
        self.step = 0
        self.counted = 0
        self.sums: dict[str, Tensor] = {}
        self.notes: dict[str, Any] = {}
        self.first_bad = torch.tensor(-1, device=device)

    @property
    def factors(self) -> Mapping[str, float]:
        """What balance has made of the players' learning rates."""
        factors: Mapping[str, float] = self.notes.get("balance", {})
        return factors

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The best measured so far: step, epoch, figure and value; None before the first."""
        best: Mapping[str, Any] | None = self.notes.get("best")
        return best

    @property
    def is_best(self) -> bool:
        """Whether the best was measured at this very step."""
        return self.best is not None and self.best["step"] == self.step

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
        for name, reading in readings.items():
            value = reading.float()  # a sum in bfloat16 would soon lose what is added
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()
        finite = torch.stack([value.isfinite() for value in readings.values()]).all()
        self.first_bad = torch.where(finite | (self.first_bad >= 0), self.first_bad, self.step)
        self.counted += 1

    def means(self) -> dict[str, float]:
        """The means since the last report, to six digits."""
        return {name: float(f"{total.item() / self.counted:.6g}") for name, total in self.sums.items()}

    def require_finite(self) -> None:
        """Raise DivergedError where a loss, a reading or anything that would be saved is not a finite number."""
        step = int(self.first_bad.item()) + 1
        if step == 0:
            kept = [each for each in self.contents().tensors.values() if each.is_floating_point() and each.numel()]
            largest = torch._foreach_norm(kept, torch.inf)  # the sum of squares would overflow before they do
            if torch.stack([value.to(self.device, torch.float32) for value in largest]).isfinite().all():
                return
        what = f"At step {step} a loss" if step else f"By step {self.step} a weight"
        raise DivergedError(
            f"{what} stopped being a finite number; nothing was saved after it.", step=step or self.step
        )

    def contents(self) -> Contents:
        """Everything that training needs to go on: tensors by name, and the engine's own block."""
        found = {f"recipe.{name}": tensor for name, tensor in self.recipe.state_dict().items()}
        found |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        found |= {f"sum.{name}": tensor for name, tensor in self.sums.items()}
        for player, parameter, name in self._optimized():
            for slot, value in self.optimizers[player].state.get(parameter, {}).items():
                found[f"optimizer.{player}.{name}.{slot}"] = value
        header = {"step": self.step, "counted": self.counted, "sums": list(self.sums), "notes": self.notes}
        return Contents(found, header)

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
            self.notes = dict(contents.header.get("notes", {}))  # those of before this existed have none
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
            for parameter in parameters_of(optimizer):
                yield player, parameter, names[parameter]


def parameters_of(optimizer: Optimizer) -> list[nn.Parameter]:
    """The weights that an optimizer moves."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
