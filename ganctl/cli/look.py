"""The commands that only look."""

from ganctl import console, names
from ganctl.cli.words import ModelName


def info(model: ModelName) -> None:
    """Print what a model is."""
    from ganctl import inspection

    console.table(inspection.describe(model))


def list_runs() -> None:
    """List the runs under runs/, with their state."""
    known = names.known()
    if not known:
        console.say("There are no runs here yet: ganctl train dcgan")
        return
    from ganctl import inspection

    console.table([("RUN", "FAMILY", "DATA", "EPOCHS", "STATE"), *map(inspection.summary, known)])
