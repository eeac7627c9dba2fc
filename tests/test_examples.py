"""A family in a file of its own has the whole command line, and README shows what is there."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.test_source import ORDER

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MY_GAN = ROOT / "examples" / "my_gan.py"
SMALL = ("--size", 16, "--batch-size", 8, "--set", "width=4", "--set", "latent_dim=8")

MyGan = Callable[..., list[str]]


@pytest.fixture
def my_gan() -> MyGan:
    """Run the example in a process of its own, and return its lines on stdout."""

    def run(*arguments: object) -> list[str]:
        command = [sys.executable, str(MY_GAN), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def weights(run: str) -> dict[str, torch.Tensor]:
    """The tensors of a run's newest model."""
    return load_file(max(Path("runs", run, "checkpoints").glob("step-*")) / "model.safetensors")


def test_a_family_of_ones_own_trains_samples_and_resumes_to_the_same_bits(my_gan: MyGan, photos: Path) -> None:
    data = ("--data", photos, *SMALL)
    assert my_gan("train", "mygan", *data, "--epochs", 2, "--run", "stopped") == ["runs/stopped"]
    assert my_gan("sample", "stopped", "-n", 4, "-o", "four.png") == ["four.png"]
    assert my_gan("resume", "stopped", "--more", 1) == ["runs/stopped"]
    my_gan("train", "mygan", *data, "--epochs", 3, "--run", "never-stopped")
    resumed, straight = weights("stopped"), weights("never-stopped")
    assert resumed.keys() == straight.keys()
    assert all(torch.equal(resumed[name], straight[name]) for name in straight)


def test_the_readme_shows_the_example_as_it_is() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shown = next(block for block in blocks if "class MyGAN" in block)
    code = MY_GAN.read_text(encoding="utf-8")
    assert all(part.strip("\n") in code for part in re.split(r"^ *\.\.\.\n", shown, flags=re.MULTILINE))


def test_the_readme_lists_the_folders_and_modules_in_the_order_of_their_imports() -> None:
    table = README.split("```\nganctl/\n")[1].split("tests/")[0]
    columns = [match[1] for match in re.finditer(r"^  ((?:[a-z]+(?:/|\.py) )+) ", table, re.MULTILINE)]
    listed = [re.sub(r"/|\.py", "", name) for names in columns for name in names.split()]
    assert ["__main__", *listed] == list(ORDER)
