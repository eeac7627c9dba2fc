"""``sample`` and ``make-gif``: which model is meant, and what comes out."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from ganctl.inference import latent_walk
from ganctl.inference import model as inference
from ganctl.runs.run import Run
from tests.commands import Outcome, everything, failed, ganctl


def test_model_is_a_run_a_checkpoint_a_file_or_a_name(run: Run) -> None:
    grids = []
    for model in (
        "photos",
        "runs/photos",
        run.path.absolute(),
        run.checkpoint(10),
        run.checkpoint(10) / "model.safetensors",
    ):
        outcome = ganctl("sample", model, "-n", 2, "-o", "out.png", "--force")
        assert outcome == Outcome(0, ["out.png"], [])
        grids.append(Path("out.png").read_bytes())
    assert len(set(grids)) == 1
    assert ganctl("sample", run.checkpoint(5), "-n", 2, "-o", "out.png", "--force").code == 0
    assert Path("out.png").read_bytes() != grids[0]


def test_a_data_folder_does_not_hide_the_run_of_its_name(run: Run) -> None:
    Path("photos").mkdir()
    assert ganctl("sample", "photos", "-n", 1).out == ["photos-seed0.png"]


@pytest.mark.parametrize("command", ["sample", "info", "resume", "make-gif"])
def test_a_wrong_model_lists_the_runs_there_are(run: Run, command: str) -> None:
    Path("somewhere").mkdir()
    for wrong in ("photo", "somewhere", "runs"):
        message = failed(ganctl(command, wrong), 3)
        assert message == f"Error: {wrong} is no run, checkpoint or .safetensors file. The runs here are: photos."


def test_sample_writes_a_grid_here_by_default(run: Run) -> None:
    assert ganctl("sample", "photos", "--seed", 7) == Outcome(0, ["photos-seed7.png"], [])
    with Image.open("photos-seed7.png") as grid:
        assert grid.mode == "RGB"
        assert grid.width == grid.height > 8 * 16


def test_sample_fills_a_folder_with_single_files(run: Run) -> None:
    outcome = ganctl("sample", "photos", "-n", 12, "-o", "out")
    assert outcome == Outcome(0, [f"out/{number:02d}.png" for number in range(12)], [])
    for name in outcome.out:
        with Image.open(name) as picture:
            assert (picture.size, picture.mode) == ((16, 16), "RGB")


def test_a_folder_may_have_a_dot_in_its_name(run: Run) -> None:
    assert ganctl("sample", "photos", "-n", 1, "-o", "out.v2/").out == ["out.v2/0.png"]
    assert ganctl("sample", "photos", "-n", 1, "-o", "out.v2", "--force").out == ["out.v2/0.png"]


def test_a_picture_depends_on_the_seed_and_its_number_alone(run: Run) -> None:
    def generated(count: int, seed: int) -> list[bytes]:
        names = ganctl("sample", "photos", "-n", count, "--seed", seed, "-o", f"{count}-{seed}").out
        return [Path(name).read_bytes() for name in names]

    sixteen = generated(16, seed=3)
    assert generated(4, seed=3) == sixteen[:4]
    assert generated(70, seed=3)[:16] == sixteen
    assert len(set(sixteen) | set(generated(16, seed=4))) == 32


@pytest.mark.parametrize(
    ("name", "count", "why"),
    [
        ("a.blp", 4, "names no picture format. Use .png, .jpg or .webp."),
        ("a.ico", 4, "names no picture format. Use .png, .jpg or .webp."),
        (
            "a.webp",
            1_000_000,
            "would have 18,002×18,002 pixels, and 64,000,000 are the most. Write single files into a folder: -o a/",
        ),
        ("a.gif", 16_000_000, "would have 72,002×72,002 pixels"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_any_is_generated(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, count: int, why: str
) -> None:
    monkeypatch.setattr(inference.Model, "generate_from", lambda *_: pytest.fail("it was generated"))
    assert why in failed(ganctl("sample", "photos", "-n", count, "-o", name), 2)
    assert "Use .gif, .mp4, .mov, .mkv or .webm." in failed(ganctl("make-gif", "photos", "--walk", "-o", "a.webp"), 2)


def durations(path: Path) -> list[int]:
    """How long each frame of a film is shown, in milliseconds."""
    with Image.open(path) as film:
        return [frame.info["duration"] for frame in ImageSequence.Iterator(film)]


def test_make_gif_films_every_epoch(run: Run) -> None:
    assert ganctl("make-gif", "photos") == Outcome(0, ["runs/photos/training.gif"], [])
    assert durations(run.training_gif) == [200, 200, 2200]
    assert ganctl("make-gif", run.path.absolute(), "-o", "other.gif", "--fps", 2).out == ["other.gif"]
    assert durations(Path("other.gif")) == [500, 500, 2500]


def test_make_gif_walks_through_the_latents(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    walked = ganctl("make-gif", "photos", "--walk")  # on a busy machine it says that it takes long
    assert (walked.code, walked.out) == (0, ["runs/photos/walk.gif"])
    assert len(durations(run.walk_gif)) > 24
    monkeypatch.setattr(latent_walk, "LatentWalk", partial(latent_walk.LatentWalk, num_keys=1, frames_per_key=2))
    before = everything(run.path)
    name = ganctl("make-gif", run.checkpoint(10), "--walk").out[0]
    assert Path(name).parent == Path()
    assert everything(run.path) == before


def test_a_film_without_previews_is_refused(run: Run) -> None:
    shutil.rmtree(run.progress)
    assert "ganctl resume runs/photos" in failed(ganctl("make-gif", "photos"), 1)
