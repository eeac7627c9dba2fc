"""MNIST's files: from where the user keeps them, or from elsewhere."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ganctl.data.batches import column
from ganctl.data.cache.dataset import open_dataset
from ganctl.data.info import LABELS
from ganctl.data.resolve import resolve_source
from ganctl.data.sources import mnist
from ganctl.data.sources.folder import FolderSource
from ganctl.errors import DataError
from ganctl.evaluation.extractors import digits_cnn
from tests.conftest import REAL_DATA
from tests.data.folders import greys, opened


def packed(array: NDArray[np.uint8]) -> bytes:
    """An array as a gzipped IDX file."""
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes())


@pytest.fixture
def little_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> Path:
    """Where GANCTL_DATA keeps an MNIST of 30 + 10 pictures; ganctl takes their checksums for the true ones."""
    return little("mnist", tmp_path / "data", monkeypatch)


def little(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of such a set, and GANCTL_DATA that leads to them."""
    raw = root / mnist._SETS[name].folder / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    sums = []
    for file, shape in zip(mnist._FILES, [(30, 28, 28), (30,), (10, 28, 28), (10,)], strict=True):
        content = packed(rng.integers(0, 10, shape, np.uint8))
        (raw / file).write_bytes(content)
        sums.append(hashlib.md5(content).hexdigest())
    entry = mnist._SETS[name]._replace(mirrors=("http://127.0.0.1:9/",), md5=tuple(sums))
    monkeypatch.setitem(mnist._SETS, name, entry)
    monkeypatch.setenv("GANCTL_DATA", str(root))
    return raw


def test_mnist_is_read_from_where_the_user_keeps_it(little_mnist: Path) -> None:
    dataset = open_dataset(resolve_source("mnist"), 28, None)
    content = gzip.decompress((little_mnist / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    assert dataset.train.tobytes() == content
    assert (dataset.name, dataset.spec, dataset.shape) == ("mnist", "mnist", (1, 28, 28))
    labels, test_labels = dataset.train_columns["labels"], dataset.test_columns["labels"]
    assert (labels.shape, test_labels.shape, labels.max() < 10) == ((30,), (10,), True)
    assert dataset.info.classes == dataset.classes == tuple("0123456789")


def test_the_fingerprint_of_mnist_is_what_it_was_in_the_first_release(little_mnist: Path) -> None:
    fingerprint = "1ef97570622b35f8ebb5a413a6f01391efb7e8efbb51bdae31aa54571cbdb2ae"
    assert open_dataset(resolve_source("mnist"), 28, None).fingerprint == fingerprint


def test_fashion_mnist_has_clothes_for_classes_and_the_fingerprint_that_it_had_with_digits(
    little_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little("fashion-mnist", tmp_path / "data", monkeypatch)
    dataset, digits = (open_dataset(resolve_source(name), 28, None) for name in ("fashion-mnist", "mnist"))
    clothes = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
    assert dataset.info.classes == tuple(clothes.split(","))
    assert dataset.fingerprint == digits.fingerprint, "the same bytes, and the names of a known set are no part of it"
    assert len(digits_cnn.extractor().class_numbers(column(dataset.test_columns, LABELS), dataset.classes)) == 0


def test_mnist_can_be_had_in_another_size_and_in_colour(little_mnist: Path) -> None:
    dataset = open_dataset(resolve_source("mnist"), 32, 3)
    assert dataset.train.shape == (30, 32, 32, 3)
    means = [np.asarray(d.train).mean() for d in (dataset, open_dataset(resolve_source("mnist"), 28, None))]
    assert means[0] == pytest.approx(means[1], rel=0.02)


def test_damaged_mnist_is_refused_by_name(little_mnist: Path) -> None:
    with (little_mnist / "t10k-labels-idx1-ubyte.gz").open("ab") as file:
        file.write(b"?")
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz is damaged"):
        resolve_source("mnist")


def test_mnist_that_is_nowhere_is_refused_with_the_place_to_put_it(
    little_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (little_mnist / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"could not be downloaded: 127\.0\.0\.1:9: no connection\. Put it into .*raw"):
        resolve_source("mnist")


def test_a_folder_called_mnist_is_meant_by_its_path(little_mnist: Path) -> None:
    Path("mnist").mkdir()
    assert opened(greys(Path("mnist"), 2)).name == "mnist" and isinstance(resolve_source("./mnist"), FolderSource)
    assert isinstance(resolve_source("mnist"), mnist.IdxFiles)


@pytest.mark.skipif(REAL_DATA is None, reason="GANCTL_DATA names no place with the real MNIST")
def test_the_real_mnist_is_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANCTL_DATA", str(REAL_DATA))
    dataset = open_dataset(resolve_source("mnist"), 28, None)
    assert (dataset.train.shape, dataset.test.shape) == ((60_000, 28, 28, 1), (10_000, 28, 28, 1))
    assert dataset.train_columns["labels"][:5].tolist() == [5, 0, 4, 1, 9]
    assert dataset.train.mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert dataset.fingerprint == "2bc2e7fb526d3e8490c231194eb1274260683e9c71825eeb55529107e94d5a23"
