"""The original CycleGAN sets: where they are looked for, and how they come here."""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ganctl.data.sources import cyclegan_sets
from ganctl.errors import DataError
from tests.conftest import REAL_DATA
from tests.mirror import Mirror, serving

FOLDERS = ("trainA", "trainB", "testA", "testB")


def packed(*names: str, padding: int = 0) -> bytes:
    """A zip as the sets come."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, name.ljust(padding))
    return content.getvalue()


CONTENT = packed("horse2zebra/", *(f"horse2zebra/{name}/{i}.jpg" for name in FOLDERS for i in range(3)))


@pytest.fixture(autouse=True)
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's cache keeps what it downloads; empty."""
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "downloads"


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A server of a little horse2zebra, the only one there is."""
    with serving() as server:
        serve(server, CONTENT, monkeypatch)
        monkeypatch.setattr(cyclegan_sets, "MIRRORS", (f"http://{server.host}/",))
        yield server


def serve(server: Mirror, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.content = content
    entry = cyclegan_sets.KnownSet(("horse", "zebra"), len(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(cyclegan_sets, "SETS", {"horse2zebra": entry})


def put(folder: Path, *subfolders: str) -> Path:
    for name in subfolders:
        (folder / name).mkdir(parents=True)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_every_set_has_two_domains_and_a_checksum_or_the_reason_why_not() -> None:
    assert len(cyclegan_sets.NAMES) == 11
    assert set(cyclegan_sets.DOMAINS) == set(cyclegan_sets.NAMES)
    for name, entry in cyclegan_sets.SETS.items():
        assert len(set(entry.domains)) == 2
        if name != "cityscapes":
            assert re.fullmatch("[0-9a-f]{64}", entry.sha256)
            assert 30e6 < entry.size < 1.5e9
    assert len({entry.sha256 for entry in cyclegan_sets.SETS.values()}) == 11


def test_a_set_is_downloaded_and_unpacked_once(mirror: Mirror, downloads: Path) -> None:
    folder = cyclegan_sets.fetch("horse2zebra")
    assert folder == downloads / "horse2zebra" == cyclegan_sets.find("horse2zebra")
    assert names(folder) == sorted(FOLDERS)
    assert (folder / "testB" / "2.jpg").read_text() == "horse2zebra/testB/2.jpg"
    assert names(downloads) == ["horse2zebra"]
    assert cyclegan_sets.fetch("horse2zebra") == folder
    assert mirror.ranges == [None]


def test_a_set_of_the_users_own_comes_first(
    mirror: Mirror, downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(downloads / "horse2zebra", *FOLDERS)
    own = put(tmp_path / "data" / "horse2zebra", "trainA", "trainB")
    monkeypatch.setenv("GANCTL_DATA", str(tmp_path / "data"))
    assert cyclegan_sets.fetch("horse2zebra") == own
    (own / "trainB").rmdir()
    assert cyclegan_sets.fetch("horse2zebra") == downloads / "horse2zebra"
    assert mirror.ranges == []


def test_a_zip_that_was_put_there_by_hand_is_unpacked(mirror: Mirror, downloads: Path) -> None:
    downloads.mkdir(parents=True)
    (downloads / "horse2zebra.zip").write_bytes(CONTENT)
    assert names(cyclegan_sets.fetch("horse2zebra")) == sorted(FOLDERS)
    assert mirror.ranges == []


def test_a_set_that_nobody_gives_says_where_to_put_it(mirror: Mirror, downloads: Path) -> None:
    mirror.status = 403
    with pytest.raises(DataError) as caught:
        cyclegan_sets.fetch("horse2zebra")
    assert caught.value.message == f"horse2zebra.zip could not be downloaded: {mirror.host}: HTTP 403."
    assert (
        caught.value.remedy == f"Put it into {downloads}, or set GANCTL_DATA to the folder that holds your data sets."
    )
    assert names(downloads) == []


def test_a_download_that_broke_is_continued(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as second:
        monkeypatch.setattr(cyclegan_sets, "MIRRORS", (f"http://{mirror.host}/", f"http://{second.host}/"))
        content = packed(*(f"set/{name}/{i}.jpg" for name in FOLDERS for i in range(30)), padding=3000)
        for server in (mirror, second):
            serve(server, content, monkeypatch)
        mirror.cuts = 1
        assert len(content) > 200_000
        assert len(names(cyclegan_sets.fetch("horse2zebra") / "trainA")) == 30
        assert second.ranges == ["bytes=200000-"]


def test_half_a_set_is_left_for_the_user_to_complete(mirror: Mirror, downloads: Path) -> None:
    put(downloads / "horse2zebra", "trainA")
    with pytest.raises(DataError, match="horse2zebra lacks trainA or trainB"):
        cyclegan_sets.fetch("horse2zebra")
    assert names(downloads / "horse2zebra") == ["trainA"]


def test_a_zip_that_would_harm_leaves_no_set(mirror: Mirror, downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(mirror, packed("horse2zebra/trainA/a.jpg", "../outside.jpg"), monkeypatch)
    with pytest.raises(DataError, match=r"horse2zebra.zip is refused: '\.\./outside.jpg'"):
        cyclegan_sets.fetch("horse2zebra")
    assert cyclegan_sets.find("horse2zebra") is None
    assert names(downloads) == ["horse2zebra.zip"]


def test_two_that_fetch_at_once_fetch_once(mirror: Mirror) -> None:
    mirror.pause = 0.01
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(cyclegan_sets.fetch, ["horse2zebra"] * 2))
    assert folders[0] == folders[1]
    assert mirror.ranges == [None]


def test_cityscapes_says_who_gives_it_and_what_to_do_with_it(downloads: Path) -> None:
    with pytest.raises(DataError, match="licence of cityscapes") as caught:
        cyclegan_sets.fetch("cityscapes")
    assert "prepare_cityscapes_dataset.py" in caught.value.remedy
    assert str(downloads / "cityscapes") in caught.value.remedy
    made = put(downloads / "cityscapes", *FOLDERS)
    assert cyclegan_sets.fetch("cityscapes") == made


@pytest.mark.skipif(REAL_DATA is None, reason="GANCTL_DATA names no place with the real sets")
def test_the_real_horse2zebra_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANCTL_DATA", str(REAL_DATA))
    folder = cyclegan_sets.fetch("horse2zebra")
    assert [len(names(folder / name)) for name in FOLDERS] == [1067, 1334, 120, 140]
