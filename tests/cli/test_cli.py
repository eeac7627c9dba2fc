"""What a user types, what comes out of it, and where."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import pytest
import typer
from PIL import Image, ImageSequence

from ganctl import __version__, cli, interrupt
from ganctl.__main__ import main as start
from ganctl.cli import app
from ganctl.data.batches import Batches
from ganctl.engine import loop, session
from ganctl.engine.loop import Plan
from ganctl.engine.state import State
from ganctl.inference import model as inference
from ganctl.runs import checkpoint, names, status
from ganctl.runs.run import Run
from tests.commands import Outcome, failed, ganctl, train

PLAIN_EPOCH = re.compile(
    r"epoch (\d+)/\d+  discriminator \S+  generator \S+  D\(x\) \S+  D\(G\(z\)\) \S+  accuracy \S+  r1 \S+  "
    r"[\d,]+ pictures/s  .+ left"
)


def everything(folder: Path = Path()) -> set[Path]:
    return set(folder.rglob("*"))


def test_without_arguments_the_help_is_shown_and_the_exit_code_is_2() -> None:
    told = ganctl()
    assert told.code == 2
    assert "make-gif" in "\n".join(told.out + told.err)
    assert ganctl("--help").code == 0
    assert ganctl("-h") == ganctl("--help")


def test_the_version_is_printed() -> None:
    assert ganctl("--version") == Outcome(0, [f"ganctl {__version__}"], [])


def test_a_training_writes_a_run_named_after_its_data_and_prints_its_path(photos: Path) -> None:
    told = train(photos)
    run = Run(Path("runs", photos.name))
    assert told.code == 0
    assert told.out == [str(run.path)] == [str(path.parent) for path in Path().glob("*/*/run.json")]
    assert told.err[-1] == f"Finished. Draw from it: ganctl sample {run.path}   Film it: ganctl make-gif {run.path}"
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
    said = failed(train(photos, "--run", "photos"), 2)
    assert said == "Error: runs/photos exists already. Go on with it: ganctl resume runs/photos"
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
        told = train(Path(data))
        assert told.code == 0
        assert Run(Path(told.out[0])).record()["settings"]["data"] == str(photos.resolve())


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes ten days ahead at the first step."""
    plain = loop.train_step

    def train_step(state: State, batches: Batches, plan: Plan) -> None:
        plain(state, batches, plan)
        monkeypatch.setattr(interrupt, "monotonic", lambda: time.monotonic() + 10 * 24 * 3600)

    monkeypatch.setattr(loop, "train_step", train_step)


@pytest.mark.usefixtures("brief")
def test_max_minutes_saves_exits_0_and_ends_with_the_command_that_goes_on(photos: Path) -> None:
    told = train(photos, "--max-minutes", "60", "--run", "brief one")
    run = Run(Path("runs/brief one"))
    assert told.code == 0
    assert told.out == ["runs/brief one"]
    assert run.checkpoint_steps() == [1]
    program, *arguments = shlex.split(told.err[-1])
    assert [program, *arguments] == ["ganctl", "resume", "runs/brief one"]
    assert ganctl(*arguments).code == 0
    assert run.checkpoint_steps()[0] == 10


def test_time_that_is_over_before_the_first_step_leaves_nothing(photos: Path) -> None:
    said = failed(train(photos, "--max-minutes", "0.000001", "--run", "x/brief"), 1)
    assert said == "Error: The time was over before the first step. Give --max-minutes more."
    assert not list(Path().rglob("*brief*"))


def test_a_finished_run_says_so_and_how_to_go_further(run: Run) -> None:
    before = run.log.read_bytes()
    told = ganctl("resume", "photos")
    assert told.code == 0
    assert told.err == [
        "runs/photos is finished: 2 of 2 epochs.",
        "To go further: ganctl resume runs/photos --more 2",
    ]
    assert run.log.read_bytes() == before


