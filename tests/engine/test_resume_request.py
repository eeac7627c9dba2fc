"""What may be changed when a run is resumed: its data, its device, its total; what is refused changes nothing."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ganctl import tensorfile
from ganctl.engine import session
from ganctl.engine.resumption import ResumeRequest
from ganctl.errors import DataError, UsageError
from ganctl.runs.checkpoint import MODEL, STATE
from ganctl.runs.run import Run
from tests.commands import failed, ganctl
from tests.trainings import EPOCHS, STEPS, assert_equal, begin, content, go_on, tiny_pair


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--from", STEPS, "--epochs", 0), 2, "more than 0"),
        (("--from", 2 * STEPS, "--epochs", 1), 2, "has already done 2 epochs"),
        (("--from", STEPS, "--set", "seed=x"), 2, "whole number"),
        (("--from", STEPS, "--data", "nowhere"), 4, "no data 'nowhere'"),
        (("--from", STEPS, "--device", "quantum"), 2, "no device 'quantum'"),
        (("--from", STEPS + 1), 2, "no checkpoint '6'"),
        (("--from", STEPS, "--set", "allow_changed_data=false", "--data", "others"), 4, "is not what"),
    ],
)
def test_what_is_refused_sets_nothing_aside(
    run: Run, arguments: tuple[object, ...], code: int, why: str, pair: Path
) -> None:
    Path("others").symlink_to(pair)
    before = content(run)
    assert why in failed(ganctl("resume", "photos", *arguments), code)
    assert content(run) == before


def test_a_damaged_checkpoint_is_set_aside_only_when_nothing_is_refused_any_more(run: Run) -> None:
    (run.checkpoint(2 * STEPS) / STATE).write_bytes(b"")
    before = content(run)
    with pytest.raises(UsageError, match="no device"), session.resume(run, ResumeRequest(device="quantum")):
        pass
    with pytest.raises(DataError), session.resume(run, ResumeRequest(data="nowhere")):
        pass
    assert content(run) == before


def test_of_two_resumes_that_extend_one_after_the_other_neither_is_lost(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Run.writing

    @contextmanager
    def when_the_other_is_through(self: Run) -> Iterator[None]:
        record = self.record()
        settings = {**record["settings"], "epochs": EPOCHS + 3}
        self.write_record(
            {**record, "settings": settings, "extensions": [{"from_step": 2 * STEPS, "epochs": EPOCHS + 3}]}
        )
        with writing(self):
            yield

    monkeypatch.setattr(Run, "writing", when_the_other_is_through)
    go_on(run, stop_at=2 * STEPS + 1, more=1)
    record = run.record()
    assert record["settings"]["epochs"] == EPOCHS + 4
    assert [extension["epochs"] for extension in record["extensions"]] == [EPOCHS + 3, EPOCHS + 4]


def test_data_that_was_moved_and_renamed_gives_the_same_bits(photos: Path, run: Run, uninterrupted: Run) -> None:
    record = run.record()
    run.write_record({**record, "settings": {**record["settings"], "data": "/nowhere/any more"}})
    said = failed(ganctl("resume", "photos"), 4)
    assert said.endswith("If it is elsewhere now: ganctl resume runs/photos --data DIR")
    shutil.copytree(photos, "moved here")
    assert ganctl("resume", "photos", "--data", "moved here").code == 0
    assert_equal(run, uninterrupted)
    assert run.record()["settings"]["data"] == str(Path("moved here").absolute())
    assert run.record()["extensions"][-1]["changes"] == {"data": "moved here"}
    assert go_on(run, more=1) == ()


def test_other_data_is_refused_with_a_command_that_accepts_it(photos: Path, run: Run) -> None:
    shutil.copytree(photos, "other ones")
    shutil.copy(photos / "00.png", "other ones/01.png")
    said = failed(ganctl("resume", "photos", "--data", "other ones"), 4)
    accept = "--data 'other ones' --set allow_changed_data=true"
    assert said.endswith(f"Bring that back, or accept this: ganctl resume runs/photos {accept}")
    go_on(run, stop_at=11, data="other ones", changes={"allow_changed_data": "true"})


def test_the_record_keeps_the_steps_per_epoch_of_the_data_in_use(photos: Path, run: Run) -> None:
    assert run.record()["steps_per_epoch"] == STEPS
    Path("fewer").mkdir()
    for path in sorted(photos.iterdir())[:20]:
        shutil.copy(path, "fewer")
    go_on(run, stop_at=11, data="fewer", changes={"allow_changed_data": "true"})
    assert run.record()["steps_per_epoch"] == 2


def test_domains_keep_their_names_where_the_data_has_another(pair: Path) -> None:
    run = begin(tiny_pair(pair), Path("a/run"), stop_at=1)
    record = run.record()
    run.write_record({**record, "data": {**record["data"], "domains": ["cat", "dog"]}})
    go_on(run, stop_at=2, data=str(pair))
    assert tensorfile.read_header(run.checkpoint(2) / MODEL)["domains"] == ["cat", "dog"]


def test_the_device_is_chosen_anew_where_nobody_chose_it(run: Run) -> None:
    record = run.record()
    assert (record["settings"]["device"], record["device"]) == ("auto", "cpu")
    run.write_record({**record, "device": "cuda (Some Card)"})
    (said,) = go_on(run, stop_at=11)
    assert said == (
        "It ran on cuda (Some Card) and continues on cpu: its last bits will differ from those of an uninterrupted run."
    )
    assert run.record()["device"] == "cpu"
    assert go_on(run, stop_at=12) == ()


def test_a_device_that_is_not_here_is_refused_with_the_option_that_helps(run: Run) -> None:
    record = run.record()
    run.write_record({**record, "settings": {**record["settings"], "device": "cuda:77"}, "device": "cpu"})
    said = failed(ganctl("resume", "photos"), 2)
    assert said.endswith("To go on here: ganctl resume runs/photos --device auto")
    go_on(run, stop_at=11, device="cpu")
    assert run.record()["settings"]["device"] == "cpu"
    assert run.record()["extensions"][-1]["changes"] == {"device": "cpu"}
