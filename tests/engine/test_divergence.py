"""A training that diverged says where, and leaves nothing bad behind."""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.optim import Adam

from ganctl.data.batches import Batch
from ganctl.engine import session, setup
from ganctl.engine.events import Event, Subscriber, VerdictChanged, Warned
from ganctl.engine.state import State
from ganctl.errors import CheckpointError, DivergedError
from ganctl.gans import base, dcgan
from ganctl.gans.base import Clock, Update
from ganctl.runs.checkpoint import MODEL, STATE
from ganctl.runs.run import Run
from ganctl.settings import Settings
from ganctl.tensorfile import read
from tests.commands import failed, ganctl, train
from tests.trainings import STEPS, begin, tiny

Plant = Callable[[dcgan.DCGAN, Update], Update]


def plant(monkeypatch: pytest.MonkeyPatch, step: int, change: Plant) -> list[Tensor]:
    """Do something to every update of a step, counted from 1; the weights before it, as often as it is made."""
    seen: list[Tensor] = []
    plain = dcgan.DCGAN.updates

    def updates(self: dcgan.DCGAN, batch: Batch, clock: Clock) -> Iterator[Update]:
        if clock.step + 1 == step:
            seen.append(torch.cat([parameter.detach().flatten() for parameter in self.parameters()]))
        for update in plain(self, batch, clock):
            yield change(self, update) if clock.step + 1 == step else update

    monkeypatch.setattr(dcgan.DCGAN, "updates", updates)
    return seen


def bad_loss(module: dcgan.DCGAN, update: Update) -> Update:
    """The generator's loss is infinite."""
    return Update(
        {name: loss / (0 if name == "generator" else 1) for name, loss in update.losses.items()}, update.metrics
    )


def bad_gradient(module: dcgan.DCGAN, update: Update) -> Update:
    """The losses are what they were; their slope is none."""
    nought = (0 * module.discriminator.get_parameter("output.weight")).sqrt().sum()
    return Update({name: loss + nought for name, loss in update.losses.items()}, update.metrics)


def bad_metric(module: dcgan.DCGAN, update: Update) -> Update:
    """A metric is not a number."""
    return Update(update.losses, {name: value * torch.nan for name, value in update.metrics.items()})


def diverge(settings: Settings, path: Path = Path("some/run")) -> tuple[DivergedError, list[Event]]:
    """How a training ends, and what it said before."""
    events: list[Event] = []
    with session.start(settings, str(path)) as started, pytest.raises(DivergedError) as caught:
        started.train(lambda: None, Subscriber(events.append))
    return caught.value, events


@pytest.mark.parametrize("step", [3, 8, 9])
@pytest.mark.parametrize(
    ("change", "tensor"),
    [
        (bad_loss, "the loss of the generator"),
        (bad_gradient, "the gradient of discriminator.output.weight"),
        (bad_metric, "the metric D(x)"),
    ],
)
def test_the_first_bad_tensor_is_named_with_its_step(
    photos: Path, monkeypatch: pytest.MonkeyPatch, step: int, change: Plant, tensor: str
) -> None:
    plant(monkeypatch, step, change)
    error, _ = diverge(tiny(photos))
    assert (error.step, error.tensor) == (step, tensor)
    where = "some/run/checkpoints/step-00000005" if step > STEPS else ""
    known = f"the last good checkpoint is {where}" if where else "there is no checkpoint yet"
    said = f"The training diverged at step {step}: the first tensor that is not finite is {tensor}; {known}."
    assert error.message == said


class Slipping(Adam):
    """Its seventh step goes wrong."""

    slot = ""

    def step(self, closure: Any = None) -> Any:
        super().step(closure)
        weight = self.param_groups[0]["params"][-1]
        if self.state[weight]["step"] == 7:
            (self.state[weight][self.slot] if self.slot else weight).data.fill_(torch.inf)


@pytest.mark.parametrize(
    ("slot", "tensor"),
    [
        ("", "the weight discriminator.output.bias after its step"),
        ("exp_avg_sq", "the optimizer's exp_avg_sq of discriminator.output.bias"),
    ],
)
def test_a_step_that_goes_wrong_is_told_from_its_consequences(
    photos: Path, monkeypatch: pytest.MonkeyPatch, slot: str, tensor: str
) -> None:
    monkeypatch.setattr(base, "Adam", Slipping)
    monkeypatch.setattr(Slipping, "slot", slot)
    error, _ = diverge(tiny(photos))
    assert (error.step, error.tensor) == (7, tensor)


def test_an_output_that_overflows_is_named_by_its_module(photos: Path) -> None:
    error, _ = diverge(tiny(photos, lr_generator=1e30, lr_discriminator=1e-9))
    assert (error.step, error.tensor) == (2, "the output of model.mapping.1")


