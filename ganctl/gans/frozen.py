"""A pretrained part of a GAN: it is used and never trained."""

from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor, nn


class Frozen(nn.Module):
    """A net with weights that were learnt elsewhere, whatever becomes of the nets about it.

    Its weights have no gradient, though gradients flow through it to its inputs, and it stays in evaluation mode when
    the training module is put into training mode. It moves to a device with the module that it is a part of. No
    checkpoint's training state holds its weights: the family loads them whenever it builds its `TrainingModule`.

    Args:
        net: with its weights.
        in_model_file: whether ``model.safetensors`` holds the weights, where this is a part of the model for use. If
            not, the family's `model` has to load them, and no parameter or state of the model is theirs.
    """

    def __init__(self, net: nn.Module, in_model_file: bool = False) -> None:
        super().__init__()
        self._held = (net.eval().requires_grad_(False),)  # a tuple hides it from parameters(), modules(), state_dict()
        self._is_registered = in_model_file
        if in_model_file:
            self.add_module("net", net)

    def forward(self, *inputs: Any) -> Any:
        """Apply the net."""
        return self._held[0](*inputs)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(False)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        """Move the net too: `nn.Module.to` and its kin come here."""
        if not self._is_registered:
            self._held[0]._apply(fn)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def trained_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The state of a module without what is frozen in it: all that a checkpoint needs."""
    frozen = _frozen_prefixes(module)
    return {name: tensor for name, tensor in module.state_dict().items() if not name.startswith(frozen)}


def restore_trained(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Take over what `trained_tensors` returned; what is frozen stays as it is.

    Raises:
        RuntimeError: the names or shapes are another module's.
    """
    frozen = _frozen_prefixes(module)
    kept_tensors = {name: tensor for name, tensor in module.state_dict().items() if name.startswith(frozen)}
    module.load_state_dict({**tensors, **kept_tensors})


def _frozen_prefixes(module: nn.Module) -> tuple[str, ...]:
    """What the names of frozen tensors begin with."""
    return tuple(f"{name}." for name, part in module.named_modules() if isinstance(part, Frozen))
