"""Columns: what is known of pictures beside their pixels, through the cache and into the batches."""

import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ganctl.data.batches import ShuffledBatches, column
from ganctl.data.cache.dataset import Dataset, open_dataset
from ganctl.data.info import Needs
from ganctl.data.sources.base import Block, Source, Split
from ganctl.errors import DataError
from ganctl.images.grids import to_uint8
from tests.data.folders import grey_values

CPU = torch.device("cpu")
COUNT = 30


def columns(start: int, stop: int) -> dict[str, NDArray[Any]]:
    """Columns of several types and row shapes that tell the number of their picture."""
    numbers = np.arange(start, stop)
    boxes = numbers[:, None].astype(np.float32) + np.arange(4, dtype=np.float32) / 10
    return {"labels": numbers % 3, "captions": np.array([f"number {i}" for i in numbers]), "boxes": boxes}


@dataclass(frozen=True)
class Numbered(Source):
    """Pictures of the values 0 to 29, with columns."""

    make: Callable[[int, int], Mapping[str, NDArray[Any]]] = columns
    name: str = "numbered"
    classes: tuple[str, ...] = ("zero", "one", "two")
    key: list[str] = field(default_factory=lambda: ["numbered"])

    def cache_key(self) -> Any:
        return self.key

    def native_size(self) -> int:
        return 4

    def native_channels(self) -> int:
        return 1

    def blocks(self, split: Split, size: int) -> Iterator[Block]:
        numbers = range(0, COUNT, 10) if split == "train" else range(COUNT, COUNT + 5, 5)
        for start in numbers:
            stop = start + numbers.step
            values = np.arange(start, stop, dtype=np.uint8)[:, None, None, None]
            yield Block(np.broadcast_to(values, (stop - start, size, size, 1)), self.make(start, stop))


@pytest.fixture
def dataset(own_cache: Path) -> Dataset:
    """The decoded set, read back from the cache."""
    open_dataset(Numbered(), 4, None)
    return open_dataset(Numbered(), 4, None)


def test_columns_of_any_type_and_shape_come_back_from_the_cache(dataset: Dataset, own_cache: Path) -> None:
    for stored, (start, stop) in (dataset.train_columns, (0, COUNT)), (dataset.test_columns, (COUNT, COUNT + 5)):
        for name, values in columns(start, stop).items():
            assert stored[name].dtype == values.dtype and np.array_equal(stored[name], values)
    files = {path.name for path in next((own_cache / "decoded").glob("numbered*/")).iterdir()}
    splits = {f"{split}{column}" for split in ("train", "test") for column in ("", "-labels", "-captions", "-boxes")}
    assert files == {*splits, "meta.json"}


@pytest.mark.parametrize("damage", ["bytes", "dtype", "nothing"])
def test_a_damaged_column_is_made_anew(dataset: Dataset, own_cache: Path, damage: str) -> None:
    folder = next((own_cache / "decoded").glob("numbered*/"))
    meta = json.loads((folder / "meta.json").read_text())
    if damage == "bytes":
        (folder / "train-labels").write_bytes(bytes(8 * COUNT))
    elif damage == "dtype":
        meta["dtypes"]["train-labels"] = "|O"
    else:
        del meta["dtypes"]["train-labels"]
    (folder / "meta.json").write_text(json.dumps(meta))
    assert np.array_equal(open_dataset(Numbered(), 4, None).train_columns["labels"], columns(0, COUNT)["labels"])


def test_a_set_of_the_former_format_is_decoded_anew(dataset: Dataset, own_cache: Path) -> None:
    folder = next((own_cache / "decoded").glob("numbered*/"))
    meta = json.loads((folder / "meta.json").read_text())
    del meta["dtypes"], meta["classes"]
    (folder / "meta.json").write_text(json.dumps(meta | {"format": 4}))
    assert open_dataset(Numbered(), 4, None).fingerprint == dataset.fingerprint


def test_a_column_is_of_the_type_that_holds_every_block(own_cache: Path) -> None:
    def widening(start: int, stop: int) -> dict[str, NDArray[Any]]:
        kind: type = (np.uint8, np.int16, np.float32, np.int64)[start // 10]
        return {
            "captions": np.array(["x" * (i + 1) for i in range(start, stop)]),
            "values": np.arange(start, stop, dtype=kind),
        }

    dataset = open_dataset(Numbered(widening), 4, None)
    for stored, numbers in (dataset.train_columns, range(COUNT)), (dataset.test_columns, range(COUNT, COUNT + 5)):
        assert stored["captions"].tolist() == ["x" * (i + 1) for i in numbers]
        assert stored["values"].tolist() == list(numbers)
    assert dataset.train_columns["captions"].dtype == np.dtype("<U30")
    assert dataset.train_columns["values"].dtype == np.float32
    assert not list(own_cache.rglob("*-wider"))


def test_a_block_of_a_column_is_in_memory_and_no_more(own_cache: Path) -> None:
    def large(start: int, stop: int) -> dict[str, NDArray[Any]]:
        return {"values": np.ones((stop - start, 300_000), np.float32)}

    tracemalloc.start()
    try:
        dataset = open_dataset(Numbered(large), 4, None)  # 12 MB a block, 36 MB of them to train on
        assert tracemalloc.get_traced_memory()[1] < 30e6
        tracemalloc.reset_peak()
        assert column(dataset.train_columns, "values", np.array([29, 3])).shape == (2, 300_000)
        assert tracemalloc.get_traced_memory()[1] < 6e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("rows", "numbers"), [(slice(2), [0, 1]), (np.array([7, 4]), [7, 4]), (slice(28, None), [28, 29])]
)
def test_rows_of_a_column_are_read(dataset: Dataset, rows: slice | NDArray[np.int64], numbers: list[int]) -> None:
    assert column(dataset.train_columns, "labels", rows).tolist() == [number % 3 for number in numbers]
    assert column(dataset.train_columns, "boxes", rows)[:, 0].tolist() == numbers
    assert len(column(dataset.train_columns, "labels")) == COUNT
    assert len(column(dataset.train_columns, "nosuch", rows)) == 0


