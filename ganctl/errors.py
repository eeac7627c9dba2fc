"""The failures that ganctl explains, one class for each exit code.

    GanctlError             1   it could not be done
    ├── StorageError        1   a disk is full, or may not be written to
    ├── UsageError          2   the command line asks for something that does not exist
    ├── CheckpointError     3   a run or checkpoint cannot be used
    ├── DataError           4   the pictures cannot be used
    └── DivergedError       5   the training left the finite numbers

A message is one sentence; the remedy, if there is one, is the next command to type.
"""


class GanctlError(Exception):
    """A failure with its sentence, its remedy and its exit code.

    Args:
        message: one sentence, ending in a full stop.
        remedy: what to type or do next; empty where nothing can be done.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class StorageError(GanctlError, OSError):
    """A disk is full or may not be written to; the message names the path, and the remedy says what to do.

    Args:
        message: one sentence.
        remedy: what to do next.
        number: the system's error number: see `errno`.
    """

    def __init__(self, message: str, remedy: str = "", number: int | None = None) -> None:
        super().__init__(message, remedy)
        self.errno = number


class UsageError(GanctlError):
    """The command line, or an argument of a function, names something that does not exist or is out of range."""

    exit_code = 2


class CheckpointError(GanctlError):
    """A run, checkpoint or model file is missing, damaged or not ganctl's."""

    exit_code = 3


class DataError(GanctlError):
    """The pictures to learn from are missing, unobtainable or unreadable."""

    exit_code = 4


class DivergedError(GanctlError):
    """A loss or a weight is no longer finite; nothing of it was saved.

    Args:
        message: one sentence.
        remedy: what to type next.
        step: the first step that is known to be bad, counted from 1.
        tensor: the first tensor that was not finite, in plain words; empty if unknown.
    """

    exit_code = 5

    def __init__(
        self, message: str, remedy: str = "Start again with a smaller --lr.", step: int = 0, tensor: str = ""
    ) -> None:
        super().__init__(message, remedy)
        self.step = step
        self.tensor = tensor
