"""A disk that refuses costs no more than the last interval: every write, fsync and rename of a training may fail."""

import errno
import io
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError
from safetensors.torch import save_file

from ganctl import tensorfile
from ganctl.engine.setup import configure
from ganctl.files import STAGING, append_lines
from ganctl.runs.run import Run
from tests.commands import Outcome, ganctl, train
from tests.trainings import STEPS, assert_equal, begin

TOTAL = 2 * STEPS
COMMANDS = {"train": ("train",), "resume": ("resume",), "go back": ("resume", "--from", STEPS)}
OPEN, SAVE_FILE = io.open, save_file


class Disk:
    """Counts what is asked of it, and refuses the k-th, or all from there on.

    Attributes:
        asked: how often it was asked for something.
        saved: the newest checkpoint that was whole before it first refused.
    """

    def __init__(self, k: int, number: int, lasting: bool) -> None:
        self.asked, self.saved = 0, 0
        self._k, self._number, self._lasting = k, number, lasting

    def refuses(self) -> bool:
        """Whether this is what it refuses."""
        self.asked += 1
        return self.asked == self._k or (self._lasting and self.asked > self._k)

    def error(self, *name: object) -> OSError:
        """What it says."""
        return OSError(self._number, os.strerror(self._number), *map(str, name))

    def asked_for(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A call as this disk does it."""

        def asked(place: Any, *arguments: Any, **options: Any) -> Any:
            if self.refuses():
                raise self.error(*([] if isinstance(place, int) else [place]))
            return call(place, *arguments, **options)

        return asked

    def rename(self, source: Path, target: Path) -> None:
        """As `os.rename`; remembers what is whole."""
        self.asked_for(os.replace)(source, target)
        kind, _, step = Path(target).name.partition("-")
        if kind == "step" and STAGING in str(source) and self.asked < self._k:
            self.saved = int(step)

    def open(self, path: Any, mode: str = "r", buffering: int = -1, *arguments: Any, **options: Any) -> Any:
        """As `io.open`; of a write that is refused half is written."""
        if not set(mode) & set("wax"):
            return OPEN(path, mode, buffering, *arguments, **options)
        disk = self

        class File(io.FileIO):
            def write(self, content: Any) -> int:
                if disk.refuses():
                    super().write(memoryview(content)[: len(content) // 2])
                    raise disk.error()
                return super().write(content)

        file = File(path, mode.replace("b", ""))
        buffered = file if buffering == 0 else io.BufferedWriter(file)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *arguments, **options)

    def save_file(self, tensors: Any, path: Path, metadata: Any) -> None:
        """As safetensors writes, and says what it could not."""
        SAVE_FILE(tensors, path, metadata=metadata)
        if self.refuses():
            os.truncate(path, path.stat().st_size // 2)
            said = f"{os.strerror(self._number)} (os error {self._number})"
            raise SafetensorError(f"Error while serializing: I/O error: {said}")


@contextmanager
def disk(k: int, number: int, lasting: bool) -> Iterator[Disk]:
    """All that is written in here is written to a `Disk`."""
    found = Disk(k, number, lasting)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "mkdir", "replace"):
            patch.setattr(os, name, found.asked_for(getattr(os, name)))
        patch.setattr(os, "rename", found.rename)
        patch.setattr(io, "open", found.open)
        patch.setattr(tensorfile, "save_file", found.save_file)
        yield found


def begun(photos: Path, path: Path) -> Outcome:
    return train(photos, "--run", path, "--set", "log_every=2")


@pytest.fixture(scope="module")
def runs(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Run, Run]:
    """The training to which nothing is refused, and the same stopped in its second epoch."""
    flags = {"size": 16, "batch_size": 8, "epochs": 2, "log_every": 2}
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        settings = configure("dcgan", data=str(photos), flags=flags, assignments={"width": "8", "latent_dim": "8"})
        return begin(settings, folder / "whole"), begin(settings, folder / "stopped", stop_at=STEPS + 2)


def said_well(told: Outcome) -> None:
    """A failure is one sentence and what to do; nothing speaks of files that nobody asked for."""
    assert told.code in (0, 1), told
    assert not [line for line in told.err if ".tmp-" in line or "Traceback" in line]
    sentences = [line for line in told.err if line.startswith("Error: ")]
    assert len(sentences) == told.code, told
    assert all(line.endswith(".") for line in sentences)
    assert not told.code or told.err.index(sentences[0]) >= len(told.err) - 2, told


def refused(
    command: tuple[object, ...], runs: tuple[Run, Run], photos: Path, k: int, number: int, lasting: bool
) -> bool:
    """Whether the k-th was ever asked for; if so, only the last interval is lost, and it ends as if nothing was."""
    whole, stopped = runs
    run = Run(Path("attempts", str(k)))
    if command[0] == "resume":
        shutil.copytree(stopped.path, run.path)
    with disk(k, number, lasting) as asked:
        told = begun(photos, run.path) if command[0] == "train" else ganctl("resume", run.path, *command[1:])
    if asked.asked < k:
        return False
    said_well(told)
    assert not list(Path().rglob(".tmp-*"))
    if not run.path.exists():
        assert (command[0], told.code) == ("train", 1)
        assert begun(photos, run.path).code == 0
    else:
        steps = run.checkpoint_steps()
        assert max(steps, default=0) >= asked.saved
        assert lasting or max(steps, default=0) >= TOTAL - STEPS or told.code == 1
        assert steps[:1] == [TOTAL] or told.code == 1, told
        assert ganctl("resume", run.path).code == 0
    assert_equal(run, whole, step=TOTAL)
    shutil.rmtree(run.path)
    return True


def test_lines_that_were_refused_are_not_written_after_all() -> None:
    append_lines(Path("log"), ["one"])
    with disk(1, errno.ENOSPC, lasting=False), pytest.raises(OSError, match="No space left"):
        append_lines(Path("log"), ["two"])
    assert Path("log").read_text() == "one\n"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(("first", "lasting"), [(7, False), (25, True)], ids=["once", "from there on"])
def test_a_disk_that_refuses_costs_no_more_than_the_last_interval(
    command: tuple[object, ...], first: int, lasting: bool, runs: tuple[Run, Run], photos: Path
) -> None:
    assert refused(command, runs, photos, first, errno.ENOSPC, lasting)


@pytest.mark.campaign
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from there on"])
def test_whatever_a_disk_refuses_costs_no_more_than_the_last_interval(
    command: tuple[object, ...], number: int, lasting: bool, runs: tuple[Run, Run], photos: Path
) -> None:
    for k in itertools.count(1):
        if not refused(command, runs, photos, k, number, lasting):
            assert k > 25
            break
