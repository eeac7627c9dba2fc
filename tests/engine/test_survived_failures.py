"""What ends no training: displays, measurements and previews that fail."""

import shutil
from pathlib import Path

import pytest
from torch import nn

import ganctl
from ganctl.data.batches import Batch
from ganctl.engine import monitor, session
from ganctl.engine.events import Emitter, Ended, Event, Saved, Stepped, Subscriber, Warned
from ganctl.evaluation import samples
from ganctl.gans.base import Preview
from ganctl.runs.run import Run
from tests.engine.test_loop import TwoDomains, train
from tests.trainings import TOTAL, assert_equal, begin, raises, tiny, warned


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BrokenPipeError(32, "Broken pipe"), "Broken pipe"),
        (SystemExit(1), "SystemExit: 1"),
        (MemoryError(), "the memory is full"),
        (
            RuntimeError("CUDA out of memory. Tried to allocate 2 GiB.\nMore."),
            "CUDA out of memory. Tried to allocate 2 GiB",
        ),
        (KeyError("fid"), "KeyError: 'fid'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_display_raises_is_warned_of_once_and_ends_nothing(error: BaseException, said: str) -> None:
    seen: list[Event] = []
    emit = Emitter(Subscriber(raises(error)), Subscriber(seen.append))
    run = train("run", TwoDomains(), emit=emit)
    assert run.checkpoint_steps()[0] == 12
    messages = [event.message for event in seen if isinstance(event, Warned)]
    assert messages == [f"The display failed, training goes on: {said}"]
    assert len([event for event in seen if isinstance(event, Stepped)]) == 12, "others are still told of everything"
    assert seen[-1] == Ended(12, None)


def test_a_display_that_fails_is_in_the_event_log_and_changes_no_bit(photos: Path, uninterrupted: Run) -> None:
    with session.start(tiny(photos), "a/run") as started:
        ended = started.train(lambda: None, Subscriber(raises(SystemExit(1))))
    assert (ended.step, ended.reason) == (TOTAL, None)
    assert warned(started.run) == ["The display failed, training goes on: SystemExit: 1"]
    assert_equal(started.run, uninterrupted)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("ganctl.gans.dcgan.DCGAN.preview", MemoryError()),
        ("ganctl.engine.monitor.SampleStats", RuntimeError("[enforce fail] can't allocate memory")),
        ("ganctl.engine.monitor.SampleStats.measure", KeyError("x")),
        ("ganctl.engine.monitor.load_reference", MemoryError()),
    ],
    ids=["preview", "real pictures", "sample statistics", "quality"],
)
def test_a_measurement_that_fails_in_any_way_leaves_the_training_alone(
    photos: Path, uninterrupted: Run, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    monkeypatch.setattr(samples, "DEFAULT_COUNT", 40)
    monkeypatch.setattr(name, raises(error))
    run = begin(tiny(photos, evaluate_every=2, extractor="digits-cnn"), Path("a/run"))
    assert run.checkpoint_steps()[0] == TOTAL
    assert warned(run)
    assert all("training goes on: " in sentence for sentence in warned(run))
    weights, others = (ganctl.load(each.path).net.state_dict() for each in (run, uninterrupted))
    assert all(weights[name].equal(others[name]) for name in others)


def test_judging_that_fails_is_warned_of_once(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "VerdictTracker", raises(ZeroDivisionError("division by zero")))
    run = begin(tiny(photos), Path("a/run"))
    assert warned(run) == ["The training could not be judged, training goes on: ZeroDivisionError: division by zero"]


def test_a_preview_that_can_never_be_written_keeps_nothing_from_being_saved(photos: Path, uninterrupted: Run) -> None:
    with session.start(tiny(photos), "a/run") as started:
        started.run.progress.rmdir()
        started.run.progress.touch()
        saved: list[int] = []
        started.train(
            lambda: None, Subscriber(lambda event: saved.append(event.step) if isinstance(event, Saved) else None)
        )
    assert saved == [5, 10, 15, 20]
    assert len([said for said in warned(started.run) if "could not be written" in said]) == 5
    started.run.progress.unlink()
    shutil.copytree(uninterrupted.progress, started.run.progress)
    assert_equal(started.run, uninterrupted)


class Miscounted(TwoDomains):
    """Its preview has two columns, and a title for one of them."""

    def preview(self, model: nn.Module, batch: Batch) -> Preview:
        return super().preview(model, batch)._replace(titles=("drawn",))


def test_titles_that_do_not_fit_the_preview_are_warned_of_and_nothing_is_drawn() -> None:
    seen: list[Event] = []
    run = train("run", Miscounted(), emit=Emitter(Subscriber(seen.append)))
    assert run.checkpoint_steps()[0] == 12
    assert run.previews() == []
    messages = [event.message for event in seen if isinstance(event, Warned)]
    assert messages[0] == (
        "The preview of epoch 0 could not be generated, training goes on: it has 2 columns, and 1 name of them"
    )
