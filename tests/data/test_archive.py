"""Zips from elsewhere: what is unpacked, and every kind that is refused before a byte is written."""

import os
import signal
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ganctl.data.fetch import archive
from ganctl.data.fetch.archive import extract, is_sound
from ganctl.errors import DataError
from ganctl.files import STAGING

PICTURE = bytes(range(256)) * 20


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Where a zip is to be."""
    return tmp_path / "set.zip"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where it is to be unpacked, in a folder where nothing else is."""
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked" / "set"


Member = str | zipfile.ZipInfo


def pack(source: Path, *members: Member, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of members with the same content."""
    with zipfile.ZipFile(source, "w", method) as packed:
        for member in members:
            name = member if isinstance(member, str) else member.filename
            packed.writestr(member, b"" if name.endswith("/") else PICTURE)
    return source


def of_kind(name: str, kind: int) -> zipfile.ZipInfo:
    """A member that Unix takes for a file of some kind."""
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    return member


def change(source: Path, old: bytes, new: bytes, first: int = 0) -> Path:
    """Overwrite bytes of a zip, in the headers of its members and in its directory."""
    content = source.read_bytes()
    assert content.count(old) > first
    start = content.index(old) if first == 0 else content.rindex(old)
    source.write_bytes(content[:start] + content[start:].replace(old, new))
    return source


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def refused(source: Path, target: Path) -> str:
    """What a refusal says, once it is sure that it left nothing anywhere."""
    before = tree(source.parent)
    assert not is_sound(source)
    with pytest.raises(DataError) as caught:
        extract(source, target)
    assert tree(source.parent) == before
    assert caught.value.message.endswith(".")
    assert str(source) in caught.value.remedy
    return caught.value.message


def test_everything_is_unpacked_and_the_one_folder_around_it_is_left_out(source: Path, target: Path) -> None:
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
    ("name", "why"),
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
def test_a_path_that_could_lead_elsewhere_is_refused(source: Path, target: Path, name: str, why: str) -> None:
    said = refused(pack(source, "set/trainA/a.jpg", name), target)
    assert repr(name[:200]) in said
    assert why in said


def test_a_name_with_a_nul_is_refused(source: Path, target: Path) -> None:
    said = refused(change(pack(source, "a.jpg", "b.jpg_.exe"), b"_.exe", b"\0.exe"), target)
    assert said == r"set.zip is refused: 'b.jpg\x00.exe' has a name that could be read in two ways."


def test_a_member_without_a_name_is_refused(source: Path, target: Path) -> None:
    pack(source, "a.jpg")
    with zipfile.ZipFile(source, "a") as packed:
        packed.writestr(zipfile.ZipInfo(""), b"")
    assert "'' has a path" in refused(source, target)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (stat.S_IFLNK, "is a link"),
        (stat.S_IFIFO, "a pipe"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFBLK, "a device"),
        (stat.S_IFSOCK, "a socket"),
        (stat.S_IFDIR, "both a file and a folder"),
    ],
)
def test_what_is_neither_file_nor_folder_is_refused(source: Path, target: Path, kind: int, why: str) -> None:
    said = refused(pack(source, "set/a.jpg", of_kind("set/b.jpg", kind)), target)
    assert "'set/b.jpg'" in said
    assert why in said


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
    ("names", "why"),
    [
        (["a/x.jpg", "a/x.jpg"], "'a/x.jpg' is there twice"),
        (["a", "a/"], "'a/' is there twice"),
        (["a/x.jpg", "a"], "'a' is both a file and a folder"),
        (["a", "a/b/x.jpg"], "'a' is both a file and a folder"),
    ],
)
def test_names_that_clash_are_refused(source: Path, target: Path, names: list[str], why: str) -> None:
    assert why in refused(pack(source, *names), target)


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
    ("limit", "value", "why"),
    [
        ("_MAX_MEMBERS", 2, "it has 3 members"),
        ("_MAX_BYTES", 3 * len(PICTURE) - 1, "bytes would become 15,360"),
    ],
)
def test_a_zip_of_too_much_is_refused(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, why: str
) -> None:
    pack(source, "a", "b", "c")
    monkeypatch.setattr(archive, limit, value)
    assert why in refused(source, target)


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
    other = zipfile.ZipInfo(name)
    for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
        setattr(other, field, getattr(member, field))
    return other


@pytest.mark.parametrize("said", [len(PICTURE) - 1, len(PICTURE) + 1, 10])
def test_a_member_that_lies_about_its_length_leaves_nothing(source: Path, target: Path, said: int) -> None:
    pack(source, "set/a.jpg", "set/b.jpg")
    content = bytearray(source.read_bytes())
    content[(entry := content.rindex(b"PK\1\2")) + 24 : entry + 28] = struct.pack("<I", said)
    source.write_bytes(content)
    assert "b.jpg" in refused(source, target)


def test_a_member_whose_header_tells_another_name_than_the_directory_leaves_nothing(source: Path, target: Path) -> None:
    pack(source, "set/a.jpg")
    source.write_bytes(source.read_bytes().replace(b"set/a.jpg", b"../../a.j", 1))
    assert "damaged" in refused(source, target)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"<html>Please log in to this network</html>",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:60] + b"??" + content[62:],
        lambda content: b"?" * 40 + content[40:],
        lambda content: content.replace(b"PK\1\2", b"PK\1\3"),
    ],
    ids=["nothing", "a page", "half", "cut", "flipped", "no header", "no directory"],
)
def test_a_damaged_zip_leaves_nothing(source: Path, target: Path, damage: Callable[[bytes], bytes]) -> None:
    pack(source, "set/a.jpg", "set/b.jpg", method=zipfile.ZIP_STORED)
    source.write_bytes(damage(source.read_bytes()))
    assert refused(source, target).startswith("set.zip is damaged or no zip: ")


def test_no_byte_that_is_changed_leads_out_of_the_folder(source: Path, target: Path) -> None:
    whole = pack(source, "set/trainA/a.jpg", "set/trainB/b.jpg").read_bytes()
    outside = tree(source.parent)
    for place in range(0, len(whole), 5):
        source.write_bytes(whole[:place] + bytes([whole[place] ^ 0x2F]) + whole[place + 1 :])
        try:
            extract(source, target)
        except DataError:
            assert tree(source.parent) == outside
        else:
            assert {path for path in tree(source.parent) - outside if not path.startswith("unpacked/set")} == set()
            for path in sorted(target.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            target.rmdir()


def test_a_killed_extraction_leaves_nothing_that_looks_whole(source: Path, target: Path) -> None:
    pack(source, "set/trainB/b.jpg", *(f"set/trainA/{i}.jpg" for i in range(20)))
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom ganctl.data.fetch import archive\n"
        "chunks = archive._chunks\n"
        "def dies(packed, member):\n"
        "    if member.filename.endswith('/9.jpg'): os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return chunks(packed, member)\n"
        "archive._chunks = dies\narchive.extract(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    done = subprocess.run([sys.executable, "-c", script, source, target], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert [name.startswith(STAGING) for name in names(target.parent)] == [True]
    extract(source, target)
    assert names(target.parent) == ["set"]
    assert len(names(target / "trainA")) == 20


def test_a_disk_that_refuses_leaves_nothing(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(source, "a.jpg", "b.jpg")

    def full(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_chunks", full)
    with pytest.raises(OSError, match="No space left"):
        extract(source, target)
    assert names(target.parent) == []
