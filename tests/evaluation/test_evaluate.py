"""Every score sees the fault that it is for, and `ganctl evaluate` prints them for people and machines."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.commands import failed, ganctl
from tests.evaluation.conftest import TEST, Digits
from tests.trainings import begin, tiny


def test_held_out_images_score_like_a_perfect_generator(real: Digits, healthy: Mapping[str, float]) -> None:
    scores, codes = real.evaluate(real.images("test"))
    assert codes == []
    assert scores["fid"] == pytest.approx(real.references[0].held_out_distances["fid-digits-cnn"])
    assert scores["fid"] < 2 * healthy["fid"]
    assert scores["novelty"] == pytest.approx(1, abs=0.1)
    assert scores["covered"] == 10


def test_noise_is_far_away(real: Digits, healthy: Mapping[str, float]) -> None:
    scores, _ = real.evaluate(torch.rand(TEST, 1, 28, 28) * 2 - 1)
    assert scores["fid"] > 50 * healthy["fid"]
    assert scores["precision"] < 0.05
    assert scores["coverage"] < 0.05


def test_a_missing_class_costs_recall_and_is_named(real: Digits, healthy: Mapping[str, float]) -> None:
    images, labels = real.unseen()
    scores, codes = real.evaluate(images[labels != 7])
    assert codes == ["DROPPED"]
    assert scores["covered"] == 9
    assert scores["rarest"] < 0.1
    assert scores["fid"] > 2 * healthy["fid"]
    assert scores["recall"] < healthy["recall"] - 0.03
    assert scores["precision"] == pytest.approx(healthy["precision"], abs=0.05)


def test_a_repeated_image_is_a_collapse(real: Digits, healthy: Mapping[str, float]) -> None:
    images, _ = real.unseen()
    images[: TEST // 10] = images[0]
    scores, codes = real.evaluate(images)
    assert codes == ["COLLAPSE"]
    assert scores["repeats"] > 0.09 > 3 * healthy["repeats"]


def test_a_single_image_is_a_collapse_without_diversity(real: Digits) -> None:
    scores, codes = real.evaluate(real.images("test", 1).expand(200, -1, -1, -1))
    assert "COLLAPSE" in codes
    assert scores["diversity"] == 0


def test_lost_contrast_is_named(real: Digits, healthy: Mapping[str, float]) -> None:
    images, _ = real.unseen()
    scores, codes = real.evaluate(images * 0.5)
    assert "PALE" in codes
    assert scores["contrast"] == pytest.approx(healthy["contrast"] / 2, rel=0.01)
    assert scores["fid"] > 5 * healthy["fid"]


def test_copies_of_training_images_are_named(real: Digits, healthy: Mapping[str, float]) -> None:
    scores, codes = real.evaluate(real.images("train"))
    assert codes == ["MEMORISING"]
    assert scores["novelty"] == 0
    assert scores["fid"] < healthy["fid"], "which is why the distance alone is not enough"


def test_a_checkerboard_is_named(real: Digits, healthy: Mapping[str, float]) -> None:
    images, _ = real.unseen()
    rows, columns = np.indices((28, 28))
    board = torch.from_numpy((rows + columns) % 2 * 2 - 1).float() * 0.1
    scores, codes = real.evaluate((images + board).clamp(-1, 1))
    assert "CHECKERBOARD" in codes
    assert scores["checkerboard"] > 5 * healthy["checkerboard"]


def test_without_an_extractor_the_other_scores_are_printed(photos: Path, no_inception: None) -> None:
    run = begin(tiny(photos, epochs=1), Path("a/run"))
    outcome = ganctl("evaluate", run.path, "-n", 64)
    assert outcome.code == 0
    assert "lacks its weights. Give it with --weights FILE" in " ".join(outcome.err)
    names = [line.split()[0] for line in outcome.out if line]
    assert {"contrast", "checkerboard"} <= set(names)
    assert not [name for name in names if name.startswith(("fid", "kid"))]
    assert "--weights" in failed(ganctl("evaluate", run.path, "--extractor", "inception"), 1)
    assert "digits-cnn, inception" in failed(ganctl("evaluate", run.path, "--extractor", "nosuch"), 2)


def test_evaluate_prints_a_table_and_the_same_for_machines(photos: Path) -> None:
    run = begin(tiny(photos, epochs=1), Path("a/run"))
    arguments = ("evaluate", run.path, "--extractor", "digits-cnn", "-n", 64)
    table, machine = ganctl(*arguments), ganctl(*arguments, "--json")
    assert table.code == machine.code == 0
    report = json.loads("\n".join(machine.out))
    assert report["extractor"] == "digits-cnn"
    assert (report["pictures"], report["held_out"], report["step"]) == (64, 2, 5)
    for name, score in report["scores"].items():
        (line,) = [line for line in table.out if line.startswith(f"{name} ")]
        assert f"{score['value']:.4g}" in line.split()
    with_extractor = [name for name in report["scores"] if name.endswith("-digits-cnn")]
    assert {"fid-digits-cnn", "kid-digits-cnn"} <= set(with_extractor)
    assert any("28×28" in line for line in table.out)


def test_a_model_outside_of_its_run_is_measured_against_its_own_or_the_given_set(photos: Path) -> None:
    run = begin(tiny(photos, epochs=1), Path("a/run"))
    Path("model.safetensors").write_bytes((run.checkpoint(5) / "model.safetensors").read_bytes())
    arguments = ("evaluate", "model.safetensors", "--extractor", "digits-cnn", "-n", 64)
    assert "photos" in failed(ganctl(*arguments), 4)
    assert ganctl(*arguments, "--data", photos).out[5:] == ganctl("evaluate", run.path, *arguments[2:]).out[5:]