@pytest.mark.parametrize("extension", [("--more", "1"), ("--epochs", "3")])
def test_a_run_is_extended_by_more_epochs_or_to_a_new_total(run: Run, extension: tuple[str, str]) -> None:
    told = ganctl("resume", "runs/photos", *extension)
    assert (told.code, told.out) == (0, ["runs/photos"])
    assert run.checkpoint_steps()[0] == 15
    assert run.record()["settings"]["epochs"] == 3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--more", 1, "--epochs", 3), "Give one of them"),
        (("--more", 0), "more than 0"),
        (("--epochs", -1), "more than 0"),
        (("--max-minutes", "nan"), "more than 0"),
        (("--epochs", 1), "already done 2 epochs"),
        (("--set", "width=9"), "cannot change width"),
        (("--set", "allow_changed_data=perhaps"), "true or false"),
    ],
)
def test_an_extension_that_makes_no_sense_is_refused(run: Run, arguments: tuple[object, ...], why: str) -> None:
    record = run.record()
    assert why in failed(ganctl("resume", "photos", *arguments), 2)
    assert run.record() == record


def test_a_dry_run_says_what_it_costs_and_leaves_nothing_behind(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(Path("temporary").absolute()))
    told = train(photos, "--dry-run", "--limit", 7)
    assert told.code == 0
    assert [re.split("  +", line)[0] for line in told.out] == [
        "parameters",
        "speed",
        "an epoch",
        "2 epochs",
        "peak memory",
        "a checkpoint",
    ]
    assert told.err[0] == "Trying a few steps."
    assert told.err[1].startswith("dcgan (compact) on 7 pictures")
    assert told.err[2:] == ["Warning: The batch of 8 is more than the data, so it is 7."]
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
    told = ganctl("train", "dcgan", "--data", photos, "--init-from", run.checkpoint(10), "--epochs", 1)
    assert told.code == 0
    settings = Run(Path(told.out[0])).record()["settings"]
    assert (settings["size"], settings["options"]["width"], settings["options"]["latent_dim"]) == (16, 8, 8)


def test_init_from_a_model_that_does_not_fit_is_refused(photos: Path, run: Run) -> None:
    assert "do not fit" in failed(train(photos, "--init-from", "photos", "--set", "width=16"), 2)
    assert "The runs here are: photos." in failed(train(photos, "--init-from", "nothing"), 3)
    assert everything(Path("runs")) == {Path("runs/photos"), *everything(Path("runs/photos"))}


def test_model_is_a_run_a_checkpoint_a_file_or_a_name(run: Run) -> None:
    wanted = []
    for model in (
        "photos",
        "runs/photos",
        run.path.absolute(),
        run.checkpoint(10),
        run.checkpoint(10) / "model.safetensors",
    ):
        told = ganctl("sample", model, "-n", 2, "-o", "out.png", "--force")
        assert told == Outcome(0, ["out.png"], [])
        wanted.append(Path("out.png").read_bytes())
    assert len(set(wanted)) == 1
    assert ganctl("sample", run.checkpoint(5), "-n", 2, "-o", "out.png", "--force").code == 0
    assert Path("out.png").read_bytes() != wanted[0]


def test_a_data_folder_does_not_hide_the_run_of_its_name(run: Run) -> None:
    Path("photos").mkdir()
    assert ganctl("sample", "photos", "-n", 1).out == ["photos-seed0.png"]


@pytest.mark.parametrize("command", ["sample", "info", "resume", "make-gif"])
def test_a_wrong_model_lists_the_runs_there_are(run: Run, command: str) -> None:
    Path("somewhere").mkdir()
    for wrong in ("photo", "somewhere", "runs"):
        said = failed(ganctl(command, wrong), 3)
        assert said == f"Error: {wrong} is no run, checkpoint or .safetensors file. The runs here are: photos."


def test_sample_draws_a_grid_here_by_default(run: Run) -> None:
    assert ganctl("sample", "photos", "--seed", 7) == Outcome(0, ["photos-seed7.png"], [])
    with Image.open("photos-seed7.png") as grid:
        assert grid.mode == "RGB"
        assert grid.width == grid.height > 8 * 16


