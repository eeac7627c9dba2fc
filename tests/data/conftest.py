"""What the tests of the data start from: empty folders, a cache of their own, a set to spoil, servers."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.data.checked_sets import DOMAIN_FOLDERS, fill
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
