"""A model that knows classes is asked for them: from Python, by ``--label`` and by ``--set``, with the same bytes."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageSequence

import ganctl as package
from ganctl import tensorfile
from ganctl.data.info import DataInfo
from ganctl.gans import find
from ganctl.gans.labels import Controls
from ganctl.images import grids
from ganctl.inference.latent_walk import LatentWalk
from ganctl.tensorfile import TensorFile
from tests.commands import failed, ganctl

NAMES = ("zero", "one", "two", "three")
MODEL = "model.safetensors"


@pytest.fixture(autouse=True)
def model(tmp_path: Path) -> package.Model:
    """An untrained model of four classes."""
    torch.manual_seed(0)
    family, options = find("acgan"), {"width": 8, "latent_dim": 8, "embedding_dim": 8}
    net = family.model(family.options(**options), DataInfo((1, 16, 16), NAMES))
    header = {"format": 2, "family": "acgan", "options": options, "shape": [1, 16, 16], "classes": NAMES}
    tensorfile.write(Path(MODEL), TensorFile(net.state_dict(), header))
    return package.load(MODEL, "cpu")


@pytest.mark.parametrize("label", ["2", "two", "0,3", "all"])
def test_flag_set_and_python_are_the_same_call(model: package.Model, label: str) -> None:
    grids.save_grid(Path("python.png"), model.sample(5, seed=3, label=label), 5)
    for name, flags in (("flag", ("--label", label)), ("set", ("--set", f"label={label}"))):
        assert ganctl("sample", MODEL, "-n", 5, "--seed", 3, *flags, "-o", f"{name}.png").out == [f"{name}.png"]
        if label in ("0,3", "all"):  # a row for each: the grid is as wide as there are pictures of one
            assert Path(f"{name}.png").read_bytes() == Path("python.png").read_bytes()
    assert Path("flag.png").read_bytes() == Path("set.png").read_bytes()
    assert ganctl("sample", MODEL, "-n", 5, "--seed", 3, "--label", label, "-o", "files/").code == 0
    names = [f"{name}-{number}.png" for name in {"0,3": ("zero", "three")}.get(label, NAMES) for number in range(5)]
    names = names if label in ("0,3", "all") else [f"{number}.png" for number in range(5)]
    files = [Image.open(Path("files") / name) for name in names]
    assert len(list(Path("files").iterdir())) == len(files)
    images = grids.to_uint8(model.sample(5, seed=3, label=label))
    assert [file.tobytes() for file in files] == [image.tobytes() for image in images]


def test_numbers_and_lists_from_python_are_labels_too(model: package.Model) -> None:
    assert torch.equal(model.sample(3, label=2), model.sample(3, label="two"))
    assert torch.equal(model.sample(3, label=["one", 2]), model.sample(3, label="one,two"))


def test_a_picture_depends_on_seed_number_and_label_alone(model: package.Model) -> None:
    many = model.sample(100, seed=5, label="three")
    assert torch.equal(many[:2], model.sample(2, seed=5, label=3))
    assert torch.equal(many[:2], model.sample(2, seed=5, label="one,three")[2:])
    assert not torch.equal(many[:2], model.sample(2, seed=6, label=3))
    assert not torch.equal(many[:2], model.sample(2, seed=5, label=2))
    mixed = model.sample(100, seed=5)
    assert torch.equal(mixed[:7], model.sample(7, seed=5))
    of_each = [model.sample(100, seed=5, label=label) for label in range(4)]
    classes = [[torch.equal(mixed[i], images[i]) for images in of_each].index(True) for i in range(100)]
    assert set(classes) == {0, 1, 2, 3}, "without a label, each picture's is drawn from its own generator"


def test_all_is_a_row_for_each_class_from_the_same_latents(model: package.Model) -> None:
    rows = model.sample(label="all").view(4, 8, 1, 16, 16)
    for label in range(4):
        assert torch.equal(rows[label], model.sample(8, label=label))
    assert ganctl("sample", MODEL, "--label", "all", "-o", "all.png").code == 0
    with Image.open("all.png") as sheet:
        assert sheet.width > sheet.height
        assert sheet.size == grids.grid_size(32, 8, 16)
    assert ganctl("sample", MODEL, "--label", "all", "-n", 1, "-o", "few.png").code == 0
    with Image.open("few.png") as sheet:
        assert sheet.size == grids.grid_size(4, 8, 16), "a column of single pictures would be tall and coarse"


@pytest.mark.parametrize("label", ["four", "4", "one,,two", "ONE", "four:0.5,one:0.5", "²", "9" * 5000])
def test_a_class_that_is_not_there_exits_2_with_the_classes(label: str) -> None:
    for command in (("sample", MODEL), ("make-gif", MODEL, "--walk")):
        message = failed(ganctl(*command, "--label", label), 2)
        assert message.endswith("The 4 classes are: zero, one, two, three.")
    assert [path.name for path in Path().iterdir()] == [MODEL]


def test_what_else_is_asked_for_lists_the_label() -> None:
    message = failed(ganctl("sample", MODEL, "--set", "colour=red"), 2)
    assert "cannot be asked for 'colour'. It can be asked for label: Class by name or number" in message


def test_a_walk_keeps_its_label(model: package.Model) -> None:
    walk = LatentWalk(model, 1, model.controls(label="two"), num_keys=2, frames_per_key=2, num_images=3)
    assert torch.allclose(walk[0], model.sample(3, seed=1, label="two"), atol=1e-5)
    assert not torch.equal(walk[1], walk[0])
    assert ganctl("make-gif", MODEL, "--walk", "--label", "3", "-o", "walk.gif").code == 0
    with Image.open("walk.gif") as film:
        assert sum(1 for _ in ImageSequence.Iterator(film)) > 10


def test_a_walk_between_labels_holds_the_latents(model: package.Model) -> None:
    walk = LatentWalk(model, 1, model.controls(label="zero,two,three"), frames_per_key=4, num_images=3)
    assert len(walk) == 12
    for key, label in enumerate(("zero", "two", "three")):
        assert torch.allclose(walk[4 * key], model.sample(3, seed=1, label=label), atol=1e-5)
    assert torch.allclose(walk[2], model.sample(3, seed=1, label="zero:0.5,two:0.5"), atol=1e-5)
    steps = [(walk[(i + 1) % 12] - walk[i]).abs().mean() for i in range(12)]
    assert max(steps) < (walk[4] - walk[0]).abs().mean(), "it never jumps, from the last to the first frame either"


@pytest.mark.parametrize("name", ["none", "None", "all", "a,b", "3"])
def test_a_class_may_have_any_name(name: str) -> None:
    contents = tensorfile.read(Path(MODEL))
    tensorfile.write(Path(MODEL), TensorFile(contents.tensors, {**contents.header, "classes": ["x", name, "y", "z"]}))
    named = package.load(MODEL, "cpu")
    second = named.sample_with(Controls(shares=(0.0, 1.0, 0.0, 0.0)), 3)
    assert torch.allclose(named.sample(3, label=name), second, atol=1e-5)
    assert ganctl("sample", MODEL, "-n", 3, "--label", name, "-o", "named.png").code == 0
    grids.save_grid(Path("python.png"), named.sample(3, label=name), grids.grid_columns(3))
    assert Path("named.png").read_bytes() == Path("python.png").read_bytes()


def test_single_files_of_several_labels_stay_in_their_folder_and_apart(model: package.Model) -> None:
    contents = tensorfile.read(Path(MODEL))
    classes = ["../a", "..\\a", "z" * 300, "dog"]
    tensorfile.write(Path(MODEL), TensorFile(contents.tensors, {**contents.header, "classes": classes}))
    written = ganctl("sample", MODEL, "-n", 2, "--label", "all", "-o", "files/").out
    assert len(set(written)) == 8
    assert {Path(name).parent for name in written} == {Path("files")}
    pair = ("sample", MODEL, "-n", 2, "--label", "dog,0", "-o", "pair/")
    assert ganctl(*pair).out[0] == "pair/dog-0.png"
    assert "pair/..-a-0.png exists already" in failed(ganctl(*pair), 2)
    assert ganctl("sample", MODEL, "-n", 2, "--label", "dog,dog", "-o", "twice/").out == [
        f"twice/{index}-dog-{number}.png" for index in range(2) for number in range(2)
    ]


def test_a_blend_lies_between_its_classes(model: package.Model) -> None:
    zero, both, two = (model.sample(4, seed=2, label=label) for label in ("zero", "zero:0.5,two:0.5", "two"))
    assert torch.allclose(both, model.sample(4, seed=2, label="0:3,2:3"), atol=1e-6)
    assert torch.allclose(model.sample(4, seed=2, label="two:1"), two, atol=1e-5)
    assert not torch.allclose(both, zero, atol=1e-2)
    assert not torch.allclose(both, two, atol=1e-2)


def test_a_file_without_its_classes_is_refused() -> None:
    contents = tensorfile.read(Path(MODEL))
    header = {name: value for name, value in contents.header.items() if name != "classes"}
    tensorfile.write(Path(MODEL), TensorFile(contents.tensors, json.loads(json.dumps(header))))
    assert "is not what its header says: it names no classes" in failed(ganctl("sample", MODEL), 3)
