"""Write a run's log and previews as event files for TensorBoard.

They are derived: when a training starts or resumes, what the run holds up to its checkpoint is written anew and older
files are emptied, so that no step is shown twice and what a full disk missed comes back. Each file begins with the
event by which TensorBoard's own writers purge (``purge_step=0``), so that a TensorBoard which is running forgets what
it read before. The wall times in them are those of the writing, as the log has none.

TensorBoard's record writer frames the events. Its event file writer is not used: it writes in a thread, which ends
with a traceback at the first write that the disk refuses, and its flush may then wait for ever.
"""

import io
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganctl.engine.events import Event, Logged, Previewed, Started, Subscriber
from ganctl.errors import UsageError
from ganctl.files import append
from ganctl.images.probing import probe
from ganctl.runs import metric_names
from ganctl.runs.json_lines import numbers
from ganctl.runs.run import Run

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

_MAX_PREVIEWS = 50  # of a long training; TensorBoard itself keeps ten in its memory
INSTALL = "pip install 'ganctl[tensorboard]'"


def is_installed() -> bool:
    """Whether the extra is installed."""
    return find_spec("tensorboard") is not None


def require_installed() -> None:
    """Raise UsageError, with the command that installs it, unless the extra is installed."""
    if not is_installed():
        raise UsageError("--tensorboard needs the tensorboard extra.", INSTALL)


class EventFile:
    """The event file of one session of a run.

    Scalars have the log's names as tags, such as ``loss/generator``, and the previews the tag ``progress``; all have
    the training's step.

    Args:
        run: whose log and previews it shows.
        steps_per_epoch: steps between two previews.
        epochs: how many the run is to have; of more than fifty, not every preview is shown.
    """

    def __init__(self, run: Run, steps_per_epoch: int, epochs: int) -> None:
        self.run = run
        self.steps_per_epoch, self.preview_interval, self.epochs = steps_per_epoch, -(-epochs // _MAX_PREVIEWS), epochs
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        name = f"events.out.tfevents.{seconds:010d}.{nanoseconds:09d}"  # TensorBoard reads files in the order of names
        self.path = run.tensorboard / name

    @property
    def subscriber(self) -> Subscriber:
        """The subscriber that writes every event of the training that belongs here."""
        remedy = f"{self.run.resume_command} writes it anew."
        return Subscriber(self.handle, f"{self.run.tensorboard} could not be written", remedy)

    def handle(self, event: Event) -> None:
        """Append an event of the training; at its start, all that the run holds up to its checkpoint.

        Raises:
            OSError: the disk refuses. What comes later is written nevertheless.
        """
        match event:
            case Started(step):
                self._empty_older_files()
                self._append(self._history(step))
            case Logged(line):
                self._append([_scalars(line)])
            case Previewed(epoch, path):
                self._append(self._preview(epoch, path))
            case _:
                pass

    def _empty_older_files(self) -> None:
        """Empty the files of earlier sessions. A TensorBoard that reads one would wait for ever if it were gone."""
        self.run.tensorboard.mkdir(exist_ok=True)
        for path in self.run.tensorboard.glob("*tfevents*"):
            if path.stat().st_size == 0:
                path.unlink()
            else:
                os.truncate(path, 0)

    def _history(self, step: int) -> Iterator[tuple[int, "Summary"]]:
        for line in self.run.read_log():
            if 0 <= line["step"] <= step:
                yield _scalars(line)
        for epoch, path in self.run.previews():
            if step > 0 and epoch * self.steps_per_epoch <= step:  # at step 0 the loop writes its preview anew
                yield from self._preview(epoch, path)

    def _preview(self, epoch: int, path: Path) -> Iterator[tuple[int, "Summary"]]:
        """A preview as it is in its file, unless it is one too many or cannot be read."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        if epoch % self.preview_interval and epoch != self.epochs:
            return
        try:
            size, content = probe(path), path.read_bytes()
        except OSError:  # the run can do without it, and so can this
            return
        image = Summary.Image(height=size.height, width=size.width, colorspace=3, encoded_image_string=content)
        yield epoch * self.steps_per_epoch, Summary(value=[Summary.Value(tag="progress", image=image)])

    def _append(self, summaries: Iterable[tuple[int, "Summary"]]) -> None:
        """Append summaries with their steps: all of them, or none and an OSError."""
        from tensorboard.compat.proto.event_pb2 import Event as Record
        from tensorboard.compat.proto.event_pb2 import SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        now = time.time()
        records = [Record(wall_time=now, step=step, summary=summary) for step, summary in summaries]
        if not self.path.exists() or self.path.stat().st_size == 0:
            purge = Record(wall_time=now, step=0, session_log=SessionLog(status=SessionLog.START))
            records = [Record(wall_time=now, file_version="brain.Event:2"), purge, *records]
        buffer = io.BytesIO()
        for record in records:
            RecordWriter(buffer).write(record.SerializeToString())
        append(self.path, buffer.getvalue())


def _scalars(line: Mapping[str, Any]) -> tuple[int, "Summary"]:
    """The step of a line of the log, and its numbers by their names."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    tagged = {name: value for name, value in numbers(line).items() if name.startswith(metric_names.KINDS)}
    return line["step"], Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in tagged.items()])
