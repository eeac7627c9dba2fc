"""How the source is written: everything public is explained, names say what they hold, no file is too long."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ganctl

PACKAGE = Path(ganctl.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
FILES = sorted(path for folder in ("ganctl", "tests", "examples") for path in (PACKAGE.parent / folder).rglob("*.py"))
MAX_LINES = 270
PRIVATE_WORDS = {
    *("told", "found", "asked", "chosen", "said", "kept", "place", "here", "there", "side", "sides"),
    *("drawn", "shown", "known", "seen", "lies", "ours", "theirs", "eyes", "origin", "diary", "story", "recipe"),
}
"""Words that say nothing of what they hold: a domain, a size, a path, a device, settings …"""


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Every name that is given in a module: variables, parameters, functions, classes, fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name.lower()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_names_say_what_they_hold(path: Path) -> None:
    names = {name.strip("_") for name in bound_names(ast.parse(path.read_text(encoding="utf-8")))}
    assert not names & PRIVATE_WORDS


def test_a_private_word_would_be_noticed() -> None:
    text = "def _told(asked):\n    for here, there in asked:\n        found: int = 1"
    assert {name.strip("_") for name in bound_names(ast.parse(text))} == {"told", "asked", "here", "there", "found"}


def test_no_file_is_longer_than_one_sitting() -> None:
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Modules, public classes, functions and methods that say nothing of themselves."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if not ast.get_docstring(tree):
        yield "the module"
    for owner in ast.walk(tree):
        if isinstance(owner, ast.Module | ast.ClassDef):
            members = [node for node in owner.body if isinstance(node, kinds) and not node.name.startswith("_")]
            yield from (node.name for node in members if not ast.get_docstring(node))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_everything_public_is_explained(path: Path) -> None:
    assert list(undocumented(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_a_missing_explanation_would_be_noticed() -> None:
    text = "class A:\n    '''Said.'''\n    def b(self): ...\n    def _c(self): ...\ndef d(): ..."
    assert sorted(undocumented(ast.parse(text))) == ["b", "d", "the module"]
