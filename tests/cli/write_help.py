"""Writes what every command says with ``--help`` into examples/help.

python -m tests.cli.write_help
"""

import os
import re
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

import typer

from ganctl.cli import app
from ganctl.gans import FAMILIES
from tests.commands import ganctl

FOLDER = Path(__file__).parents[2] / "examples" / "help"
COMMANDS = {
    "ganctl": (),
    **{name: (name,) for name in typer.main.get_command(app.app).commands},  # type: ignore[attr-defined]
    **{f"train-{family}": ("train", family) for family in FAMILIES},
}
"""File name without ending → the words of its command."""
ABOUT = f"""# What `ganctl --help` says

A file for each command, 100 columns wide, as Typer {version("typer")} and Rich {version("rich")} lay it out. A test
compares them; `python -m tests.cli.write_help` writes them anew.
"""


def help_text(*words: str) -> str:
    """The help of a command, 100 columns wide and without colours."""
    with patch.dict(os.environ, {"COLUMNS": "100", "NO_COLOR": "1"}):
        lines = ganctl(*words, "--help").out
    text = "\n".join(re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in lines)
    return f"{text.strip()}\n"


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for name, words in COMMANDS.items():
        (FOLDER / f"{name}.txt").write_text(help_text(*words), encoding="utf-8")
    (FOLDER / "README.md").write_text(ABOUT, encoding="utf-8")


if __name__ == "__main__":
    main()
