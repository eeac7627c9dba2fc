"""What the scores see: real pictures are the reference, and whatever is wrong moves the reading meant for it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from ganctl.data.batches import to_tensor
from ganctl.data.cache.dataset import Dataset
from ganctl.data.sources import digits
from ganctl.errors import CheckpointError, GanctlError
from ganctl.evaluation import reference, samples
from ganctl.evaluation import sample_stats as vitals_module
from ganctl.evaluation.evaluate import judged, measured
from ganctl.evaluation.extractors import digits_cnn, registry
from ganctl.evaluation.reference import Reference
from ganctl.evaluation.sample_stats import SampleStats, reduced
from ganctl.runs.run import Run
from tests.commands import failed, ganctl
from tests.trainings import begin, tiny, tiny_pair

CPU = torch.device("cpu")
TRAIN, TEST = 4000, 1000


class Set(NamedTuple):
    """A set of real digits, and how an extractor sees it."""

    data: Dataset
    references: list[Reference]

    def real(self, part: str, count: int = TEST) -> Tensor:
        return to_tensor({"train": self.data.train, "test": self.data.test}[part][:count], CPU)

    def judged(self, pictures: Tensor) -> tuple[Mapping[str, float], list[str]]:
        """The scores by their plain names, and the codes of the verdicts."""
        found = measured([pictures], len(pictures), self.data, self.references)
        return {score.name.split("-")[0]: score.value for score in found}, [each.code for each in judged(found)]


@pytest.fixture(scope="module")
def real(cache: Path) -> Set:
    train, train_labels = digits.draw("train", 0, TRAIN)
    test, test_labels = digits.draw("test", 0, TEST)
    data = Dataset("digits", "digits", train[..., None], test[..., None], train_labels, test_labels, "of a test", [], 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        return Set(data, [reference.reference(data, digits_cnn.extractor())])


@pytest.fixture(scope="module")
def healthy(real: Set) -> Mapping[str, float]:
    """Digits that nobody has seen: what a perfect generator would draw."""
    images, _ = digits.draw("train", TRAIN, TRAIN + TEST)
    scores, codes = real.judged(to_tensor(images[..., None], CPU))
    assert codes == []
    return scores


def test_the_classifier_that_ships_names_digits_and_is_small(real: Set) -> None:
    extractor = digits_cnn.extractor()
    assert digits_cnn.WEIGHTS.stat().st_size <= 2_000_000
    assert extractor.classify is not None
    answers = extractor.classify(extractor.features(real.real("test"))).argmax(1)
    assert (answers == torch.from_numpy(real.data.test_labels).long()).float().mean() >= 0.99


def test_weights_that_are_not_its_own_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "digits-cnn.safetensors"
    other.write_bytes(digits_cnn.WEIGHTS.read_bytes()[:-1] + b"\0")
    with pytest.raises(CheckpointError, match="SHA-256"):
        digits_cnn.extractor(other)


def test_digits_are_seen_alike_at_other_sizes_and_in_colour(real: Set) -> None:
    extractor, digit = digits_cnn.extractor(), real.real("test", 100)
    large = torch.nn.functional.interpolate(digit, (64, 64), mode="bilinear").expand(-1, 3, -1, -1)
    assert extractor.classify is not None
    answers = [extractor.classify(extractor.features(pictures)).argmax(1) for pictures in (digit, large)]
    assert (answers[0] == answers[1]).float().mean() > 0.95


def test_held_out_pictures_are_as_near_as_can_be_expected(real: Set, healthy: Mapping[str, float]) -> None:
    found, codes = real.judged(real.real("test"))
    assert codes == []
    assert found["fid"] == pytest.approx(real.references[0].held_out_distances["fid-digits-cnn"])
    assert found["fid"] < 2 * healthy["fid"]
    assert found["novelty"] == pytest.approx(1, abs=0.1)
    assert found["covered"] == 10


def test_noise_is_far_away(real: Set, healthy: Mapping[str, float]) -> None:
    found, _ = real.judged(torch.rand(TEST, 1, 28, 28) * 2 - 1)
    assert found["fid"] > 50 * healthy["fid"]
    assert found["precision"] < 0.05
    assert found["coverage"] < 0.05


def test_a_class_that_is_missing_is_seen(real: Set, healthy: Mapping[str, float]) -> None:
    images, labels = digits.draw("train", TRAIN, TRAIN + TEST)
    found, codes = real.judged(to_tensor(images[labels != 7][..., None], CPU))
    assert codes == ["DROPPED"]
    assert found["covered"] == 9
    assert found["rarest"] < 0.1
    assert found["fid"] > 2 * healthy["fid"]
    assert found["recall"] < healthy["recall"] - 0.03
    assert found["precision"] == pytest.approx(healthy["precision"], abs=0.05)


def test_a_picture_that_repeats_is_seen(real: Set, healthy: Mapping[str, float]) -> None:
    images, _ = digits.draw("train", TRAIN, TRAIN + TEST)
    images[: TEST // 10] = images[0]
    found, codes = real.judged(to_tensor(images[..., None], CPU))
    assert codes == ["COLLAPSE"]
    assert found["repeats"] > 0.09 > 3 * healthy["repeats"]


def test_one_picture_only_is_seen(real: Set) -> None:
    found, codes = real.judged(real.real("test", 1).expand(200, -1, -1, -1))
    assert "COLLAPSE" in codes
    assert found["diversity"] == 0


def test_lost_contrast_is_seen(real: Set, healthy: Mapping[str, float]) -> None:
    images, _ = digits.draw("train", TRAIN, TRAIN + TEST)
    found, codes = real.judged(to_tensor(images[..., None], CPU) * 0.5)
    assert "PALE" in codes
    assert found["contrast"] == pytest.approx(healthy["contrast"] / 2, rel=0.01)
    assert found["fid"] > 5 * healthy["fid"]


def test_copies_of_training_pictures_are_seen(real: Set, healthy: Mapping[str, float]) -> None:
    found, codes = real.judged(real.real("train"))
    assert codes == ["MEMORISING"]
    assert found["novelty"] == 0
    assert found["fid"] < healthy["fid"], "which is why the distance alone is not enough"


def test_a_checkerboard_is_seen(real: Set, healthy: Mapping[str, float]) -> None:
    images, _ = digits.draw("train", TRAIN, TRAIN + TEST)
    rows, columns = np.indices((28, 28))
    board = torch.from_numpy((rows + columns) % 2 * 2 - 1).float() * 0.1
    found, codes = real.judged((to_tensor(images[..., None], CPU) + board).clamp(-1, 1))
    assert "CHECKERBOARD" in codes
    assert found["checkerboard"] > 5 * healthy["checkerboard"]


def test_features_of_real_pictures_are_computed_once_and_damage_in_the_cache_does_no_harm(
    real: Set, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = (cache / "features").glob("digits-digits-cnn-*.safetensors")
    again = reference.reference(real.data, digits_cnn.extractor())
    assert torch.equal(again.held_out_features, real.references[0].held_out_features)
    file.write_bytes(file.read_bytes()[:1000])
    repaired = reference.reference(real.data, digits_cnn.extractor())
    assert torch.equal(repaired.held_out_features, real.references[0].held_out_features)
    assert repaired.held_out_distances == real.references[0].held_out_distances


def test_few_pictures_have_vital_signs_too() -> None:
    few = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), dtype=np.uint8)
    flat = np.full((3, 16, 16, 3), 128, np.uint8)
    tiny = few[:, :4, :4]
    assert set(SampleStats([tiny], [tiny[:0]]).measure(torch.rand(64, 3, 4, 4))) == {"contrast"}
    for train, test in ((few, few[:0]), (flat, flat), (few[:1], few[:1])):
        found = SampleStats([train], [test]).measure(torch.rand(64, 3, 16, 16))
        assert set(found) == {"contrast", "checkerboard"}
        assert all(np.isfinite(value) for value in found.values())


def own_memory() -> float:
    """What this process alone holds, in MiB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) / 1024


