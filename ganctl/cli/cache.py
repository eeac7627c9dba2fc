"""The command for what the user's cache holds."""

from typing import Annotated

import typer

from ganctl import units
from ganctl.cli import console


def show_cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove it all, but what a running process uses or nobody can fetch again.")
    ] = False,
) -> None:
    """List what is stored for the next time, and how large it is: decoded sets, features, downloads."""
    from ganctl.data.cache import entries
    from ganctl.data.cache.store import user_cache

    if clear:
        cleared = entries.clear()
        freed = sum(entry.size for entry in cleared.removed)
        with console.results_of_work() as show:
            for entry in cleared.removed:
                show(entry.path)
            removed = units.counted(len(cleared.removed), "entry")
            console.say(f"Removed {removed} of {user_cache()}: {units.size(freed)}.")
            for entry, reason in cleared.left:
                console.say(f"Left {entry.path}: {reason}.")
        return
    stored = entries.entries()
    total = units.size(sum(entry.size for entry in stored))
    rows = [(entry.kind, units.size(entry.size), entry.path) for entry in stored]
    console.table([("KIND", "SIZE", "PATH"), *rows, ("total", total, user_cache())])
