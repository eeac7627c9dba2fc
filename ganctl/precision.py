"""Choose the precision of the losses: float32, or bfloat16 wherever torch's autocast considers it safe."""

from typing import Literal

import torch

from ganctl.errors import UsageError

Precision = Literal["auto", "float32", "bfloat16"]


def resolve(name: Precision, device: torch.device) -> Precision:
    """What ``--precision`` means on a device: ``float32`` or ``bfloat16``.

    Args:
        name: one of these, or ``auto``, which is bfloat16 on a CUDA card that has it in hardware, else float32.
        device: where the training runs.

    Raises:
        UsageError: the device cannot compute in bfloat16 at all.
    """
    if name == "auto":
        return "bfloat16" if device.type == "cuda" and _card_has_bfloat16(device, emulated=False) else "float32"
    if name == "bfloat16" and not _can_compute_in_bfloat16(device):
        raise UsageError(f"{device} cannot compute in bfloat16.", "Train in float32: --set precision=float32")
    return name


def _can_compute_in_bfloat16(device: torch.device) -> bool:
    match device.type:
        case "cuda":
            return _card_has_bfloat16(device, emulated=True)
        case "mps":
            return torch.backends.mps.is_macos_or_newer(14, 0)
        case _:
            return True


def _card_has_bfloat16(device: torch.device, emulated: bool) -> bool:
    """Whether a card computes in bfloat16, in hardware or, slowly, by emulation."""
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=emulated))
