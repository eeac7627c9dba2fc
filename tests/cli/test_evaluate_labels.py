"""``evaluate`` of a model that learned from labels: which table is taken."""

import shutil
from pathlib import Path

import pytest

import ganctl as package
from ganctl.evaluation.evaluate import evaluate
from ganctl.runs.checkpoint import MODEL
from ganctl.runs.run import Run
from tests.commands import Outcome, failed, ganctl, train
from tests.data.class_folders import classed
from tests.data.folders import greys


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of twelve pictures: 000.png to 011.png."""
    (tmp_path / "pictures").mkdir()
    return greys(tmp_path / "pictures", 12)


def table(path: Path) -> Path:
    """A table that has three classes for the pictures."""
    path.write_text("file,label\n" + "".join(f"{i:03d}.png,{'abc'[i % 3]}\n" for i in range(12)))
    return path


def trained(pictures: Path, labels: Path) -> Path:
    """The model of a short run, ``runs/r``."""
    small = ("--size", 8, "--batch-size", 4, "--epochs", 1, "--width", 4, "--evaluate-every", 0, "--device", "cpu")
    assert ganctl("train", "acgan", "--data", pictures, "--labels", labels, "--run", "r", *small).code == 0
    return Run(Path("runs/r")).checkpoint(3) / MODEL


def measured(*arguments: object) -> Outcome:
    return ganctl("evaluate", *arguments, "-n", 16, "--extractor", "digits-cnn", "--device", "cpu")


def scores(outcome: Outcome) -> list[str]:
    """What was measured, without the path of the model."""
    assert outcome.code == 0, outcome
    assert len(outcome.out) > 8
    return outcome.out[1:]


def test_a_model_is_measured_by_its_file_with_a_table(pictures: Path, tmp_path: Path) -> None:
    labels = table(tmp_path / "labels.csv")
    shutil.copy(trained(pictures, labels), "m.safetensors")
    message = failed(measured("m.safetensors", "--data", pictures), 4)
    assert message.startswith(f"Error: {pictures} has no labels") and "--labels FILE.csv" in message
    of_run = scores(measured("r"))
    assert scores(measured("m.safetensors", "--data", pictures, "--labels", labels)) == of_run
    evaluation = evaluate(
        package.load("m.safetensors", device="cpu"),
        data=str(pictures),
        labels=str(labels),
        extractor="digits-cnn",
        count=16,
    )
    assert f"{evaluation.scores[0].value:.4g}" in " ".join(of_run)


def test_the_table_of_a_run_is_taken_for_the_data_of_the_run_alone(pictures: Path, tmp_path: Path) -> None:
    trained(pictures, table(tmp_path / "labels.csv"))
    of_run = scores(measured("r"))
    (tmp_path / "link").symlink_to(pictures)
    for data in pictures, tmp_path / "link":
        assert scores(measured("r", "--data", data)) == of_run
    other = classed(tmp_path / "other", "a", "b", "c", count=4)
    assert scores(measured("r", "--data", other)) != of_run, "its classes are those of its folders"


def test_the_table_of_a_run_moves_with_the_data(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(pictures, table(pictures / "labels.csv"))
    of_run = scores(measured("r"))
    shutil.move(pictures, tmp_path / "moved")
    monkeypatch.setenv("HOME", str(tmp_path))
    moved = scores(measured("r", "--data", "~/moved"))
    assert moved[1:] == of_run[1:]
    shutil.copytree(tmp_path / "moved", tmp_path / "bare")
    (tmp_path / "bare" / "labels.csv").unlink()
    assert "has no labels" in failed(measured("r", "--data", tmp_path / "bare"), 4)
    table(tmp_path / "elsewhere.csv")
    assert scores(measured("r", "--data", "~/bare", "--labels", "~/elsewhere.csv"))[1:] == of_run[1:]


def test_another_table_is_taken_for_a_run_that_has_one(pictures: Path, tmp_path: Path) -> None:
    trained(pictures, table(tmp_path / "labels.csv"))
    message = failed(measured("r", "--labels", tmp_path / "nosuch.csv"), 4)
    assert f"{tmp_path / 'nosuch.csv'} cannot be read" in message


def test_a_model_without_classes_takes_no_table(photos: Path, tmp_path: Path) -> None:
    assert train(photos, "--run", "plain", "--epochs", 1).code == 0
    message = failed(measured("plain", "--labels", table(tmp_path / "labels.csv")), 2)
    assert message == "Error: dcgan learns from no labels. Leave out --labels."
