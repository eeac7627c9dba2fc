"""A set of real digits with its features, and a machine without a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from ganctl.data.batches import to_normalized_tensor
from ganctl.data.cache.dataset import Dataset
from ganctl.data.sources import digits
from ganctl.errors import GanctlError
from ganctl.evaluation import reference
from ganctl.evaluation.evaluate import measure_samples, score_verdicts
from ganctl.evaluation.extractors import digits_cnn
from ganctl.evaluation.reference import Reference

CPU = torch.device("cpu")
TRAIN, TEST = 4000, 1000


class Digits(NamedTuple):
    """A set of real digits, and its features."""

    data: Dataset
    references: list[Reference]

    def images(self, split: str, count: int = TEST) -> Tensor:
        return to_normalized_tensor({"train": self.data.train, "test": self.data.test}[split][:count], CPU)

    def evaluate(self, images: Tensor) -> tuple[Mapping[str, float], list[str]]:
        """The scores by their names without an extractor's, and the codes of the verdicts."""
        scores = measure_samples([images], len(images), self.data, self.references)
        return {score.name.split("-")[0]: score.value for score in scores}, [v.code for v in score_verdicts(scores)]

    @staticmethod
    def unseen() -> tuple[Tensor, Tensor]:
        """Other digits of the same kind, as a perfect generator would draw them: images and labels."""
        images, labels = digits.generate("train", TRAIN, TRAIN + TEST)
        return to_normalized_tensor(images[..., None], CPU), torch.from_numpy(labels)


@pytest.fixture(scope="session")
def real(cache: Path) -> Digits:
    train, train_labels = digits.generate("train", 0, TRAIN)
    test, test_labels = digits.generate("test", 0, TEST)
    columns = {"labels": train_labels}, {"labels": test_labels}, tuple("0123456789")
    data = Dataset("digits", "digits", train[..., None], test[..., None], "of a test", [], 0, *columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        return Digits(data, [reference.load_reference(data, digits_cnn.extractor())])


@pytest.fixture(scope="session")
def healthy(real: Digits) -> Mapping[str, float]:
    """The scores of a perfect generator."""
    scores, codes = real.evaluate(real.unseen()[0])
    assert codes == []
    return scores


@pytest.fixture
def no_inception(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inception's weights cannot be had."""

    def unavailable(*_: object) -> None:
        raise GanctlError("The extractor inception lacks its weights.", "Give it with --weights FILE.")

    monkeypatch.setattr("ganctl.evaluation.extractors.inception.load", unavailable)
