"""What every test starts from: an empty working folder, its own cache, no data of the user's and no network."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from ganctl.runs.run import Run

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny nets on several threads only wait for each other
REAL_DATA = os.environ.pop("GANCTL_DATA", None)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole session, so that a set is decoded once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[None]:
    """Every test runs in a folder of its own."""
    home = tmp_path / "here"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("GANCTL_CACHE", str(cache))
    monkeypatch.setenv("COLUMNS", "200")
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    yield


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 42 small colour pictures, of which 2 are held out."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(42):
        soft = Image.fromarray(rng.integers(0, 255, (4, 5, 3), dtype=np.uint8)).resize((40, 32))
        soft.save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two unpaired domains: 9 reddish and 14 bluish pictures to learn from, 3 and 4 to test with."""
    folder = tmp_path_factory.mktemp("pair")
    rng = np.random.default_rng(1)
    for name, count, tint in (("trainA", 9, 0), ("trainB", 14, 2), ("testA", 3, 0), ("testB", 4, 2)):
        (folder / name).mkdir()
        for i in range(count):
            levels = rng.integers(0, 180, (4, 5, 3), dtype=np.uint8)
            levels[..., tint] += 75
            Image.fromarray(levels).resize((40, 32)).save(folder / name / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="session")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run of two epochs."""
    from tests.commands import train

    path = tmp_path_factory.mktemp("trained") / "photos"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        assert train(photos, "--run", path).code == 0
    return path


@pytest.fixture
def run(trained: Path) -> "Run":
    """The finished run, as runs/photos of this test's own folder."""
    from ganctl.runs.run import Run

    shutil.copytree(trained, "runs/photos")
    return Run(Path("runs/photos"))


@pytest.fixture
def ganctl() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own, as a user does."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ganctl", *map(str, arguments)]
        return subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
        )

    return run
