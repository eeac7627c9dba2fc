"""Folders of pictures that have classes, and what they are labelled as."""

from pathlib import Path

from ganctl.data.batches import column
from ganctl.data.cache.dataset import Dataset, open_dataset
from ganctl.data.info import LABELS
from ganctl.data.resolve import resolve_source
from ganctl.data.sources.folder import FolderSource
from tests.data.folders import save


def classed(root: Path, *names: str, count: int = 1) -> Path:
    """So many pictures in each of some folders; all are different greys."""
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            save(root / name / f"{i}.png", (number, number, i))
    return root


def labelled(root: Path, table: Path | None = None, limit: int | None = None) -> FolderSource:
    """The source of a folder whose labels are wanted."""
    source = resolve_source(str(root), limit, labelled=True, table=table)
    assert isinstance(source, FolderSource)
    return source


def decoded(root: Path, table: Path | None = None, limit: int | None = None) -> Dataset:
    """The decoded set of a folder whose labels are wanted."""
    return open_dataset(labelled(root, table, limit), 8, 3)


def labels(dataset: Dataset) -> tuple[list[int], list[int]]:
    """The labels of the training images and of the held-out ones, in their order."""
    train, test = (column(columns, LABELS).tolist() for columns in (dataset.train_columns, dataset.test_columns))
    return train, test


def names(source: FolderSource) -> dict[str, str]:
    """The class of each picture that is used, by its path below the root."""
    used = sorted((*source.train, *source.test))
    return {str(path.relative_to(source.root)): source.classes[source.labels_by_path[path]] for path in used}
