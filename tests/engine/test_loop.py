"""The engine serves families that it has never heard of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from ganctl.data.batches import Batch
from ganctl.engine import loop
from ganctl.engine.events import Emitter, Event, Saved, Subscriber
from ganctl.engine.loop import Plan, move, train_step
from ganctl.engine.state import State
from ganctl.errors import DivergedError, GanctlError
from ganctl.gans.base import Clock, Preview, TrainingModule, Update
from ganctl.runs import checkpoint
from ganctl.runs.checkpoint import STATE
from ganctl.runs.run import Run, create
from ganctl.seeds import RandomStream, mix
from ganctl.tensorfile import read

CPU = torch.device("cpu")


class Pairs:
    """Two unpaired domains of 8 pictures each, two a step."""

    steps_per_epoch = 4
    description = "pairs"
    batch_size = 1

    def batch(self, step: int, device: torch.device) -> Batch:
        generator = torch.Generator().manual_seed(mix(0, RandomStream.ORDER, step))
        return {side: torch.rand(2, 3, 4, 4, generator=generator) for side in ("a", "b")}

    def held_out(self, device: torch.device) -> Batch:
        return {side: torch.zeros(2, 3, 4, 4) for side in ("a", "b")}


class TwoDomains(TrainingModule):
    """The shape of a CycleGAN: two generators that move together, then two discriminators, and a picture pool."""

    ema = 0.9
    pool: Tensor

    def __init__(self, simultaneous: bool = False) -> None:
        super().__init__()
        self.model = nn.ModuleDict({"a2b": nn.Conv2d(3, 3, 3, padding=1), "b2a": nn.Conv2d(3, 3, 3, padding=1)})
        self.judges = nn.ModuleDict({"a": nn.Conv2d(3, 1, 4), "b": nn.Conv2d(3, 1, 4)})
        self.register_buffer("pool", torch.zeros(4, 3, 4, 4))
        self.simultaneous = simultaneous

    def optimizers(self) -> dict[str, Optimizer]:
        return {
            "generators": Adam(self.model.parameters(), 1e-3, fused=True),
            "discriminator_a": Adam(self.judges["a"].parameters(), 1e-3),
            "discriminator_b": SGD(self.judges["b"].parameters(), 1e-2, momentum=0.9),
        }

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        a2b, b2a = self.model.get_submodule("a2b"), self.model.get_submodule("b2a")
        fake_b, fake_a = a2b(batch["a"]), b2a(batch["b"])
        cycle = (b2a(fake_b) - batch["a"]).abs().mean() + (a2b(fake_a) - batch["b"]).abs().mean()
        fooled = (self.judges["a"](fake_a) - 1).square().mean() + (self.judges["b"](fake_b) - 1).square().mean()
        generators = {"generators": fooled + 10 * cycle}
        self.pool[clock.step % 4] = fake_a[0].detach()
        judges = {
            f"discriminator_{side}": (self.judges[side](batch[side]) - 1).square().mean()
            + self.judges[side](fake).square().mean()
            for side, fake in (("a", self.pool), ("b", fake_b if self.simultaneous else fake_b.detach()))
        }
        metrics = {"cycle": cycle.detach(), "noise": torch.rand(())}
        if self.simultaneous:
            yield Update(generators | judges, metrics)
        else:
            yield Update(generators, metrics)
            yield Update(judges)

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        drawn = model.get_submodule("a2b")(batch["a"])
        return Preview(torch.cat([batch["a"], drawn]), 2, drawn)


def train(path: str, module: TrainingModule, stop_at: int = 10**9, total: int = 12, emit: Emitter | None = None) -> Run:
    """Train a fake family as far as asked, from its newest checkpoint if it has one."""
    run = Run(Path(path))
    if not run.path.exists():
        run = create(run.path, {"format": 2, "settings": {}})
    state = State(module, CPU)
    if steps := run.checkpoint_steps():
        state.restore(read(run.checkpoint(steps[0]) / STATE))
    plan = Plan(
        total_steps=total, seed=3, log_every=5, keep=50, schedule=lambda clock: 1 - clock.step / clock.total_steps
    )
    loop.train(state, Pairs(), plan, run, lambda: "enough" if state.step >= stop_at else None, emit or Emitter())
    return run


def fresh(simultaneous: bool) -> TrainingModule:
    torch.manual_seed(1)
    return TwoDomains(simultaneous)


@pytest.mark.parametrize("simultaneous", [False, True])
@pytest.mark.parametrize("k", [1, 4, 7])
def test_a_two_domain_family_with_a_pool_resumes_exactly_while_its_learning_rate_falls(
    simultaneous: bool, k: int
) -> None:
    through = train("through", fresh(simultaneous))
    stopped = train("stopped", fresh(simultaneous), stop_at=k)
    torch.manual_seed(99)
    train("stopped", TwoDomains(simultaneous))
    one, other = (read(run.checkpoint(12) / STATE) for run in (through, stopped))
    assert one.header == other.header
    assert one.tensors.keys() == other.tensors.keys()
    assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)
    assert through.log.read_bytes() == stopped.log.read_bytes()
    assert {"module.pool", "optimizer.discriminator_b.judges.b.weight.momentum_buffer"} <= one.tensors.keys()


def test_the_log_has_a_key_for_every_player_and_metric() -> None:
    lines = list(train("run", fresh(False)).read_log())
    assert [line["step"] for line in lines] == [4, 5, 8, 10, 12]
    assert [line["epoch"] for line in lines] == [1, 2, 2, 3, 3]
    keys = [
        "step",
        "epoch",
        "loss/generators",
        "loss/discriminator_a",
        "loss/discriminator_b",
        "metric/cycle",
        "metric/noise",
    ]
    assert all(list(line) == keys for line in lines)


def players() -> tuple[nn.Parameter, nn.Parameter, dict[str, Optimizer]]:
    a, b = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(3.0))
    return a, b, {"a": SGD([a], 0.1), "b": SGD([b], 0.1)}


def test_in_a_simultaneous_update_every_gradient_is_taken_before_any_weight_moves() -> None:
    a, b, optimizers = players()
    product = a * b
    move(optimizers, Update({"a": product, "b": -product}))
    assert a.item() == pytest.approx(2 - 0.1 * 3)
    assert b.item() == pytest.approx(3 + 0.1 * 2)


def test_a_players_loss_moves_that_player_alone() -> None:
    a, b, optimizers = players()
    move(optimizers, Update({"a": a * b}))
    assert a.item() == pytest.approx(1.7)
    assert b.item() == 3.0
    assert a.grad is None
    assert b.grad is None


def test_a_loss_that_does_not_reach_its_player_is_an_error() -> None:
    _, b, optimizers = players()
    with pytest.raises(GanctlError, match="does not depend"):
        move(optimizers, Update({"a": b * 1.0}))


def test_randomness_within_a_step_depends_on_seed_and_step_alone() -> None:
    def noise(step: int) -> float:
        state = State(fresh(False), CPU)
        state.step = step
        torch.manual_seed(step * 7)
        train_step(state, Pairs(), Plan(total_steps=9, seed=3))
        return float(state.log_sums["metric/noise"])

    assert noise(2) == noise(2)
    assert noise(2) != noise(3)


class Poisoned(TwoDomains):
    """Its loss is not a number at step 6."""

    def updates(self, batch: Batch, clock: Clock) -> Iterator[Update]:
        for update in super().updates(batch, clock):
            losses = {name: loss * (torch.nan if clock.step == 6 else 1.0) for name, loss in update.losses.items()}
            yield Update(losses, update.metrics)


def test_a_loss_that_is_not_a_number_stops_the_run_before_anything_bad_is_saved() -> None:
    with pytest.raises(DivergedError, match="step 7 "):
        train("run", Poisoned())
    run = Run(Path("run"))
    assert run.checkpoint_steps() == [4]
    assert all(tensor.isfinite().all() for tensor in read(run.checkpoint(4) / STATE).tensors.values())
    assert [line["step"] for line in run.read_log()] == [4, 5]


def test_a_full_disk_skips_the_save_and_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    saves: list[int] = []
    saved: Any = checkpoint.save

    def full(run: Run, step: int, *rest: object) -> Path:
        saves.append(step)
        if step < 12:
            raise OSError(28, "No space left on device")
        path: Path = saved(run, step, *rest)
        return path

    monkeypatch.setattr(checkpoint, "save", full)
    run = train("run", fresh(False))
    assert saves == [4, 8, 12]
    assert run.checkpoint_steps() == [12]


def test_a_disk_that_is_full_at_the_last_save_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(OSError, match="No space left"):
        train("run", fresh(False))


def test_log_lines_that_a_full_disk_refused_are_written_later(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, refused = Run.append_log, [True, True]

    def append(run: Run, lines: list[str]) -> None:
        if refused:
            refused.pop()
            raise OSError(28, "No space left on device")
        plain(run, lines)

    monkeypatch.setattr(Run, "append_log", append)
    assert [line["step"] for line in train("run", fresh(False)).read_log()] == [4, 5, 8, 10, 12]


def test_checkpoints_come_at_the_cadence_that_was_asked_for() -> None:
    def saves(**cadence: float) -> list[int]:
        state, run = State(fresh(False), CPU), create(Path(f"run{len(list(Path().iterdir()))}"), {})
        plan = Plan(total_steps=12, seed=3, keep=50, **cadence)  # type: ignore[arg-type]
        events: list[Event] = []
        loop.train(state, Pairs(), plan, run, lambda: None, Emitter(Subscriber(events.append)))
        return [event.step for event in events if isinstance(event, Saved)]

    assert saves() == [4, 8, 12]
    assert saves(save_epochs=2) == [8, 12]
    assert saves(save_seconds=0.0) == list(range(1, 13))
