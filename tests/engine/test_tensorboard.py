"""TensorBoard's event files hold what the run holds, whatever stopped it, and training does not depend on them."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ganctl.engine import session
from ganctl.engine.events import Emitter, Event, Logged, Previewed, Started, Subscriber, Warned
from ganctl.engine.tensorboard import EventFile
from ganctl.errors import UsageError
from ganctl.runs.run import Run
from tests.commands import failed, ganctl, train
from tests.engine.test_resume import start_process
from tests.trainings import EPOCHS, STEPS, assert_equal, begin, go_on, tiny, until, wait_for


def opened(run: Run) -> EventAccumulator:
    """What TensorBoard's own reader finds in a run, all of it."""
    found = EventAccumulator(str(run.tensorboard), size_guidance={"images": 0, "scalars": 0})
    found.Reload()
    return found


def assert_shows(run: Run, step: int) -> EventAccumulator:
    """Exactly the lines of the log and the previews up to a step, each once."""
    found, lines = opened(run), list(run.read_log())
    names = {name for line in lines for name in line} - {"step", "epoch"}
    assert set(found.Tags()["scalars"]) == names
    for name in names:
        shown = [(event.step, event.value) for event in found.Scalars(name)]
        assert shown == [(line["step"], np.float32(line[name])) for line in lines if name in line]
    assert max(line["step"] for line in lines) <= step
    previews = [(epoch * STEPS, path.read_bytes()) for epoch, path in run.previews() if epoch * STEPS <= step]
    assert [(event.step, event.encoded_image_string) for event in found.Images("progress")] == previews
    return found


def test_a_training_is_shown_with_its_losses_metrics_and_previews(photos: Path) -> None:
    run = begin(tiny(photos, tensorboard=True), Path("some/run"))
    found = assert_shows(run, EPOCHS * STEPS)
    assert {"loss/generator", "loss/discriminator", "metric/D(x)"} <= set(found.Tags()["scalars"])
    assert len(found.Images("progress")) == EPOCHS + 1
    picture = found.Images("progress")[0]
    assert (picture.width, picture.height) == (picture.height, picture.width) != (0, 0)


def test_the_training_does_not_depend_on_it(photos: Path) -> None:
    with_it, without = begin(tiny(photos, tensorboard=True), Path("a/run")), begin(tiny(photos), Path("b/run"))
    assert_equal(with_it, without)
    assert not without.tensorboard.exists()


@pytest.mark.parametrize("k", [1, 4, 5, 9])
def test_a_stop_and_a_resume_show_every_step_once(photos: Path, k: int) -> None:
    run = begin(tiny(photos, tensorboard=True), Path("some/run"), stop_at=k)
    go_on(run, stop_at=11)
    assert_shows(run, 11)
    go_on(run)
    assert_shows(run, EPOCHS * STEPS)


def test_after_kill_9_nothing_beyond_the_checkpoint_is_shown(photos: Path) -> None:
    child, run = start_process(photos, "--tensorboard"), Run(Path("killed/run"))
    wait_for(run.checkpoint(2 * STEPS), child)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    step = run.checkpoint_steps()[0]
    torn = next(run.tensorboard.iterdir())
    with torn.open("ab") as file:
        file.write(b"half a record")
    go_on(run, stop_at=0)
    assert_shows(run, step)
    go_on(run)
    assert_shows(run, EPOCHS * STEPS)


def test_an_extension_goes_on_in_it(photos: Path) -> None:
    run = begin(tiny(photos, epochs=2, tensorboard=True), Path("some/run"))
    go_on(run, more=2)
    assert_shows(run, EPOCHS * STEPS)


@pytest.fixture
def run() -> Run:
    """A run of three steps an epoch, with two epochs in its log."""
    found = Run(Path("run"))
    found.progress.mkdir(parents=True)
    lines = [{"step": 3, "epoch": 1, "loss/generator": 0.5}, {"step": 6, "epoch": 2, "loss/generator": 0.75}]
    found.append_log([json.dumps(line) for line in lines])
    return found


