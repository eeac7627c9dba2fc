"""A damaged checkpoint is noticed, set aside and replaced; it never costs the run."""

import json
import re
import shutil
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ganctl.engine.setup import configure
from ganctl.errors import CheckpointError
from ganctl.files import STAGING, umask
from ganctl.runs import checkpoint
from ganctl.runs.checkpoint import MANIFEST, MODEL, STATE, TensorFile
from ganctl.runs.run import Run, create
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
    if name == MODEL:  # which is all that drawing needs
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
    other = begin(settings, Path("other"), stop_at=10)
    shutil.rmtree(run.checkpoint(10))
    shutil.copytree(other.checkpoint(10), run.checkpoint(10))
    assert "another model" in go_on(run, stop_at=6)[0]


def table(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def rewritten(path: Path, header: str, data: bytes) -> None:
    path.write_bytes(struct.pack("<Q", len(header.encode())) + header.encode() + data)


def test_a_file_that_names_a_tensor_twice_is_refused(run: Run) -> None:
    path = run.checkpoint(10) / MODEL
    header, data = table(path)
    name = next(key for key in header if key != "__metadata__")
    rewritten(path, json.dumps(header)[:-1] + f', "{name}": {json.dumps(header[name])}}}', data)
    with pytest.raises(CheckpointError, match="twice"):
        checkpoint.read_header(path)


def test_a_file_with_overlapping_or_missing_tensors_is_refused(run: Run) -> None:
    path = run.checkpoint(10) / MODEL
    header, data = table(path)
    names = [key for key in header if key != "__metadata__"]
    overlapping = {**header, names[0]: {**header[names[0]], "data_offsets": header[names[1]]["data_offsets"]}}
    missing = {key: value for key, value in header.items() if key != names[0]}
    unknown = {**header, names[0]: {**header[names[0]], "dtype": "Q7"}}
    for wrong in (overlapping, missing, unknown, {**header, names[0]: 3}, [1, 2]):
        rewritten(path, json.dumps(wrong), data)
        with pytest.raises(CheckpointError):
            checkpoint.read_header(path)


def test_a_foreign_safetensors_file_is_refused_by_name() -> None:
    save_file({"x": torch.zeros(3)}, "foreign.safetensors")
    with pytest.raises(CheckpointError, match="not written by ganctl"):
        checkpoint.read(Path("foreign.safetensors"))


TENSORS: Mapping[str, Tensor] = {
    "scalar": torch.tensor(3.5),
    "empty": torch.zeros(0, 3),
    "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "half": torch.randn(3).to(torch.bfloat16),
    "whole": torch.tensor([1, -2]),
    "truth": torch.tensor([True, False]),
}


def test_what_is_written_is_read_back_bit_for_bit() -> None:
    path = Path("some.safetensors")
    checkpoint.write(path, TensorFile(TENSORS, {"step": 3, "name": "höhe"}))
    back = checkpoint.read(path)
    assert back.header == {"step": 3, "name": "höhe"}
    assert back.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(back.tensors[name], tensor) for name, tensor in TENSORS.items())
    assert path.stat().st_mode & 0o777 == 0o644 & ~umask()
    assert checkpoint.count_elements(path) == sum(tensor.numel() for tensor in TENSORS.values())


def test_only_the_newest_checkpoints_are_kept() -> None:
    run = create(Path("run"), {})
    for step in (1, 2, 3, 4):
        checkpoint.save(run, step, TensorFile(TENSORS, {}), TensorFile(TENSORS, {}), keep=2)
    assert run.checkpoint_steps() == [4, 3]
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step-00000003", "step-00000004"]


@pytest.mark.parametrize("failing", ["write", "write_atomically"])
def test_a_save_that_fails_leaves_nothing_and_costs_nothing(monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    run = create(Path("run"), {})
    checkpoint.save(run, 1, TensorFile(TENSORS, {}), TensorFile(TENSORS, {}), keep=2)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, failing, full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(run, 2, TensorFile(TENSORS, {}), TensorFile(TENSORS, {}), keep=2)
    assert [path.name for path in run.checkpoints.iterdir()] == ["step-00000001"]


def test_what_a_killed_save_left_is_cleaned_by_the_next_writer() -> None:
    run = create(Path("run"), {})
    (run.checkpoints / f"{STAGING}x" / "new").mkdir(parents=True)
    (run.checkpoints / f"{STAGING}x" / "new" / MODEL).write_bytes(b"half")
    assert run.checkpoint_steps() == []
    with run.writing():
        assert not list(run.checkpoints.iterdir())


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfd", b"{", b"{}", b"[]", b"[" * 100_000])
def test_a_manifest_that_cannot_be_used_is_a_sentence_without_a_name_of_pythons(content: bytes | None) -> None:
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
