"""Zips that lie or are damaged, and extractions that are killed: nothing is left that looks whole."""

import signal
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ganctl.data.fetch import archive
from ganctl.data.fetch.archive import extract
from ganctl.errors import DataError
from ganctl.files import STAGING
from tests.data.zips import PICTURE, names, pack, refused, tree


@pytest.mark.parametrize("length", [len(PICTURE) - 1, len(PICTURE) + 1, 10])
def test_a_member_that_lies_about_its_length_leaves_nothing(source: Path, target: Path, length: int) -> None:
    pack(source, "set/a.jpg", "set/b.jpg")
    content = bytearray(source.read_bytes())
    content[(entry := content.rindex(b"PK\1\2")) + 24 : entry + 28] = struct.pack("<I", length)
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
    content = pack(source, "set/trainA/a.jpg", "set/trainB/b.jpg").read_bytes()
    outside = tree(source.parent)
    for position in range(0, len(content), 5):
        source.write_bytes(content[:position] + bytes([content[position] ^ 0x2F]) + content[position + 1 :])
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
