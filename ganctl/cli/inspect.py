"""The commands that only look."""

from pathlib import Path
from typing import Annotated

import typer

from ganctl.cli import console
from ganctl.cli.options import (
    Checkpoint,
    Device,
    MaxMegapixels,
    ModelName,
    Verbose,
    announce_download,
    load,
    require_positive,
)
from ganctl.errors import DataError
from ganctl.evaluation import verdicts
from ganctl.gans import FAMILIES
from ganctl.runs import names


def info(model: ModelName) -> None:
    """Print what a model is."""
    from ganctl.runs import status

    console.table(status.describe(model))


def evaluate(
    model: ModelName,
    data: Annotated[str | None, typer.Option(help="Measure against this set; the model's own if not given.")] = None,
    extractor: Annotated[
        str | None, typer.Option(help="digits-cnn or inception; the one that fits if not given.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Inception's, if fetched by hand.")] = None,
    count: Annotated[int, typer.Option("--number", "-n", min=2, help="How many pictures to draw.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Decides the pictures.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,
    which: Checkpoint = None,
    device: Device = "auto",
) -> None:
    """Measure how good a model is, beside held-out real pictures."""
    loaded = load(model, device, which)
    from ganctl.evaluation.evaluate import evaluate as measure

    found = measure(loaded, data=data, extractor=extractor, weights=weights, count=count, seed=seed)
    if as_json:
        console.document(found.to_json())
    else:
        console.evaluated(found)


def explain(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="Such as D-WINS; all if not given.")] = None,
) -> None:
    """Say what a verdict on a training means, and what to do about it."""
    if code is None:
        told = verdicts.VERDICTS.values()
        console.table([(verdict.code, verdict.severity, verdict.title) for verdict in told])
        return
    verdict = verdicts.find(code)
    console.result(f"{verdict.code}, {verdict.severity}: {verdict.title}.")
    console.result(verdict.meaning)
    for family in FAMILIES if verdict.remedies else ():
        console.result(f"{family}: {verdict.of(family).remedy}")
    if not verdict.remedies:
        console.result(verdict.remedy)


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Two runs or more: names under runs/, or paths.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,
) -> None:
    """Print runs side by side: the settings that differ, and how good each is."""
    from ganctl.cli import comparison_table
    from ganctl.runs import comparison

    found = comparison.compare([names.find_run(run) for run in runs])
    if not found.comparable:
        console.warn(
            "They differ in data, size or channels: their scores measure different things, and none is marked."
        )
    if as_json:
        console.document(comparison.document(found))
    else:
        console.table(comparison_table.rows(found))


def list_runs() -> None:
    """List the runs under runs/, with their state."""
    known = names.known()
    if not known:
        console.say("There are no runs here yet: ganctl train dcgan")
        return
    from ganctl.runs import status

    console.table([("RUN", "FAMILY", "DATA", "EPOCHS", "STATE"), *map(status.summary, known)])


def check_data(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A folder of pictures, or a set's name: horse2zebra.")],
    domains: Annotated[str | None, typer.Option(metavar="A,B", help="The names of two folders in it.")] = None,
    size: Annotated[int | None, typer.Option(help="Side to train at; 256 for two domains if not given.")] = None,
    max_megapixels: MaxMegapixels = None,
    verbose: Verbose = False,
) -> None:
    """Look for what is wrong with pictures before training on them."""
    require_positive("--size", size)
    require_positive("--max-megapixels", max_megapixels)
    from ganctl.data.check import check
    from ganctl.data.check.findings import shown
    from ganctl.data.resolve import parse_domain_names
    from ganctl.images.reading import MAX_MEGAPIXELS

    two = None if domains is None else parse_domain_names(domains, data)

    root = _place(data)
    report = check.examine(root, two, size, max_megapixels or MAX_MEGAPIXELS)
    console.checked(report)
    if verbose:
        for path, reason in report.skipped:
            console.result(f"skipped: {shown(path)}: {reason}")
    if report.problems:
        worst = report.problems[0]
        raise DataError(f"{shown(root)} cannot be trained on: {worst.message}", worst.remedy)


def _place(data: str) -> Path:
    """The folder that DATA means, fetched if it is a set that is not here."""
    from ganctl.data import resolve
    from ganctl.data.sources import cyclegan_sets

    if data in (*resolve.SINGLE_SETS, resolve.PLAIN2STRIPED):
        raise DataError(
            f"{data} is not made of picture files.",
            f"Name a folder of pictures, or one of: {', '.join(cyclegan_sets.NAMES)}.",
        )
    announce_download(data)
    return resolve.set_folder(data)
