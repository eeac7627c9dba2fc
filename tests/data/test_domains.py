"""Two sets without pairs: where they come from, and in which order and how varied they are learned from."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ganctl.data.batches import UnpairedBatches, crop_and_flip
from ganctl.data.cache.dataset import Dataset, TwoDatasets, open_domains
from ganctl.data.resolve import resolve_domains
from ganctl.errors import DataError, UsageError
from tests.conftest import REAL_DATA

CPU = torch.device("cpu")


def pictures(folder: Path, count: int, mode: str = "RGB", side: int = 12) -> Path:
    """Pictures of noise, all different."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(len(str(folder)))
    for i in range(count):
        shape = (side, side) if mode == "L" else (side, side, 3)
        Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(folder / f"{i:02d}.png")
    return folder


def test_a_folder_of_train_and_test_folders_has_the_domains_a_and_b(pair: Path) -> None:
    found = resolve_domains(str(pair))
    assert (found.name, found.names, found.spec) == (pair.name, ("A", "B"), str(pair))
    opened = open_domains(found, 16, None, 18)
    assert [side.counts for side in opened.datasets] == [(9, 3), (14, 4)]
    assert opened.counts == (14, 7)
    assert opened.shape == (3, 16, 16)
    assert opened.datasets[0].train.shape == (9, 18, 18, 3)
    assert opened.datasets[0].test.shape == (3, 16, 16, 3)


def test_a_held_out_picture_of_the_training_size_is_the_file_bit_for_bit(pair: Path, tmp_path: Path) -> None:
    pictures(tmp_path / "set/trainA", 2)
    pictures(tmp_path / "set/trainB", 2)
    held_out = pictures(tmp_path / "set/testA", 2)
    opened = open_domains(resolve_domains(str(tmp_path / "set")), 12, None, 13)
    for i, levels in enumerate(opened.datasets[0].test):
        assert np.array_equal(levels, np.asarray(Image.open(held_out / f"{i:02d}.png")))


def test_domains_are_named_by_the_user_or_by_a_set_that_is_known(tmp_path: Path) -> None:
    for name in ("horse2zebra", "mine"):
        pictures(tmp_path / name / "trainA", 2)
        pictures(tmp_path / name / "trainB", 2)
    assert resolve_domains(str(tmp_path / "horse2zebra")).names == ("horse", "zebra")
    assert resolve_domains(str(tmp_path / "mine"), "cat, dog").names == ("cat", "dog")


def test_two_folders_can_be_the_domains_and_some_of_each_is_held_out(tmp_path: Path) -> None:
    pictures(tmp_path / "set/cat", 40)
    pictures(tmp_path / "set/dog", 20)
    found = resolve_domains(str(tmp_path / "set"), "dog,cat")
    assert found.names == ("dog", "cat")
    assert [side.counts for side in open_domains(found, 8, None, 8).datasets] == [(19, 1), (38, 2)]


def test_folders_to_test_with_inside_of_a_domain_are_held_out(tmp_path: Path) -> None:
    for part, count in (("cat/train", 30), ("cat/test", 3), ("dog", 40)):
        pictures(tmp_path / "set" / part, count)
    found = resolve_domains(str(tmp_path / "set"), "cat,dog")
    assert [side.counts for side in open_domains(found, 8, None, 8).datasets] == [(30, 3), (38, 2)]
    assert found.warnings == ("Held out by name, not to be learnt from: 3 pictures in test.",)


def test_a_set_in_the_user_s_data_folder_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("trainA", "trainB", "testA", "testB"):
        pictures(tmp_path / "apple2orange" / part, 2)
    monkeypatch.setenv("GANCTL_DATA", str(tmp_path))
    found = resolve_domains("apple2orange")
    place = str(tmp_path / "apple2orange")
    assert (found.name, found.names, found.spec) == ("apple2orange", ("apple", "orange"), place)
    monkeypatch.delenv("GANCTL_DATA")
    assert resolve_domains(found.spec) == found


def test_a_folder_of_a_set_s_name_here_spares_the_download_and_is_found_again_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("trainA", "trainB"):
        pictures(tmp_path / "maps" / part, 2)
    monkeypatch.chdir(tmp_path)
    found = resolve_domains("maps")
    assert (found.name, found.names) == ("maps", ("photo", "map"))
    before = found.sources[0].identity()
    monkeypatch.chdir("/")
    assert resolve_domains(found.spec).sources[0].identity() == before


def test_folders_that_are_named_come_before_those_of_the_usual_names(tmp_path: Path) -> None:
    for part, count in (("trainA", 2), ("trainB", 3), ("cat", 4), ("dog", 5)):
        pictures(tmp_path / "set" / part, count)
    named = open_domains(resolve_domains(str(tmp_path / "set"), "cat,dog"), 8, None, 8)
    assert [side.counts[0] for side in named.datasets] == [4, 5]
    usual = open_domains(resolve_domains(str(tmp_path / "set"), "lion,wolf"), 8, None, 8)
    assert (usual.names, [side.counts[0] for side in usual.datasets]) == (("lion", "wolf"), [2, 3])


