"""The extractor `inception`: where its weights come from, and that they alone are ever unpickled."""

import hashlib
import io
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganctl.data.fetch.download import Expected
from ganctl.errors import GanctlError, UsageError
from ganctl.evaluation.extractors import inception
from ganctl.evaluation.extractors.base import Extractor
from ganctl.evaluation.extractors.inception import EXPECTED, MIRRORS, WEIGHTS, load
from ganctl.images.grids import to_uint8
from tests.mirror import CONTENT, CUT, serving

CPU = torch.device("cpu")
SMALL = Expected(f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", len(CONTENT))


class Untrained(FeatureExtractorInceptionV3):  # type: ignore[misc]
    """torch-fidelity's net with random weights, large enough for signals to reach its end."""

    def __init__(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            super().__init__("untrained", ["2048"], feature_extractor_weights_path=saved({}))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.mul_(6**0.5)

    def load_state_dict(self, *_: object) -> None:
        """Keep the random weights."""


def saved(content: object) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(content, file)
    file.seek(0)
    return file


@pytest.fixture(scope="module")
def untrained() -> Untrained:
    return Untrained()


@pytest.fixture(scope="module")
def extractor(untrained: Untrained, tmp_path_factory: pytest.TempPathFactory) -> Extractor:
    """One that was read from a file, as if its weights were the published ones."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    content = saved(untrained.state_dict()).getvalue()
    path.write_bytes(content)
    expected = Expected(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))
    before = torch.get_rng_state()
    extractor = inception._load(path, CPU, (), expected)
    assert torch.equal(torch.get_rng_state(), before), "a training that evaluates would go another way"
    path.unlink()
    return extractor


def pictures(count: int, channels: int, height: int = 28, width: int = 28) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2.2 * torch.rand(count, channels, height, width, generator=generator) - 1.1


@pytest.mark.parametrize("size", [(28, 28), (64, 40), (320, 300)])
def test_features_are_those_of_torch_fidelity_on_the_saved_pictures(
    extractor: Extractor, untrained: Untrained, size: tuple[int, int]
) -> None:
    images = pictures(2, 3, *size)
    features = extractor.features(images)
    (expected,) = untrained(torch.from_numpy(to_uint8(images)).permute(0, 3, 1, 2))
    assert features.shape == (2, 2048)
    assert features.std() > 1e-3
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5 * expected.max().item())


def test_grey_becomes_three_equal_channels(extractor: Extractor) -> None:
    grey = pictures(2, 1)
    torch.testing.assert_close(extractor.features(grey), extractor.features(grey.repeat(1, 3, 1, 1)), rtol=0, atol=0)


def test_any_number_of_pictures_goes_in_a_few_at_a_time(extractor: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    images = pictures(5, 1)
    whole = extractor.features(images)
    monkeypatch.setattr(inception, "_BATCH_SIZE", 2)
    torch.testing.assert_close(extractor.features(images), whole)
    assert not whole.requires_grad


def test_it_has_a_name_and_describes_its_input(extractor: Extractor) -> None:
    assert extractor.name == "inception"
    assert extractor.input_format == "three channels, 299×299, bilinear as in TensorFlow 1"


class Trap:
    """What a pickle can do."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("executed"),)


def test_a_file_that_is_not_the_published_one_is_refused_and_nothing_of_it_executed(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    trap = saved(Trap()).getvalue()
    path.write_bytes(trap)
    for expected in (EXPECTED, Expected(EXPECTED.checksum, len(trap))):
        with pytest.raises(UsageError) as caught:
            inception._load(path, CPU, (), expected)
        assert caught.value.message == f"{path} is not the published {WEIGHTS}, and scores would compare with nobody's."
    assert not Path("executed").exists()
    with pytest.raises(UsageError, match="is not the published"):
        load(path, CPU)
    torch.load(saved(Trap()), weights_only=False)
    assert Path("executed").exists(), "the trap would have been noticed"


def test_what_is_loaded_is_what_was_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(CONTENT)

    def library(name: str, features: list[str], feature_extractor_weights_path: io.BytesIO) -> nn.Module:
        assert (name, features) == ("inception", ["2048"])
        assert feature_extractor_weights_path.read() == CONTENT
        return nn.Identity()

    def swapped() -> object:
        return library

    monkeypatch.setattr(inception, "_library", swapped)
    assert inception._load(path, CPU, (), SMALL).name == "inception"


@pytest.mark.parametrize("name", ["nosuch.pth", "."])
def test_a_file_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=rf"There is no file {name}\."):
        load(Path(name), CPU)


def test_weights_are_downloaded_once_from_whichever_mirror_has_them_and_continued(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path))
    with serving() as broken, serving() as good:
        broken.cuts = 1
        for _ in range(2):
            path = inception._downloaded([broken.address, good.address], SMALL)
            assert path == tmp_path / "downloads" / WEIGHTS
            assert inception._verified(path, SMALL) == CONTENT
    assert (broken.ranges, good.ranges) == ([None], [f"bytes={CUT}-"])


def test_without_a_network_it_says_what_is_missing_and_how_to_give_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path))
    with serving() as gone:
        pass  # its port is closed now
    with pytest.raises(GanctlError) as caught:
        inception._load(None, CPU, [gone.address], SMALL)
    assert caught.value.exit_code == 1
    assert caught.value.message == (
        f"The extractor inception lacks its weights: {WEIGHTS} could not be downloaded: {gone.host}: no connection."
    )
    path = tmp_path / "downloads" / WEIGHTS
    assert caught.value.remedy == f"Download {gone.address} elsewhere, and put it there as {path}"


def test_without_the_package_it_says_how_to_get_it_and_downloads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with serving() as mirror, pytest.raises(GanctlError) as caught:
        inception._load(None, CPU, [mirror.address], SMALL)
    assert caught.value.remedy == "pip install 'ganctl[inception]'"
    assert "torch-fidelity" in caught.value.message
    assert mirror.ranges == []


def test_the_weights_are_the_ones_that_papers_use() -> None:
    checksum = str(EXPECTED.checksum)
    assert checksum.removeprefix("sha256:")[:8] == WEIGHTS.removesuffix(".pth").split("-")[-1]
    assert all(checksum.removeprefix("sha256:")[:8] in mirror for mirror in MIRRORS)
