"""The commands that only look."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ganctl import console, names
from ganctl.cli.words import ModelName, require_positive
from ganctl.errors import DataError, UsageError


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


def check_data(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A folder of pictures, or a set's name: horse2zebra.")],
    domains: Annotated[str | None, typer.Option(metavar="A,B", help="The names of two folders in it.")] = None,
    size: Annotated[int | None, typer.Option(help="Side to train at; 256 for two domains if not given.")] = None,
) -> None:
    """Look for what is wrong with pictures before training on them."""
    require_positive("--size", size)
    two = _two_names(domains) if domains is not None else None
    from ganctl.data import check
    from ganctl.data.findings import shown

    root = _place(data)
    report = check.examine(root, two, size)
    console.checked(report)
    if report.problems:
        worst = report.problems[0]
        raise DataError(f"{shown(root)} cannot be trained on: {worst.message}", worst.remedy)


def _two_names(domains: str) -> tuple[str, str]:
    first, _, second = (name.strip() for name in domains.partition(","))
    if not first or not second or "," in second or first == second:
        raise UsageError(f"--domains {domains} does not name two folders.", "Write it like --domains horse,zebra")
    return first, second


def _place(data: str) -> Path:
    """The folder that DATA means, fetched if it is a set that is not here."""
    from ganctl.data import sets, sources

    if data in sets.NAMES:
        if (length := sets.SETS[data].size) and sets.find(data) is None:
            console.say(f"Fetching {data}: {console.size(length)}.")
        return sets.fetch(data)
    remedy = f"Name a folder of pictures, or one of: {', '.join(sets.NAMES)}."
    if data in sources.NAMES:
        raise DataError(f"{data} is not made of picture files.", remedy)
    root = Path(os.path.expanduser(data))  # noqa: PTH111 - Path.expanduser raises where there is no such user
    if not data or not root.exists():
        raise DataError(f"There is no data {data!r}.", remedy)
    return root
