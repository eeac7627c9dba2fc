"""What ``train`` makes of its flags, where its run is, what it says, and when it ends."""

import json
import re
import shlex
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from ganctl.runs.run import Run
from tests.commands import everything, failed, ganctl, train

PLAIN_EPOCH = re.compile(
    r"epoch (\d+)/\d+  discriminator \S+  generator \S+  D\(x\) \S+  D\(G\(z\)\) \S+  accuracy \S+  r1 \S+  "
    r"[\d,]+ pictures/s  .+ left"
)


def test_a_training_writes_a_run_named_after_its_data_and_prints_its_path(photos: Path) -> None:
    outcome = train(photos)
    run = Run(Path("runs", photos.name))
    assert outcome.code == 0
    assert outcome.out == [str(run.path)] == [str(path.parent) for path in Path().glob("*/*/run.json")]
    assert (
        outcome.err[-1] == f"Finished. Sample from it: ganctl sample {run.path}   Film it: ganctl make-gif {run.path}"
    )
    assert [epoch for epoch, _ in run.previews()] == [0, 1, 2]
    assert run.checkpoint_steps() == [10, 5]
    assert [(line["step"], line["epoch"]) for line in run.read_log()] == [(5, 1), (10, 2)]
    events = [json.loads(line)["event"] for line in run.events.read_text().splitlines()]
    assert events == ["start", "save", "save", "stop"]


def test_a_pipe_gets_one_plain_line_an_epoch(photos: Path) -> None:
    summary, *epochs, _ = train(photos).err
    assert summary.startswith(
        f"{photos.name}: dcgan (compact) on 40 pictures of 16×16 colour, 2 epochs of 5 steps, cpu"
    )
    assert [match and match[1] for match in map(PLAIN_EPOCH.fullmatch, epochs)] == ["1", "2"]


def test_a_taken_default_name_gets_a_suffix(photos: Path) -> None:
    name = f"runs/{photos.name}"
    assert [train(photos).out[0] for _ in range(3)] == [name, f"{name}-2", f"{name}-3"]


def test_a_run_is_named_under_runs_and_placed_by_a_path(photos: Path) -> None:
    assert train(photos, "--run", "x").out == ["runs/x"]
    assert train(photos, "--run", "a/b").out == ["a/b"]
    assert train(photos, "--run", Path("c/d").absolute()).out == ["c/d"]
    assert {path.parent for path in Path().rglob("run.json")} == {Path("runs/x"), Path("a/b"), Path("c/d")}


def test_a_taken_run_is_refused_with_the_command_to_go_on(photos: Path, run: Run) -> None:
    before = everything()
    message = failed(train(photos, "--run", "photos"), 2)
    assert message == "Error: runs/photos exists already. Go on with it: ganctl resume runs/photos"
    assert everything() == before


def test_a_folder_that_is_no_run_is_not_said_to_be_one(photos: Path) -> None:
    Path("runs/mine").mkdir(parents=True)
    assert "Choose another --run" in failed(train(photos, "--run", "mine"), 2)


def test_data_may_be_a_relative_path_or_begin_with_a_tilde(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path("home").absolute()
    home.mkdir()
    (home / "mine").symlink_to(photos)
    monkeypatch.setenv("HOME", str(home))
    for data in ("~/mine", "home/mine"):
        outcome = train(Path(data))
        assert outcome.code == 0
        assert Run(Path(outcome.out[0])).record()["settings"]["data"] == str(photos.resolve())


@pytest.mark.usefixtures("brief")
def test_max_minutes_saves_exits_0_and_ends_with_the_command_that_goes_on(photos: Path) -> None:
    outcome = train(photos, "--max-minutes", "60", "--run", "brief one")
    run = Run(Path("runs/brief one"))
    assert outcome.code == 0
    assert outcome.out == ["runs/brief one"]
    assert run.checkpoint_steps() == [1]
    program, *arguments = shlex.split(outcome.err[-1])
    assert [program, *arguments] == ["ganctl", "resume", "runs/brief one"]
    assert ganctl(*arguments).code == 0
    assert run.checkpoint_steps()[0] == 10


def test_time_that_is_over_before_the_first_step_leaves_nothing(photos: Path) -> None:
    message = failed(train(photos, "--max-minutes", "0.000001", "--run", "x/brief"), 1)
    assert message == "Error: The time was over before the first step. Raise --max-minutes."
    assert not list(Path().rglob("*brief*"))


def test_a_dry_run_says_what_it_costs_and_leaves_nothing_behind(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(Path("temporary").absolute()))
    outcome = train(photos, "--dry-run", "--limit", 7)
    assert outcome.code == 0
    assert [re.split("  +", line)[0] for line in outcome.out] == [
        "parameters",
        "speed",
        "an epoch",
        "2 epochs",
        "peak memory",
        "a checkpoint",
    ]
    assert outcome.err[0] == "Trying a few steps."
    assert outcome.err[1].startswith("dcgan (compact) on 7 pictures")
    assert outcome.err[2:] == ["Warning: The batch of 8 is more than the data, so it is 7."]
    torchs_own = Path("temporary/torchinductor_root")  # made once a process, be it here or in a test before
    assert everything() - {torchs_own} == {Path("temporary")}


@pytest.mark.usefixtures("brief")
def test_init_from_starts_where_the_other_model_ended_and_needs_it_no_longer(photos: Path, run: Run) -> None:
    assert train(photos, "--run", "tuned", "--init-from", "photos", "--max-minutes", "60").code == 0
    tuned = Run(Path("runs/tuned"))
    assert tuned.preview(0).read_bytes() == run.preview(2).read_bytes()
    shutil.rmtree(run.path)
    assert ganctl("resume", "tuned").code == 0
    assert tuned.checkpoint_steps()[0] == 10


def test_init_from_takes_its_options_from_the_model(photos: Path, run: Run) -> None:
    outcome = ganctl("train", "dcgan", "--data", photos, "--init-from", run.checkpoint(10), "--epochs", 1)
    assert outcome.code == 0
    settings = Run(Path(outcome.out[0])).record()["settings"]
    assert (settings["size"], settings["options"]["width"], settings["options"]["latent_dim"]) == (16, 8, 8)
    assert (settings["preset"], settings["batch_size"]) == ("compact", 32)


def test_init_from_a_model_that_does_not_fit_is_refused(photos: Path, run: Run) -> None:
    assert "do not fit" in failed(train(photos, "--init-from", "photos", "--set", "width=16"), 2)
    assert "The runs here are: photos." in failed(train(photos, "--init-from", "nothing"), 3)
    assert everything(Path("runs")) == {Path("runs/photos"), *everything(Path("runs/photos"))}


@pytest.mark.usefixtures("brief")
def test_signals_are_as_before_after_a_training(photos: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert train(photos, "--max-minutes", "60").code == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
