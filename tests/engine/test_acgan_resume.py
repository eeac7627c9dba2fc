"""A conditional run that was stopped ends with the same bits, its labels included; and all that can be made of it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganctl import tensorfile
from ganctl.engine.setup import configure
from ganctl.images.thumbnails import captions_of
from ganctl.runs.checkpoint import MODEL
from ganctl.runs.run import Run
from ganctl.settings import Settings
from tests.commands import failed, ganctl, nothing_left
from tests.trainings import EPOCHS, assert_equal, begin, go_on, kill_and_go_on, process

SMALL = {"width": "8", "latent_dim": "8", "embedding_dim": "4", "r1_every": "4"}


@pytest.fixture(scope="module")
def animals(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same 42 pictures in folders of three classes."""
    folder = tmp_path_factory.mktemp("animals")
    for number, picture in enumerate(sorted(photos.iterdir())):
        (folder / ["cat", "dog", "fox"][number % 3]).mkdir(exist_ok=True)
        shutil.copy(picture, folder / ["cat", "dog", "fox"][number % 3])
    return folder


def tiny(animals: Path, **flags: Any) -> Settings:
    """Steps in which every lazy thing happens: R1 every 4th step, the log every 3rd."""
    given: dict[str, Any] = {"size": 16, "batch_size": 8, "epochs": EPOCHS, "log_every": 3, "keep": 100}
    return configure("acgan", data=str(animals), flags=given | flags, assignments=SMALL)


def total(run: Run) -> int:
    return int(run.record()["steps_per_epoch"]) * EPOCHS


@pytest.fixture(scope="module")
def whole(animals: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Run:
    """The run that was never stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        return begin(tiny(animals), tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize("stop_at", [1, 4, 9])
def test_a_stop_at_any_step_changes_nothing(animals: Path, whole: Run, stop_at: int) -> None:
    run = begin(tiny(animals), Path("stopped/run"), stop_at=stop_at)
    go_on(run)
    assert_equal(run, whole, total(whole))


def start_process(animals: Path) -> subprocess.Popen[str]:
    """The same training as `tiny`, as a command."""
    command = ["train", "acgan", "--data", str(animals), "--size", "16", "--batch-size", "8", "--epochs", str(EPOCHS)]
    own = (*SMALL.items(), ("log_every", "3"))
    return process(*command, "--keep", "100", "--run", "killed/run", *(f"--set={key}={value}" for key, value in own))


@pytest.mark.campaign
@pytest.mark.parametrize("number", range(20))
def test_kill_9_at_a_random_moment_changes_nothing(animals: Path, whole: Run, number: int) -> None:
    """From before the run exists to after its end; every second run is killed once more while it resumes."""
    kill_and_go_on(lambda: start_process(animals), Run(Path("killed/run")), number, total(whole))
    assert_equal(Run(Path("killed/run")), whole, total(whole))


def test_the_model_and_the_preview_name_the_classes(whole: Run) -> None:
    header = tensorfile.read_header(whole.checkpoint(total(whole)) / MODEL)
    assert header["classes"] == ["cat", "dog", "fox"]
    preview = whole.preview(EPOCHS)
    assert list(captions_of(preview).rows) == ["cat", "dog", "fox"]
    with Image.open(preview) as sheet:
        assert sheet.width > 2 * sheet.height, "a row of eight for each of three classes"


def test_it_is_sampled_by_class_filmed_reported_and_measured(whole: Run) -> None:
    assert ganctl("sample", whole.path, "--label", "fox,1", "-n", 3, "-o", "few.png").out == ["few.png"]
    assert ganctl("make-gif", whole.path).code == 0
    assert ganctl("report", whole.path).code == 0
    page = whole.report.read_text(encoding="utf-8")
    assert "class accuracy" in page
    assert "fox" in page
    outcome = ganctl("evaluate", whole.path, "--json", "-n", 30)
    assert "diversity" in json.loads("\n".join(outcome.out))["scores"]


def test_a_label_that_does_not_exist_is_refused_with_the_classes(whole: Run) -> None:
    message = failed(ganctl("sample", whole.path, "--label", "cow"), 2)
    assert message == "Error: There is no class 'cow'. The 3 classes are: cat, dog, fox."


def test_pictures_without_labels_are_refused_before_they_are_decoded(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganctl.gans.dataset.open_dataset", lambda *_: pytest.fail("decoded"))
    message = failed(ganctl("train", "acgan", "--data", photos), 4)
    assert "has no labels: there are no class folders in it. Make a folder for each class" in message
    assert nothing_left()


def test_a_class_without_a_readable_picture_leaves_one_which_is_refused(animals: Path, tmp_path: Path) -> None:
    shutil.copytree(animals / "cat", tmp_path / "pets/cat")
    (tmp_path / "pets/dog").mkdir()
    (tmp_path / "pets/dog/broken.png").write_bytes(b"")
    message = failed(ganctl("train", "acgan", "--data", tmp_path / "pets"), 4)
    assert "has pictures of one class only to learn from" in message
    assert nothing_left()
