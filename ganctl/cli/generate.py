"""The commands that use what was trained."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganctl import files, progress
from ganctl.cli import console
from ganctl.cli.options import (
    Checkpoint,
    Device,
    Force,
    MaxMegapixels,
    ModelName,
    Output,
    Verbose,
    default_output,
    load,
    require_file,
    require_folders,
    require_free,
    require_positive,
)
from ganctl.errors import UsageError
from ganctl.runs import names
from ganctl.runs import run as runs
from ganctl.text import quote

if TYPE_CHECKING:
    from ganctl.images.frames import Frame, Frames

_LARGEST_GRID = 64_000_000  # pixels; it is held whole, in up to 30 bytes each


def sample(
    model: ModelName,
    count: Annotated[int, typer.Option("--number", "-n", min=1, help="How many pictures.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Decides the pictures.")] = 0,
    output: Output = None,
    force: Force = False,
    which: Checkpoint = None,
    device: Device = "auto",
) -> None:
    """Draw pictures from a trained model: a grid, or single files into a folder."""
    loaded = load(model, device, which)
    from ganctl import images

    path = Path(output or f"{loaded.name}-seed{seed}.png")
    if output is not None and (output.endswith(("/", os.sep)) or path.is_dir() or not path.suffix):
        require_folders(path / "0.png")
        require_free(_numbered(path, count), force)
        numbers = map(f"{{:0{len(str(count - 1))}d}}.png".format, range(count))
        drawn = (picture for piece in loaded.generate(count, seed) for picture in piece)
        with console.results_of_work() as show, progress.task("Drawing", "pictures", count):
            for name, picture in zip(numbers, drawn, strict=True):
                images.save_single(path / name, picture)
                show(path / name)
        return
    columns = images.columns(count)
    width, height = images.grid_size(count, columns, loaded.header["shape"][-1])
    if width * height > _LARGEST_GRID:
        raise UsageError(
            f"A grid of {count:,} pictures would have {width:,}×{height:,} pixels, and {_LARGEST_GRID:,} are the most.",
            f"Write single files into a folder: -o {quote(str(path.with_suffix('')))}/",
        )
    images.require_format(path, (width, height))
    if output is not None:
        require_folders(path)
        require_free([path], force)
    with progress.task("Drawing", "pictures", count):
        grid = loaded.sample(count, seed)
        path = path if output else default_output(path, force)
        images.save_grid(path, grid, columns)
    with console.results_of_work() as show:
        show(path)


def _numbered(folder: Path, count: int) -> list[Path]:
    """The files of a folder that have the name of one of so many pictures; one that is not there, if none has."""
    width = len(str(count - 1))
    there = [path for path in folder.glob("*.png") if path.stem.isdecimal() and len(path.stem) == width]
    return sorted(path for path in there if int(path.stem) < count) or [folder / f"{0:0{width}d}.png"]


def translate(
    model: ModelName,
    inputs: Annotated[list[str], typer.Argument(metavar="PICTURE|DIR", help="Pictures, and folders of them.")],
    to: Annotated[str | None, typer.Option(metavar="DOMAIN", help="What to make; the second if not given.")] = None,
    size: Annotated[int | None, typer.Option(metavar="PX", min=1, help="Resize the shorter side first.")] = None,
    output: Output = None,
    force: Force = False,
    max_megapixels: MaxMegapixels = None,
    verbose: Verbose = False,
    which: Checkpoint = None,
    device: Device = "auto",
) -> None:
    """Redraw pictures of one kind as the other, at their own size."""
    require_positive("--max-megapixels", max_megapixels)
    loaded = load(model, device, which, family="cyclegan")
    from ganctl import images
    from ganctl.inference import paths
    from ganctl.inference import translate as translation

    domain = loaded.domain(to)
    if output is not None:
        require_folders(Path(output) / "0.png" if output.endswith(("/", os.sep)) else Path(output))
    planned = paths.plan_jobs(inputs, domain, output, force)
    for folder in {route.output.parent for route in planned if isinstance(route, paths.Job)}:
        files.remove_strays(folder)
    results = []
    largest = max_megapixels or images.MAX_MEGAPIXELS
    with console.results_of_work() as show:
        with console.Translations(len(planned), show) as display:
            for result in translation.translate(loaded, planned, domain, size, force, largest):
                display.show(result)
                results.append(result)
        if verbose:
            for line in translation.describe_skipped(results):
                console.say(line)
        tally = translation.summarize(results)
        console.say(tally.sentence)
    if tally.skipped:
        raise SystemExit(1)


def make_gif(
    run: ModelName,
    output: Output = None,
    force: Force = False,
    fps: Annotated[float | None, typer.Option(help="Frames a second: 5, or 24 for a walk.")] = None,
    walk: Annotated[bool, typer.Option("--walk", help="A loop through the latents instead of the progress.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Decides the walk.")] = 0,
) -> None:
    """Film a training's progress, or a walk through what the model can draw."""
    if fps is not None and not 0.1 <= fps <= 100:
        raise UsageError(f"--fps = {fps} is out of range.", "It must be from 0.1 to 100.")
    found = names.find(run)
    from ganctl import images  # no torch, which takes more memory than any film
    from ganctl.runs import status

    filmed = runs.Run(found) if (found / "run.json").exists() else None
    own = None if filmed is None else filmed.walk_gif if walk else filmed.training_gif
    if output is not None:
        require_file(Path(output), "film.gif")
        images.require_animation_format(Path(output))
        require_free([Path(output)], force, own)
    if walk:
        loaded = load(run)
        from ganctl.inference import model as inference

        path = Path(output) if output else own or default_output(Path(f"{loaded.name}-walk.gif"), force)
        steps = inference.walk(loaded, seed)
        frames = images.Frames.alike(len(steps), lambda i: images.labelled(images.grid(steps[i], 4), ""))
        _film(path, frames, fps or 24)
    else:
        chosen = names.find_run(run)
        path = Path(output or chosen.training_gif)
        _film(path, status.progress_frames(chosen), fps or 5, hold=2)
    with console.results_of_work() as show:
        show(path)


def _film(path: Path, frames: "Frames", fps: float, hold: float = 0.0) -> None:
    """Write a film, and count the frames that are made of it; nobody knows how many, for a GIF makes some twice."""
    from ganctl import images

    def counted(number: int) -> "Frame":
        made = frames.make(number)
        progress.advance(1)
        return made

    with progress.task(f"Filming {path.name}", "pictures"):
        images.write_animation(path, replace(frames, make=counted), fps, hold)
