"""The registry of families: the ones that ship, and those that Python code adds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import ganctl
from ganctl import gans
from ganctl.data.info import Needs
from ganctl.engine.setup import configure
from ganctl.errors import UsageError
from ganctl.gans import FAMILIES, acgan, dcgan, find, register
from ganctl.gans.options import dcgan as dcgan_options
from tests.commands import failed
from tests.commands import ganctl as cli
from tests.trainings import begin


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a family that is registered during a test."""
    monkeypatch.setattr(gans, "FAMILIES", dict(FAMILIES))
    register(replace(dcgan.FAMILY, name="my-gan"))
    yield "my-gan"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_registered_under_its_own_name(name: str) -> None:
    assert find(name).name == name


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"^There is no family 'nosuch'\. The families are: dcgan, cyclegan, acgan\.$"):
        find("nosuch")


@pytest.mark.parametrize("name", ["dcgan", "my-gan"])
def test_a_taken_name_is_refused(mine: str, name: str) -> None:
    before = find(name)
    with pytest.raises(UsageError, match=f"There is a family '{name}' already"):
        register(replace(dcgan.FAMILY, name=name))
    assert find(name) is before


def test_an_option_that_is_not_declared_is_refused() -> None:
    @dataclass(frozen=True)
    class Options(dcgan_options.Options):
        temperature: float = 1.0

    with pytest.raises(UsageError, match="The option 'temperature' of mine is not declared"):
        register(replace(dcgan.FAMILY, name="mine", options=Options))
    assert "mine" not in FAMILIES


def test_a_control_that_is_not_declared_is_refused() -> None:
    @dataclass(frozen=True)
    class Controls:
        smile: float = 0.0

    with pytest.raises(
        UsageError, match=r"^The control 'smile' of mine is not declared\. Use ganctl\.option\.option\.$"
    ):
        register(replace(dcgan.FAMILY, name="mine", controls=Controls))
    assert "mine" not in FAMILIES


def test_what_the_controls_of_a_family_that_ships_hold_for_itself_is_no_mistake(mine: str) -> None:
    register(replace(acgan.FAMILY, name="my-acgan"))


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        (Needs(()), "mine needs 0 sets. A family learns from one set or two."),
        (Needs(("a", "b", "c")), "mine needs 3 sets. A family learns from one set or two."),
        (Needs(("a", "b"), ("labels",)), "mine needs labels of two sets. Only a single set can have columns."),
    ],
)
def test_needs_that_no_data_can_meet_are_refused(needs: Needs, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        register(replace(dcgan.FAMILY, name="mine", needs=needs))
    assert str(caught.value) == message
    assert "mine" not in FAMILIES


def test_roles_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(UsageError, match=r"mine has a role 'critic'\. The roles are: generator, discriminator"):
        register(replace(dcgan.FAMILY, name="mine", roles={"critic": "discriminator"}))


def test_a_registered_family_trains_and_samples_like_the_others(mine: str, photos: Path) -> None:
    flags = {"size": 16, "batch_size": 8, "epochs": 1}
    run = begin(configure(mine, data=str(photos), flags=flags, assignments={"width": "8"}), Path("runs/mine"))
    assert run.record()["settings"]["family"] == mine
    model = ganctl.load("mine")
    assert model.header["family"] == mine
    assert model.sample(2).shape == (2, 3, 16, 16)


def test_a_process_that_has_not_registered_a_family_says_so(
    mine: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = {"size": 16, "batch_size": 8, "epochs": 1}
    run = begin(configure(mine, data=str(photos), flags=flags, assignments={"width": "8"}), Path("runs/mine"))
    monkeypatch.setattr(gans, "FAMILIES", dict(FAMILIES))
    for arguments in (["sample", "mine"], ["resume", "mine", "--more", 1]):
        assert "There is no family 'my-gan'." in failed(cli(*arguments), 3)
    assert run.checkpoint_steps() == [5], "a run is not touched before its family is known"
