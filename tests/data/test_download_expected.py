"""Downloads of which the size or the checksum is known, or neither; and servers that are too slow."""

import io
import zipfile
from pathlib import Path

import pytest

from ganctl.data.fetch import download as module
from ganctl.data.fetch.download import Expected
from ganctl.errors import DataError
from tests.data.downloads import MD5, SHA256, fetch, fetch_expected, partial_file, strays
from tests.mirror import CONTENT, CUT, Mirror


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the file is to be, in a folder that is not there yet."""
    return tmp_path / "downloads" / "raw" / "file.gz"


def test_a_file_may_be_known_by_its_sha256_and_its_size(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    assert fetch_expected(SHA256, target, *mirrors) == CONTENT
    assert mirrors[1].ranges == []


def test_a_mirror_whose_file_has_another_size_is_left_before_its_bytes_are_here(
    target: Path, mirrors: tuple[Mirror, Mirror]
) -> None:
    target.parent.mkdir(parents=True)
    partial_file(target).write_bytes(CONTENT[:1000])
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
        (byte_range,) = mirrors[1].ranges
        assert byte_range is not None and 0 < int(byte_range.removeprefix("bytes=").removesuffix("-")) < len(CONTENT)


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
