"""The extractor that fits a data set is chosen."""

import torch

from ganctl.evaluation.extractors import registry

CPU = torch.device("cpu")


def test_digits_choose_the_extractor_that_ships_and_others_inception(no_inception: None) -> None:
    for name in ("mnist", "digits"):
        extractor = registry.choose_extractor(name, None, None, CPU).extractor
        assert extractor is not None
        assert extractor.name == "digits-cnn"
    assert registry.choose_extractor("photos", None, None, CPU).extractor is None
