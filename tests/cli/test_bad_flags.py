"""Flags that are typed wrongly end in a sentence and exit code 2, and leave nothing behind."""

from pathlib import Path

import pytest

from ganctl import gans
from tests.commands import failed, ganctl, nothing_left, train


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--preset nosuch", "Its presets are: compact"),
        ("--device nosuch", "There is no device 'nosuch'."),
        ("--device cuda:", "There is no device 'cuda:'."),
        ("--device cuda:99", "This machine has no cuda:99."),
        ("--nosuch 3", "No such option: --nosuch"),
        ("--loss nosuch", "Choose among: bce, lsgan, hinge."),
        ("--augment nosuch", "Choose among: none, diffaug."),
        ("--set nosuch=3", "It knows: allow_changed_data, arch, augment"),
        ("--set width", "Write --set key=value."),
        ("--set width=", "width =  is not a whole number."),
        ("--set width=x", "width = x is not a whole number."),
        ("--set width=1.5", "width = 1.5 is not a whole number."),
        ("--set width=none", "width needs a value."),
        ("--set width=0", "It must be at least 1."),
        ("--set width=1000000000000000000", "too large for any memory"),
        ("--set width=99999999999999999999999", "too large for any memory"),
        ("--set r1=nan", "r1 = nan is not a finite number."),
        ("--set r1=-1", "It must be at least 0."),
        ("--set beta1=1", "beta1 = 1 is out of range"),
        ("--epochs 0", "It must be at least 1."),
        ("--epochs -3", "It must be at least 1."),
        ("--epochs x", "--epochs"),
        ("--epochs 1.5", "--epochs"),
        ("--batch-size 0", "It must be at least 1."),
        ("--size 0", "It must be at least 4."),
        ("--size 17", "cannot generate images of 17 pixels"),
        ("--size 100000", "It must be at most 1024."),
        ("--preset paper --size 28", "not 28"),
        ("--preset paper --size 16 --set r1=1", "R1 needs each picture's own gradient. Leave it out with --r1 0"),
        ("--set arch=paper", "R1 needs each picture's own gradient."),
        ("--loss lsgan --set lsgan_a=1", "lsgan_a and lsgan_b must differ"),
        ("--loss lsgan --set lsgan_a=1 --set lsgan_b=0", "--set lsgan_c=0."),
        ("--channels 2", "Choose among: 1, 3."),
        ("--seed -1", "It must be at least 0."),
        ("--limit 0", "It must be at least 1."),
        ("--keep 1", "It must be at least 2."),
        ("--lr 0", "It must be more than 0."),
        ("--lr nan", "is not a finite number."),
        ("--lr inf", "is not a finite number."),
        ("--lr x", "--lr"),
        ("--lr-generator -1", "It must be more than 0."),
        ("--lr 1e-3 --lr-generator 1e-3", "Give --lr, or one for each of them."),
        ("--lr 1e-3 --lr-discriminator 1e-3", "Give --lr, or one for each of them."),
        ("--max-minutes 0", "It must be more than 0."),
        ("--max-minutes nan", "It must be more than 0."),
        ("--max-minutes inf", "It must be more than 0."),
        ("--checkpoint-every never", "Write 10m, 90s, 1h, or 2e for epochs."),
        ("--checkpoint-every 0m", "Write 10m, 90s, 1h, or 2e for epochs."),
        ("--run .", "A run cannot be called '.'."),
        ("--run ..", "A run cannot be called '..'."),
        ("--run .hidden", "A run cannot be called '.hidden'."),
        ("more than one family", "ganctl train dcgan --help"),
    ],
)
def test_what_does_not_exist_or_is_out_of_bounds_exits_2(photos: Path, arguments: str, why: str) -> None:
    assert why in failed(train(photos, *arguments.split()), 2)
    assert nothing_left()


@pytest.mark.parametrize("name", ["", "  "])
def test_a_run_needs_a_name(photos: Path, name: str) -> None:
    assert "cannot be called" in failed(train(photos, "--run", name), 2)


def test_an_unknown_family_exits_2_and_names_the_known() -> None:
    message = failed(ganctl("train", "nosuch", "--data", "digits"), 2)
    assert message == f"Error: There is no family 'nosuch'. The families are: {', '.join(gans.FAMILIES)}."


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["train"], "Missing argument 'FAMILY'"),
        (["sample"], "Missing argument 'MODEL'"),
        (["sample", "x", "-n", "0"], "--number"),
        (["sample", "x", "-n", "many"], "--number"),
        (["sample", "x", "--seed", "-1"], "--seed"),
        (["make-gif", "x", "--fps", "0"], "--fps"),
        (["make-gif", "x", "--fps", "nan"], "--fps"),
        (["make-gif", "x", "--fps", "1e-9"], "--fps"),
        (["make-gif", "x", "--seed", "x"], "--seed"),
        (["resume", "x", "--more", "x"], "--more"),
    ],
)
def test_every_command_exits_2_where_it_is_misused(arguments: list[str], why: str) -> None:
    assert why in failed(ganctl(*arguments), 2)
