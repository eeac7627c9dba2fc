"""The command line in this process: what it printed where, and the code it left with."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest

from ganctl import cli


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: list[str]
    err: list[str]


def ganctl(*arguments: object) -> Outcome:
    """Run ``ganctl`` with arguments, as its console script does, into pipes."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["ganctl", *map(str, arguments)]
    with (
        patch.object(sys, "argv", argv),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        cli.main()
    assert isinstance(left.value.code, int)
    return Outcome(left.value.code, out.getvalue().splitlines(), err.getvalue().splitlines())


def train(photos: Path, *arguments: object) -> Outcome:
    """Two epochs of five small steps, unless the arguments say otherwise."""
    small = ("--size", 16, "--batch-size", 8, "--epochs", 2, "--set", "width=8", "--set", "latent_dim=8")
    return ganctl("train", "dcgan", "--data", photos, *small, *arguments)


def failed(outcome: Outcome, code: int) -> str:
    """What a failure said: one sentence, at most one line of advice, and nothing after that."""
    assert outcome.code == code, outcome
    assert outcome.out == []
    start = [line.startswith("Error: ") for line in outcome.err].index(True)
    sentence, *remedy = outcome.err[start:]
    assert sentence.endswith(".")
    assert len(remedy) <= 1
    return " ".join([sentence, *remedy])


def everything(folder: Path = Path()) -> set[Path]:
    """All files and folders in a folder."""
    return set(folder.rglob("*"))


def nothing_left() -> bool:
    """Whether no run, and no part of one, is here."""
    return not Path("runs").exists() or not list(Path("runs").iterdir())
