"""TensorBoard's event files of a run: its log and its previews, for those who look at them there.

They are derived. As a training begins or goes on they are written anew from what the run holds up to its checkpoint,
and then appended to: so whatever a kill left, no step is in them twice and none that the run does not have. The times
in them are those of the writing, for the log has none.
"""

import io
import os
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ganctl.engine.events import Event, Logged, Previewed, Started, Subscriber
from ganctl.errors import UsageError
from ganctl.files import append, atomic_file
from ganctl.images.probing import probe
from ganctl.runs import metric_names
from ganctl.runs.json_lines import numbers
from ganctl.runs.run import Run

_SHEETS = 50  # previews that are shown of a long training; TensorBoard itself keeps ten in its memory
_EVERY = "*tfevents*"  # what TensorBoard knows its files by
INSTALL = "pip install 'ganctl[tensorboard]'"


def is_installed() -> bool:
    """Whether the extra is there."""
    return find_spec("tensorboard") is not None


def require_installed() -> None:
    """Raise UsageError, with the command that gets it, where the extra is not there."""
    if not is_installed():
        raise UsageError("--tensorboard needs the tensorboard extra.", INSTALL)


class Board:
    """The event files of one run, written by its one writer.

    Scalars are tagged ``loss/generator``, ``reading/D(x)``, ``quality/fid-digits-cnn``, ``vital/diversity``, and the
    previews ``progress``; all have the training's step.

    Args:
        run: which one.
        steps_per_epoch: steps between two previews.
        epochs: how many the run is to have; of more than fifty, not every preview is shown.
    """

    def __init__(self, run: Run, steps_per_epoch: int, epochs: int) -> None:
        self.run = run
        self.steps_per_epoch, self.epochs = steps_per_epoch, epochs
        second, rest = divmod(time.time_ns(), 10**9)
        self.file = run.tensorboard / f"events.out.tfevents.{second:010d}.{rest:09d}"  # TensorBoard reads them in order

    def show(self, event: Event) -> None:
        """Write an event down; as the training starts, all that the run holds up to there.

        Raises:
            OSError: the disk refuses. What comes later is written nevertheless.
        """
        if isinstance(event, Started):
            self._rewrite(event.step)
        elif content := b"".join(self._records(event)):
            begun = self.file.exists() and self.file.stat().st_size > 0
            append(self.file, content if begun else _head() + content)

    @property
    def subscriber(self) -> Subscriber:
        """The board as one who is called with every event."""
        remedy = f"{self.run.resume_command} writes it anew."
        return Subscriber(self.show, f"{self.run.tensorboard} could not be written", remedy)

    def _rewrite(self, step: int) -> None:
        """Write anew what the run holds up to a step. What is old goes first: rather nothing than steps twice."""
        self.run.tensorboard.mkdir(exist_ok=True)
        for old in self.run.tensorboard.glob(_EVERY):
            if old.stat().st_size == 0:
                old.unlink()
            else:  # a TensorBoard that is reading it would wait for ever if it were gone, and so goes on to the next
                os.truncate(old, 0)
        with atomic_file(self.file) as staged, staged.open("wb") as file:  # under a name that TensorBoard passes by
            file.write(_head())
            for line in self.run.read_log():
                if 0 <= line["step"] <= step:
                    file.write(_scalars(line))
            for epoch, preview in self.run.previews():
                if step > 0 and epoch * self.steps_per_epoch <= step:  # at step 0 the engine draws its preview anew
                    file.writelines(self._sheet(epoch, preview))

    def _records(self, event: Event) -> Iterator[bytes]:
        match event:
            case Logged():
                yield _scalars(event.line)
            case Previewed():
                yield from self._sheet(event.epoch, event.path)
            case _:
                pass

    def _sheet(self, epoch: int, path: Path) -> Iterator[bytes]:
        """A preview as it is in its file, unless it is one too many or cannot be read."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        if epoch % -(-self.epochs // _SHEETS) and epoch != self.epochs:
            return
        try:
            found, content = probe(path), path.read_bytes()
        except OSError:  # the run can do without it, and so can this
            return
        image = Summary.Image(height=found.height, width=found.width, colorspace=3, encoded_image_string=content)
        shown = Summary(value=[Summary.Value(tag="progress", image=image)])
        yield _record(step=epoch * self.steps_per_epoch, summary=shown)


def _scalars(line: Mapping[str, Any]) -> bytes:
    """A line of the log."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    tagged = {name: value for name, value in numbers(line).items() if name.startswith(metric_names.KINDS)}
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in tagged.items()]
    return _record(step=line["step"], summary=Summary(value=values))


def _head() -> bytes:
    """The format's version, and the start that makes a TensorBoard which looks on forget what it read before."""
    from tensorboard.compat.proto.event_pb2 import SessionLog

    return _record(file_version="brain.Event:2") + _record(session_log=SessionLog(status=SessionLog.START))


def _record(**content: Any) -> bytes:
    """One of TensorBoard's events, framed by its own writer; it is made at once and without a thread."""
    from tensorboard.compat.proto.event_pb2 import Event as Entry
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    RecordWriter(buffer).write(Entry(wall_time=time.time(), **content).SerializeToString())
    return buffer.getvalue()