def test_vital_signs_hold_a_bounded_part_of_a_set_and_still_see_every_copy(tmp_path: Path) -> None:
    shape = 60_000, 28, 28, 1
    path = tmp_path / "train"
    path.write_bytes(np.random.default_rng(0).integers(0, 256, shape, np.uint8).tobytes())
    train = np.memmap(path, np.uint8, "r", shape=shape)  # as the cache's
    before = own_memory()
    sample_stats = SampleStats([train], [train[:100]])
    assert own_memory() - before < 110  # MiB; as numbers they are 180, and were there twice on the way
    copies = to_tensor(train[[1, 30_001, 59_998] * 8], CPU)
    assert sample_stats.measure(copies)["novelty"] == 0


def test_of_large_sets_evenly_spaced_pictures_are_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals_module, "REFERENCES", 5 * 32 * 32 * 3)
    train = np.random.default_rng(0).integers(0, 256, (41, 64, 64, 3), np.uint8)
    held = SampleStats([train], [train[:16]])._references
    assert held.shape == (5, 3, 32, 32)
    chosen = reduced(to_tensor(train[[0, 10, 20, 30, 40]], CPU))
    assert (held - chosen.add(1).mul(127.5)).abs().max() <= 0.51


def offline(*_: object) -> None:
    raise GanctlError("The extractor inception lacks its weights.", "Give it with --weights FILE.")


