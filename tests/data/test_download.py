"""Fetching files from servers that misbehave in every way that servers do."""

import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ganctl.data.fetch import download as module
from ganctl.data.fetch.download import Expected, download
from ganctl.errors import DataError
from tests.mirror import CONTENT, CUT, Mirror, serving

MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def mirrors() -> Iterator[tuple[Mirror, Mirror]]:
    """Two servers that behave until they are told otherwise."""
    with ExitStack() as stack:
        yield stack.enter_context(serving()), stack.enter_context(serving())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the file is to be, in a folder that is not there yet."""
    return tmp_path / "downloads" / "raw" / "file.gz"


def fetch(target: Path, *mirrors: Mirror) -> bytes:
    return fetch_expected(Expected(f"md5:{MD5}"), target, *mirrors)


def fetch_expected(expected: Expected, target: Path, *mirrors: Mirror) -> bytes:
    return download([mirror.address for mirror in mirrors], target, expected).read_bytes()


def part(target: Path) -> Path:
    return target.with_name("file.gz.part")


def strays(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()} - {"file.gz", "file.gz.lock"}


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
    assert part(target).read_bytes() == CONTENT[:CUT]
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
    part(target).write_bytes(CONTENT[:1000])
    mirrors[0].status = 404
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[1].ranges == ["bytes=1000-"]


def test_a_partial_file_that_was_whole_needs_no_more_bytes(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(CONTENT)
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[0].ranges == [f"bytes={len(CONTENT)}-"]
    assert not strays(target)


@pytest.mark.parametrize("length", [1000, len(CONTENT), len(CONTENT) + 5], ids=["short", "as long", "too long"])
def test_a_wrong_partial_file_is_dropped_and_the_same_mirror_asked_again(
    target: Path, mirrors: tuple[Mirror, Mirror], length: int
) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(b"?" * length)
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
    kept = part(target).stat().st_size
    assert fetch(target, mirrors[1]) == CONTENT
    assert mirrors[1].ranges == [f"bytes={kept}-" if kept else None]


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


SHA256 = Expected(f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", len(CONTENT))


def test_a_file_may_be_known_by_its_sha256_and_its_size(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    assert fetch_expected(SHA256, target, *mirrors) == CONTENT
    assert mirrors[1].ranges == []


def test_a_mirror_whose_file_has_another_size_is_left_before_its_bytes_are_here(
    target: Path, mirrors: tuple[Mirror, Mirror]
) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(CONTENT[:1000])
    mirrors[0].content = bytes(3 * len(CONTENT))
    assert fetch_expected(SHA256, target, *mirrors) == CONTENT
    assert mirrors[1].ranges == ["bytes=1000-"]
    mirrors[1].content = b"short"
    target.unlink()
    with pytest.raises(DataError, match=f"{mirrors[0].host}: wrong size; {mirrors[1].host}: wrong size"):
        fetch_expected(SHA256, target, *mirrors)


@pytest.mark.parametrize("length", [str(len(CONTENT) - 1), str(len(CONTENT) + 1)], ids=["too short", "too long"])
@pytest.mark.parametrize("expected", [SHA256, Expected(f"md5:{MD5}")], ids=["size known", "size unknown"])
def test_a_mirror_that_lies_about_the_length_is_passed_over(
    target: Path, mirrors: tuple[Mirror, Mirror], length: str, expected: Expected
) -> None:
    mirrors[0].length = length
    assert fetch_expected(expected, target, *mirrors) == CONTENT
    assert mirrors[1].ranges
    assert not strays(target)


def test_a_mirror_that_does_not_say_the_length_will_do(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].length = ""
    assert fetch_expected(SHA256, target, *mirrors) == CONTENT
    assert mirrors[1].ranges == []


def test_a_mirror_that_does_not_say_the_length_and_sends_no_end_is_left(
    target: Path, mirrors: tuple[Mirror, Mirror]
) -> None:
    mirrors[0].length, mirrors[0].content = "", bytes(100 * len(CONTENT))
    assert fetch_expected(SHA256, target, *mirrors) == CONTENT


@pytest.mark.parametrize("slowest", [1.0, 1e9], ids=["slow", "too slow"])
def test_a_mirror_is_left_for_another_when_it_is_too_slow_and_what_it_gave_is_kept(
    target: Path, mirrors: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch, slowest: float
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", (5.0, 0.3))
    monkeypatch.setattr(module, "_GRACE_SECONDS", 0.12)
    monkeypatch.setattr(module, "_MIN_BYTES_PER_SECOND", slowest)
    mirrors[0].pause = 0.05
    assert fetch(target, *mirrors) == CONTENT
    if slowest == 1:
        assert mirrors[1].ranges == []
    else:
        (asked,) = mirrors[1].ranges
        assert asked is not None and 0 < int(asked.removeprefix("bytes=").removesuffix("-")) < len(CONTENT)


def test_the_last_mirror_may_be_as_slow_as_it_likes(
    target: Path, mirrors: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GRACE_SECONDS", 0.01)
    monkeypatch.setattr(module, "_MIN_BYTES_PER_SECOND", 1e9)
    mirrors[1].pause = 0.02
    mirrors[0].status = 403
    assert fetch(target, *mirrors) == CONTENT


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("set/trainA/a.jpg", content)
    return packed.getvalue()


@pytest.mark.parametrize("damage", ["cut", "flipped", "a page"])
def test_a_zip_that_nobody_published_a_checksum_of_has_to_be_sound(
    target: Path, mirrors: tuple[Mirror, Mirror], damage: str
) -> None:
    good = zipped(CONTENT)
    bad = {"cut": good[:-1], "flipped": good[:CUT] + b"?" + good[CUT + 1 :], "a page": b"<html>Please log in</html>"}
    mirrors[0].content, mirrors[1].content = bad[damage], good
    assert fetch_expected(Expected(None), target, *mirrors) == good
    assert not strays(target)
    target.unlink()
    with pytest.raises(DataError, match=f"{mirrors[0].host}: wrong content"):
        fetch_expected(Expected(None), target, mirrors[0])


def test_a_zip_without_a_checksum_is_continued(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    good = zipped(CONTENT)
    mirrors[0].content = mirrors[1].content = good
    mirrors[0].cuts = 1
    assert fetch_expected(Expected(None), target, *mirrors) == good
    assert mirrors[1].ranges == [f"bytes={CUT}-"]
