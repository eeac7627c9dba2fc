"""A trained model from the command line and from Python: domains, channels and verbs; files that are refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganctl as package
from ganctl import tensorfile
from ganctl.data.batches import to_normalized_tensor
from ganctl.errors import UsageError
from ganctl.gans import cyclegan
from ganctl.images.grids import to_uint8
from ganctl.inference import translate
from tests.commands import failed, ganctl, train
from tests.inference.image_files import NOISE, RNG, read_pixels, save_pixels
from tests.translators import negative, write_model


@pytest.mark.parametrize("arch", ["resnet", "unet"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_model_file_is_all_it_takes(arch: str, channels: int) -> None:
    model = write_model(Path("some/model.safetensors"), (channels, 16, 16), arch=arch)
    save_pixels("a.png")
    assert ganctl("translate", model, "a.png", "--to", "horse").out == ["a-horse.png"]
    assert ganctl("translate", model, "a.png", "--to", "zebra").out == ["a-zebra.png"]
    horse, zebra = read_pixels("a-horse.png"), read_pixels("a-zebra.png")
    assert horse.shape == zebra.shape == NOISE.shape
    assert not np.array_equal(horse, zebra)
    assert (channels == 1) == bool((zebra == zebra[..., :1]).all())


def test_a_grey_model_sees_the_luma(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = negative(channels=1)
    luma = np.asarray(Image.fromarray(NOISE).convert("L"))
    assert np.array_equal(translate.translate_uint8(grey, NOISE), np.repeat(255 - luma[..., None], 3, -1))


def test_the_default_is_the_second_domain_and_to_names_the_other(model: str) -> None:
    save_pixels("a.png")
    assert ganctl("translate", model, "a.png").out == ["a-zebra.png"]
    assert ganctl("translate", model, "a.png", "--to", "horse").out == ["a-horse.png"]
    assert np.array_equal(read_pixels("a-zebra.png"), 255 - NOISE)
    assert np.array_equal(read_pixels("a-horse.png"), NOISE)


def test_a_wrong_domain_lists_the_right_ones(model: str) -> None:
    save_pixels("a.png")
    message = failed(ganctl("translate", model, "a.png", "--to", "cow"), 2)
    assert message == "Error: There is no domain 'cow'. It translates to: horse, zebra."


def test_translating_from_python_gives_the_pixels_of_the_command() -> None:
    model = write_model(Path("model.safetensors"))
    both = RNG.integers(0, 256, (2, 16, 24, 3), np.uint8)
    for name, pixels in zip("ab", both, strict=True):
        save_pixels(f"{name}.png", pixels)
    assert ganctl("translate", model, "a.png", "b.png").code == 0
    loaded = package.load(model, "cpu")
    images = to_normalized_tensor(both, torch.device("cpu"))
    translated = loaded.translate(images)
    for name, pixels in zip("ab", to_uint8(translated), strict=True):
        assert np.array_equal(read_pixels(f"{name}-zebra.png"), pixels)
    assert torch.equal(loaded.translate(images[1:]), translated[1:]), "a picture does not depend on its neighbours"
    assert not torch.equal(loaded.translate(images, to="horse"), translated)
    with torch.inference_mode():
        net = loaded.net
        assert isinstance(net, cyclegan.Generators)
        assert torch.equal(net.generator_to(1)(images[:1].contiguous()), translated[:1]), (
            "what fits goes through as it is"
        )


def test_python_may_pass_any_size_and_other_channels_are_refused() -> None:
    loaded = package.load(write_model(Path("model.safetensors")), "cpu")
    assert loaded.translate(torch.zeros(2, 3, 7, 9)).shape == (2, 3, 7, 9)
    assert loaded.translate(torch.zeros(0, 3, 7, 9)).shape == (0, 3, 7, 9)
    for shape in ((2, 1, 8, 8), (3, 8, 8), (1, 3, 0, 8)):
        with pytest.raises(UsageError, match=r"model takes pictures \[N, 3, H, W\], not \["):
            loaded.translate(torch.zeros(shape))


def test_a_model_that_translates_and_one_that_samples_suggest_the_right_command(photos: Path) -> None:
    model = write_model(Path("horse2zebra.safetensors"))
    for command in (["sample"], ["make-gif", "--walk"]):
        message = failed(ganctl(*command, model), 2)
        assert message.startswith(
            "Error: horse2zebra translates pictures: it has no latents to sample or to walk through."
        )
        assert message.endswith("ganctl translate horse2zebra.safetensors PICTURE")
    assert train(photos, "--run", "sampler", "--epochs", 1).code == 0
    save_pixels("a.png")
    message = failed(ganctl("translate", "sampler", "a.png"), 2)
    assert message == "Error: sampler generates pictures from noise. ganctl sample sampler"
    assert not list(Path().glob("*-*.png"))


def test_a_missing_model_and_no_picture_at_all_are_refused(model: str) -> None:
    assert "nothing is no run, checkpoint" in failed(ganctl("translate", "nothing", "a.png"), 3)
    assert "--help" in failed(ganctl("translate", model), 2)


@pytest.mark.parametrize("domains", [[], ["horse"], ["a", "b", "c"], None])
def test_a_model_file_that_names_no_two_domains_is_refused(domains: list[str] | None) -> None:
    path = write_model(Path("model.safetensors"))
    contents = tensorfile.read(path)
    tensorfile.write(path, tensorfile.TensorFile(contents.tensors, {**contents.header, "domains": domains}))
    assert "is not what its header says" in failed(ganctl("translate", path, "a.png"), 3)


@pytest.mark.parametrize("odd", [{"output": "weird"}, {"arch": None}, {"unheard_of": 1}])
def test_a_model_file_with_unknown_options_is_refused(odd: dict[str, object]) -> None:
    path = write_model(Path("model.safetensors"))
    contents = tensorfile.read(path)
    options = {**contents.header["options"], **odd}
    tensorfile.write(path, tensorfile.TensorFile(contents.tensors, {**contents.header, "options": options}))
    assert "cannot be used" in failed(ganctl("translate", path, "a.png"), 3)
