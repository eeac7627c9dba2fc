"""Training from Python: Ctrl-C in a notebook, and warnings where a terminal would show them."""

import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ganctl
from ganctl.gans import dcgan
from ganctl.runs.run import Run
from tests.trainings import go_on, raises


@pytest.fixture
def notebook() -> Iterator[None]:
    """Ctrl-C is Python's own again: a shell lets what it runs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("notebook")
def test_ctrl_c_in_a_notebook_saves_and_gets_through(
    photos: Path, uninterrupted: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Run.append_log

    def interrupted(run: Run, lines: list[str]) -> None:
        append(run, lines)
        if '"step": 6' in lines[0]:
            signal.raise_signal(signal.SIGINT)

    small: dict[str, Any] = {"size": 16, "batch_size": 8, "epochs": 4, "log_every": 3, "keep": 100}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "append_log", interrupted)
        ganctl.train("dcgan", data=str(photos), run="a/run", width=8, latent_dim=8, r1_every=4, **small)
    run = Run(Path("a/run"))
    assert run.checkpoint_steps()[0] == 6
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    go_on(run)
    assert run.log.read_bytes() == uninterrupted.log.read_bytes()


@pytest.mark.usefixtures("notebook")
def test_ctrl_c_before_the_first_step_of_a_notebook_leaves_no_run(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dcgan.DCGAN, "preview", lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        ganctl.train("dcgan", data=str(photos), run="run", size=16, batch_size=8, width=8)
    assert not list(Path().glob("runs/*"))


def test_python_is_warned_of_what_the_terminal_is(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganctl.data.fetch.download.requests.get", raises(ganctl.DataError("No network.")))
    monkeypatch.setattr("ganctl.data.sources.digits.COUNTS", {"train": 40, "test": 8})
    monkeypatch.setattr(dcgan.DCGAN, "preview", raises(MemoryError()))
    with pytest.warns(UserWarning) as caught:
        run = ganctl.train("dcgan", run="run", epochs=2, batch_size=64, width=8, latent_dim=8)
    said = [str(warning.message) for warning in caught]
    assert said[0].startswith("mnist cannot be had, so the built-in set digits is used. ")
    assert said[1] == "The batch of 64 is more than the data, so it is 40."
    assert said[2].startswith("The preview of epoch 0 could not be generated, training goes on: ")
    assert caught[0].filename == __file__
    (run / "checkpoints" / "step-00000002" / "model.safetensors").write_bytes(b"")
    with pytest.warns(UserWarning, match="has 0 bytes"):
        assert ganctl.load(run).header["step"] == 1


@pytest.mark.parametrize("run", [None, "run/one"])
def test_a_warning_that_python_raises_before_the_first_step_leaves_no_run(photos: Path, run: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="is more than the data"):
            ganctl.train("dcgan", data=str(photos), run=run, batch_size=100, size=16, epochs=1, width=8)
        assert not [path for path in Path().rglob("*") if path.is_file() or "run" not in path.name]
