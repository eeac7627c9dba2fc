"""A damaged checkpoint is noticed, set aside and replaced; it never costs the run."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from ganctl import tensorfile
from ganctl.engine.setup import configure
from ganctl.errors import CheckpointError
from ganctl.files import STAGING
from ganctl.runs import checkpoint
from ganctl.runs.checkpoint import MANIFEST, MODEL, STATE
from ganctl.runs.run import Run, create
from ganctl.tensorfile import TensorFile
from tests.commands import failed, ganctl
from tests.handmade_runs import written
from tests.trainings import assert_equal, begin, go_on, tiny

FILES = (MODEL, STATE, MANIFEST)


@pytest.fixture(scope="module")
def pristine(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Run:
    """A run with checkpoints at steps 5 and 10, and at its end, 20."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        run = begin(tiny(photos), tmp_path_factory.mktemp("pristine") / "run", stop_at=10)
        whole = begin(tiny(photos), run.path.with_name("whole"))
        shutil.copytree(whole.checkpoint(20), run.path.with_name("step-20"))
    return run


@pytest.fixture
def run(pristine: Run) -> Run:
    """A copy to damage."""
    return Run(Path(shutil.copytree(pristine.path, "run")))


def flip(path: Path, share: float) -> None:
    content = bytearray(path.read_bytes())
    content[min(len(content) - 1, int(share * len(content)))] ^= 0x10
    path.write_bytes(content)


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def lengthen(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def remove(path: Path, share: float) -> None:
    path.unlink()


def replace_by_folder(path: Path, share: float) -> None:
    path.unlink()
    path.mkdir()


SHARES = (0.0, 0.0005, 0.03, 0.4, 0.97, 0.9999)
DAMAGES = [(damage, share) for damage in (flip, cut) for share in SHARES]
DAMAGES += [(lengthen, 1.0), (remove, 0.0), (replace_by_folder, 0.0)]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("damage", "share"), DAMAGES, ids=[f"{d.__name__}-{s}" for d, s in DAMAGES])
def test_every_damage_is_noticed(run: Run, name: str, damage: Callable[[Path, float], None], share: float) -> None:
    folder = run.checkpoint(10)
    checkpoint.verify(folder)
    damage(folder / name, share)
    with pytest.raises(CheckpointError):
        checkpoint.verify(folder)
    if name == MODEL:  # which is all that sampling needs
        used, problems = checkpoint.newest_model(run)
        assert used == run.checkpoint(5) / MODEL
        assert len(problems) == 1


def test_an_unusable_checkpoint_is_set_aside_and_its_step_is_saved_again(run: Run, pristine: Run) -> None:
    flip(run.checkpoint(10) / STATE, 0.7)
    warnings = go_on(run)
    assert "damaged" in warnings[0]
    assert "set aside as unusable-1-step-00000010" in warnings[0]
    assert (run.checkpoints / "unusable-1-step-00000010" / STATE).exists()
    checkpoint.verify(run.checkpoint(10))
    whole = Run(pristine.path.with_name("whole"))
    assert_equal(run, whole)
    assert_equal(run, whole, step=10)


def test_of_two_damaged_checkpoints_of_a_step_both_are_kept(run: Run) -> None:
    for number in (1, 2):
        cut(run.checkpoint(10) / MODEL, 0.5)
        go_on(run, stop_at=10)
        assert (run.checkpoints / f"unusable-{number}-step-00000010").is_dir()


def test_with_no_usable_checkpoint_the_run_is_refused_again_and_again(run: Run) -> None:
    for step in (5, 10):
        remove(run.checkpoint(step) / STATE, 0)
    for _ in range(2):
        with pytest.raises(CheckpointError, match="no usable checkpoint"):
            go_on(run)
        assert run.checkpoint_steps() == [10, 5], "what is refused is left as it is"


def test_a_checkpoint_of_another_model_is_set_aside(run: Run, photos: Path) -> None:
    settings = configure("dcgan", data=str(photos), flags={"size": 16, "batch_size": 8, "width": 4})
    other_run = begin(settings, Path("other"), stop_at=10)
    shutil.rmtree(run.checkpoint(10))
    shutil.copytree(other_run.checkpoint(10), run.checkpoint(10))
    assert "another model" in go_on(run, stop_at=6)[0]


MODEL_FILE, STATE_FILE = TensorFile({"x": torch.ones(2)}, {}), TensorFile({"x": torch.ones(3)}, {})


def test_only_the_newest_checkpoints_are_kept() -> None:
    run = create(Path("run"), {})
    for step in (1, 2, 3, 4):
        checkpoint.save(run, step, MODEL_FILE, STATE_FILE, keep=2)
    assert run.checkpoint_steps() == [4, 3]
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step-00000003", "step-00000004"]


@pytest.mark.parametrize(("module", "failing"), [(tensorfile, "write"), (checkpoint, "write_atomically")])
def test_a_save_that_fails_leaves_nothing_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, failing: str
) -> None:
    run = create(Path("run"), {})
    checkpoint.save(run, 1, MODEL_FILE, STATE_FILE, keep=2)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, failing, full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(run, 2, MODEL_FILE, STATE_FILE, keep=2)
    assert [path.name for path in run.checkpoints.iterdir()] == ["step-00000001"]


def test_what_a_killed_save_left_is_cleaned_by_the_next_writer() -> None:
    run = create(Path("run"), {})
    (run.checkpoints / f"{STAGING}x" / "new").mkdir(parents=True)
    (run.checkpoints / f"{STAGING}x" / "new" / MODEL).write_bytes(b"half")
    assert run.checkpoint_steps() == []
    with run.writing():
        assert not list(run.checkpoints.iterdir())


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfd", b"{", b"{}", b"[]", b"[" * 100_000])
def test_an_unusable_manifest_is_reported_without_python_names(content: bytes | None) -> None:
    folder = Path("step")
    folder.mkdir()
    if content is not None:
        (folder / MANIFEST).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{MANIFEST} cannot be used: ") as caught:
        checkpoint.verify(folder)
    assert not re.search(r"Error|\(|b'", caught.value.message.replace("(char 1)", ""))


def test_a_run_that_is_training_is_to_be_waited_for_and_not_resumed() -> None:
    run = written(Path("runs/new"))
    shutil.rmtree(run.checkpoint(100), ignore_errors=True)
    assert "It has not saved one yet. ganctl resume runs/new" in failed(ganctl("sample", "new"), 3)
    with run.writing():
        assert failed(ganctl("sample", "new"), 3).endswith("saved one yet. Wait for its next: it is training.")
        assert failed(ganctl("make-gif", "new"), 1).endswith("pictures yet. Wait for the first: it is training.")
