"""The commands that only look: at models, runs and the cache."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganctl import gans, units
from ganctl.cli import console
from ganctl.cli.options import (
    Checkpoint,
    Device,
    ModelName,
    complete_runs,
    complete_sets,
    load,
)

if TYPE_CHECKING:
    from ganctl.evaluation.evaluate import Evaluation


def complete_codes() -> list[str]:
    """The codes of the verdicts, for the shell."""
    from ganctl.evaluation import verdicts

    return list(verdicts.VERDICTS)


AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON document instead of a table.")]


def info(model: ModelName) -> None:
    """Print what a model or run is."""
    from ganctl.runs import status

    console.table(status.describe(model))


def evaluate(
    model: ModelName,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            help="Data set to measure against; without it, the model's own.",
            autocompletion=complete_sets,
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.csv", help="Table of its pictures' classes; without it, the run's own, or class folders."
        ),
    ] = None,
    extractor: Annotated[
        str | None,
        typer.Option(
            metavar="digits-cnn|inception",
            help="Net whose features are compared; without it, the one that fits the data.",
            autocompletion=lambda: ["digits-cnn", "inception"],
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Inception's weights, if you downloaded them yourself.")
    ] = None,
    count: Annotated[
        int, typer.Option("--number", "-n", metavar="N", min=2, help="Number of pictures to generate.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Seed of the pictures.")] = 0,
    as_json: AsJson = False,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
) -> None:
    """Measure how good a model is, against held-out real pictures."""
    loaded = load(model, device, checkpoint)
    from ganctl.evaluation.evaluate import evaluate as measure

    evaluation = measure(loaded, data=data, labels=labels, extractor=extractor, weights=weights, count=count, seed=seed)
    if as_json:
        console.document(evaluation.to_json())
    else:
        _show_evaluation(evaluation)


def _show_evaluation(evaluation: "Evaluation") -> None:
    """Print what was measured of a model and with what, the scores, and the verdicts."""
    rows: list[tuple[str, ...]] = [
        ("model", str(evaluation.model)),
        ("training", f"{evaluation.step:,} steps, {units.epochs(evaluation.epoch)} on {evaluation.data}"),
        ("pictures", f"{evaluation.pictures:,} generated, {evaluation.held_out:,} held out"),
    ]
    if evaluation.extractor:
        rows.append(("extractor", f"{evaluation.extractor}, which sees {evaluation.extractor_input}"))
    console.table(rows)
    console.result("")
    table = [("SCORE", "MODEL", "HELD OUT", "WHAT IT SAYS")]
    for score in evaluation.scores:
        held_out = "" if score.held_out is None else f"{score.held_out:.4g}"
        table.append((score.name, f"{score.value:.4g}", held_out, score.meaning))
    console.table(table)
    if evaluation.missing:
        console.warn(evaluation.missing)
    for verdict in evaluation.verdicts:
        console.warn(verdict.sentence)


def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE", help="A verdict, such as D-WINS; without it, all are listed.", autocompletion=complete_codes
        ),
    ] = None,
) -> None:
    """Say what a verdict on a training means, and what to do about it."""
    from ganctl.evaluation import verdicts

    if code is None:
        every = verdicts.VERDICTS.values()
        console.table([(verdict.code, verdict.severity, verdict.title) for verdict in every])
        return
    verdict = verdicts.find(code)
    console.result(f"{verdict.code}, {verdict.severity}: {verdict.title}.")
    console.result(verdict.meaning)
    remedies = {family: verdict.of(family).remedy for family in gans.FAMILIES}
    if len(set(remedies.values())) == 1:
        console.result(verdict.of(next(iter(remedies))).remedy)
        return
    for family, remedy in remedies.items():
        console.result(f"{family}: {remedy}")


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN", help="Two or more runs: names under runs/, or paths.", autocompletion=complete_runs
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Print runs side by side: the settings that differ, and how good each is."""
    from ganctl.cli import comparison_table
    from ganctl.runs import comparison, names

    compared = comparison.compare([names.find_run(run) for run in runs])
    if not compared.comparable:
        console.warn(
            "They differ in data, size or channels: their scores measure different things, and none is marked."
        )
    if as_json:
        console.document(comparison.to_json(compared))
    else:
        console.table(comparison_table.rows(compared))


def list_runs() -> None:
    """List the runs under runs/, with their state."""
    from ganctl.runs import names

    runs = names.list_runs()
    if not runs:
        console.say("There are no runs here yet: ganctl train dcgan")
        return
    from ganctl.runs import status

    console.table([("RUN", "FAMILY", "DATA", "EPOCHS", "STATE"), *map(status.summary_row, runs)])


def show_cache(
    clear: Annotated[
        bool,
        typer.Option(
            "--clear",
            metavar="",
            help="Remove everything, except what a running process uses or cannot be fetched again.",
        ),
    ] = False,
) -> None:
    """List what the cache holds and how large it is: decoded data sets, features, downloads."""
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
