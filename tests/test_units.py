"""Times, sizes and speeds in words."""

import pytest

from ganctl import units


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 s"),
        (45, "45 s"),
        (89.4, "89 s"),
        (120, "2 min"),
        (60 * 60, "60 min"),
        (60 * 90, "1 h 30 min"),
        (60 * 185, "3 h 05 min"),
        (60 * 60 * 47.9, "47 h 54 min"),
        (60 * 60 * 24 * 4.2, "4.2 days"),
    ],
)
def test_a_time_is_said_as_a_person_would(seconds: float, words: str) -> None:
    assert units.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (999.9, "1 kB"),
        (116_000, "116 kB"),
        (999_900, "1 MB"),
        (1_234_567, "1.23 MB"),
        (2.5e9, "2.5 GB"),
        (1e12, "1 TB"),
    ],
)
def test_a_size_is_said_as_a_person_would(count: float, words: str) -> None:
    assert units.size(count) == words


@pytest.mark.parametrize(("pictures", "words"), [(1480.2, "1,480"), (10, "10"), (9.7, "10"), (0.061, "0.06")])
def test_a_speed_is_said_as_a_person_would(pictures: float, words: str) -> None:
    assert units.rate(pictures) == f"{words} pictures/s"


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1 epoch"), (2.5, "2.5 epochs"), (0, "0 epochs"), (12.34567, "12.35 epochs")]
)
def test_epochs_are_whole_or_not(number: float, text: str) -> None:
    assert units.epochs(number) == text