def test_links_to_nowhere_are_passed_over(tmp_path: Path) -> None:
    for part in ("trainA", "trainB"):
        (pictures(tmp_path / "set" / part, 2) / "gone.png").symlink_to("nowhere")
    assert [side.counts[0] for side in open_domains(resolve_domains(str(tmp_path / "set")), 8, None, 8).datasets] == [
        2,
        2,
    ]


def test_lowres_pairs_a_folder_with_its_own_pictures_reduced_and_enlarged(tmp_path: Path) -> None:
    pictures(tmp_path / "photos", 21, side=32)
    found = resolve_domains(str(tmp_path / "photos"), pair="lowres")
    assert (found.name, found.names) == ("photos-lowres", ("lowres", "original"))
    low, high = open_domains(found, 32, None, 32).datasets
    assert low.counts == high.counts == (20, 1)
    blurred = np.asarray(Image.fromarray(high.train[0]).resize((8, 8), Image.Resampling.BILINEAR))
    assert np.abs(low.train[0][2::4, 2::4].astype(int) - blurred).mean() < 12
    assert np.abs(np.diff(low.train[0].astype(int), axis=0)).mean() < np.abs(np.diff(high.train[0], axis=0)).mean() / 4


def test_a_grey_side_becomes_colour_beside_a_coloured_one_and_two_stay_grey(tmp_path: Path) -> None:
    for name, mode in (("mixed", "RGB"), ("grey", "L")):
        pictures(tmp_path / name / "trainA", 3, "L")
        pictures(tmp_path / name / "trainB", 3, mode)
    mixed = open_domains(resolve_domains(str(tmp_path / "mixed")), 8, None, 8)
    assert mixed.shape[0] == 3
    assert (mixed.datasets[0].train == mixed.datasets[0].train[..., :1]).all()
    assert open_domains(resolve_domains(str(tmp_path / "grey")), 8, None, 8).shape[0] == 1
    assert open_domains(resolve_domains(str(tmp_path / "mixed")), 8, 1, 8).shape[0] == 1


def test_a_limit_is_of_each_side(pair: Path) -> None:
    assert [side.counts for side in open_domains(resolve_domains(str(pair), limit=2), 8, None, 8).datasets] == [
        (2, 2),
        (2, 2),
    ]


def test_the_built_in_pair_is_drawn_at_the_size_asked_for() -> None:
    found = resolve_domains("plain2striped")
    assert (found.names, found.native_size()) == (("plain", "striped"), 64)
    drawn = open_domains(found, 16, None, 18)
    assert [side.counts for side in drawn.datasets] == [(1000, 200)] * 2
    assert drawn.datasets[0].train.shape[1:] == (18, 18, 3)


@pytest.mark.parametrize(
    ("data", "names", "pair_of", "error", "why"),
    [
        ("nowhere", None, None, DataError, "There is no data 'nowhere'"),
        ("", None, None, DataError, "There is no data ''"),
        ("file", None, None, DataError, "is a file"),
        ("one", None, None, DataError, "has no trainA and trainB"),
        ("one", "x,y", None, DataError, "one/x is no folder"),
        ("empty", None, None, DataError, "trainB holds no pictures"),
        ("one", "x", None, UsageError, "does not name two domains"),
        ("one", "x,x", None, UsageError, "does not name two domains"),
        ("one", "x,../y", None, UsageError, "does not name two domains"),
        ("one", None, "colour", UsageError, "There is no pair 'colour'"),
        ("plain2striped", None, "lowres", UsageError, "is a pair already"),
        ("empty/trainB", None, "lowres", DataError, "holds no pictures"),
        ("empty", "trainA,trainB", "lowres", UsageError, "makes both domains from all of empty"),
    ],
)
def test_what_is_no_pair_of_domains_is_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: str,
    names: str | None,
    pair_of: str | None,
    error: type[Exception],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    pictures(Path("one"), 2)
    pictures(Path("empty/trainA"), 2)
    Path("empty/trainB").mkdir()
    with pytest.raises(error, match=why):
        resolve_domains(data, names, pair_of)


def counted(a: int, b: int, load: int = 6, size: int = 4) -> TwoDatasets:
    """Sets whose pictures tell their number, row and column."""

    def side(count: int) -> Dataset:
        rows, columns = np.mgrid[:load, :load].astype(np.uint8)
        numbers = np.arange(count, dtype=np.uint8)[:, None, None] + 0 * rows
        levels = np.stack([numbers, rows + 0 * numbers, columns + 0 * numbers], -1)
        none = np.empty(0, np.uint8)
        return Dataset("c", "c", levels, np.empty((0, size, size, 3), np.uint8), none, none, "", [], 0)

    return TwoDatasets("c", "c", ("A", "B"), (side(a), side(b)))


def seen(batches: UnpairedBatches, step: int) -> dict[str, NDArray[np.int64]]:
    """The levels [N, 3, H, W] of a step's batch."""
    batch = batches.batch(step, CPU)
    return {side: ((images + 1) * 127.5).round().long().numpy() for side, images in batch.items()}


