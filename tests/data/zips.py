"""Zips, honest and not, for tests of their extraction."""

import zipfile
from pathlib import Path

import pytest

from ganctl.data.fetch.archive import extract, is_sound
from ganctl.errors import DataError

PICTURE = bytes(range(256)) * 20

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
