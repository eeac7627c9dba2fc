"""What the tests of the data start from: empty folders, a cache of their own, a set to spoil, servers."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.data.checked_sets import DOMAIN_FOLDERS, fill
from tests.data.folders import noise
from tests.mirror import Mirror, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for pictures."""
    path = tmp_path / "pictures"
    path.mkdir()
    return path


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test uses."""
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of two domains that nothing is wrong with, for copying."""
    return fill(tmp_path_factory.mktemp("sets") / "healthy", *DOMAIN_FOLDERS)


@pytest.fixture
def root(healthy: Path, tmp_path: Path) -> Path:
    """A set of two domains that a test may spoil."""
    return shutil.copytree(healthy, tmp_path / "pair")


@pytest.fixture
def mirrors() -> Iterator[tuple[Mirror, Mirror]]:
    """Two servers that behave until they are told otherwise."""
    with ExitStack() as stack:
        yield stack.enter_context(serving()), stack.enter_context(serving())


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """A folder of thirty colour pictures."""
    return noise(tmp_path / "pictures", 30, size=40)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Where a zip is to be."""
    return tmp_path / "set.zip"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where it is to be unpacked, in a folder where nothing else is."""
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked" / "set"
