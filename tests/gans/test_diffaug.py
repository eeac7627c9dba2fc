"""Differentiable augmentation makes the paper's changes, with a gradient through them and exact restarts."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganctl import tensorfile
from ganctl.data.info import DataInfo
from ganctl.gans import find
from ganctl.gans.base import Clock, TrainingModule
from ganctl.gans.diffaug import augmentation, diffaug, identity, random_color, random_cutout, random_translation
from ganctl.runs.checkpoint import MODEL
from tests.benchmarks import memorisation
from tests.commands import ganctl
from tests.trainings import PAIR_STEPS, TOTAL, assert_equal, begin, go_on, tiny, tiny_pair

MANY = 2000
CHANGES = [random_color, random_translation, random_cutout, diffaug]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def same(count: int, *shape: int) -> Tensor:
    """One random picture in [-1, 1], so many times."""
    return (torch.rand(1, *shape) * 2 - 1).expand(count, *shape)


def means(pictures: Tensor) -> Tensor:
    """Of each picture: [N]."""
    return pictures.mean((1, 2, 3))


def test_brightness_adds_at_most_a_half_either_way() -> None:
    pictures = same(MANY, 3, 4, 4)
    added = random_color(pictures, saturation=0, contrast=0) - pictures
    torch.testing.assert_close(added, added[:, :1, :1, :1].expand_as(added))
    assert -0.5 <= added.min() < -0.49
    assert 0.49 < added.max() <= 0.5


def test_saturation_goes_from_grey_to_twice_as_coloured_and_leaves_each_pixels_grey() -> None:
    pictures = same(MANY, 3, 4, 4)
    changed = random_color(pictures, brightness=0, contrast=0)
    grey = pictures.mean(1, keepdim=True)
    torch.testing.assert_close(changed.mean(1, keepdim=True), grey)
    factor = ((changed - grey) / (pictures - grey)).flatten(1)
    torch.testing.assert_close(factor, factor[:, :1].expand_as(factor), atol=1e-3, rtol=0)
    assert 0 <= factor[:, 0].min() < 0.02
    assert 1.98 < factor[:, 0].max() <= 2.001


def test_contrast_goes_from_a_half_to_one_and_a_half_and_leaves_the_mean() -> None:
    pictures = same(MANY, 3, 4, 4)
    changed = random_color(pictures, brightness=0, saturation=0)
    torch.testing.assert_close(means(changed), means(pictures))
    factor = changed.flatten(1).std(1) / pictures.flatten(1).std(1)
    assert 0.499 <= factor.min() < 0.51
    assert 1.49 < factor.max() <= 1.501


def test_a_grey_picture_has_no_colour_to_change() -> None:
    pictures = same(9, 1, 4, 4)
    assert random_color(pictures, brightness=0, contrast=0).equal(pictures)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 28), (17, 24)])
def test_a_picture_is_moved_by_at_most_an_eighth_and_zeros_come_in(height: int, width: int) -> None:
    picture = torch.rand(1, 2, height, width) + 1  # no zero is its own
    down, right = height // 8, width // 8
    shifts = set()
    padded = torch.nn.functional.pad(picture, (right, right, down, down))
    for moved in random_translation(picture.expand(MANY, -1, -1, -1)):
        top, left = ((moved[0] != 0).any(axis).long().argmax() for axis in (1, 0))
        bottom, after = ((moved[0] != 0).any(axis).sum() for axis in (1, 0))
        y = int(down - top if top else down + height - bottom)
        x = int(right - left if left else right + width - after)
        assert moved.equal(padded[0, :, y : y + height, x : x + width])
        shifts.add((y, x))
    assert shifts == {(y, x) for y in range(2 * down + 1) for x in range(2 * right + 1)}


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 20), (15, 15)])
def test_a_cutout_is_half_as_wide_and_high_and_its_centre_anywhere(height: int, width: int) -> None:
    holes = random_cutout(torch.ones(MANY, 1, height, width))[:, 0] == 0
    for axis, length in ((2, height), (1, width)):
        extent = holes.any(axis).sum(1)
        assert extent.max() == length // 2
        assert extent.min() == (length // 2 + 1) // 2  # its centre at the edge
    assert (holes.any(2)[:, :, None] & holes.any(1)[:, None]).equal(holes)
    share = holes.float().mean(0)
    torch.testing.assert_close(share, share.flip(0, 1), atol=0.07, rtol=0)


def test_a_cutout_is_zero_and_the_rest_unchanged() -> None:
    pictures = same(20, 3, 8, 8)
    changed = random_cutout(pictures)
    assert torch.where(changed == 0, pictures, changed).equal(pictures)


def test_nothing_changes_where_the_amounts_are_zero() -> None:
    pictures = same(5, 3, 12, 12)
    assert random_color(pictures, 0, 0, 0).equal(pictures)
    assert random_translation(pictures, 0).equal(pictures)
    assert random_cutout(pictures, 0).equal(pictures)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("change", CHANGES)
def test_each_image_has_random_changes_of_its_own_that_the_global_seed_decides(
    change: Callable[[Tensor], Tensor], channels: int
) -> None:
    pictures = same(32, channels, 16, 16)
    torch.manual_seed(3)
    first, second = change(pictures), change(pictures)
    torch.manual_seed(3)
    assert change(pictures).equal(first)
    assert not first.equal(second)
    assert first.shape == pictures.shape
    assert len({tuple(changed.flatten().tolist()) for changed in first}) > 16


def test_real_and_generated_images_are_changed_alike() -> None:
    pictures = same(20 * MANY, 1, 4, 4)
    real, fake = diffaug(pictures), diffaug(pictures)
    assert not real.equal(fake)
    for moment in (Tensor.mean, Tensor.std):
        torch.testing.assert_close(moment(real, 0), moment(fake, 0), atol=0.02, rtol=0)


@pytest.mark.parametrize("change", CHANGES)
def test_the_gradient_is_that_of_finite_differences_and_so_is_its_own(change: Callable[[Tensor], Tensor]) -> None:
    pictures = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)

    def seeded(images: Tensor) -> Tensor:
        torch.manual_seed(1)
        return change(images).square()  # so that the second derivative, which R1 needs, is something

    assert torch.autograd.gradcheck(seeded, pictures, fast_mode=True)
    assert torch.autograd.gradgradcheck(seeded, pictures, fast_mode=True)


def test_pictures_of_half_precision_are_changed_too() -> None:
    changed = diffaug(same(8, 3, 16, 16).bfloat16())
    assert changed.dtype == torch.bfloat16
    assert changed.isfinite().all()


def test_none_is_the_very_same_tensor_and_takes_no_random_number() -> None:
    pictures, state = same(2, 3, 8, 8), torch.get_rng_state()
    assert augmentation("none") is identity
    assert identity(pictures) is pictures
    assert torch.get_rng_state().equal(state)


def test_an_unknown_augmentation_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no augmentation called ada: choose none or diffaug"):
        augmentation("ada")


def module(family: str, **options: object) -> TrainingModule:
    """A small training module for images of 16 pixels."""
    registered = find(family)
    augmented = registered.options(**options, augment="diffaug")
    info = DataInfo((3, 16, 16))
    return registered.training(augmented, registered.model(augmented, info), info)


PAIRED = {"width": 4, "blocks": 1, "discriminator_width": 4, "discriminator_layers": 1}


@pytest.mark.parametrize(
    ("family", "options", "batch", "discriminators", "batch_sizes"),
    [
        ("dcgan", {"width": 8, "r1": 0.0}, ["images"], ["discriminator"], [16, 8]),
        ("dcgan", {"width": 8, "r1_every": 1}, ["images"], ["discriminator"], [8, 8, 8]),
        ("dcgan", {"width": 8, "simultaneous": True}, ["images"], ["discriminator"], [8, 8]),
        ("cyclegan", PAIRED, ["a", "b"], ["discriminator_a", "discriminator_b"], [8, 8, 16, 16]),
        (
            "cyclegan",
            {**PAIRED, "simultaneous": True},
            ["a", "b"],
            ["discriminator_a", "discriminator_b"],
            [8, 8, 8, 8],
        ),
    ],
)
def test_a_discriminator_is_shown_augmented_images_only(
    family: str, options: dict[str, object], batch: list[str], discriminators: list[str], batch_sizes: list[int]
) -> None:
    training, inputs, augmented = module(family, **options), list[Tensor](), list[Tensor]()

    def recording(images: Tensor) -> Tensor:
        augmented.append(diffaug(images))
        return augmented[-1]

    training.augment = recording  # type: ignore[assignment]
    for name in discriminators:
        training.get_submodule(name).register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    for _ in training.updates({name: torch.rand(8, 3, 16, 16) for name in batch}, Clock(0, 1, 1)):
        pass
    assert [len(pictures) for pictures in inputs] == batch_sizes
    assert all(image is changed for image, changed in zip(inputs, augmented, strict=True))


def test_a_run_that_was_stopped_ends_with_the_same_bits(photos: Path) -> None:
    settings = tiny(photos, augment="diffaug")
    through, stopped = begin(settings, Path("a/through")), begin(settings, Path("a/stopped"), stop_at=7)
    go_on(stopped)
    assert_equal(through, stopped)
    plain = begin(tiny(photos), Path("a/plain"))
    weights = [tensorfile.read(run.checkpoint(TOTAL) / MODEL).tensors["input.weight"] for run in (through, plain)]
    assert not weights[0].equal(weights[1])


def test_a_translating_run_that_was_stopped_ends_with_the_same_bits(pair: Path) -> None:
    settings = tiny_pair(pair, augment="diffaug", epochs=2)
    through, stopped = begin(settings, Path("a/through")), begin(settings, Path("a/stopped"), stop_at=9)
    go_on(stopped)
    assert_equal(through, stopped, 2 * PAIR_STEPS)


@pytest.mark.parametrize("augment", ["none", "diffaug"])
def test_the_flag_is_in_the_models_own_header(photos: Path, augment: str) -> None:
    small = ("--size", 16, "--batch-size", 8, "--epochs", 1, "--set", "width=8", "--set", "latent_dim=8")
    trained = ganctl("train", "dcgan", "--data", photos, *small, "--augment", augment, "--run", "x")
    assert trained.code == 0
    assert any(f"augment={augment}" in line for line in ganctl("info", "x").out)


@pytest.mark.campaign
def test_few_images_are_memorised_later() -> None:
    """Of the animals that ganctl draws itself; `tests.benchmarks.memorisation` prints the table, of photographs too."""
    memorisation.draw_animals(Path("animals"))
    plain: list[memorisation.Scores] = []
    changed: list[memorisation.Scores] = []
    memorisation.learn(Path("animals"), "none", 120, 60, plain.append)
    memorisation.learn(Path("animals"), "diffaug", 120, 60, changed.append)
    assert plain[-1].told > 0.8
    assert all(scores.told < 0.6 for scores in changed)
