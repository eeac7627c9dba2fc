"""Results go to stdout, everything else to stderr, and nothing is taken for markup."""

from pathlib import Path

import pytest

from ganctl.cli import console


def test_a_path_is_shown_as_short_as_it_can_be_typed() -> None:
    assert console.short_path(Path("runs/x")) == "runs/x"
    assert console.short_path(Path("runs/x").absolute()) == "runs/x"
    assert console.short_path(Path("/proc/self")) == "/proc/self"
    assert console.short_path(Path("../elsewhere")) == "../elsewhere"


def test_results_and_only_results_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    console.result("[bold]x[/] :cat:")
    console.table([("a", 1), ("größer", "[red]"), ("日本", "")])
    console.say("[bold]said[/] :cat:")
    console.warn("[bold]careful[/]")
    console.fail("[bold]It failed.[/]", "try [again]")
    printed = capsys.readouterr()
    assert printed.out == "[bold]x[/] :cat:\na       1\ngrößer  [red]\n日本\n"
    assert printed.err.splitlines() == [
        "[bold]said[/] :cat:",
        "Warning: [bold]careful[/]",
        "Error: [bold]It failed.[/]",
        "try [again]",
    ]
