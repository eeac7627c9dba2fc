"""Arguments, completions and checks that several commands share."""

import os
import sys
import warnings
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganctl import units
from ganctl.cli import console
from ganctl.errors import UsageError
from ganctl.text import command, quote

if TYPE_CHECKING:
    from ganctl.inference.model import Model

DEVICES = "auto|cpu|cuda|mps"


def _require_name(output: str | None) -> str | None:
    if output == "":
        raise UsageError("-o names no place.", "Name a file or a folder: -o PATH")
    return output


def complete_runs() -> list[str]:
    """The names of the runs under runs/, for the shell."""
    from ganctl.runs import names

    return [run.path.name for run in names.list_runs()]


def complete_sets(context: typer.Context) -> list[str]:
    """The names of the data sets that a family knows, or of all where none was typed, for the shell."""
    from ganctl import gans
    from ganctl.runs import names

    if context.info_name not in gans.FAMILIES:
        return [*names.SINGLE_SETS, *names.TWO_DOMAIN_SETS]
    needs = gans.options_of(context.info_name).needs
    return list(names.SINGLE_SETS if len(needs.sets) == 1 else names.TWO_DOMAIN_SETS)


RunName = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Name of a run under runs/, or its path.", autocompletion=complete_runs),
]
ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A run, a checkpoint folder or a .safetensors file.", autocompletion=complete_runs
    ),
]
MaxMinutes = Annotated[float | None, typer.Option(metavar="M", help="Stop and save after M minutes.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any option by its name; may be given several times."),
]
Controls = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Ask the model for something; may be given several times."),
]
Label = Annotated[
    str | None,
    typer.Option(metavar="CLASS|all", help="Class of the pictures, by name or number; several with commas."),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="best|STEP",
        help="Checkpoint of the run to use; without it, the newest.",
        autocompletion=lambda: ["best"],
    ),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="PATH", callback=_require_name, help="File or folder to write."),
]
Force = Annotated[bool, typer.Option("--force", metavar="", help="Overwrite what exists.")]
MaxMegapixels = Annotated[
    float | None,
    typer.Option(metavar="N", help="Skip pictures that need more than N million pixels to decode; without it, 128."),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", metavar="", help="Name every picture that is skipped.")]
Device = Annotated[
    str,
    typer.Option(metavar=DEVICES, help="Device to compute on.", autocompletion=lambda: DEVICES.split("|")),
]


def parse_controls(assignments: list[str] | None, **flags: str | None) -> dict[str, str]:
    """What a model is asked for: flags such as ``--label``, and ``--set key=value`` over them."""
    from ganctl.settings import parse_assignments

    return {name: value for name, value in flags.items() if value is not None} | parse_assignments(assignments or [])


def typed(verb: str, path: Path) -> str:
    """The command for a path, ready to be typed here."""
    script = Path(sys.argv[0])  # one that registers a family of its own, and then runs this command line
    program = ("python", str(script)) if script.suffix == ".py" and script.name != "__main__.py" else ("ganctl",)
    return command(*program, verb, console.short_path(path))


def load(model: str, device: str = "auto", checkpoint: str | None = None, family: str = "dcgan") -> "Model":
    """The model that MODEL means; what could not be used of its run is warned of.

    Args:
        model: as typed.
        device: as ``--device``.
        checkpoint: as ``--checkpoint``.
        family: to be trained where there is no run yet.
    """
    from ganctl.runs import names

    names.find(model, family)  # before anyone waits for torch
    from ganctl.inference import loading

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python code is warned of stands in Model.warnings too
        loaded = loading.load(model, device, checkpoint)
    warn_all(loaded.warnings)
    return loaded


def require_file(path: Path, name: str) -> None:
    """Raise UsageError if the path is a folder, or one of its parents is a file.

    Args:
        path: of the file to write.
        name: of the suggested file, if the path is a folder.
    """
    require_folders(path)
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where it may not look
        raise UsageError(f"{console.short_path(path)} is a folder.", f"Name a file: -o {quote(str(path / name))}")


def require_folders(path: Path) -> None:
    """Raise UsageError if the nearest existing parent of a path is not a folder."""
    parent = next((folder for folder in path.parents if os.path.lexists(folder)), Path())
    if not os.path.isdir(parent):  # noqa: PTH112 - likewise
        kind = "a file" if os.path.isfile(parent) else "no folder"  # noqa: PTH113 - likewise
        raise UsageError(f"{console.short_path(parent)} is {kind}.", "Name another place with -o.")


def require_free(paths: Collection[Path], force: bool, own: Path | None = None) -> None:
    """Raise UsageError if an output exists; remove the leftovers of killed processes beside it.

    Args:
        paths: of the outputs. A device or a pipe is written into, and overwrites nothing.
        force: overwriting was asked for.
        own: an output that the command alone owns, such as a run's own film.
    """
    from ganctl import files
    from ganctl.runs.run import command_line

    for folder in {path.parent for path in paths}:
        files.remove_strays(folder)
    for path in paths:
        is_own = own is not None and os.path.realpath(path) == os.path.realpath(own)
        if path.is_file() and not force and not is_own:
            raise UsageError(f"{console.short_path(path)} exists already.", f"To replace it: {command_line()} --force")


def default_output(path: Path, force: bool) -> Path:
    """Where to write without ``-o``: the first free one of ``name.png``, ``name-2.png`` and so on, unless forced."""
    from ganctl import files

    return path if force else files.free_path(path)


def warn_all(sentences: Iterable[str]) -> None:
    """Each sentence as a warning."""
    for sentence in sentences:
        console.warn(sentence)


def announce_download(data: str) -> None:
    """Say how much a set of two domains is, where it is not on this machine."""
    from ganctl.data import resolve
    from ganctl.data.sources import cyclegan_sets

    if resolve.needs_download(data) and (length := cyclegan_sets.SETS[data].size):
        console.say(f"{data} is not on this machine: {units.size(length)} to download.")


def require_positive(name: str, value: float | None) -> None:
    """Raise UsageError unless a flag's value is more than 0, if it has one."""
    if value is not None and not 0 < value < float("inf"):
        raise UsageError(f"{name} = {value} is out of range.", "It must be more than 0.")
