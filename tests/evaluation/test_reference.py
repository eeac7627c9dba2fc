"""Features of real images are computed once, whatever becomes of the cache."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ganctl.evaluation import reference
from ganctl.evaluation.extractors import digits_cnn
from tests.evaluation.conftest import Digits


def test_features_of_real_pictures_are_computed_once_and_damage_in_the_cache_does_no_harm(
    real: Digits, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = (cache / "features").glob("digits-digits-cnn-*.safetensors")
    again = reference.load_reference(real.data, digits_cnn.extractor())
    assert torch.equal(again.held_out_features, real.references[0].held_out_features)
    file.write_bytes(file.read_bytes()[:1000])
    repaired = reference.load_reference(real.data, digits_cnn.extractor())
    assert torch.equal(repaired.held_out_features, real.references[0].held_out_features)
    assert repaired.held_out_distances == real.references[0].held_out_distances


def test_labels_of_other_classes_than_the_extractors_are_not_compared(real: Digits) -> None:
    extractor = real.references[0].extractor
    assert len(reference.load_reference(real.data, extractor).labels) == len(real.data.test)
    photos = replace(real.data, classes=("cat", "dog"))
    assert len(reference.load_reference(photos, extractor).labels) == 0
