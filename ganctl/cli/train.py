"""The commands that train."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from ganctl import interrupt
from ganctl.cli import console
from ganctl.cli.options import (
    Assignments,
    MaxMegapixels,
    MaxMinutes,
    RunName,
    announce_download,
    require_positive,
    typed,
    warn_all,
)
from ganctl.engine.events import Subscriber
from ganctl.errors import UsageError
from ganctl.runs import names
from ganctl.settings import parse_assignments
from ganctl.text import quote

if TYPE_CHECKING:
    from ganctl.engine.training import Training


def train(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="Which GAN: dcgan or cyclegan.")],
    data: Annotated[str | None, typer.Option(help="A set's name, or a folder of pictures.")] = None,
    domains: Annotated[str | None, typer.Option(metavar="A,B", help="Names of the domains or their folders.")] = None,
    pair: Annotated[str | None, typer.Option(help="Both domains from one folder: lowres.")] = None,
    run: Annotated[str | None, typer.Option(help="Name or path of the run; the data's name if not given.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.")] = None,
    max_minutes: MaxMinutes = None,
    preset: Annotated[
        str | None, typer.Option(help="dcgan: compact, tutorial, paper; cyclegan: small, paper, tutorial.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures, in pixels.")] = None,
    channels: Annotated[int | None, typer.Option(help="1 grey, 3 colour; decided from the data if not given.")] = None,
    loss: Annotated[str | None, typer.Option(help="The adversarial loss: bce, lsgan or hinge.")] = None,
    augment: Annotated[
        str | None, typer.Option(help="diffaug: for few pictures, so that they are not learnt by heart; else none.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of both sides.")] = None,
    lr_generator: Annotated[float | None, typer.Option(help="Learning rate of the generator.")] = None,
    lr_discriminator: Annotated[float | None, typer.Option(help="Learning rate of the discriminator.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides all randomness.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, bfloat16, or auto: bfloat16 on cards that have it in hardware.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Use only the first so many pictures.")] = None,
    max_megapixels: MaxMegapixels = None,
    init_from: Annotated[str | None, typer.Option(metavar="MODEL", help="Start from this model's weights.")] = None,
    checkpoint_every: Annotated[str | None, typer.Option(help="10m: also every epoch; 2e: every other epoch.")] = None,
    keep: Annotated[int | None, typer.Option(help="Checkpoints kept.")] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write event files for TensorBoard.")] = False,
    evaluate_every: Annotated[
        int | None, typer.Option(metavar="EPOCHS", help="Measure the quality so often; 0 never.")
    ] = None,
    extractor: Annotated[str | None, typer.Option(help="What it is measured with: digits-cnn or inception.")] = None,
    balance: Annotated[
        bool, typer.Option("--balance", help="Lower the learning rate of the side that overpowers the other.")
    ] = False,
    stop_at: Annotated[
        str | None, typer.Option(help="equilibrium: where the discriminator can no longer tell.")
    ] = None,
    assignments: Assignments = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try a few steps and say what it will cost.")] = False,
) -> None:
    """Train a GAN from scratch, or from another model's weights."""
    if lr is not None and (lr_generator is not None or lr_discriminator is not None):
        raise UsageError("--lr is both sides' learning rate.", "Give --lr, or one for each side.")
    require_positive("--max-minutes", max_minutes)
    from ganctl import gans

    gans.require(family)
    from ganctl.engine import session as training
    from ganctl.engine.setup import configure

    told = configure(
        family,
        data=data,
        domains=domains,
        pair=pair,
        preset=preset,
        init_from=init_from,
        flags={
            "epochs": epochs,
            "batch_size": batch_size,
            "size": size,
            "channels": channels,
            "loss": loss,
            "augment": augment,
            "lr_generator": lr if lr_generator is None else lr_generator,
            "lr_discriminator": lr if lr_discriminator is None else lr_discriminator,
            "seed": seed,
            "device": device,
            "precision": precision,
            "limit": limit,
            "max_megapixels": max_megapixels,
            "checkpoint_every": checkpoint_every,
            "keep": keep,
            "tensorboard": tensorboard or None,
            "evaluate_every": evaluate_every,
            "extractor": extractor,
            "balance": balance or None,
            "stop_at": stop_at,
        },
        assignments=parse_assignments(assignments or []),
    )
    if (found := gans.find(family)).domains:
        announce_download(data or found.default_data[0])
    if dry_run:
        from ganctl.engine import forecast

        console.say("Trying a few steps.")
        console.forecast(forecast.measure(told))
        return
    with _until_signal(max_minutes) as stop, training.start(told, run) as started:
        _watch(started, stop)


def resume(
    run: RunName,
    epochs: Annotated[int | None, typer.Option(help="A new total of epochs.")] = None,
    more: Annotated[int | None, typer.Option(help="So many epochs beyond the old total.")] = None,
    from_checkpoint: Annotated[
        str | None,
        typer.Option("--from", metavar="best|STEP", help="Go back to a checkpoint; what came after it is set aside."),
    ] = None,
    max_minutes: MaxMinutes = None,
    data: Annotated[str | None, typer.Option(metavar="DIR", help="Where its data is now, if it was moved.")] = None,
    device: Annotated[str | None, typer.Option(help="Where to go on: auto, cpu, cuda, cuda:N or mps.")] = None,
    assignments: Assignments = None,
) -> None:
    """Go on with a run that was stopped, or extend one."""
    if epochs is not None and more is not None:
        raise UsageError("--epochs is a new total, --more adds to the old one.", "Give one of them.")
    for name, value in (("--epochs", epochs), ("--more", more), ("--max-minutes", max_minutes)):
        require_positive(name, value)
    chosen = names.find_run(run)
    from ganctl.engine import session
    from ganctl.engine.resumption import ResumeRequest

    request = ResumeRequest(epochs, more, from_checkpoint, data, device, parse_assignments(assignments or []))
    with _until_signal(max_minutes) as stop, session.resume(chosen, request) as resumed:
        if resumed.finished:
            done = resumed.settings.epochs
            warn_all(resumed.warnings)
            console.say(f"{console.shown(chosen.path)} is finished: {done} of {done} epochs.")
            console.say(f"To go further: {typed('resume', chosen.path)} --more {done}")
            return
        _watch(resumed, stop)


def _until_signal(max_minutes: float | None) -> AbstractContextManager[interrupt.StopReason]:
    """A reason to stop ends all at once before the first step, and is finished and saved for later."""
    return interrupt.stop_reasons(max_minutes, immediate=True, on_signal=console.heard)


def _watch(training: "Training", stop: interrupt.StopReason) -> None:
    """Show a training to its end, and leave with the code that its end has, whoever reads what is said of it."""
    where = console.shown(training.run.path)
    console.say(f"{training.run.path.name}: {training.summary}")
    warn_all(training.warnings)
    if training.settings.tensorboard:
        console.say(f"To look on: tensorboard --logdir {quote(console.shown(training.run.tensorboard))}")
    with console.Display(training) as display:
        last = training.train(stop, Subscriber(display.show))
    with console.going_on_without(console.stdout):
        console.result(where)
    if last.reason is None:
        use, film = typed(training.verb, training.run.path), typed("make-gif", training.run.path)
        said = f"Draw from it: {use}" if training.verb == "sample" else f"Redraw with it: {use} PICTURE"
        console.say(f"Finished. {said}   Film it: {film}")
    else:
        console.say(f"Stopped by {last.reason} and saved at step {last.step}. To go on:")
        console.say(typed("resume", training.run.path))
    raise SystemExit(interrupt.exit_code(last.reason))
