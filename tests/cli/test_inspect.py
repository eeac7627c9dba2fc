"""``info`` and ``runs``: what a model is, and how far the runs are."""

import re
import shutil
from pathlib import Path

from ganctl.runs import checkpoint
from ganctl.runs.run import Run
from tests.commands import Outcome, ganctl


def test_info_says_what_a_run_is(photos: Path, run: Run) -> None:
    outcome = ganctl("info", "photos")
    assert (outcome.code, outcome.err) == (0, [])
    rows = dict(re.split("  +", line, maxsplit=1) for line in outcome.out)
    assert rows["state"] == "finished"
    assert rows["epochs"] == "2 of 2"
    assert rows["data"] == f"{photos.name}: 40 to learn from, 2 held out"
    assert rows["family"] == "dcgan, preset compact"
    assert rows["pictures"] == "16×16, colour"
    assert rows["steps"] == "10 (2 epochs)"
    assert rows["checkpoints"] == "step-00000010, step-00000005"
    assert "width=8" in rows["options"]
    assert "D(G(z))" in rows["metrics"]
    assert rows["command"].startswith("ganctl train dcgan --data ")


def test_info_says_what_a_file_is(run: Run) -> None:
    of_file = ganctl("info", run.checkpoint(5) / "model.safetensors")
    assert of_file == ganctl("info", run.checkpoint(5))
    assert of_file.code == 0
    assert ["steps", "5 (1 epoch)"] in [re.split("  +", line) for line in of_file.out]


def test_info_of_a_run_without_checkpoints_works(run: Run) -> None:
    shutil.rmtree(run.checkpoints)
    run.log.unlink()
    run.events.unlink()
    outcome = ganctl("info", "photos")
    assert outcome.code == 0
    assert ["checkpoints", "none yet"] in [re.split("  +", line) for line in outcome.out]
    assert ganctl("runs").out[1].split()[-2:] == ["0/2", "stopped"]


def test_a_damaged_checkpoint_is_passed_over_and_named(run: Run) -> None:
    (run.checkpoint(10) / "model.safetensors").write_bytes(b"nonsense")
    outcome = ganctl("sample", "photos", "-n", 1)
    assert outcome.code == 0
    assert len(outcome.err) == 1
    assert outcome.err[0].startswith("Warning: runs/photos/checkpoints/step-00000010/model.safetensors has 8 bytes")


def test_runs_are_listed_with_their_state(photos: Path, run: Run) -> None:
    for name in ("busy", "half", "wrong"):
        shutil.copytree(run.path, run.path.with_name(name))
    checkpoint.quarantine(Run(Path("runs/half")), 10)
    Path("runs/wrong/run.json").write_text("{}")
    with Run(Path("runs/busy")).writing():
        outcome = ganctl("runs")
    assert (outcome.code, outcome.err) == (0, [])
    assert [line.split() for line in outcome.out] == [
        ["RUN", "FAMILY", "DATA", "EPOCHS", "STATE"],
        ["busy", "dcgan", photos.name, "2/2", "training"],
        ["half", "dcgan", photos.name, "1/2", "stopped"],
        ["photos", "dcgan", photos.name, "2/2", "finished"],
        ["wrong", "unreadable"],
    ]


def test_a_folder_without_runs_says_how_to_get_one() -> None:
    assert ganctl("runs") == Outcome(0, [], ["There are no runs here yet: ganctl train dcgan"])