@pytest.mark.parametrize(
    "told", [{}, {"balance": True, "lr_discriminator": 0.1}, {"init": True}, {"checkpoint_every": "9e"}]
)
def test_the_replay_is_the_same_training_bit_for_bit(
    photos: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    settings = tiny(photos, **{key: value for key, value in told.items() if key != "init"})
    if "init" in told:
        other = begin(tiny(photos, seed=5), Path("other/run"), stop_at=2)
        settings = Settings(**{**vars(settings), "init_from": str(other.checkpoint(2) / MODEL)})
    seen = plant(monkeypatch, 4 if "init" in told else 14, bad_loss)
    diverge(settings)
    assert len(seen) == 2
    assert torch.equal(*seen)


def test_nothing_bad_is_saved_and_the_search_leaves_the_run_alone(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, 8, bad_gradient)
    _, events = diverge(tiny(photos))
    run = Run(Path("some/run"))
    assert run.checkpoint_steps() == [5]
    assert all(tensor.isfinite().all() for tensor in read(run.checkpoint(5) / STATE).tensors.values())
    assert [line["step"] for line in run.read_log()] == [3, 5, 6]
    assert [event.step for event in events if isinstance(event, VerdictChanged)] == [8]
    said = [event.message for event in events if isinstance(event, Warned)]
    assert len(said) == 1
    assert "is replayed from the checkpoint of step 5" in said[0]


def test_the_diary_has_the_verdict_and_the_tensor(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, 8, bad_loss)
    diverge(tiny(photos))
    diary = [json.loads(line) for line in Run(Path("some/run")).events.read_text().splitlines()]
    (verdict,) = [event for event in diary if event["event"] == "verdict"]
    assert (verdict["code"], verdict["severity"], verdict["state"]) == ("DIVERGED", "error", "raised")
    assert (verdict["step"], verdict["epoch"]) == (8, 2)
    assert diary[-1]["event"] == "failure"
    assert (diary[-1]["step"], diary[-1]["tensor"]) == (8, "the loss of the generator")


def test_a_damaged_checkpoint_is_passed_over_and_stays_where_it_is(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damage(module: dcgan.DCGAN, update: Update) -> Update:
        (Path("some/run/checkpoints/step-00000010") / STATE).write_bytes(b"")
        return bad_loss(module, update)

    plant(monkeypatch, 13, damage)
    error, _ = diverge(tiny(photos))
    assert (error.step, error.tensor) == (13, "the loss of the generator")
    assert error.message.endswith("the last good checkpoint is some/run/checkpoints/step-00000005.")
    assert Run(Path("some/run")).checkpoint_steps() == [10, 5]


def test_a_reason_to_stop_ends_the_search_with_what_is_known(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = plant(monkeypatch, 8, bad_loss)
    said: list[str] = []

    def stop() -> str | None:
        return "SIGINT" if said else None

    def note(event: Event) -> None:
        said.extend([event.message] if isinstance(event, Warned) else [])

    with session.start(tiny(photos), "some/run") as started, pytest.raises(DivergedError) as caught:
        started.train(stop, Subscriber(note))
    assert said[1:] == ["The first bad number was not found: SIGINT came first."]
    assert len(seen) == 1
    assert caught.value.exit_code == 5
    assert caught.value.message.startswith("At step 8 a loss stopped being a finite number; nothing was saved after it")
    assert "the last good checkpoint is some/run/checkpoints/step-00000005" in caught.value.message


def test_time_that_is_up_already_is_not_overdrawn(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = plant(monkeypatch, 8, bad_loss)
    with session.start(tiny(photos), "some/run") as started, pytest.raises(DivergedError, match="At step 8 a loss"):
        started.train(lambda: "--max-minutes" if started.state.step >= 8 else None)
    assert len(seen) == 1


@pytest.mark.parametrize("why", [RuntimeError("out of memory"), CheckpointError("It is gone.")])
def test_a_search_that_fails_hides_nothing(photos: Path, monkeypatch: pytest.MonkeyPatch, why: Exception) -> None:
    def fail(*arguments: Any, **more: Any) -> State:
        raise why

    plant(
        monkeypatch,
        8,
        lambda module, update: (monkeypatch.setattr(setup, "initial_state", fail), bad_loss(module, update))[1],
    )
    error, events = diverge(tiny(photos))
    assert error.message.startswith("At step 8 a loss stopped being a finite number; nothing was saved after it")
    assert str(why).rstrip(".") in cast("Warned", events[-1]).message


def test_the_command_line_leaves_with_5_and_a_command_that_goes_on(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        plant(patch, 8, bad_loss)
        outcome = train(photos, "--run", "my/run")
    said = failed(outcome, 5)
    assert "at step 8: the first tensor that is not finite is the loss of the generator;" in said
    assert any("is replayed from the checkpoint of step 5" in line for line in outcome.err)
    command = shlex.split(said.partition("In smaller steps: ")[2])
    assert command[-4:] == ["--init-from", "my/run/checkpoints/step-00000005", "--lr", "0.0003"]
    assert ganctl(*command[1:], "--run", "next", "--epochs", 1).code == 0
    options = Run(Path("runs/next")).record()["settings"]["options"]
    assert (options["width"], options["lr_generator"]) == (8, 0.0003)


def test_a_run_without_a_checkpoint_says_what_to_try(photos: Path) -> None:
    said = failed(train(photos, "--lr", "1e30"), 5)
    assert "there is no checkpoint yet" in said
    assert said.endswith("Try a smaller --lr, as --lr 1e+29.")
