"""RUN and MODEL on the command line mean a path or a name under runs/, and new runs get free names."""

from pathlib import Path

import pytest

from ganctl.errors import CheckpointError, UsageError
from ganctl.runs.names import find, find_run, free_name, list_runs, locate
from ganctl.runs.run import Run, create
from tests.handmade_runs import RECORD


def test_a_name_lies_under_runs_and_a_slash_makes_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert locate("x") == Path("runs/x")
    assert locate("./x") == Path("x")
    assert locate("a/b") == Path("a/b")
    assert locate("~/x") == Path("/home/ada/x")
    for name in ("", " ", ".", "..", ".x"):
        with pytest.raises(UsageError):
            locate(name)


def test_free_names_count_up() -> None:
    assert free_name("digits") == Path("runs/digits")
    for path in ("runs/digits", "runs/digits-2", "runs/digits-4"):
        Path(path).mkdir(parents=True)
    assert free_name("digits") == Path("runs/digits-3")
    assert free_name(".hidden") == Path("runs/hidden")
    assert free_name("...") == Path("runs/run")


def test_runs_are_known_by_name_and_unfinished_creations_are_not() -> None:
    assert list_runs() == []
    create(Path("runs/b"), RECORD)
    create(Path("runs/a"), RECORD)
    Path("runs/.tmp-abc").mkdir()
    Path("runs/.tmp-abc/run.json").write_text("{}")
    Path("runs/empty").mkdir()
    assert list_runs() == [Run(Path("runs/a")), Run(Path("runs/b"))]


def test_a_model_is_looked_for_as_a_path_first_and_as_a_name_then() -> None:
    run = create(Path("runs/x"), RECORD)
    assert find("x") == find("runs/x") == run.path
    create(Path("x"), RECORD)
    assert find("x") == Path("x")
    assert find_run("x") == Run(Path("x"))
    Path("weights.safetensors").touch()
    assert find("weights.safetensors") == Path("weights.safetensors")
    with pytest.raises(CheckpointError, match="is no run: it holds no"):
        find_run("weights.safetensors")
    Path("x.txt").touch()
    for wrong in ("x.txt", "y", "runs", "", "x/y", "runs/x/run.json"):
        with pytest.raises(CheckpointError, match="is no run, checkpoint or"):
            find(wrong)
