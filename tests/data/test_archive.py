"""Zips from elsewhere: what is extracted, and every kind that is refused before a byte is written."""

import os
import stat
import zipfile
from pathlib import Path

import pytest

from ganctl.data.fetch import archive
from ganctl.data.fetch.archive import extract, is_sound
from ganctl.errors import DataError
from tests.data.zips import PICTURE, change, names, of_kind, pack, refused, tree


def test_everything_is_extracted_and_the_one_folder_around_it_is_left_out(source: Path, target: Path) -> None:
    pack(source, "set/", "set/trainA/", "set/trainA/a.jpg", "set/trainB/b.jpg", "set/empty/")
    assert is_sound(source)
    extract(source, target)
    assert tree(target) == {"trainA", "trainA/a.jpg", "trainB", "trainB/b.jpg", "empty"}
    assert (target / "trainA" / "a.jpg").read_bytes() == PICTURE
    assert names(target.parent) == ["set"]


def test_several_folders_at_the_top_stay(source: Path, target: Path) -> None:
    extract(pack(source, "trainA/a.jpg", "trainB/b.jpg"), target)
    assert tree(target) == {"trainA", "trainA/a.jpg", "trainB", "trainB/b.jpg"}


def test_a_file_at_the_top_stays(source: Path, target: Path) -> None:
    extract(pack(source, "a.jpg"), target)
    assert tree(target) == {"a.jpg"}


def test_what_macos_adds_is_left_out(source: Path, target: Path) -> None:
    extract(pack(source, "set/trainA/a.jpg", "__MACOSX/set/trainA/._a.jpg"), target)
    assert tree(target) == {"trainA", "trainA/a.jpg"}


def test_files_get_plain_modes(source: Path, target: Path) -> None:
    extract(pack(source, "a/x.jpg", of_kind("b/y.jpg", stat.S_IFREG | stat.S_ISUID)), target)
    mask = os.umask(0)
    os.umask(mask)
    for path in (target / "a" / "x.jpg", target / "b" / "y.jpg"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/cron.d/x", "an absolute path"),
        ("C:/x.jpg", "an absolute path"),
        ("c:x.jpg", "an absolute path"),
        ("../x.jpg", "not simply lead down"),
        ("set/../../x.jpg", "not simply lead down"),
        ("set//x.jpg", "not simply lead down"),
        ("./x.jpg", "not simply lead down"),
        ("..", "not simply lead down"),
        ("/", "an absolute path"),
        ("set\\..\\x.jpg", "two ways"),
        ("\\\\server\\x.jpg", "two ways"),
        ("x" * 1001, "too long"),
        ("a/" * 501, "too long"),
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(source: Path, target: Path, name: str, reason: str) -> None:
    message = refused(pack(source, "set/trainA/a.jpg", name), target)
    assert repr(name[:200]) in message
    assert reason in message


def test_a_name_with_a_nul_is_refused(source: Path, target: Path) -> None:
    message = refused(change(pack(source, "a.jpg", "b.jpg_.exe"), b"_.exe", b"\0.exe"), target)
    assert message == r"set.zip is refused: 'b.jpg\x00.exe' has a name that could be read in two ways."


def test_a_member_without_a_name_is_refused(source: Path, target: Path) -> None:
    pack(source, "a.jpg")
    with zipfile.ZipFile(source, "a") as packed:
        packed.writestr(zipfile.ZipInfo(""), b"")
    assert "'' has a path" in refused(source, target)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (stat.S_IFLNK, "is a link"),
        (stat.S_IFIFO, "a pipe"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFBLK, "a device"),
        (stat.S_IFSOCK, "a socket"),
        (stat.S_IFDIR, "both a file and a folder"),
    ],
)
def test_what_is_neither_file_nor_folder_is_refused(source: Path, target: Path, kind: int, reason: str) -> None:
    message = refused(pack(source, "set/a.jpg", of_kind("set/b.jpg", kind)), target)
    assert "'set/b.jpg'" in message
    assert reason in message


def test_a_folder_that_is_said_to_be_a_file_is_refused(source: Path, target: Path) -> None:
    assert "'set/' is both a file and a folder" in refused(pack(source, of_kind("set/", stat.S_IFREG)), target)


def test_encrypted_members_are_refused(source: Path, target: Path) -> None:
    pack(source, "a.jpg")
    content = bytearray(source.read_bytes())
    content[content.rindex(b"PK\1\2") + 8] |= 1  # a flag of the directory's entry
    source.write_bytes(content)
    assert "'a.jpg' is encrypted" in refused(source, target)


def test_unusual_compression_is_refused(source: Path, target: Path) -> None:
    assert "'a.jpg' is packed in a way" in refused(pack(source, "a.jpg", method=zipfile.ZIP_LZMA), target)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a/x.jpg", "a/x.jpg"], "'a/x.jpg' is there twice"),
        (["a", "a/"], "'a/' is there twice"),
        (["a/x.jpg", "a"], "'a' is both a file and a folder"),
        (["a", "a/b/x.jpg"], "'a' is both a file and a folder"),
    ],
)
def test_names_that_clash_are_refused(source: Path, target: Path, names: list[str], reason: str) -> None:
    assert reason in refused(pack(source, *names), target)


def test_names_that_only_this_file_system_takes_for_one_are_refused(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(source, "A.jpg", "a.jpg")
    same_path = Path("a.jpg")
    monkeypatch.setattr(archive, "_checked_paths", lambda packed, source: dict.fromkeys(packed.infolist(), same_path))
    with pytest.raises(DataError, match=r"'a\.jpg' has the name of another"):
        extract(source, target)
    assert names(target.parent) == []


def test_an_empty_zip_is_refused(source: Path, target: Path) -> None:
    assert refused(pack(source), target) == "set.zip is refused: it is empty."


def test_a_member_that_would_grow_too_much_is_refused(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.jpg", os.urandom(2**16))
        packed.writestr("b.jpg", bytes(2**22))
    assert "'b.jpg' would become 4,194,304 bytes of 4,0" in refused(source, target)


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("_MAX_MEMBERS", 2, "it has 3 members"),
        ("_MAX_BYTES", 3 * len(PICTURE) - 1, "bytes would become 15,360"),
    ],
)
def test_a_zip_of_too_much_is_refused(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, reason: str
) -> None:
    pack(source, "a", "b", "c")
    monkeypatch.setattr(archive, limit, value)
    assert reason in refused(source, target)


def test_members_that_share_their_bytes_cannot_outgrow_the_zip(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_HARMLESS_BYTES", 0)
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("0.jpg", bytes(100_000))
        packed.filelist += [with_name(packed.filelist[0], f"{i}.jpg") for i in range(1, 2000)]
    monkeypatch.setattr(archive, "_MAX_RATIO", 700)  # which each of them keeps
    assert "bytes would become 200,000,000" in refused(source, target)


def with_name(member: zipfile.ZipInfo, name: str) -> zipfile.ZipInfo:
    """Another member of the same bytes."""
    alias = zipfile.ZipInfo(name)
    for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
        setattr(alias, field, getattr(member, field))
    return alias
