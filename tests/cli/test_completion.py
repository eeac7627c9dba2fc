"""What the shell completes: families, presets, options, runs, data sets and choices, and all that without torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganctl.evaluation import verdicts
from ganctl.gans import FAMILIES
from ganctl.runs import names
from tests.commands import ganctl
from tests.handmade_runs import written


def completions(line: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What bash offers in place of the last word of a line."""
    words = line.split(" ")
    monkeypatch.setenv("_GANCTL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    outcome = ganctl()
    assert (outcome.code, outcome.err) == (0, [])
    return list(filter(None, outcome.out))


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ganctl tra", ["train", "translate"]),
        ("ganctl train ", list(FAMILIES)),
        ("ganctl train cy", ["cyclegan"]),
        ("ganctl train dcgan --preset ", ["compact", "tutorial", "paper"]),
        ("ganctl train cyclegan --preset ", ["paper", "tutorial", "small"]),
        ("ganctl train --data digits dcgan --preset t", ["tutorial"]),
        ("ganctl train dcgan --data ", list(names.SINGLE_SETS)),
        ("ganctl train cyclegan --data plain", ["plain2striped"]),
        ("ganctl train dcgan --data digits --device ", ["auto", "cpu", "cuda", "mps"]),
        ("ganctl train dcgan --loss ", ["bce", "lsgan", "hinge"]),
        ("ganctl train dcgan --lat", ["--latent-dim"]),
        ("ganctl train cyclegan --lambda", ["--lambda-cycle", "--lambda-identity"]),
        ("ganctl train cyclegan --no-h", ["--no-hflip"]),
        ("ganctl train cyclegan --pair ", ["lowres"]),
        ("ganctl train cyclegan --stop-at ", ["equilibrium"]),
        ("ganctl check plain", ["plain2striped"]),
        ("ganctl evaluate x --extractor d", ["digits-cnn"]),
        ("ganctl explain D-", [code for code in verdicts.VERDICTS if code.startswith("D-")]),
    ],
)
def test_what_can_be_typed_next_is_offered(line: str, offered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered
    assert completions(line, monkeypatch) == offered


@pytest.mark.parametrize(
    "line",
    [
        "resume ",
        "sample ",
        "translate ",
        "evaluate ",
        "report ",
        "info ",
        "make-gif ",
        "compare one ",
        "train dcgan --init-from ",
    ],
)
def test_the_runs_here_are_offered_where_one_is_needed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        written(Path("runs", name))
    assert completions(f"ganctl {line}", monkeypatch) == ["one", "two"]
    assert completions(f"ganctl {line}tw", monkeypatch) == ["two"]


def test_where_there_are_no_runs_none_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert completions("ganctl resume ", monkeypatch) == []


def test_a_family_that_does_not_exist_has_no_completions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert completions("ganctl train nosuch --preset ", monkeypatch) == []


LOADED = """
import json, sys
sys.argv = ["ganctl"]
from ganctl.__main__ import main
try:
    main()
except SystemExit as left:
    print(json.dumps([left.code, sorted(sys.modules)]))
"""


@pytest.mark.parametrize("line", ["ganctl train dcgan --preset ", "ganctl sample ", "ganctl train cyclegan --data "])
def test_the_shell_does_not_wait_for_torch(line: str) -> None:
    written(Path("runs/one"))
    shell = {"_GANCTL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=os.environ | shell, capture_output=True, text=True, timeout=60, check=True
    )
    *offered, last = done.stdout.splitlines()
    code, loaded = json.loads(last)
    assert offered
    assert code == 0
    assert not {"torch", "numpy", "PIL"} & set(loaded)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_calls_ganctl(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    monkeypatch.setenv("_GANCTL_COMPLETE", f"source_{shell}")
    outcome = ganctl()
    assert outcome.code == 0
    assert "_GANCTL_COMPLETE=complete_" in "\n".join(outcome.out)
