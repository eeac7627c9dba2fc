"""The settings of a run stand beside those of its preset, and its commands can be typed."""

from pathlib import Path

from ganctl.report import settings_table, summary
from ganctl.settings import Settings
from tests.handmade_runs import rich


def test_settings_that_differ_from_the_preset_come_first_and_resolved_ones_do_not_count() -> None:
    settings = Settings(
        "dcgan", {"arch": "compact", "r1": 1.0}, data="x", preset="compact", batch_size=32, size=28, limit=9
    )
    rows = settings_table.rows(settings)
    assert [(row.name, row.value, row.preset_value) for row in rows if row.differs] == [
        ("limit", "9", "none"),
        ("r1", "1", "0.1"),
    ]
    assert [row.differs for row in rows] == sorted((row.differs for row in rows), reverse=True)


def test_a_finished_run_is_trained_further_by_as_many_epochs_again_and_a_stopped_one_goes_on() -> None:
    finished, stopped = rich(Path("runs/finished")), rich(Path("runs/stopped"), epochs=2)
    commands = settings_table.commands(summary.read(finished), "sample")
    assert commands[1] == ("Train it further", "ganctl resume runs/finished --more 50")
    commands = settings_table.commands(summary.read(stopped), "translate")
    assert commands[1] == ("Go on with it", "ganctl resume runs/stopped")
    assert commands[2].text == "ganctl translate runs/stopped PICTURE"
