"""Generated images are classified and counted beside the real ones."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from ganctl.data.cache.dataset import Dataset
from ganctl.errors import DataError
from ganctl.evaluation import samples
from ganctl.evaluation.extractors import digits_cnn
from ganctl.inference.model import Model
from ganctl.metrics.score import Score
from tests.evaluation.conftest import Digits


def test_classes_are_counted_by_their_share_of_the_real_ones() -> None:
    labels = torch.tensor([0] * 50 + [1] * 50)
    even = torch.eye(2).repeat(50, 1)
    assert samples.class_stats(even, labels) == (1.0, 1.0, 2, 1.0)
    one = samples.class_stats(torch.tensor([[0.9, 0.1]]).expand(100, 2), labels)
    assert (one.balance, one.covered, one.rarest) == (0, 1, 0)
    assert one.confidence == pytest.approx(0.9)


def test_samples_of_the_class_that_was_asked_for_agree(real: Digits) -> None:
    images, labels = real.unseen()
    features = real.references[0].extractor.features(images)

    def agreement(labels: torch.Tensor) -> Score:
        scores = samples.feature_scores(real.references[0], features, labels)
        return next(score for score in scores if score.name == "agreement-digits-cnn")

    assert agreement(labels.long()).value > 0.98
    assert agreement(labels.long()).held_out == pytest.approx(1, abs=0.02)
    assert agreement((labels.long() + 1) % 10).value < 0.02


def test_without_labels_nothing_is_said_about_agreement(real: Digits) -> None:
    features = real.references[0].held_out_features
    for labels in (None, torch.empty(0, dtype=torch.int64)):
        names = [score.name for score in samples.feature_scores(real.references[0], features, labels)]
        assert "agreement-digits-cnn" not in names
        assert "confidence-digits-cnn" in names


def test_an_extractor_knows_classes_by_their_names() -> None:
    extractor = digits_cnn.extractor()
    assert extractor.class_numbers(torch.tensor([0, 2, 1]), ("3", "5", "8")).tolist() == [3, 8, 5]
    assert len(extractor.class_numbers(torch.tensor([0, 1]), ("3", "cat"))) == 0
    assert len(extractor.class_numbers(torch.tensor([0, 1]), ())) == 0


def labelled_model(*classes: str) -> Model:
    return Model(Path(), "mine", {"shape": [1, 8, 8], "classes": classes}, "mine", torch.nn.Identity())


def test_a_measurement_with_other_data_finds_the_classes_by_their_names() -> None:
    labels = np.array([0, 1, 1, 0], np.uint8)
    images = np.zeros((4, 8, 8, 1), np.uint8)
    data = Dataset("theirs", "", images, images[:0], "", [], 0, {"labels": labels}, {}, ("dog", "zebra"))
    with patch.object(Model, "condition_names", ("labels",)):
        conditions = samples.real_conditions(labelled_model("cat", "zebra", "dog"), data, 4)
        assert conditions["labels"].tolist() == [2, 1, 1, 2]
        with pytest.raises(DataError, match="mine does not know the class 'zebra' of theirs") as caught:
            samples.real_conditions(labelled_model("cat", "dog"), data, 4)
    assert caught.value.remedy == "It knows cat and dog."


def test_a_measurement_takes_labels_from_evenly_spaced_real_pictures() -> None:
    labels = np.repeat(np.arange(3, dtype=np.uint8), 10)
    images = np.zeros((30, 8, 8, 1), np.uint8)
    data = Dataset("d", "d", images, images[:0], "", [], 0, {"labels": labels}, {}, ("a", "b", "c"))
    model = labelled_model("a", "b", "c")
    with patch.object(Model, "condition_names", ("labels",)):
        assert samples.real_conditions(model, data, 6)["labels"].tolist() == [0, 0, 1, 1, 2, 2]
        assert samples.real_conditions(model, data, 60)["labels"].bincount().tolist() == [20, 20, 20]
        assert samples.real_conditions(model, replace(data, train=images[:10]), 4)["labels"].tolist() == [0] * 4
    with patch.object(Model, "condition_names", ()):
        assert samples.real_conditions(model, data, 6) == {}
