"""Trainings that several tests of the engine compare theirs with, each trained once."""

import shutil
from pathlib import Path

import pytest

from ganctl.runs.run import Run
from tests.trainings import STEPS, begin, tiny


@pytest.fixture(scope="session")
def uninterrupted(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Run:
    """The tiny training that was never stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        return begin(tiny(photos), tmp_path_factory.mktemp("uninterrupted") / "run")


@pytest.fixture(scope="session")
def stopped(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Run:
    """The same, stopped after two epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        return begin(tiny(photos), tmp_path_factory.mktemp("stopped") / "run", stop_at=2 * STEPS)


@pytest.fixture
def run(stopped: Run) -> Run:
    """A copy of the stopped run, as runs/photos of this test's own folder."""
    shutil.copytree(stopped.path, "runs/photos", symlinks=True)
    return Run(Path("runs/photos"))
