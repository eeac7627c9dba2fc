"""What a model's file says of its data."""

import json
from typing import Any

import pytest

from ganctl.data.info import DataInfo, Needs


def test_a_family_learns_from_one_set_of_images_unless_it_says_otherwise() -> None:
    assert Needs() == (("images",), ())


@pytest.mark.parametrize(
    "info",
    [
        DataInfo((1, 28, 28)),
        DataInfo((3, 32, 64), classes=("cat", "dog")),
        DataInfo((3, 64, 64), domains=("horse", "zebra")),
    ],
)
def test_what_goes_into_a_header_comes_out_of_it(info: DataInfo) -> None:
    header = json.loads(json.dumps({"format": 1, **info.to_header()}))
    assert DataInfo.from_header(header) == info


def test_a_header_has_no_entry_for_what_there_is_not() -> None:
    assert DataInfo((1, 28, 28)).to_header() == {"shape": [1, 28, 28]}


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ({}, KeyError),
        ({"shape": 28}, TypeError),
        ({"shape": None}, TypeError),
        ({"shape": [1, 28]}, ValueError),
        ({"shape": [1, 28, 28, 28]}, ValueError),
        ({"shape": [1, 0, 28]}, ValueError),
        ({"shape": [1, 28.0, 28]}, TypeError),
        ({"shape": [True, 28, 28]}, TypeError),
        ({"shape": "128"}, TypeError),
        ({"shape": [1, 28, 28], "classes": 10}, TypeError),
        ({"shape": [1, 28, 28], "classes": "cat"}, TypeError),
        ({"shape": [1, 28, 28], "domains": [1, 2]}, TypeError),
    ],
)
def test_a_malformed_header_is_refused(header: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        DataInfo.from_header(header)
