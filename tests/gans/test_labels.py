"""``--label``: by name or number, several, all; what does not exist is refused with the classes."""

import pytest
import torch

from ganctl.data.info import DataInfo
from ganctl.errors import UsageError
from ganctl.gans.labels import Controls, alternatives, between, conditions, label_of

ANIMALS = DataInfo((3, 8, 8), ("cat", "dog", "fox, red"))
DIGITS = DataInfo((1, 8, 8), tuple(map(str, range(10))))


@pytest.mark.parametrize(
    ("info", "text", "labels"),
    [
        (DIGITS, "7", [7]),
        (DIGITS, "3,7", [3, 7]),
        (DIGITS, "all", list(range(10))),
        (ANIMALS, "dog", [1]),
        (ANIMALS, "1", [1]),
        (ANIMALS, "dog, 0", [1, 0]),
        (ANIMALS, "fox, red", [2]),
        (DataInfo((1, 8, 8), ("5", "3")), "3,5", [1, 0]),
        (DataInfo((1, 8, 8), ("a\u0308", "b")), "ä", [0]),
        (DataInfo((1, 8, 8), ("b", "ä")), "a\u0308", [1]),
        (DataInfo((1, 8, 8), ("all", "some")), "all", [0]),
    ],
)
def test_a_label_is_a_name_or_a_number_or_several(info: DataInfo, text: str, labels: list[int]) -> None:
    of_each = [conditions(controls, info, torch.Generator()) for controls in alternatives(Controls(text), info)]
    assert [int(row["labels"]) for row in of_each] == labels


@pytest.mark.parametrize("text", ["cow", "3", "-1", "", "dog,cow", "1.0", "dog,,cat"])
def test_a_class_that_is_not_there_is_refused_with_the_classes(text: str) -> None:
    with pytest.raises(UsageError, match="There is no class") as caught:
        alternatives(Controls(text), ANIMALS)
    assert caught.value.remedy == "The 3 classes are: cat, dog, fox, red."


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("cat:1,dog:3", (0.25, 0.75, 0)),
        ("0:0.5, 2:0.5", (0.5, 0, 0.5)),
        ("dog:7", (0, 1, 0)),
        ("cat:0,dog:1", (0, 1, 0)),
    ],
)
def test_a_blend_gives_every_class_its_share(text: str, shares: tuple[float, ...]) -> None:
    (controls,) = alternatives(Controls(text), ANIMALS)
    assert controls.shares == pytest.approx(shares)
    assert conditions(controls, ANIMALS, torch.Generator())["labels"].tolist() == pytest.approx(shares)


@pytest.mark.parametrize(
    "text", ["cat:x,dog:1", "cat:-1,dog:2", "cat:0,dog:0", "cat:inf,dog:1", "cat:nan", "cat:", "cat:1,dog"]
)
def test_a_blend_without_shares_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no blend|has no share"):
        alternatives(Controls(text), ANIMALS)


def test_half_way_between_two_labels_each_has_half() -> None:
    assert between(Controls("cat"), Controls("dog"), 0.5, ANIMALS).shares == (0.5, 0.5, 0)
    blend = Controls(shares=(0.0, 0.5, 0.5))
    assert between(blend, Controls(), 0.0, ANIMALS) == blend
    assert between(blend, Controls(), 1.0, ANIMALS).shares == pytest.approx((1 / 3,) * 3)


def test_where_classes_are_called_by_numbers_a_number_is_a_name_only() -> None:
    numerals = DataInfo((1, 8, 8), ("1", "10", "2"))
    assert label_of("10", numerals) == 1
    with pytest.raises(UsageError, match="There is no class '0'"):
        label_of("0", numerals)


def test_a_thousand_classes_are_not_all_listed() -> None:
    with pytest.raises(UsageError) as caught:
        label_of("x", DataInfo((1, 8, 8), tuple(f"class {i}" for i in range(1000))))
    assert caught.value.remedy.endswith("class 19, ….")


def test_without_a_label_every_class_comes_and_the_generator_decides() -> None:
    def draw(seed: int) -> int:
        return int(conditions(Controls(), DIGITS, torch.Generator().manual_seed(seed))["labels"])

    assert {draw(seed) for seed in range(100)} == set(range(10))
    assert draw(3) == draw(3)
    assert alternatives(Controls(), DIGITS) == [Controls()]
