"""Downloads from servers that refuse, break off, fall silent or send something else."""

import gzip
import hashlib
from pathlib import Path

import pytest

from ganctl.data.fetch import download as module
from ganctl.data.fetch.download import Expected
from ganctl.errors import DataError
from tests.data.downloads import fetch, fetch_expected, partial_file, strays
from tests.mirror import CONTENT, CUT, Mirror, serving


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the file is to be, in a folder that is not there yet."""
    return tmp_path / "downloads" / "raw" / "file.gz"


def test_a_file_comes_from_the_first_mirror(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    assert fetch(target, *mirrors) == CONTENT
    assert [mirror.ranges for mirror in mirrors] == [[None], []]
    assert not strays(target)


def test_a_file_that_is_here_is_not_fetched(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[0].ranges == []


def test_a_damaged_file_that_is_here_is_replaced(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT[:-1])
    assert fetch(target, *mirrors) == CONTENT


def test_the_next_mirror_continues_what_a_broken_connection_left(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].cuts = 1
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[0].ranges == [None]
    assert mirrors[1].ranges == [f"bytes={CUT}-"]
    assert not strays(target)


def test_the_next_attempt_continues_what_a_broken_connection_left(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirror = mirrors[0]
    mirror.cuts = 1
    with pytest.raises(DataError, match=f"{mirror.host}: the connection broke"):
        fetch(target, mirror)
    assert partial_file(target).read_bytes() == CONTENT[:CUT]
    assert not target.exists()
    assert fetch(target, mirror) == CONTENT
    assert mirror.ranges == [None, f"bytes={CUT}-"]
    assert not strays(target)


def test_a_mirror_that_cannot_continue_sends_all_of_it(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].cuts = 1
    mirrors[1].knows_ranges = False
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[1].ranges == [f"bytes={CUT}-"]


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_mirror_that_refuses_is_passed_over(target: Path, mirrors: tuple[Mirror, Mirror], status: int) -> None:
    mirrors[0].status = status
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[0].ranges == [None]


def test_a_refusal_does_not_cost_what_is_here_already(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.mkdir(parents=True)
    partial_file(target).write_bytes(CONTENT[:1000])
    mirrors[0].status = 404
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[1].ranges == ["bytes=1000-"]


def test_a_partial_file_that_was_whole_needs_no_more_bytes(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.mkdir(parents=True)
    partial_file(target).write_bytes(CONTENT)
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[0].ranges == [f"bytes={len(CONTENT)}-"]
    assert not strays(target)


@pytest.mark.parametrize("length", [1000, len(CONTENT), len(CONTENT) + 5], ids=["short", "as long", "too long"])
def test_a_wrong_partial_file_is_dropped_and_the_same_mirror_asked_again(
    target: Path, mirrors: tuple[Mirror, Mirror], length: int
) -> None:
    target.parent.mkdir(parents=True)
    partial_file(target).write_bytes(b"?" * length)
    assert fetch(target, mirrors[0]) == CONTENT
    assert mirrors[0].ranges == [f"bytes={length}-", None]
    assert not strays(target)


def test_wrong_content_is_refused_and_the_next_mirror_starts_from_nothing(
    target: Path, mirrors: tuple[Mirror, Mirror]
) -> None:
    mirrors[0].content = b"<html>Please log in to this network</html>"
    assert fetch(target, *mirrors) == CONTENT
    assert [mirror.ranges for mirror in mirrors] == [[None], [None]]


def test_what_a_corrupt_mirror_began_cannot_poison_the_next(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].content = bytes(len(CONTENT))
    mirrors[0].cuts = 1
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[1].ranges == [f"bytes={CUT}-", None]


def test_a_gz_that_the_server_calls_encoded_is_kept_as_it_is(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].content = gzip.compress(CONTENT)
    mirrors[0].headers = {"Content-Encoding": "gzip"}
    expected = Expected(f"md5:{hashlib.md5(mirrors[0].content).hexdigest()}")
    assert fetch_expected(expected, target, mirrors[0]) == mirrors[0].content


def test_a_mirror_that_falls_silent_is_left_in_time(
    target: Path, mirrors: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", (5.0, 0.3))
    mirrors[0].hangs = True
    with pytest.raises(DataError, match=f"{mirrors[0].host}: no answer in time"):
        fetch(target, mirrors[0])
    continued_at = partial_file(target).stat().st_size
    assert fetch(target, mirrors[1]) == CONTENT
    assert mirrors[1].ranges == [f"bytes={continued_at}-" if continued_at else None]


def test_if_all_mirrors_fail_one_sentence_names_each_with_its_reason(
    target: Path, mirrors: tuple[Mirror, Mirror]
) -> None:
    mirrors[0].status = 404
    mirrors[1].content = b"something else"
    with serving() as gone:
        pass  # its port is closed now
    with pytest.raises(DataError) as caught:
        fetch(target, *mirrors, gone)
    assert caught.value.message == (
        "file.gz could not be downloaded: "
        f"{mirrors[0].host}: HTTP 404; {mirrors[1].host}: wrong content; {gone.host}: no connection."
    )
    assert caught.value.remedy == (
        f"Put it into {target.parent}, or set GANCTL_DATA to the folder that holds your data sets."
    )
    assert not target.exists()
    assert not strays(target)


def test_a_disk_that_refuses_is_no_fault_of_the_mirrors(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.parent.mkdir()
    target.parent.touch()  # a file where the folder should be
    with pytest.raises(OSError, match="raw"):
        fetch(target, *mirrors)
    assert mirrors[0].ranges == []
