"""The classifier that ships names digits, at any size and in colour, and only with its own weights."""

from pathlib import Path

import pytest
import torch

from ganctl.errors import CheckpointError
from ganctl.evaluation.extractors import digits_cnn
from tests.evaluation.conftest import Digits


def test_the_classifier_that_ships_names_digits_and_is_small(real: Digits) -> None:
    extractor = digits_cnn.extractor()
    assert digits_cnn.WEIGHTS.stat().st_size <= 2_000_000
    assert extractor.classify is not None
    answers = extractor.classify(extractor.features(real.images("test"))).argmax(1)
    assert (answers == torch.from_numpy(real.data.test_columns["labels"]).long()).float().mean() >= 0.99


def test_weights_that_are_not_its_own_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "digits-cnn.safetensors"
    path.write_bytes(digits_cnn.WEIGHTS.read_bytes()[:-1] + b"\0")
    with pytest.raises(CheckpointError, match="SHA-256"):
        digits_cnn.extractor(path)


def test_digits_are_recognised_at_other_sizes_and_in_colour(real: Digits) -> None:
    extractor, digit = digits_cnn.extractor(), real.images("test", 100)
    large = torch.nn.functional.interpolate(digit, (64, 64), mode="bilinear").expand(-1, 3, -1, -1)
    assert extractor.classify is not None
    answers = [extractor.classify(extractor.features(pictures)).argmax(1) for pictures in (digit, large)]
    assert (answers[0] == answers[1]).float().mean() > 0.95