def test_sample_fills_a_folder_with_single_files(run: Run) -> None:
    told = ganctl("sample", "photos", "-n", 12, "-o", "out")
    assert told == Outcome(0, [f"out/{number:02d}.png" for number in range(12)], [])
    for name in told.out:
        with Image.open(name) as picture:
            assert (picture.size, picture.mode) == ((16, 16), "RGB")


def test_a_folder_may_have_a_dot_in_its_name(run: Run) -> None:
    assert ganctl("sample", "photos", "-n", 1, "-o", "out.v2/").out == ["out.v2/0.png"]
    assert ganctl("sample", "photos", "-n", 1, "-o", "out.v2", "--force").out == ["out.v2/0.png"]


def test_a_picture_depends_on_the_seed_and_its_number_alone(run: Run) -> None:
    def drawn(count: int, seed: int) -> list[bytes]:
        names = ganctl("sample", "photos", "-n", count, "--seed", seed, "-o", f"{count}-{seed}").out
        return [Path(name).read_bytes() for name in names]

    sixteen = drawn(16, seed=3)
    assert drawn(4, seed=3) == sixteen[:4]
    assert drawn(70, seed=3)[:16] == sixteen
    assert len(set(sixteen) | set(drawn(16, seed=4))) == 32


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
def test_what_a_format_cannot_hold_is_refused_before_it_is_drawn(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, count: int, why: str
) -> None:
    monkeypatch.setattr(inference.Model, "generate_from", lambda *_: pytest.fail("it was drawn"))
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
    monkeypatch.setattr(inference, "LatentWalk", partial(inference.LatentWalk, num_keys=1, frames_per_key=2))
    before = everything(run.path)
    name = ganctl("make-gif", run.checkpoint(10), "--walk").out[0]
    assert Path(name).parent == Path()
    assert everything(run.path) == before


def test_a_film_without_sheets_is_refused(run: Run) -> None:
    shutil.rmtree(run.progress)
    assert "ganctl resume runs/photos" in failed(ganctl("make-gif", "photos"), 1)


def test_info_says_what_a_run_is(photos: Path, run: Run) -> None:
    told = ganctl("info", "photos")
    assert (told.code, told.err) == (0, [])
    rows = dict(re.split("  +", line, maxsplit=1) for line in told.out)
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
    assert ["steps", "5 (1 epochs)"] in [re.split("  +", line) for line in of_file.out]


def test_info_of_a_run_without_checkpoints_works(run: Run) -> None:
    shutil.rmtree(run.checkpoints)
    run.log.unlink()
    run.events.unlink()
    told = ganctl("info", "photos")
    assert told.code == 0
    assert ["checkpoints", "none yet"] in [re.split("  +", line) for line in told.out]
    assert ganctl("runs").out[1].split()[-2:] == ["0/2", "stopped"]


def test_a_damaged_checkpoint_is_passed_over_and_named(run: Run) -> None:
    (run.checkpoint(10) / "model.safetensors").write_bytes(b"nonsense")
    told = ganctl("sample", "photos", "-n", 1)
    assert told.code == 0
    assert len(told.err) == 1
    assert told.err[0].startswith("Warning: runs/photos/checkpoints/step-00000010/model.safetensors has 8 bytes")


def test_resume_says_what_it_set_aside(run: Run) -> None:
    (run.checkpoint(10) / "state.safetensors").unlink()
    told = ganctl("resume", "photos")
    assert told.code == 0
    assert "It was set aside as unusable-1-step-00000010." in told.err[1]
    assert run.checkpoint_steps() == [10, 5]


