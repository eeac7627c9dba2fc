"""The command line: read it, make one call, show what comes out. What is heavy is imported where it is needed."""

import errno
import io
import os
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ganctl import __version__, console, interrupt, names
from ganctl import run as runs
from ganctl.errors import GanctlError, UsageError
from ganctl.settings import parse_acceptance, parse_assignments

if TYPE_CHECKING:
    from ganctl.training import Training

app = typer.Typer(
    name="ganctl",
    help="Train GANs, draw from them, film their progress, and never lose a run.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Newer Typers bring a Click of their own, so its class of all usage errors cannot be imported from one place.
_Misuse = cast("type[typer.BadParameter]", typer.BadParameter.__base__)

RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's name under runs/, or its path.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A run, a checkpoint folder or a .safetensors file.")]
MaxMinutes = Annotated[float | None, typer.Option(help="Stop and save after so many minutes.")]
Assignments = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting.")]
Output = Annotated[str | None, typer.Option("--output", "-o", metavar="PATH", help="Where to write.")]


def _print_version(asked: bool) -> None:
    if asked:
        console.result(f"ganctl {__version__}")
        raise typer.Exit


@app.callback()
def ganctl(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and leave.")
    ] = False,
) -> None:
    """Train GANs, draw from them, film their progress, and never lose a run."""


