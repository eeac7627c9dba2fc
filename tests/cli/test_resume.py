"""``resume``: to the end, beyond it, and what it refuses."""

import pytest

from ganctl.runs.run import Run
from tests.commands import failed, ganctl


def test_a_finished_run_says_so_and_how_to_go_further(run: Run) -> None:
    before = run.log.read_bytes()
    outcome = ganctl("resume", "photos")
    assert outcome.code == 0
    assert outcome.err == [
        "runs/photos is finished: 2 of 2 epochs.",
        "To go further: ganctl resume runs/photos --more 2",
    ]
    assert run.log.read_bytes() == before


@pytest.mark.parametrize("extension", [("--more", "1"), ("--epochs", "3")])
def test_a_run_is_extended_by_more_epochs_or_to_a_new_total(run: Run, extension: tuple[str, str]) -> None:
    outcome = ganctl("resume", "runs/photos", *extension)
    assert (outcome.code, outcome.out) == (0, ["runs/photos"])
    assert run.checkpoint_steps()[0] == 15
    assert run.record()["settings"]["epochs"] == 3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--more", 1, "--epochs", 3), "Give one of them"),
        (("--more", 0), "more than 0"),
        (("--epochs", -1), "more than 0"),
        (("--max-minutes", "nan"), "more than 0"),
        (("--epochs", 1), "already done 2 epochs"),
        (("--set", "width=9"), "cannot change width"),
        (("--set", "allow_changed_data=perhaps"), "true or false"),
    ],
)
def test_an_extension_that_makes_no_sense_is_refused(run: Run, arguments: tuple[object, ...], why: str) -> None:
    record = run.record()
    assert why in failed(ganctl("resume", "photos", *arguments), 2)
    assert run.record() == record


def test_resume_says_what_it_set_aside(run: Run) -> None:
    (run.checkpoint(10) / "state.safetensors").unlink()
    outcome = ganctl("resume", "photos")
    assert outcome.code == 0
    assert "It was set aside as unusable-1-step-00000010." in outcome.err[1]
    assert run.checkpoint_steps() == [10, 5]
