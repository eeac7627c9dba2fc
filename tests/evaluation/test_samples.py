"""Generated images are classified and counted beside the real ones."""

import pytest
import torch

from ganctl.evaluation import samples


def test_classes_are_counted_by_their_share_of_the_real_ones() -> None:
    labels = torch.tensor([0] * 50 + [1] * 50)
    even = torch.eye(2).repeat(50, 1)
    assert samples.class_stats(even, labels) == (1.0, 1.0, 2, 1.0)
    one = samples.class_stats(torch.tensor([[0.9, 0.1]]).expand(100, 2), labels)
    assert (one.balance, one.covered, one.rarest) == (0, 1, 0)
    assert one.confidence == pytest.approx(0.9)