def epoch(batches: UnpairedBatches, number: int) -> dict[str, list[int]]:
    """The numbers of the pictures in an epoch, in order."""
    steps = range(number * batches.steps_per_epoch, (number + 1) * batches.steps_per_epoch)
    found = [seen(batches, step) for step in steps]
    return {side: [int(image[0, 0, 0]) for batch in found for image in batch[side]] for side in "ab"}


def test_an_epoch_is_the_larger_side_and_the_smaller_begins_anew() -> None:
    batches = UnpairedBatches(counted(5, 13), 1, seed=3)
    assert batches.steps_per_epoch == 13
    order = epoch(batches, 0)
    assert sorted(order["b"]) == list(range(13))
    assert sorted(order["a"][:5]) == sorted(order["a"][5:10]) == list(range(5))
    assert Counter(order["a"]).most_common()[-1][1] == 2
    assert order["a"][:5] != order["a"][5:10]


def test_the_sides_are_shuffled_independently_and_anew_for_every_epoch_and_seed() -> None:
    orders = [epoch(UnpairedBatches(counted(13, 13), 1, seed), n) for seed in (1, 2) for n in (0, 1)]
    assert len({tuple(order[side]) for order in orders for side in "ab"}) == 8


def test_a_batch_is_a_function_of_its_step_alone() -> None:
    batches, other = UnpairedBatches(counted(7, 9), 2, seed=1), UnpairedBatches(counted(7, 9), 2, seed=1)
    ahead = {step: seen(batches, step) for step in (9, 3, 17, 0)}
    for step, batch in ahead.items():
        for side, images in seen(other, step).items():
            assert np.array_equal(images, batch[side])


def test_crops_go_everywhere_half_are_mirrored_and_none_is_distorted() -> None:
    batches = UnpairedBatches(counted(20, 20), 4, seed=1)
    places = Counter[tuple[int, int]]()
    mirrors = 0
    for step in range(50):
        for image in seen(batches, step)["a"]:
            _, rows, columns = image
            mirrored = columns[0, 0] > columns[0, 1]
            columns = columns[:, ::-1] if mirrored else columns
            assert (np.diff(rows, axis=0) == 1).all() and (np.diff(columns, axis=1) == 1).all()
            places[int(rows[0, 0]), int(columns[0, 0])] += 1
            mirrors += mirrored
    assert len(places) == 9 and min(places.values()) > 5
    assert 60 < mirrors < 140


def test_without_mirroring_nothing_is_mirrored() -> None:
    batches = UnpairedBatches(counted(20, 20), 4, seed=1, hflip=False)
    assert all(image[2, 0, 0] < image[2, 0, 1] for step in range(10) for image in seen(batches, step)["b"])


def test_a_crop_is_a_slice_of_the_picture() -> None:
    levels = torch.arange(2 * 5 * 5).view(2, 5, 5, 1)
    found = crop_and_flip(levels, torch.tensor([[1, 2, 0], [0, 1, 1]]), 3)
    assert torch.equal(found[0], levels[0, 1:4, 2:5])
    assert torch.equal(found[1], levels[1, 0:3, 1:4].flip(1))


def test_the_sheet_shows_whole_held_out_pictures_or_the_middles_of_others(pair: Path) -> None:
    opened = open_domains(resolve_domains(str(pair)), 16, None, 18)
    shown = UnpairedBatches(opened, 2, seed=0).held_out(CPU)
    for side, images in zip("ab", shown.values(), strict=True):
        levels = ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        assert np.array_equal(levels, opened.datasets["ab".index(side)].test[:3])
    middle = UnpairedBatches(counted(5, 5), 1, seed=0).held_out(CPU)["a"]
    assert middle.shape == (3, 3, 4, 4)
    assert ((middle[0, 1, :, 0] + 1) * 127.5).round().tolist() == [1, 2, 3, 4]


def test_a_batch_larger_than_both_sides_is_as_large_as_the_larger() -> None:
    batches = UnpairedBatches(counted(3, 5), 64, seed=0)
    assert (batches.batch_size, batches.steps_per_epoch) == (5, 1)
    assert batches.contents == "3 A and 5 B pictures"


@pytest.mark.skipif(REAL_DATA is None, reason="GANCTL_DATA is not set")
def test_the_real_horses_and_zebras_are_all_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANCTL_DATA", str(REAL_DATA))
    opened = open_domains(resolve_domains("horse2zebra"), 32, None, 36)
    assert opened.names == ("horse", "zebra")
    assert [side.counts for side in opened.datasets] == [(1067, 120), (1334, 140)]
    assert (opened.shape, opened.broken) == ((3, 32, 32), [])


def test_pictures_count_as_enlarged_by_what_the_nets_see_and_not_by_what_is_cropped_from(tmp_path: Path) -> None:
    for part in ("trainA", "trainB"):
        pictures(tmp_path / "set" / part, 3, side=12)
    assert open_domains(resolve_domains(str(tmp_path / "set")), 12, None, 14).enlarged == 0
    assert open_domains(resolve_domains(str(tmp_path / "set")), 16, None, 18).enlarged == 6