@app.command()
def train(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="Which GAN: dcgan.")],
    data: Annotated[str | None, typer.Option(help="mnist, fashion-mnist, digits, or a folder of pictures.")] = None,
    run: Annotated[str | None, typer.Option(help="Name or path of the run; the data's name if not given.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.")] = None,
    max_minutes: MaxMinutes = None,
    preset: Annotated[str | None, typer.Option(help="A family's named settings.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures, in pixels.")] = None,
    channels: Annotated[int | None, typer.Option(help="1 grey, 3 colour; decided from the data if not given.")] = None,
    loss: Annotated[str | None, typer.Option(help="The adversarial loss: bce, lsgan or hinge.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of both sides.")] = None,
    lr_generator: Annotated[float | None, typer.Option(help="Learning rate of the generator.")] = None,
    lr_discriminator: Annotated[float | None, typer.Option(help="Learning rate of the discriminator.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides all randomness.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    limit: Annotated[int | None, typer.Option(help="Use only the first so many pictures.")] = None,
    init_from: Annotated[str | None, typer.Option(metavar="MODEL", help="Start from this model's weights.")] = None,
    checkpoint_every: Annotated[str | None, typer.Option(help="10m: also every epoch; 2e: every other epoch.")] = None,
    keep: Annotated[int | None, typer.Option(help="Checkpoints kept.")] = None,
    assignments: Assignments = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try a few steps and say what it will cost.")] = False,
) -> None:
    """Train a GAN from scratch, or from another model's weights."""
    if lr is not None and (lr_generator is not None or lr_discriminator is not None):
        raise UsageError("--lr is both sides' learning rate.", "Give --lr, or one for each side.")
    _positive("--max-minutes", max_minutes)
    from ganctl import families

    families.require(family)
    from ganctl import training

    told = training.configure(
        family,
        data=data,
        preset=preset,
        init_from=init_from,
        flags={
            "epochs": epochs,
            "batch_size": batch_size,
            "size": size,
            "channels": channels,
            "loss": loss,
            "lr_generator": lr if lr_generator is None else lr_generator,
            "lr_discriminator": lr if lr_discriminator is None else lr_discriminator,
            "seed": seed,
            "device": device,
            "limit": limit,
            "checkpoint_every": checkpoint_every,
            "keep": keep,
        },
        assignments=parse_assignments(assignments or []),
    )
    if dry_run:
        from ganctl import forecast

        console.forecast(forecast.measure(told))
        return
    with interrupt.reasons_to_stop(max_minutes) as stop, training.start(told, run) as started:
        _watch(started, stop)


@app.command()
def resume(
    run: RunName,
    epochs: Annotated[int | None, typer.Option(help="A new total of epochs.")] = None,
    more: Annotated[int | None, typer.Option(help="So many epochs beyond the old total.")] = None,
    max_minutes: MaxMinutes = None,
    assignments: Assignments = None,
) -> None:
    """Go on with a run that was stopped, or extend one."""
    if epochs is not None and more is not None:
        raise UsageError("--epochs is a new total, --more adds to the old one.", "Give one of them.")
    for name, value in (("--epochs", epochs), ("--more", more), ("--max-minutes", max_minutes)):
        _positive(name, value)
    chosen = names.find_run(run)
    from ganctl import training

    accepted = parse_acceptance(parse_assignments(assignments or []))
    with (
        interrupt.reasons_to_stop(max_minutes) as stop,
        training.resume(chosen, epochs=epochs, more=more, allow_changed_data=accepted) as resumed,
    ):
        if resumed.finished:
            done = resumed.settings.epochs
            _warn_all(resumed.warnings)
            console.say(f"{console.shown(chosen.path)} is finished: {done} of {done} epochs.")
            console.say(f"To go further: {_typed('resume', chosen.path)} --more {done}")
            return
        _watch(resumed, stop)


@app.command()
def sample(
    model: ModelName,
    count: Annotated[int, typer.Option("--number", "-n", min=1, help="How many pictures.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Decides the pictures.")] = 0,
    output: Output = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Draw pictures from a trained model: a grid, or single files into a folder."""
    names.find(model)
    from ganctl import inference, pictures

    loaded = inference.load(model, device)
    _warn_all(loaded.warnings)
    path = Path(output or f"{loaded.name}-seed{seed}.png")
    if output is not None and (output.endswith(("/", os.sep)) or path.is_dir() or not path.suffix):
        width = len(str(count - 1))
        for number, picture in enumerate(p for piece in loaded.draw(count, seed) for p in piece):
            file = path / f"{number:0{width}d}.png"
            pictures.save_single(file, picture)
            console.result(file)
        return
    pictures.require_format(path)
    pictures.save_grid(path, loaded.sample(count, seed), columns=pictures.columns(count))
    console.result(path)


@app.command("make-gif")
def make_gif(
    run: ModelName,
    output: Output = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second: 5, or 24 for a walk.")] = None,
    walk: Annotated[bool, typer.Option("--walk", help="A loop through the latents instead of the progress.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Decides the walk.")] = 0,
) -> None:
    """Film a training's progress, or a walk through what the model can draw."""
    if fps is not None and not 0.1 <= fps <= 100:
        raise UsageError(f"--fps = {fps} is out of range.", "It must be from 0.1 to 100.")
    found = names.find(run)
    from ganctl import inference, pictures

    if walk:
        loaded = inference.load(run)
        _warn_all(loaded.warnings)
        is_run = (found / "run.json").exists()
        path = Path(output or (runs.Run(found).walk if is_run else f"{loaded.name}-walk.gif"))
        frames = [pictures.labelled(pictures.grid(drawn, 4), "") for drawn in inference.walk(loaded, seed)]
        pictures.film(path, frames, fps or 24)
    else:
        filmed = names.find_run(run)
        path = Path(output or filmed.film)
        sheets = inference.film_frames(filmed)
        pictures.film(path, [pictures.frame(file, f"epoch {epoch}") for epoch, file in sheets], fps or 5, hold=2)
    console.result(path)


@app.command()
def info(model: ModelName) -> None:
    """Print what a model is."""
    from ganctl import inspection

    console.table(inspection.describe(model))


@app.command("runs")
def list_runs() -> None:
    """List the runs under runs/, with their state."""
    known = names.known()
    if not known:
        console.say("There are no runs here yet: ganctl train dcgan")
        return
    from ganctl import inspection

    console.table([("RUN", "FAMILY", "DATA", "EPOCHS", "STATE"), *map(inspection.summary, known)])


def main() -> None:
    """Run ganctl, and turn every failure into a sentence and an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path need not be Unicode
    told = sys.argv[1:]
    with _explained(), warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")  # those of the libraries below; ganctl's own are sentences
        code = app(told or ["--help"], prog_name="ganctl", standalone_mode=False)
    raise SystemExit((code or 0) if told else 2)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, typer.Abort):  # before or after a training, which handles its own
        raise SystemExit(130) from None
    except _Misuse as error:
        command = error.ctx.command_path if error.ctx else "ganctl"
        console.fail(f"{error.format_message().rstrip('.')}.", f"{command} --help")
        raise SystemExit(2) from None
    except GanctlError as error:
        console.fail(error.message, error.remedy)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output went away; the last flush shall not mind
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        console.fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}.")
        raise SystemExit(1) from None
    except (MemoryError, RuntimeError) as error:
        said = str(error)
        if not (isinstance(error, MemoryError) or "out of memory" in said or "can't allocate memory" in said):
            raise
        from ganctl.device import memory_sentence

        console.fail(memory_sentence(), "Try a smaller --batch-size, or a smaller --size.")
        raise SystemExit(1) from None


def _watch(training: "Training", stop: interrupt.Reason) -> None:
    """Show a training to its end, and leave with the code that its end has."""
    from ganctl import engine

    where, last = console.shown(training.run.path), None
    console.say(f"{training.run.path.name}: {training.summary}")
    _warn_all(training.warnings)
    with console.Display(training) as display:
        for event in training.events(stop):
            display.show(event)
            last = event
    if not isinstance(last, engine.Ended):
        return
    console.result(where)
    if last.reason is None:
        sample, film = _typed("sample", training.run.path), _typed("make-gif", training.run.path)
        console.say(f"Finished. Draw from it: {sample}   Film it: {film}")
    else:
        console.say(f"Stopped by {last.reason} and saved at step {last.step}. To go on:")
        console.say(_typed("resume", training.run.path))
    raise SystemExit(interrupt.exit_code(last.reason))


def _typed(verb: str, path: Path) -> str:
    """The command for a path, ready to be typed here."""
    return f"ganctl {verb} {shlex.quote(console.shown(path))}"


def _warn_all(sentences: tuple[str, ...]) -> None:
    for sentence in sentences:
        console.warn(sentence)


def _positive(name: str, value: float | None) -> None:
    if value is not None and not 0 < value < float("inf"):
        raise UsageError(f"{name} = {value} is out of range.", "It must be more than 0.")
