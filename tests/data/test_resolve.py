"""What --data means to a family of two domains, and the sets that it opens."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganctl.data.cache.dataset import open_domains
from ganctl.data.resolve import resolve_domains
from ganctl.errors import DataError, UsageError
from tests.conftest import REAL_DATA
from tests.data.folders import noise


def test_a_folder_of_train_and_test_folders_has_the_domains_a_and_b(pair: Path) -> None:
    sources = resolve_domains(str(pair))
    assert (sources.name, sources.names, sources.spec) == (pair.name, ("A", "B"), str(pair))
    opened = open_domains(sources, 16, None, 18)
    assert [dataset.counts for dataset in opened.datasets] == [(9, 3), (14, 4)]
    assert opened.counts == (14, 7)
    assert opened.shape == (3, 16, 16)
    assert opened.datasets[0].train.shape == (9, 18, 18, 3)
    assert opened.datasets[0].test.shape == (3, 16, 16, 3)


def test_a_held_out_picture_of_the_training_size_is_the_file_bit_for_bit(pair: Path, tmp_path: Path) -> None:
    noise(tmp_path / "set/trainA", 2)
    noise(tmp_path / "set/trainB", 2)
    held_out = noise(tmp_path / "set/testA", 2)
    opened = open_domains(resolve_domains(str(tmp_path / "set")), 12, None, 13)
    for i, image in enumerate(opened.datasets[0].test):
        assert np.array_equal(image, np.asarray(Image.open(held_out / f"{i:02d}.png")))


def test_domains_are_named_by_the_user_or_by_a_set_that_is_known(tmp_path: Path) -> None:
    for name in ("horse2zebra", "mine"):
        noise(tmp_path / name / "trainA", 2)
        noise(tmp_path / name / "trainB", 2)
    assert resolve_domains(str(tmp_path / "horse2zebra")).names == ("horse", "zebra")
    assert resolve_domains(str(tmp_path / "mine"), "cat, dog").names == ("cat", "dog")


def test_two_folders_can_be_the_domains_and_some_of_each_is_held_out(tmp_path: Path) -> None:
    noise(tmp_path / "set/cat", 40)
    noise(tmp_path / "set/dog", 20)
    sources = resolve_domains(str(tmp_path / "set"), "dog,cat")
    assert sources.names == ("dog", "cat")
    assert [dataset.counts for dataset in open_domains(sources, 8, None, 8).datasets] == [(19, 1), (38, 2)]


def test_folders_to_test_with_inside_of_a_domain_are_held_out(tmp_path: Path) -> None:
    for name, count in (("cat/train", 30), ("cat/test", 3), ("dog", 40)):
        noise(tmp_path / "set" / name, count)
    sources = resolve_domains(str(tmp_path / "set"), "cat,dog")
    assert [dataset.counts for dataset in open_domains(sources, 8, None, 8).datasets] == [(30, 3), (38, 2)]
    assert sources.warnings == ("Held out by name, not to be learnt from: 3 pictures in test.",)


def test_a_set_in_the_user_s_data_folder_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("trainA", "trainB", "testA", "testB"):
        noise(tmp_path / "apple2orange" / name, 2)
    monkeypatch.setenv("GANCTL_DATA", str(tmp_path))
    sources = resolve_domains("apple2orange")
    path = str(tmp_path / "apple2orange")
    assert (sources.name, sources.names, sources.spec) == ("apple2orange", ("apple", "orange"), path)
    monkeypatch.delenv("GANCTL_DATA")
    assert resolve_domains(sources.spec) == sources


def test_a_folder_of_a_set_s_name_here_spares_the_download_and_is_found_again_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("trainA", "trainB"):
        noise(tmp_path / "maps" / name, 2)
    monkeypatch.chdir(tmp_path)
    sources = resolve_domains("maps")
    assert (sources.name, sources.names) == ("maps", ("photo", "map"))
    before = sources.sources[0].cache_key()
    monkeypatch.chdir("/")
    assert resolve_domains(sources.spec).sources[0].cache_key() == before


def test_folders_that_are_named_come_before_those_of_the_usual_names(tmp_path: Path) -> None:
    for name, count in (("trainA", 2), ("trainB", 3), ("cat", 4), ("dog", 5)):
        noise(tmp_path / "set" / name, count)
    by_name = open_domains(resolve_domains(str(tmp_path / "set"), "cat,dog"), 8, None, 8)
    assert [dataset.counts[0] for dataset in by_name.datasets] == [4, 5]
    usual = open_domains(resolve_domains(str(tmp_path / "set"), "lion,wolf"), 8, None, 8)
    assert (usual.names, [dataset.counts[0] for dataset in usual.datasets]) == (("lion", "wolf"), [2, 3])


def test_links_to_nowhere_are_passed_over(tmp_path: Path) -> None:
    for name in ("trainA", "trainB"):
        (noise(tmp_path / "set" / name, 2) / "gone.png").symlink_to("nowhere")
    assert [
        dataset.counts[0] for dataset in open_domains(resolve_domains(str(tmp_path / "set")), 8, None, 8).datasets
    ] == [
        2,
        2,
    ]


def test_lowres_pairs_a_folder_with_its_own_pictures_reduced_and_enlarged(tmp_path: Path) -> None:
    noise(tmp_path / "photos", 21, size=32)
    sources = resolve_domains(str(tmp_path / "photos"), pair="lowres")
    assert (sources.name, sources.names) == ("photos-lowres", ("lowres", "original"))
    low, high = open_domains(sources, 32, None, 32).datasets
    assert low.counts == high.counts == (20, 1)
    blurred = np.asarray(Image.fromarray(high.train[0]).resize((8, 8), Image.Resampling.BILINEAR))
    assert np.abs(low.train[0][2::4, 2::4].astype(int) - blurred).mean() < 12
    assert np.abs(np.diff(low.train[0].astype(int), axis=0)).mean() < np.abs(np.diff(high.train[0], axis=0)).mean() / 4


def test_a_grey_domain_becomes_colour_beside_a_coloured_one_and_two_stay_grey(tmp_path: Path) -> None:
    for name, mode in (("mixed", "RGB"), ("grey", "L")):
        noise(tmp_path / name / "trainA", 3, "L")
        noise(tmp_path / name / "trainB", 3, mode)
    mixed = open_domains(resolve_domains(str(tmp_path / "mixed")), 8, None, 8)
    assert mixed.shape[0] == 3
    assert (mixed.datasets[0].train == mixed.datasets[0].train[..., :1]).all()
    assert open_domains(resolve_domains(str(tmp_path / "grey")), 8, None, 8).shape[0] == 1
    assert open_domains(resolve_domains(str(tmp_path / "mixed")), 8, 1, 8).shape[0] == 1


def test_a_limit_is_of_each_domain(pair: Path) -> None:
    opened = open_domains(resolve_domains(str(pair), limit=2), 8, None, 8)
    assert [dataset.counts for dataset in opened.datasets] == [(2, 2), (2, 2)]


def test_the_built_in_pair_is_generated_at_the_requested_size() -> None:
    sources = resolve_domains("plain2striped")
    assert (sources.names, sources.native_size()) == (("plain", "striped"), 64)
    opened = open_domains(sources, 16, None, 18)
    assert [dataset.counts for dataset in opened.datasets] == [(1000, 200)] * 2
    assert opened.datasets[0].train.shape[1:] == (18, 18, 3)


@pytest.mark.parametrize(
    ("data", "names", "pair_of", "error", "reason"),
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
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    noise(Path("one"), 2)
    noise(Path("empty/trainA"), 2)
    Path("empty/trainB").mkdir()
    with pytest.raises(error, match=reason):
        resolve_domains(data, names, pair_of)


@pytest.mark.skipif(REAL_DATA is None, reason="GANCTL_DATA is not set")
def test_the_real_horses_and_zebras_are_all_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANCTL_DATA", str(REAL_DATA))
    opened = open_domains(resolve_domains("horse2zebra"), 32, None, 36)
    assert opened.names == ("horse", "zebra")
    assert [dataset.counts for dataset in opened.datasets] == [(1067, 120), (1334, 140)]
    assert (opened.shape, opened.broken) == ((3, 32, 32), [])


def test_pictures_count_as_enlarged_by_what_the_nets_see_and_not_by_what_is_cropped_from(tmp_path: Path) -> None:
    for name in ("trainA", "trainB"):
        noise(tmp_path / "set" / name, 3, size=12)
    assert open_domains(resolve_domains(str(tmp_path / "set")), 12, None, 14).enlarged == 0
    assert open_domains(resolve_domains(str(tmp_path / "set")), 16, None, 18).enlarged == 6
