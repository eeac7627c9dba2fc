"""The progress of a run is animated from its previews, in the order of epochs, or it says how to get some."""

from pathlib import Path

import pytest
from PIL import Image

from ganctl.errors import GanctlError
from ganctl.runs import status
from ganctl.runs.run import Run
from tests.handmade_runs import STEPS, written


def test_previews_are_filmed_in_the_order_of_epochs(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.progress.mkdir(parents=True)
    for epoch in (10_000, 2, 0, 10):
        Image.new("RGB", (600, 600), (min(epoch, 250),) * 3).save(run.preview(epoch))
    (run.progress / "epoch-last.png").touch()
    (run.progress / ".tmp-1-epoch-0003.png").touch()
    frames = status.progress_frames(run)
    assert [int(frames.make(i)[0, 0, 0]) for i in range(frames.count)] == [0, 2, 10, 250]


def test_a_finished_run_without_previews_says_how_to_get_some(tmp_path: Path) -> None:
    run = written(tmp_path / "run")
    run.checkpoint(10 * STEPS * 10_000).mkdir()
    with pytest.raises(GanctlError, match=r"no progress pictures yet\. ganctl resume \S+run --more 1$"):
        status.progress_frames(run)


def test_a_run_without_previews_cannot_be_filmed(tmp_path: Path) -> None:
    with pytest.raises(GanctlError, match=r"run has no progress pictures yet\. ganctl resume"):
        status.progress_frames(Run(tmp_path / "run"))
