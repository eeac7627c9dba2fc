"""Sample statistics need few images and little memory."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ganctl.data.batches import to_normalized_tensor
from ganctl.evaluation import sample_stats
from ganctl.evaluation.sample_stats import SampleStats, reduced

CPU = torch.device("cpu")


def test_few_images_have_contrast_and_checkerboard_only() -> None:
    few = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), dtype=np.uint8)
    flat = np.full((3, 16, 16, 3), 128, np.uint8)
    tiny = few[:, :4, :4]
    assert set(SampleStats([tiny], [tiny[:0]]).measure(torch.rand(64, 3, 4, 4))) == {"contrast"}
    for train, test in ((few, few[:0]), (flat, flat), (few[:1], few[:1])):
        stats = SampleStats([train], [test]).measure(torch.rand(64, 3, 16, 16))
        assert set(stats) == {"contrast", "checkerboard"}
        assert all(np.isfinite(value) for value in stats.values())


def own_memory() -> float:
    """The memory of this process alone, in MiB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) / 1024


def test_a_bounded_part_of_a_large_set_is_held_and_still_every_copy_found(tmp_path: Path) -> None:
    shape = 60_000, 28, 28, 1
    path = tmp_path / "train"
    path.write_bytes(np.random.default_rng(0).integers(0, 256, shape, np.uint8).tobytes())
    train = np.memmap(path, np.uint8, "r", shape=shape)  # as the cache's
    before = own_memory()
    measure = SampleStats([train], [train[:100]]).measure
    assert own_memory() - before < 110  # MiB; as numbers they are 180, and were there twice on the way
    copies = to_normalized_tensor(train[[1, 30_001, 59_998] * 8], CPU)
    assert measure(copies)["novelty"] == 0


def test_large_sets_are_represented_by_evenly_spaced_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_stats, "MAX_REFERENCE_BYTES", 5 * 32 * 32 * 3)
    train = np.random.default_rng(0).integers(0, 256, (41, 64, 64, 3), np.uint8)
    references = SampleStats([train], [train[:16]])._references
    assert references.shape == (5, 3, 32, 32)
    expected = reduced(to_normalized_tensor(train[[0, 10, 20, 30, 40]], CPU))
    assert (references - expected.add(1).mul(127.5)).abs().max() <= 0.51