def test_where_no_extractor_is_to_be_had_the_rest_is_told(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganctl.evaluation.extractors.inception.load", offline)
    run = begin(tiny(photos, epochs=1), Path("a/run"))
    outcome = ganctl("evaluate", run.path, "-n", 64)
    assert outcome.code == 0
    assert "lacks its weights. Give it with --weights FILE" in " ".join(outcome.err)
    names = [line.split()[0] for line in outcome.out if line]
    assert {"contrast", "checkerboard"} <= set(names)
    assert not [name for name in names if name.startswith(("fid", "kid"))]
    assert "--weights" in failed(ganctl("evaluate", run.path, "--extractor", "inception"), 1)
    assert "digits-cnn, inception" in failed(ganctl("evaluate", run.path, "--extractor", "nosuch"), 2)


def test_evaluate_prints_a_table_and_the_same_for_machines(photos: Path) -> None:
    run = begin(tiny(photos, epochs=1), Path("a/run"))
    told = ("evaluate", run.path, "--extractor", "digits-cnn", "-n", 64)
    table, machine = ganctl(*told), ganctl(*told, "--json")
    assert table.code == machine.code == 0
    found = json.loads("\n".join(machine.out))
    assert found["extractor"] == "digits-cnn"
    assert (found["pictures"], found["held_out"], found["step"]) == (64, 2, 5)
    for name, score in found["scores"].items():
        (line,) = [line for line in table.out if line.startswith(f"{name} ")]
        assert f"{score['value']:.4g}" in line.split()
    with_extractor = [name for name in found["scores"] if name.endswith("-digits-cnn")]
    assert {"fid-digits-cnn", "kid-digits-cnn"} <= set(with_extractor)
    assert any("28×28" in line for line in table.out)


def test_a_model_outside_of_its_run_is_measured_against_what_it_names_or_is_told(photos: Path) -> None:
    run = begin(tiny(photos, epochs=1), Path("a/run"))
    Path("model.safetensors").write_bytes((run.checkpoint(5) / "model.safetensors").read_bytes())
    told = ("evaluate", "model.safetensors", "--extractor", "digits-cnn", "-n", 64)
    assert "photos" in failed(ganctl(*told), 4)
    assert ganctl(*told, "--data", photos).out[5:] == ganctl("evaluate", run.path, *told[2:]).out[5:]


def test_translators_are_measured_in_both_directions(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganctl.evaluation.extractors.inception.load", offline)
    run = begin(tiny_pair(pair, epochs=1), Path("a/run"))
    found = json.loads("\n".join(ganctl("evaluate", run.path, "--json").out))
    expected = {f"{name}-{side}" for name in ("cycle", "identity", "luminance") for side in "AB"}
    assert set(found["scores"]) == expected
    seen = json.loads("\n".join(ganctl("evaluate", run.path, "--json", "--extractor", "digits-cnn").out))
    distances = {f"{kind}-digits-cnn-{side}" for kind in ("fid", "kid") for side in "AB"}
    assert set(seen["scores"]) == expected | distances


def test_drawn_animals_are_measured_against_the_truth() -> None:
    small = ("--size", 32, "--limit", 4, "--epochs", 1, "--set", "width=4", "--set", "blocks=1")
    told = ("train", "cyclegan", "--data", "plain2striped", *small, "--set", "discriminator_width=4")
    assert ganctl(*told, "--set", "evaluate_every=1").code == 0
    (line,) = [line for line in Run(Path("runs/plain2striped")).read_log() if "score/psnr-striped" in line]
    assert {"score/psnr-striped", "score/ssim-striped", "score/psnr-plain", "score/ssim-plain"} <= set(line)
    best = json.loads(Path("runs/plain2striped/best.json").read_text())
    assert best["score"] == "psnr-striped"


def test_classes_are_counted_by_their_share_of_the_real_ones() -> None:
    labels = torch.tensor([0] * 50 + [1] * 50)
    even = torch.eye(2).repeat(50, 1)
    assert samples.counted(even, labels) == (1.0, 1.0, 2, 1.0)
    one = samples.counted(torch.tensor([[0.9, 0.1]]).expand(100, 2), labels)
    assert (one.balance, one.covered, one.rarest) == (0, 1, 0)
    assert one.confidence == pytest.approx(0.9)


def test_digits_choose_the_extractor_that_ships_and_others_inception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganctl.evaluation.extractors.inception.load", offline)
    for name in ("mnist", "digits"):
        found = registry.choose_extractor(name, None, None, CPU).extractor
        assert found is not None
        assert found.name == "digits-cnn"
    assert registry.choose_extractor("photos", None, None, CPU).extractor is None
