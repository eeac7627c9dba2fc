"""What a model can be asked for: flags are sugar over ``--set``; what it cannot is refused with what it can."""

from pathlib import Path

import pytest

from ganctl.runs.run import Run
from tests.commands import failed, ganctl
from tests.inference.image_files import save_flat
from tests.translators import write_model


@pytest.mark.parametrize("control", [("--label", "7"), ("--set", "label=7"), ("--set", "colour=red")])
def test_a_model_that_takes_no_such_thing_says_what_it_can_be_asked_for(run: Run, control: tuple[str, str]) -> None:
    for command in (("sample", run.path), ("make-gif", run.path, "--walk")):
        message = failed(ganctl(*command, *control), 2)
        name = "colour" if "colour=red" in control else "label"
        assert message == (
            f"Error: {run.path.name} cannot be asked for '{name}'. It can be asked for nothing but pictures."
        )


def test_to_is_sugar_over_set() -> None:
    write_model(Path("model.safetensors"))
    save_flat("a.png")
    translations = []
    for flags in (("--to", "horse"), ("--set", "to=horse"), ("--to", "zebra", "--set", "to=horse")):
        assert ganctl("translate", "model.safetensors", "a.png", *flags, "--force").out == ["a-horse.png"]
        translations.append(Path("a-horse.png").read_bytes())
    assert len(set(translations)) == 1


def test_a_model_that_translates_lists_its_controls() -> None:
    write_model(Path("model.safetensors"))
    save_flat("a.png")
    message = failed(ganctl("translate", "model.safetensors", "a.png", "--set", "style=art.jpg"), 2)
    assert "model cannot be asked for 'style'. It can be asked for to: Domain to translate to" in message


def test_a_training_s_film_cannot_be_asked_for_anything(run: Run) -> None:
    assert "--walk" in failed(ganctl("make-gif", run.path, "--label", "7"), 2)


@pytest.mark.parametrize("text", ["label", "=7", ""])
def test_an_assignment_without_a_name_or_a_value_is_refused(run: Run, text: str) -> None:
    assert "KEY=VALUE" in failed(ganctl("sample", run.path, "--set", text), 2).upper()
