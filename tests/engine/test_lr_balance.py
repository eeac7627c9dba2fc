"""Balance slows down the player that overpowers the other, gives back what it took, and forgets nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ganctl.engine import session
from ganctl.engine.lr_balance import MAX_ACCURACY, MAX_DISCRIMINATOR_LOSS, MIN_ACCURACY, MIN_FACTOR, balanced_factors
from ganctl.engine.setup import configure
from ganctl.runs.checkpoint import STATE
from ganctl.runs.metric_names import ROLES
from ganctl.runs.run import Run
from ganctl.tensorfile import read
from tests.commands import failed, train
from tests.trainings import TOTAL, assert_equal, begin, go_on, tiny

EQUAL = {"generator": 1.0, "discriminator": 1.0}


def after(
    accuracy: float, factors: Mapping[str, float] = EQUAL, loss: float = 1.0, steps: int = 50
) -> dict[str, float]:
    return balanced_factors(factors, {"metric/accuracy": accuracy, "loss/discriminator": loss}, steps, ROLES)


@pytest.mark.parametrize("accuracy", [MIN_ACCURACY, 0.5, 0.65, MAX_ACCURACY])
def test_an_even_game_is_left_alone(accuracy: float) -> None:
    assert after(accuracy) == EQUAL


def test_a_discriminator_that_is_always_right_halves_its_rate_in_fifty_steps() -> None:
    assert after(1.0) == {"generator": 1.0, "discriminator": pytest.approx(0.5)}
    assert after(0.9)["discriminator"] == pytest.approx(0.5**0.5)
    assert after(1.0, steps=100)["discriminator"] == pytest.approx(0.25)


def test_a_discriminator_that_is_often_wrong_slows_the_generator() -> None:
    assert after(0.25) == {"generator": pytest.approx(0.5), "discriminator": 1.0}


def test_a_discriminator_that_is_wrong_with_great_confidence_is_slowed_itself() -> None:
    assert after(0.25, loss=2 * MAX_DISCRIMINATOR_LOSS) == {"generator": 1.0, "discriminator": pytest.approx(0.5)}


def test_what_was_taken_comes_back_slowly_and_whole() -> None:
    factors = {"generator": 0.5, "discriminator": 0.5}
    back = after(0.6, factors)
    assert all(0.5 < factor < 0.7 for factor in back.values())
    for _ in range(50):
        back = after(0.6, back)
    assert back == EQUAL


def test_no_player_is_stopped() -> None:
    factors: Mapping[str, float] = EQUAL
    for _ in range(100):
        factors = after(1.0, factors)
    assert factors["discriminator"] == MIN_FACTOR


def test_a_run_in_balance_that_was_stopped_ends_with_the_same_bits(photos: Path) -> None:
    def settings() -> Any:
        return tiny(photos, balance=True, lr_discriminator=0.1)

    whole = begin(settings(), Path("whole/run"))
    stopped = begin(settings(), Path("stopped/run"), stop_at=7)
    memory = read(stopped.checkpoint(7) / STATE).header["monitor"]
    assert memory["lr_factors"]["discriminator"] < 1
    with session.resume(stopped) as resumed:
        assert resumed.state.balance_factors == memory["lr_factors"]
    go_on(stopped)
    assert_equal(whole, stopped)
    unbalanced = begin(tiny(photos, lr_discriminator=0.1), Path("unbalanced/run"))
    assert list(unbalanced.read_log()) != list(whole.read_log())
    assert whole.checkpoint_steps()[0] == TOTAL


def test_the_flags_of_measuring_and_balance_reach_the_run(photos: Path) -> None:
    flags = ("--balance", "--stop-at", "equilibrium", "--evaluate-every", 0, "--extractor", "digits-cnn")
    assert train(photos, "--run", "my/run", *flags).code == 0
    told = Run(Path("my/run")).record()["settings"]
    assert (told["balance"], told["stop_at"], told["evaluate_every"]) == (True, "equilibrium", 0)
    assert told["extractor"] == "digits-cnn"
    assert "not allowed" in failed(train(photos, "--stop-at", "noon"), 2)


def digits(name: str, epochs: int, **flags: Any) -> list[dict[str, Any]]:
    """The log of a training on 6,000 digits with half of the default's width, its quality measured at the end."""
    told = {"limit": 6000, "width": 32, "epochs": epochs, "evaluate_every": epochs}
    return list(begin(configure("dcgan", data="digits", flags=told | flags), Path(name) / "run").read_log())


@pytest.mark.campaign
def test_a_training_that_fails_without_balance_recovers_with_it() -> None:
    """The discriminator's learning rate is fifty times the default's, and no penalty keeps it smooth."""
    fails: dict[str, Any] = {"lr_discriminator": 0.1, "r1": 0.0}
    found = {balance: digits(f"{balance}", 8, balance=balance, **fails) for balance in (False, True)}
    for balance, lines in found.items():
        print(f"balance={balance}", lines[-1], [line["metric/accuracy"] for line in lines])
    accuracy = {balance: sum(line["metric/accuracy"] for line in lines[-10:]) / 10 for balance, lines in found.items()}
    fid, diversity = (
        {on: found[on][-1][name] for on in found} for name in ("score/fid-digits-cnn", "sample/diversity")
    )
    assert accuracy[False] > 0.9
    assert 0.4 < accuracy[True] < 0.8
    assert fid[True] < 0.7 * fid[False]
    assert diversity[False] < 0.6
    assert diversity[True] > 0.8


@pytest.mark.campaign
def test_balance_does_not_touch_a_healthy_training() -> None:
    assert digits("plain", 2) == digits("balanced", 2, balance=True)
