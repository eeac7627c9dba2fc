"""What came after the step that a training goes back to is set aside, and lost in no power cut."""

from pathlib import Path

import pytest

from ganctl.runs import rollback
from ganctl.runs.run import create
from tests.handmade_runs import RECORD


def test_what_is_set_aside_is_brought_to_the_disk_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(Path("runs/x"), RECORD)
    synced: list[Path] = []
    for step in (5, 10):
        run.checkpoint(step).mkdir()
        run.preview(step // 5).touch()
    monkeypatch.setattr(rollback, "fsync_folder", synced.append)
    aside = rollback.set_aside_after(run, 5, 1)
    assert aside == run.path / "abandoned/1"
    assert synced == [aside / "checkpoints", run.checkpoints, aside / "progress", run.progress]
