"""run.json's command, as it is suggested for a new run."""

import pytest

from ganctl.runs.record import train_command
from tests.handmade_runs import record

TYPED = "ganctl train dcgan --data 'my photos'{} --epochs 3"


@pytest.mark.parametrize("flag", ["", " --run old", " --run=old"])
def test_a_new_run_is_suggested_by_the_command_that_was_typed_without_the_old_name(flag: str) -> None:
    assert train_command(record(command=TYPED.format(flag))) == TYPED.format("")


@pytest.mark.parametrize("command", ["train.py", "ganctl train 'unbalanced"])
def test_what_was_not_typed_as_a_command_becomes_one(command: str) -> None:
    assert train_command(record(command=command)) == "ganctl train dcgan --data mnist"
