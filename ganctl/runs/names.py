"""Name new runs, and find what RUN and MODEL on the command line mean."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganctl.errors import CheckpointError, UsageError
from ganctl.runs.run import Run, create
from ganctl.text import command

RUNS = Path("runs")
SINGLE_SETS = ("mnist", "fashion-mnist", "digits")
TWO_DOMAIN_SETS = (
    "apple2orange",
    "summer2winter_yosemite",
    "horse2zebra",
    "monet2photo",
    "cezanne2photo",
    "ukiyoe2photo",
    "vangogh2photo",
    "maps",
    "cityscapes",
    "facades",
    "iphone2dslr_flower",
    "plain2striped",
)
"""The data sets that are known by name, of one domain and of two; runs are called after them."""


def locate(name: str) -> Path:
    """The path that ``--run NAME`` means: a name is under ``runs/``, anything with a slash is a path.

    Raises:
        UsageError: a run cannot be called that.
    """
    if "/" in name or os.sep in name:
        return Path(name).expanduser()
    if not name.strip() or name.startswith("."):
        raise UsageError(f"A run cannot be called {name!r}.", "Give --run a name that begins with no dot, or a path.")
    return RUNS / name


def free_name(name: str) -> Path:
    """``runs/NAME``, or ``runs/NAME-2`` and so on where that is taken."""
    name = name.lstrip(".") or "run"
    number, path = 1, RUNS / name
    while os.path.lexists(path):
        number += 1
        path = RUNS / f"{name}-{number}"
    return path


def create_free(name: str, record: Mapping[str, Any]) -> Run:
    """Make a run directory under the first free name.

    Raises:
        OSError: the disk refuses.
    """
    while True:
        with suppress(UsageError):  # another process was quicker: on to the next name
            return create(free_name(name), record)


def list_runs() -> list[Run]:
    """The runs under ``runs/``, sorted by name."""
    return [Run(path.parent) for path in sorted(RUNS.glob("*/run.json")) if not path.parent.name.startswith(".")]


def find(model: str, family: str = "dcgan") -> Path:
    """What MODEL means: an existing run, checkpoint folder or ``.safetensors`` file, else a run's name.

    Args:
        model: as typed.
        family: of the suggested ``ganctl train`` where there is no run yet.

    Raises:
        CheckpointError: it is none of these; the known names are listed.
    """
    path = Path(model)
    checkpoint = (path / "manifest.json", path / "model.safetensors")
    is_model = path.is_file() and path.suffix == ".safetensors"
    if is_model or Run(path).exists or any(file.exists() for file in checkpoint):
        return path
    if model and Run(RUNS / model).exists:
        return RUNS / model
    for run in (Run(path), Run(RUNS / model)):
        if model and (saved := next(run.checkpoints.glob("step-*"), None)):
            remedy = f"Bring that back; until then there is {command('ganctl', 'info', str(saved))}"
            raise CheckpointError(f"{run.path} holds checkpoints but no run.json.", remedy)
    names = ", ".join(run.path.name for run in list_runs())
    remedy = f"The runs here are: {names}." if names else "There are no runs here yet"
    if model in SINGLE_SETS + TWO_DOMAIN_SETS:
        family = "cyclegan" if model in TWO_DOMAIN_SETS else "dcgan"
        remedy = f"{remedy.rstrip('.')}; to begin this one: ganctl train {family} --data {model}"
    elif not names:
        remedy += f": ganctl train {family}"
    raise CheckpointError(f"{model} is no run, checkpoint or .safetensors file.", remedy)


def find_run(text: str) -> Run:
    """The run that RUN means; a CheckpointError where it is anything else."""
    path = find(text)
    if not Run(path).exists:
        raise CheckpointError(f"{path} is no run: it holds no run.json.", "ganctl runs")
    return Run(path)
