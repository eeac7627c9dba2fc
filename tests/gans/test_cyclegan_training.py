"""A CycleGAN trains, previews, translates and refuses, from settings to files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from torch import Tensor

from ganctl import tensorfile
from ganctl.data.sources import cyclegan_sets
from ganctl.engine import loop, session
from ganctl.engine.setup import configure
from ganctl.errors import DataError
from ganctl.gans.base import Clock
from ganctl.images.thumbnails import captions_of
from ganctl.runs import checkpoint
from ganctl.runs.run import Run
from tests.commands import ganctl
from tests.trainings import begin, tiny_pair


def test_an_update_of_the_generators_moves_no_discriminator_and_the_other_way_round(pair: Path) -> None:
    with session.start(tiny_pair(pair), "some/run") as started:
        state, batches = started.state, started.batches
        updates = state.module.updates(batches.batch(0, state.device), Clock(0, 1, 1))
        for player, opponent in (("generator", "discriminator"), ("discriminator", "generator")):
            update = next(updates)
            assert list(update.losses) == [player]
            before = {name: weights(state.optimizers[name]) for name in (player, opponent)}
            loop.move(state.optimizers, update)
            assert equal(before[opponent], weights(state.optimizers[opponent]))
            assert not equal(before[player], weights(state.optimizers[player]))


def equal(before: list[Tensor], after: list[Tensor]) -> bool:
    return all(torch.equal(*pair) for pair in zip(before, after, strict=True))


def weights(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p.detach().clone() for group in optimizer.param_groups for p in group["params"]]


def test_another_model_s_weights_start_a_run_of_another_size_without_its_pool(pair: Path) -> None:
    first = begin(tiny_pair(pair, epochs=1), Path("runs/first"))
    small = {"width": "4", "blocks": "1", "discriminator_width": "4", "discriminator_layers": "1", "pool_size": "5"}
    settings = configure(
        "cyclegan",
        data=str(pair),
        init_from=str(first.path),
        flags={"size": 20, "batch_size": 2, "epochs": 1},
        assignments=small,
    )
    with session.start(settings, "runs/second") as second:
        module = second.state.module
        assert module.get_buffer("pool_a.count") == 0
        stored = tensorfile.read(first.checkpoint(7) / checkpoint.STATE).tensors
        for name in ("discriminator_a.to_logits.weight", "model.a_to_b.to_picture.conv.weight"):
            assert torch.equal(module.get_parameter(name), stored[f"module.{name}"])


def test_the_log_has_both_players_and_every_term(pair: Path) -> None:
    line = next(begin(tiny_pair(pair, epochs=1), Path("some/run")).read_log())
    assert set(line) == {
        "step",
        "epoch",
        "loss/generator",
        "loss/discriminator",
        "metric/adversarial",
        "metric/cycle",
        "metric/identity",
        "metric/luminance",
        "metric/D(x)",
        "metric/D(G(x))",
        "metric/accuracy",
    }


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--size", 18], "multiple of 4"),
        (["--size", 8], "12 pixels or more"),
        (["--preset", "tutorial", "--size", 30], "multiple of 4"),
        (["--data", "mnist"], "There is no data 'mnist'"),
        (["--set", "output=nothing"], "Choose among: image, residual, mask"),
    ],
)
def test_what_a_cyclegan_cannot_do_is_a_sentence(pair: Path, arguments: list[object], why: str) -> None:
    data = [] if "--data" in arguments else ["--data", pair]
    outcome = ganctl("train", "cyclegan", *data, *arguments)
    assert outcome.code in (2, 4)
    assert why in " ".join(outcome.err)
    assert not Path("runs").exists()


def test_domains_are_for_families_that_have_two(pair: Path) -> None:
    outcome = ganctl("train", "dcgan", "--data", pair, "--domains", "a,b")
    assert outcome.code == 2
    assert "learns from one set" in outcome.err[0]


def test_without_a_network_the_built_in_pair_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(name: str) -> Path:
        raise DataError(f"{name} could not be downloaded.")

    monkeypatch.setattr(cyclegan_sets, "fetch", unreachable)
    small = ("--size", 16, "--limit", 4, "--epochs", 1)
    tiny = ("width=4", "blocks=1", "discriminator_width=4", "discriminator_layers=1")
    outcome = ganctl("train", "cyclegan", *small, *(f"--set={setting}" for setting in tiny))
    assert outcome.code == 0, outcome
    assert outcome.out == ["runs/plain2striped"]
    assert any("plain2striped is used" in line for line in outcome.err)
    assert Run(Path("runs/plain2striped")).record()["data"]["name"] == "plain2striped"


def test_the_preview_and_translate_give_the_same_pixels(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for split in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / "mine" / split).mkdir(parents=True)
        for i in range(4):
            pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"mine/{split}/{i}.png")
    run = begin(tiny_pair(tmp_path / "mine", epochs=1), Path("runs/mine"))
    for source, target in (("A", "B"), ("B", "A")):
        outcome = ganctl("translate", "mine", tmp_path / f"mine/test{source}", "--to", target)
        assert outcome.code == 0, outcome
        assert outcome.err == ["translated 4 of 4"]
        for number in range(3):
            cells = preview_row(run.preview(1), "AB".index(source) * 3 + number)
            original = pixels_of(tmp_path / f"mine/test{source}/{number}.png")
            assert np.array_equal(cells[0], original)
            assert np.array_equal(cells[1], pixels_of(Path(f"test{source}-{target}/{number}.png")))
            assert not np.array_equal(cells[1], original)


def test_a_run_is_filmed_described_and_named_after_its_data(pair: Path) -> None:
    begin(tiny_pair(pair, epochs=2), Path(f"runs/{pair.name}"))
    outcome = ganctl("make-gif", pair.name)
    assert (outcome.code, outcome.out) == (0, [f"runs/{pair.name}/training.gif"])
    with Image.open(outcome.out[0]) as frames:
        assert len(list(ImageSequence.Iterator(frames))) == 3
    description = ganctl("info", pair.name).out
    assert any(line.split() == ["domains", "A", "⇄", "B"] for line in description)
    assert any("14 to learn from, 7 held out" in line for line in description)
    rows = ganctl("runs").out
    assert any(line.split()[:2] == [pair.name, "cyclegan"] and "2/2" in line for line in rows)


def pixels_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def preview_row(path: Path, row: int, size: int = 16) -> list[NDArray[np.uint8]]:
    """The four images of a row, as they were before the preview enlarged them."""
    factor = round(512 / (4 * (size + 2)))
    pitch = factor * (size + 1)
    top = factor + row * pitch
    return [
        pixels_of(path)[top : top + factor * size : factor, left : left + factor * size : factor]
        for left in range(factor, 4 * pitch, pitch)
    ]


def test_the_preview_says_what_its_columns_and_rows_are(pair: Path) -> None:
    run = begin(tiny_pair(pair, epochs=1), Path("some/run"))
    names = run.record()["data"]["domains"]
    captions = captions_of(run.preview(1))
    assert captions.titles == ("input", "translation", "translated back", "identity mapping")
    assert captions.rows == (" → ".join(names),) * 3 + (" → ".join(reversed(names)),) * 3