def test_text_comes_into_no_batch(dataset: Dataset) -> None:
    message = r"^The column captions is of <U9 and not of numbers or booleans\. A family that learns from it brings"
    with pytest.raises(DataError, match=message):
        ShuffledBatches(dataset, 4, 0, needs=Needs(columns=("labels", "captions")))
    with pytest.raises(DataError, match=message):
        column(dataset.train_columns, "captions")
    booleans = replace(
        dataset, train_columns={"smiles": np.arange(COUNT) % 2 == 0}, test_columns={"smiles": np.ones(5, bool)}
    )
    assert ShuffledBatches(booleans, 4, 0, needs=Needs(columns=("smiles",))).batch(0, CPU)["smiles"].dtype == torch.bool


@pytest.mark.parametrize(
    "make",
    [
        lambda start, stop: {"labels": np.arange(start, stop - 1)},
        lambda start, stop: {"labels": np.arange(start, stop)} if start else {},
        lambda start, stop: {"labels": np.array([None] * (stop - start))},
        lambda start, stop: {"labels": np.zeros((stop - start, 1 + start))},
    ],
    ids=["short", "missing", "objects", "shape"],
)
def test_a_source_whose_column_does_not_fit_its_images_is_a_mistake(
    own_cache: Path, make: Callable[[int, int], Mapping[str, NDArray[Any]]]
) -> None:
    with pytest.raises(ValueError, match="the column train-labels has"):
        open_dataset(Numbered(make), 4, None)


def test_a_batch_has_the_columns_that_are_needed_and_no_others(dataset: Dataset) -> None:
    assert set(ShuffledBatches(dataset, 4, 0).batch(0, CPU)) == {"images"}
    batches = ShuffledBatches(dataset, 4, 0, needs=Needs(("pictures",), ("labels", "boxes")))
    assert set(batches.batch(0, CPU)) == set(batches.held_out(CPU)) == {"pictures", "labels", "boxes"}


@pytest.mark.parametrize("hflip", [False, True])
def test_columns_travel_with_their_images(dataset: Dataset, hflip: bool) -> None:
    batches = ShuffledBatches(dataset, 4, 7, hflip=hflip, needs=Needs(columns=("labels", "boxes")))
    plain = ShuffledBatches(dataset, 4, 7)
    for step in range(20):
        batch = batches.batch(step, CPU)
        numbers = torch.tensor(grey_values(to_uint8(batch["images"])))
        assert torch.equal(batch["labels"], numbers % 3) and batch["labels"].dtype == torch.int64
        assert torch.equal(batch["boxes"][:, 0], numbers.float())
        assert torch.equal(batch["images"], plain.batch(step, CPU)["images"]), "columns change no order"
    held_out = batches.held_out(CPU)
    assert held_out["labels"].tolist() == [i % 3 for i in range(COUNT, COUNT + 5)]
    batch["labels"].zero_()
    assert torch.equal(dataset_labels(batches), torch.tensor(grey_values(to_uint8(batch["images"]))) % 3)


def dataset_labels(batches: ShuffledBatches) -> torch.Tensor:
    return batches.batch(19, CPU)["labels"]


def test_a_single_set_is_cropped_and_mirrored_as_two_sets_are(own_cache: Path) -> None:
    rows, places = np.mgrid[:6, :6].astype(np.uint8)
    images = np.broadcast_to(np.stack([rows, places, places], -1), (20, 6, 6, 3))
    labels = {"labels": np.arange(20)}
    data = Dataset("c", "c", images, np.empty((0, 4, 4, 3), np.uint8), "", [], 0, labels, {})
    batches = ShuffledBatches(data, 4, seed=1, hflip=True, needs=Needs(columns=("labels",)))
    corners, mirrored = set(), 0
    for step in range(50):
        for image in to_uint8(batches.batch(step, CPU)["images"]).astype(int):
            is_mirrored = image[0, 0, 1] > image[0, 1, 1]
            upright = image[:, ::-1] if is_mirrored else image
            assert (np.diff(upright[..., 0], axis=0) == 1).all() and (np.diff(upright[..., 1], axis=1) == 1).all()
            corners.add((upright[0, 0, 0], upright[0, 0, 1]))
            mirrored += is_mirrored
    assert len(corners) == 9 and 60 < mirrored < 140
    held_out = batches.held_out(CPU)
    assert held_out["images"].shape == (20, 3, 4, 4) and held_out["labels"].tolist() == list(range(20))
    assert to_uint8(held_out["images"])[0, :, 0, 0].tolist() == [1, 2, 3, 4]