def test_runs_are_listed_with_their_state(photos: Path, run: Run) -> None:
    for name in ("busy", "half", "wrong"):
        shutil.copytree(run.path, run.path.with_name(name))
    checkpoint.quarantine(Run(Path("runs/half")), 10)
    Path("runs/wrong/run.json").write_text("{}")
    with Run(Path("runs/busy")).writing():
        told = ganctl("runs")
    assert (told.code, told.err) == (0, [])
    assert [line.split() for line in told.out] == [
        ["RUN", "FAMILY", "DATA", "EPOCHS", "STATE"],
        ["busy", "dcgan", photos.name, "2/2", "training"],
        ["half", "dcgan", photos.name, "1/2", "stopped"],
        ["photos", "dcgan", photos.name, "2/2", "finished"],
        ["wrong", "unreadable"],
    ]


def test_a_place_without_runs_says_how_to_get_one() -> None:
    assert ganctl("runs") == Outcome(0, [], ["There are no runs here yet: ganctl train dcgan"])


def test_names_are_shown_as_they_are(run: Run) -> None:
    odd = "[red]:cat: größe"
    run.path.rename(f"runs/{odd}")
    assert ganctl("sample", odd, "-n", 1).out == [f"{odd}-seed0.png"]
    assert ganctl("runs").out[1].startswith(f"{odd}  dcgan")
    assert f"runs/{odd} is finished: 2 of 2 epochs." in ganctl("resume", odd).err


def test_long_lines_are_not_folded_in_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ganctl("info", "photos")
    monkeypatch.setenv("COLUMNS", "40")
    assert ganctl("info", "photos") == whole
    assert max(map(len, whole.out)) > 80


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "ganctl", "--version"], stdout=writer, stderr=subprocess.PIPE, timeout=60
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(("argument", "unbuffered"), [("--version", ""), ("--version", "1"), ("--help", "")])
def test_a_full_disk_behind_stdout_is_a_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, argument: str, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "ganctl", argument]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    said = "Error: Standard output could not be written: No space left on device.\nSend it to another place.\n"
    assert (done.returncode, done.stderr) == (1, said)


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("home", "name"), [(status, "describe"), (names, "find"), (app, "app")], ids=["describe", "find", "app"]
)
def test_an_interrupt_outside_a_training_exits_130_without_a_word(
    run: Run, monkeypatch: pytest.MonkeyPatch, home: object, name: str
) -> None:
    monkeypatch.setattr(home, name, lambda *_, **__: interrupted())
    assert ganctl("info", "photos") == Outcome(130, [], [])


def test_an_interrupt_while_ganctl_is_imported_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit) as left:
        start()
    assert left.value.code == 130


def test_warnings_of_libraries_stay_off_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def known() -> list[Run]:
        warnings.warn("the sky is falling", FutureWarning, stacklevel=1)
        return []

    monkeypatch.setattr(sys, "warnoptions", [])
    monkeypatch.setattr(names, "known", known)
    assert ganctl("runs").err == ["There are no runs here yet: ganctl train dcgan"]
    with pytest.warns(FutureWarning):  # and what a caller does with warnings is as before
        known()


def test_out_of_memory_names_the_peak_and_a_smaller_command(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")):

        def start(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(session, "start", start)
        said = failed(train(photos), 1)
        assert re.search(r"the most that was held is [\d.]+ GiB on cpu\. Try a smaller --batch-size", said)


def test_what_a_full_disk_and_a_full_memory_advise_are_options_that_the_command_has() -> None:
    commands = typer.main.get_command(app.app).commands  # type: ignore[attr-defined]
    for command, advice in [*app._MEMORY_REMEDIES.items(), *app._OUTPUT_FLAGS.items()]:
        context = typer.Context(commands[command])
        options = {name for option in commands[command].get_params(context) for name in option.opts}
        assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", advice)) <= options, command


def test_a_fault_of_our_own_is_not_hushed_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def describe(model: str) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(status, "describe", describe)
    with pytest.raises(RuntimeError, match="a bug"):
        ganctl("info", "photos")


@pytest.mark.usefixtures("brief")
def test_signals_are_as_before_after_a_training(photos: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert train(photos, "--max-minutes", "60").code == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
