"""The commands that train: ``train``, which `ganctl.cli.families` gives its flags, and ``resume``."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganctl import gans, interrupt, units
from ganctl.cli import console
from ganctl.cli.options import (
    DEVICES,
    Assignments,
    MaxMinutes,
    RunName,
    announce_download,
    complete_runs,
    complete_sets,
    require_positive,
    typed,
    warn_all,
)
from ganctl.errors import UsageError
from ganctl.option import learning_rates_of
from ganctl.text import quote

if TYPE_CHECKING:
    from ganctl.engine.forecast import Forecast
    from ganctl.engine.training import Training
    from ganctl.option import Panel, Value


def flag(metavar: str, doc: str, panel: "Panel", complete: Callable[..., list[str]] | None = None) -> Any:
    """Declare a flag of ``train`` that is no setting of the training, in the panel of those that are."""
    return typer.Option(metavar=metavar, help=doc, rich_help_panel=panel, autocompletion=complete)


def train(
    family: str,
    *,
    data: Annotated[
        str | None, flag("NAME|DIR", "Data set to train on: a name, or a folder of pictures.", "Data", complete_sets)
    ] = None,
    domains: Annotated[str | None, flag("A,B", "Names of the two domains, or of their folders.", "Data")] = None,
    pair: Annotated[
        str | None,
        flag(
            "lowres",
            "Make both domains from one folder: lowres pairs its pictures with reduced copies.",
            "Data",
            lambda: ["lowres"],
        ),
    ] = None,
    labels: Annotated[
        str | None, flag("FILE.csv", "Table of the pictures' classes, with the header file,label.", "Data")
    ] = None,
    init_from: Annotated[
        str | None, flag("MODEL", "Start from the weights of this model.", "Nets", complete_runs)
    ] = None,
    lr: Annotated[
        float | None, flag("X", "Learning rate of both the generator and the discriminator.", "Optimisation")
    ] = None,
    run: Annotated[
        str | None, flag("NAME|PATH", "Name or path of the run; without it, the data's name.", "Run")
    ] = None,
    max_minutes: MaxMinutes = None,
    assignments: Assignments = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Try a few steps and print what the training would cost.")
    ] = False,
    preset: str | None = None,
    **flags: "Value",
) -> None:
    """Train a family. What was not typed keeps its default here; the options that were typed are in `flags`."""
    if lr is not None:
        flags |= _learning_rates(family, lr, flags)
    require_positive("--max-minutes", max_minutes)
    from ganctl.engine import session
    from ganctl.engine.setup import configure
    from ganctl.settings import parse_assignments

    settings = configure(
        family,
        data=data,
        domains=domains,
        pair=pair,
        labels=labels,
        preset=preset,
        init_from=init_from,
        flags=flags,
        assignments=parse_assignments(assignments or []),
    )
    definition = gans.find(family)
    if len(definition.needs.sets) > 1:
        announce_download(data or definition.default_data[0])
    if dry_run:
        from ganctl.engine import forecast

        console.say("Trying a few steps.")
        _show_forecast(forecast.measure(settings))
        return
    with _until_signal(max_minutes) as stop, session.start(settings, run) as training:
        _train(training, stop)


def _learning_rates(family: str, lr: float, flags: Mapping[str, "Value"]) -> dict[str, float]:
    """Each learning rate of a family, as ``--lr`` sets it. Raises UsageError where one was typed, or there is none."""
    rates = learning_rates_of(gans.options_of(family).options)
    if not rates:
        raise UsageError(f"{family} has no learning rates that --lr could set.", f"ganctl train {family} --help")
    if set(rates) & set(flags):
        raise UsageError("--lr is the learning rate of every player.", "Give --lr, or one for each of them.")
    return dict.fromkeys(rates, lr)


def resume(
    run: RunName,
    epochs: Annotated[int | None, typer.Option(metavar="TOTAL", help="Train until this total of epochs.")] = None,
    more: Annotated[int | None, typer.Option(metavar="N", help="Train N epochs beyond the old total.")] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="best|STEP",
            help="Go back to this checkpoint; what came after it is set aside.",
            autocompletion=lambda: ["best"],
        ),
    ] = None,
    max_minutes: MaxMinutes = None,
    data: Annotated[str | None, typer.Option(metavar="DIR", help="Where its data is now, if it was moved.")] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="FILE.csv", help="Where its table of labels is now, if it was moved.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar=DEVICES, help="Device to continue on.", autocompletion=lambda: DEVICES.split("|")),
    ] = None,
    assignments: Assignments = None,
) -> None:
    """Continue a run that was stopped, or extend a finished one."""
    if epochs is not None and more is not None:
        raise UsageError("--epochs is a new total, --more adds to the old one.", "Give one of them.")
    for name, value in (("--epochs", epochs), ("--more", more), ("--max-minutes", max_minutes)):
        require_positive(name, value)
    from ganctl.runs import names
    from ganctl.settings import parse_assignments

    resumed_run = names.find_run(run)
    from ganctl.engine import session
    from ganctl.engine.resumption import ResumeRequest

    request = ResumeRequest(epochs, more, checkpoint, data, device, parse_assignments(assignments or []), labels)
    with _until_signal(max_minutes) as stop, session.resume(resumed_run, request) as training:
        if training.finished:
            total = training.settings.epochs
            warn_all(training.warnings)
            console.say(f"{console.short_path(resumed_run.path)} is finished: {total} of {units.epochs(total)}.")
            console.say(f"To go further: {typed('resume', resumed_run.path)} --more {total}")
            return
        _train(training, stop)


def _until_signal(max_minutes: float | None) -> AbstractContextManager[interrupt.StopReason]:
    """Reasons to stop: before the first step the command ends at once, later the current step is saved first."""
    return interrupt.stop_reasons(max_minutes, immediate=True, on_signal=console.heard)


def _train(training: "Training", stop: interrupt.StopReason) -> None:
    """Run a training with its display, then exit with its code, even if nobody reads the output any more."""
    from ganctl.cli.progress import TrainingProgress
    from ganctl.engine.events import Subscriber

    path = console.short_path(training.run.path)
    console.say(f"{training.run.path.name}: {training.summary}")
    warn_all(training.warnings)
    if training.settings.tensorboard:
        console.say(f"To watch it: tensorboard --logdir {quote(console.short_path(training.run.tensorboard))}")
    with TrainingProgress(training) as progress:
        end = training.train(stop, Subscriber(progress.show))
    with console.going_on_without(console.stdout):
        console.result(path)
    if end.reason is None:
        use, film = typed(training.verb, training.run.path), typed("make-gif", training.run.path)
        sentence = f"Sample from it: {use}" if training.verb == "sample" else f"Translate with it: {use} PICTURE"
        console.say(f"Finished. {sentence}   Film it: {film}")
    else:
        console.say(f"Stopped by {end.reason} and saved at step {end.step}. To go on:")
        console.say(typed("resume", training.run.path))
    raise SystemExit(interrupt.exit_code(end.reason))


def _show_forecast(forecast: "Forecast") -> None:
    """Print what a dry run measured."""
    console.say(forecast.summary)
    for warning in forecast.warnings:
        console.warn(warning)
    epoch_seconds = forecast.step_seconds * forecast.steps_per_epoch
    weights = ", ".join(f"{name} {count:,}" for name, count in forecast.parameters.items())
    memory = [] if forecast.peak_bytes is None else [("peak memory", units.size(forecast.peak_bytes))]
    console.table(
        [
            ("parameters", weights),
            ("speed", units.rate(forecast.batch_size / forecast.step_seconds)),
            ("an epoch", f"{units.duration(epoch_seconds)} ({units.counted(forecast.steps_per_epoch, 'step')})"),
            (units.epochs(forecast.epochs), units.duration(epoch_seconds * forecast.epochs)),
            *memory,
            ("a checkpoint", units.size(forecast.checkpoint_bytes)),
        ]
    )
    if (seconds := epoch_seconds * forecast.epochs) > console.LONG_SECONDS:
        console.warn(f"At this pace the training will take {units.duration(seconds)}. {forecast.lighter_hint}")