def reports(*steps: int) -> list[Event]:
    return [Logged({"step": step, "epoch": -(-step // 3), "loss/generator": step / 16}) for step in steps]


def follow(run: Run, events: list[Event], step: int, epochs: int = 4) -> list[Event]:
    """All that happens where the event file of a run of three steps an epoch is shown events, from a step on."""
    seen: list[Event] = []
    emit = Emitter(EventFile(run, 3, epochs).subscriber, Subscriber(seen.append))
    for event in (Started(step), *events):
        emit(event)
    return seen


def steps_of(found: EventAccumulator, tag: str = "loss/generator") -> list[int]:
    return [event.step for event in found.Scalars(tag)]


def test_what_came_after_the_checkpoint_is_left_out_and_the_preview_of_step_0_is_not_shown_twice(
    run: Run, photos: Path
) -> None:
    for epoch in range(4):
        run.preview(epoch).write_bytes(next(photos.iterdir()).read_bytes())
    follow(run, [], 4)
    assert (steps_of(opened(run)), [event.step for event in opened(run).Images("progress")]) == ([3], [0, 3])
    follow(run, [Previewed(0, run.preview(0)), *reports(3)], 0)
    assert (steps_of(opened(run)), [event.step for event in opened(run).Images("progress")]) == ([3], [0])


def test_a_running_tensorboard_forgets_what_a_resume_took_back(run: Run) -> None:
    follow(run, reports(9, 12), 6)
    watcher = opened(run)
    assert steps_of(watcher) == [3, 6, 9, 12]
    for _ in range(3):
        follow(run, reports(9), 6)
        watcher.Reload()
        assert steps_of(watcher) == [3, 6, 9] == steps_of(opened(run))
    assert len(list(run.tensorboard.iterdir())) == 2


def test_scores_and_sample_statistics_have_tags_of_their_own(run: Run) -> None:
    line = {
        "step": 9,
        "epoch": 3,
        "score/fid-digits-cnn": 4.5,
        "sample/diversity": 0.75,
        "metric/D(x)": 0.5,
        "note": "odd",
        "metric/r1": 10**400,
    }
    run.append_log([json.dumps(line)])
    follow(run, [], 9)
    found = opened(run)
    assert found.Scalars("score/fid-digits-cnn")[0].value == 4.5
    assert found.Scalars("sample/diversity")[0].value == 0.75
    assert set(found.Tags()["scalars"]) == {
        "loss/generator", "score/fid-digits-cnn", "sample/diversity", "metric/D(x)"
    }  # fmt: skip


def test_of_a_long_training_at_most_fifty_previews_are_shown_and_none_that_cannot_be_read(
    run: Run, photos: Path
) -> None:
    picture = next(photos.iterdir()).read_bytes()
    for epoch in range(404):
        run.preview(epoch).write_bytes(picture)
    run.preview(18).write_bytes(picture[:50])
    follow(run, [Previewed(epoch, run.preview(epoch)) for epoch in range(201, 404)], 600, epochs=403)
    epochs = [event.step // 3 for event in opened(run).Images("progress")]
    assert epochs == [epoch for epoch in [*range(0, 403, 9), 403] if epoch != 18]


def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A disk that refuses what is appended; the way to make room on it."""

    def refuse(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with_room = sys.modules["ganctl.engine.tensorboard"].append
    monkeypatch.setattr("ganctl.engine.tensorboard.append", refuse)
    return lambda: monkeypatch.setattr("ganctl.engine.tensorboard.append", with_room)


def test_a_full_disk_is_warned_of_once_and_what_it_missed_comes_back_with_a_resume(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_room = full_disk(monkeypatch)
    with session.start(tiny(photos, tensorboard=True), "some/run") as started:
        events: list[Event] = []
        started.train(until(7, started), Subscriber(events.append))
    (warning,) = [event.message for event in events if isinstance(event, Warned)]
    assert warning.startswith("some/run/tensorboard could not be written, training goes on: ")
    assert warning.endswith("ganctl resume some/run writes it anew.")
    assert opened(started.run).Tags()["scalars"] == []
    make_room()
    go_on(started.run)
    assert_shows(started.run, EPOCHS * STEPS)


def test_a_folder_that_cannot_be_made_stops_no_training(run: Run) -> None:
    run.tensorboard.write_text("in the way")
    events = follow(run, reports(9, 12), 6)
    assert [type(event) for event in events] == [Warned, Started, Logged, Logged]


def test_if_the_history_could_not_be_written_the_rest_is_still_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(run, reports(9, 12), 6)

    def torn() -> Iterator[dict[str, object]]:
        yield {"step": 3, "epoch": 1, "loss/generator": 0.5}
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "read_log", lambda _: torn())
    events = follow(run, reports(9), 6)
    assert [type(event) for event in events] == [Warned, Started, Logged]
    assert steps_of(opened(run)) == [9]
    assert not list(run.path.glob(".tmp-*"))


def test_without_the_extra_nothing_begins_and_the_command_to_get_it_is_told(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    said = failed(train(photos, "--tensorboard"), 2)
    assert said == "Error: --tensorboard needs the tensorboard extra. pip install 'ganctl[tensorboard]'"
    assert not list(Path().iterdir())
    with pytest.raises(UsageError, match="needs the tensorboard extra"):
        session.train("dcgan", data=str(photos), tensorboard=True)


def test_a_run_goes_on_without_the_extra_and_says_so(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(tiny(photos, tensorboard=True), Path("some/run"), stop_at=4)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tensorboard", None)
        (warning,) = go_on(run, stop_at=7)
    assert warning.endswith("pip install 'ganctl[tensorboard]'")
    go_on(run)
    assert_shows(run, EPOCHS * STEPS)


def test_the_command_says_how_to_start_tensorboard(photos: Path) -> None:
    told = train(photos, "--tensorboard", "--run", "x")
    assert told.code == 0
    assert "To watch it: tensorboard --logdir runs/x/tensorboard" in told.err
    assert "To watch it: tensorboard --logdir runs/x/tensorboard" in ganctl("resume", "x", "--more", 1).err
    assert not any("tensorboard" in line for line in train(photos, "--run", "y").err)
