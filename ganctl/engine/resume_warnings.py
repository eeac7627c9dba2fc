"""Sentences on what differs from before when a run is resumed: its device, its schedule, its log."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ganctl import device
from ganctl.data.batches import Batches
from ganctl.gans.base import Clock
from ganctl.runs.run import Run
from ganctl.settings import Settings
from ganctl.units import counted


def of_device(record: Mapping[str, Any], torch_device: torch.device) -> list[str]:
    """Warn if the device is not the one that ``run.json`` records."""
    before, now = record["device"], device.describe(torch_device)
    if before == now:
        return []
    return [f"It ran on {before} and continues on {now}: its last bits will differ from those of an uninterrupted run."]


def of_schedule(
    before: Settings,
    now: Settings,
    schedule: Callable[[Clock], float | Mapping[str, float]],
    step: int,
    batches: Batches,
) -> list[str]:
    """Warn if another total of epochs changes the learning rates.

    Args:
        before: the settings that the run had.
        now: those that it has from here on.
        schedule: the clock → the factors of the learning rates.
        step: at which the run goes on.
        batches: tell how many steps an epoch has.
    """
    totals = [settings.epochs * batches.steps_per_epoch for settings in (before, now)]
    steps = (step, min(totals) - 1)
    clocks = [[Clock(at_step, total, batches.steps_per_epoch) for at_step in steps] for total in totals]
    old, new = ([schedule(clock) for clock in clocks_of_total] for clocks_of_total in clocks)
    if old == new:
        return []
    return [
        f"The learning rates' schedule is now that of {now.epochs} epochs: "
        f"here their factor is {_format(new[0])}, and was {_format(old[0])} on the way to {before.epochs}."
    ]


def _format(factor: float | Mapping[str, float]) -> str:
    if isinstance(factor, Mapping):
        return ", ".join(f"{value:.3g} ({player})" for player, value in factor.items())
    return f"{factor:.3g}"


def of_log(run: Run, settings: Settings, step: int, batches: Batches) -> list[str]:
    """A sentence on missing lines of the log up to a step; there should be none, for no checkpoint is ahead of it."""
    expected = {*range(settings.log_every, step + 1, settings.log_every)}
    expected |= {*range(batches.steps_per_epoch, step + 1, batches.steps_per_epoch)}
    lost = len(expected - {line["step"] for line in run.read_log()})
    if not lost or settings.allow_changed_data:  # other data may have had other epochs
        return []
    return [f"Of {run.log} {counted(lost, 'line')} {'is' if lost == 1 else 'are'} lost; it goes on without."]
