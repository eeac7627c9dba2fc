"""plain2striped: generated animals, the same every time, of which every translation has one right answer."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from ganctl.data.sources import striped

Bytes = NDArray[np.uint8]
Reals = NDArray[np.float64]

GREY = np.array([0.299, 0.587, 0.114])
BOTH = pytest.mark.parametrize("domain", striped.DOMAINS)


def versions(count: int, size: int) -> tuple[Reals, Reals, NDArray[np.bool_]]:
    """The plain versions [n, size, size, 3], the striped versions, 0 to 1, and the mask of held-out plain pictures."""
    answer, mask = striped.truth("plain", 0, count, size)
    return striped.generate("test", "plain", 0, count, size) / 255, answer / 255, mask


def alternations(images: Bytes) -> NDArray[np.int_]:
    """How many pixels of pictures [n, 64, 64, 3] begin a row of five steps that alternate in lightness."""
    grey = images / 255 @ GREY
    total = np.zeros(len(images), np.int_)
    for half in (3, 4):  # of a period, in pixels
        samples = np.stack([grey[:, :, i * half : 64 - (5 - i) * half] for i in range(6)])
        steps = np.diff(samples, axis=0) * np.array([1, -1, 1, -1, 1])[:, None, None, None]
        total += (np.maximum(steps.min(axis=0), -steps.max(axis=0)) > 0.2).sum(axis=(1, 2))
    return total


def depth(mask: NDArray[np.bool_]) -> NDArray[np.int_]:
    """How many peels of one pixel, octagonal on the whole, it takes to reach each pixel [size, size]."""
    deep = np.zeros(mask.shape, np.int_)
    while mask.any():
        deep += mask
        wide = np.pad(mask, 1)
        mask = mask & wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
        if deep.max() % 2:
            mask = mask & wide[:-2, :-2] & wide[2:, :-2] & wide[:-2, 2:] & wide[2:, 2:]
    return deep


@BOTH
def test_the_same_pictures_come_out_every_time(domain: str) -> None:
    assert np.array_equal(striped.generate("train", domain, 0, 30, 64), striped.generate("train", domain, 0, 30, 64))


@BOTH
def test_a_picture_does_not_depend_on_how_the_range_is_cut(domain: str) -> None:
    whole = striped.generate("train", domain, 3, 40, 64)
    pieces = [striped.generate("train", domain, start, stop, 64) for start, stop in pairwise([3, 4, 17, 17, 40])]
    assert np.array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("size", [1, 7, 64, 100, 256])
def test_pictures_are_generated_at_any_size(size: int) -> None:
    images = striped.generate("train", "striped", 0, 2, size)
    assert images.shape == (2, size, size, 3)
    assert images.dtype == np.uint8


@BOTH
def test_a_scene_is_the_same_at_every_size(domain: str) -> None:
    small = striped.generate("train", domain, 0, 8, 64) / 255
    large = striped.generate("train", domain, 0, 8, 256) / 255
    reduced = large.reshape(8, 64, 4, 64, 4, 3).mean(axis=(2, 4))
    assert np.sqrt(np.mean((small - reduced) ** 2)) < 0.03


def test_a_large_picture_is_no_enlarged_small_one() -> None:
    _, mask = striped.truth("plain", 0, 4, 256)
    blocks = mask.reshape(4, 64, 4, 64, 4)
    mixed = blocks.any(axis=(2, 4)) & ~blocks.all(axis=(2, 4))
    assert (mixed.sum(axis=(1, 2)) > 100).all()


def test_no_picture_comes_twice_in_either_split_or_domain() -> None:
    pictures = [striped.generate(split, domain, 0, 100, 32) for split in striped.COUNTS for domain in striped.DOMAINS]
    assert len({picture.tobytes() for picture in np.concatenate(pictures)}) == 400


def test_the_two_domains_share_no_scene() -> None:
    answers = striped.truth("plain", 0, 200, 32)[0]
    striped_pictures = striped.generate("test", "striped", 0, 200, 32)
    assert not {picture.tobytes() for picture in answers} & {picture.tobytes() for picture in striped_pictures}


@BOTH
def test_outside_the_mask_the_true_counterpart_is_the_same_picture(domain: str) -> None:
    images = striped.generate("test", domain, 0, 100, 64)
    answers, mask = striped.truth(domain, 0, 100, 64)
    assert np.array_equal(images[~mask], answers[~mask])


@BOTH
def test_inside_the_mask_the_true_counterpart_is_another_animal(domain: str) -> None:
    images = striped.generate("test", domain, 0, 100, 64)
    answers, mask = striped.truth(domain, 0, 100, 64)
    for image, answer, inside in zip(images / 255, answers / 255, mask, strict=True):
        assert np.abs(image - answer)[inside].mean() > 0.15


def test_the_animal_stands_free_and_is_large_enough_to_see() -> None:
    _, mask = striped.truth("plain", 0, 200, 64)
    assert not mask[:, [0, -1]].any()
    assert not mask[:, :, [0, -1]].any()
    wide = mask.any(axis=1).mean(axis=1)
    assert 0.35 < wide.min() < 0.5 < wide.mean() < wide.max() < 0.95


def test_a_striped_pixel_can_be_computed_from_the_plain_one_and_back() -> None:
    plain, answer, mask = versions(40, 128)
    dark, light = striped.DARK_STRIPE * plain, striped.LIGHT_STRIPE + (1 - striped.LIGHT_STRIPE) * plain
    share = (((answer - dark) * (light - dark)).sum(axis=3) / ((light - dark) ** 2).sum(axis=3)).clip(0, 1)[..., None]
    deep = np.stack([depth(one_mask) for one_mask in mask]) > 3  # off the soft edge; the rest forgives the eye
    forth = dark + share * (light - dark)
    back = (answer - striped.LIGHT_STRIPE * share) / (
        striped.DARK_STRIPE + (1 - striped.LIGHT_STRIPE - striped.DARK_STRIPE) * share
    )
    assert np.quantile(np.abs(forth - answer)[deep], 0.95) < 0.01
    assert np.quantile(np.abs(back - plain)[deep], 0.95) < 0.015


def test_the_stripes_can_be_foretold_from_the_outline_of_the_plain_animal() -> None:
    size = 160
    plain, answer, mask = versions(20, size)
    agreements = []
    for before, after, inside in zip(plain, answer, mask, strict=True):
        deep = depth(inside)
        down, across = np.nonzero(deep > 0.78 * deep.max())  # the marrow of the torso, which is thickest
        position = across + 1j * down
        spread, axes = np.linalg.eigh(np.cov([across, down]))
        axis = complex(*axes[:, 1])
        length = np.sqrt(12 * spread[1]) / 0.735
        heading = np.sign(np.nonzero(inside.any(axis=0))[0][[0, -1]].mean() - position.real.mean())  # a neck is long
        axis *= np.sign(axis.real)
        lean = np.exp(-1j * striped.STRIPE_TILT * heading)
        spots = np.argwhere(deep > 0.5 * deep.max())
        torso = spots[:, 1] + 1j * spots[:, 0]
        phase = ((torso - position.mean()) * (axis * lean).conjugate()).real / (striped.STRIPE_PERIOD * length)
        lightness = ((after - before) @ GREY)[spots[:, 0], spots[:, 1]]
        agreements.append(np.corrcoef(np.cos(2 * np.pi * phase), lightness)[0, 1])
    assert np.median(agreements) > 0.75


@BOTH
def test_a_simple_measure_of_alternation_tells_the_domains_apart(domain: str) -> None:
    pictures = striped.generate("test", domain, 0, 200, 64)
    assert ((alternations(pictures) >= 34) == (domain == "striped")).mean() >= 0.99


def test_true_counterparts_are_of_the_other_domain() -> None:
    assert (alternations(striped.truth("plain", 0, 100, 64)[0]) >= 34).mean() >= 0.99
    assert (alternations(striped.truth("striped", 0, 100, 64)[0]) < 34).mean() >= 0.99


def test_animals_face_both_ways_and_stand_in_many_positions() -> None:
    _, mask = striped.truth("striped", 0, 200, 32)
    line = np.arange(32) / 32
    weight = mask.sum(axis=(1, 2))
    across, down = mask.sum(axis=1) @ line / weight, mask.sum(axis=2) @ line / weight
    assert across.std() > 0.05
    assert down.std() > 0.05
    highest = np.array([np.nonzero(one_mask)[1][0] for one_mask in mask]) / 32
    assert 0.35 < (highest < across).mean() < 0.65


def test_an_empty_range_gives_no_pictures() -> None:
    assert striped.generate("train", "plain", 1000, 1000, 64).shape == (0, 64, 64, 3)
    assert striped.truth("plain", 0, 0, 64)[1].shape == (0, 64, 64)


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 201)])
def test_a_range_outside_the_split_is_refused_by_name(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match=f"plain2striped test plain has pictures 0 to 200, not {start} to {stop}"):
        striped.generate("test", "plain", start, stop, 64)


def test_an_unknown_split_or_domain_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="plain2striped has the splits train, test, not 'valid'"):
        striped.generate("valid", "plain", 0, 1, 64)
    with pytest.raises(ValueError, match="plain2striped has the domains plain, striped, not 'spotted'"):
        striped.truth("spotted", 0, 1, 64)
