"""Damaged runs and checkpoints exit 3, a training that diverges 5."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from ganctl import tensorfile
from ganctl.runs.run import Run
from tests.commands import failed, ganctl, train


@pytest.fixture
def run(photos: Path) -> Run:
    """A finished run."""
    assert train(photos, "--run", "photos", "--epochs", 1).code == 0
    return Run(Path("runs/photos"))


def damaged(record: dict[str, Any]) -> dict[str, object]:
    """What a training never wrote into ``run.json``, by what is wrong with it."""
    settings, data = record["settings"], record["data"]
    return {
        "a list": [record],
        "empty": {},
        "another format": {**record, "format": 1},
        "no settings": {key: value for key, value in record.items() if key != "settings"},
        "settings no object": {**record, "settings": [1]},
        "no family": {**record, "settings": {key: value for key, value in settings.items() if key != "family"}},
        "unknown family": {**record, "settings": {**settings, "family": "nosuch"}},
        "unknown setting": {**record, "settings": {**settings, "nosuch": 1}},
        "unknown option": {**record, "settings": {**settings, "options": {**settings["options"], "nosuch": 1}}},
        "wrong option": {**record, "settings": {**settings, "options": {**settings["options"], "latent_dim": "x"}}},
        "no options": {**record, "settings": {**settings, "options": 3}},
        "epochs a text": {**record, "settings": {**settings, "epochs": "many"}},
        "no epochs at all": {**record, "settings": {**settings, "epochs": 0}},
        "batch a list": {**record, "settings": {**settings, "batch_size": []}},
        "no data": {**record, "data": {}},
        "data of nothing": {**record, "data": {**data, "train": 0}},
        "no threads": {**record, "threads": 0},
        "threads a text": {**record, "threads": "two"},
    }


def test_a_damaged_run_json_exits_3(run: Run) -> None:
    record = run.record()
    for how, wrong in damaged(record).items():
        (run.path / "run.json").write_text(json.dumps(wrong))
        assert "runs/photos/run.json" in failed(ganctl("resume", "photos"), 3), how
        assert ganctl("runs").code == 0, how
    for text in (b"", b"{", b"\xff\xfe\xfd", b"[" * 100_000, json.dumps(record).encode()[:-1]):
        (run.path / "run.json").write_bytes(text)
        assert "runs/photos/run.json" in failed(ganctl("resume", "photos"), 3)
        assert "runs/photos/run.json" in failed(ganctl("info", "photos"), 3)
        assert ganctl("runs").out[1].split() == ["photos", "unreadable"]


def test_what_is_no_run_exits_3(run: Run) -> None:
    for model in (run.checkpoint(5), run.checkpoint(5) / "model.safetensors"):
        assert "is no run: it holds no run.json." in failed(ganctl("resume", model), 3)
        assert "is no run: it holds no run.json." in failed(ganctl("make-gif", model), 3)


def test_a_run_whose_checkpoints_are_all_unusable_exits_3(run: Run) -> None:
    for step in run.checkpoint_steps():
        (run.checkpoint(step) / "manifest.json").unlink()
    assert "has no usable checkpoint" in failed(ganctl("sample", "photos"), 3)
    assert "has no usable checkpoint" in failed(ganctl("resume", "photos"), 3)


def test_a_training_that_diverges_exits_5_and_saves_nothing_of_it(photos: Path) -> None:
    message = failed(train(photos, "--lr", "1e30", "--run", "wild"), 5)
    assert "diverged at step 1" in message
    assert "smaller --lr" in message
    assert Run(Path("runs/wild")).checkpoint_steps() == []


def test_what_was_saved_before_a_divergence_stays(photos: Path, run: Run) -> None:
    record = run.record()
    options = {**record["settings"]["options"], "lr_generator": 1e30, "lr_discriminator": 1e30}
    run.write_record({**record, "settings": {**record["settings"], "options": options}})
    assert "diverged at step 6" in failed(ganctl("resume", "photos", "--more", 2), 5)
    assert run.checkpoint_steps() == [5]
    for file in run.path.rglob("*.safetensors"):
        assert all(tensor.isfinite().all() for tensor in tensorfile.read(file).tensors.values())
    assert all(math.isfinite(value) for line in run.read_log() for value in line.values())
    assert ganctl("sample", "photos", "-n", 1).code == 0
