"""The commands that make something of a run or model: pictures, a film, a page."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganctl import tasks
from ganctl.cli import console
from ganctl.cli.options import (
    Checkpoint,
    Controls,
    Device,
    Force,
    Label,
    MaxMegapixels,
    ModelName,
    Output,
    RunName,
    Verbose,
    default_output,
    load,
    parse_controls,
    require_file,
    require_folders,
    require_free,
    require_positive,
)
from ganctl.errors import UsageError
from ganctl.text import quote

if TYPE_CHECKING:
    from ganctl.images.frames import Frame, LazyFrames

MAX_GRID_PIXELS = 64_000_000  # it is held whole, in up to 30 bytes a pixel


def sample(
    model: ModelName,
    count: Annotated[
        int | None,
        typer.Option(
            "--number",
            "-n",
            metavar="N",
            min=1,
            help="Number of pictures, of each label if several are asked for; without it, 64, or 8 of each.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Seed of the pictures.")] = 0,
    label: Label = None,
    assignments: Controls = None,
    output: Output = None,
    force: Force = False,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
) -> None:
    """Generate pictures with a trained model: a grid, or single files in a folder."""
    loaded = load(model, device, checkpoint)
    loaded.require_verb("sample")
    controls = loaded.controls(**parse_controls(assignments, label=label))
    each, rows = count or loaded.default_count(controls), len(loaded.alternatives(controls))
    count = each * rows
    from ganctl.images import grids
    from ganctl.images.writing import require_format

    path = Path(output or f"{loaded.name}-seed{seed}.png")
    if output is not None and (output.endswith(("/", os.sep)) or path.is_dir() or not path.suffix):
        require_folders(path / "0.png")
        prefixes, width = _prefixes(loaded.labels(controls)), len(str(each - 1))
        names = (f"{prefix}{number:0{width}d}.png" for prefix in prefixes for number in range(each))
        require_free(_existing(path, prefixes, each) or [path / f"{prefixes[0]}{0:0{width}d}.png"], force)
        samples = (picture for chunk in loaded.sample_batches(each, seed, controls) for picture in chunk)
        with console.results_of_work() as show, tasks.task("Generating", "pictures", count):
            for name, picture in zip(names, samples, strict=True):
                grids.save_image(path / name, picture)
                show(path / name)
        return
    columns = grids.grid_columns(count)
    if rows > 1:
        columns = each if each > 2 else 8  # a column or two would be a tall grid of coarse cells
    width, height = grids.grid_size(count, columns, loaded.info.shape[-1])
    if width * height > MAX_GRID_PIXELS:
        raise UsageError(
            f"A grid of {count:,} pictures would have {width:,}×{height:,} pixels,"
            f" and {MAX_GRID_PIXELS:,} are the most.",
            f"Write single files into a folder: -o {quote(str(path.with_suffix('')))}/",
        )
    require_format(path, (width, height))
    if output is not None:
        require_folders(path)
        require_free([path], force)
    with tasks.task("Generating", "pictures", count):
        images = loaded.sample_with(controls, each, seed)
        path = path if output else default_output(path, force)
        grids.save_grid(path, images, columns)
    with console.results_of_work() as show:
        show(path)


def _prefixes(labels: list[str]) -> list[str]:
    """What the names of single files begin with, before their numbers: the label, if several were asked for."""
    from ganctl.inference.paths import safe_name

    if len(labels) == 1:
        return [""]
    names = [safe_name(label) for label in labels]
    if len(set(names)) < len(names):  # the same label twice, or labels that are the same as far as a file name goes
        names = [f"{index}-{name}" for index, name in enumerate(names)]
    return [f"{name}-" for name in names]


def _existing(folder: Path, prefixes: list[str], each: int) -> list[Path]:
    """The files of a folder that `sample` would overwrite, `each` numbers behind every prefix."""
    width = len(str(each - 1))
    numbered = [
        (path, path.stem.removeprefix(prefix))
        for path in sorted(folder.glob("*.png"))
        for prefix in prefixes
        if path.stem.startswith(prefix)
    ]
    return [path for path, number in numbered if number.isdecimal() and len(number) == width and int(number) < each]


def translate(
    model: ModelName,
    inputs: Annotated[list[str], typer.Argument(metavar="PICTURE|DIR", help="Pictures, and folders of pictures.")],
    to: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Domain to translate to; without it, the second.")
    ] = None,
    assignments: Controls = None,
    size: Annotated[
        int | None, typer.Option(metavar="PX", min=1, help="First resize the shorter side to PX pixels.")
    ] = None,
    output: Output = None,
    force: Force = False,
    max_megapixels: MaxMegapixels = None,
    verbose: Verbose = False,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
) -> None:
    """Translate pictures of one domain to the other, at their own size."""
    require_positive("--max-megapixels", max_megapixels)
    loaded = load(model, device, checkpoint, family="cyclegan")
    from ganctl import files
    from ganctl.cli.progress import TranslationProgress
    from ganctl.images.reading import MAX_MEGAPIXELS
    from ganctl.inference import paths
    from ganctl.inference import translate as translation

    loaded.require_verb("translate")
    controls = loaded.controls(**parse_controls(assignments, to=to))
    if output is not None:
        require_folders(Path(output) / "0.png" if output.endswith(("/", os.sep)) else Path(output))
    jobs = paths.plan_jobs(inputs, loaded.target_name(controls), output, force)
    for folder in {job.output.parent for job in jobs if isinstance(job, paths.Job)}:
        files.remove_strays(folder)
    results = []
    with console.results_of_work() as show:
        with TranslationProgress(len(jobs), show) as display:
            for result in translation.translate(loaded, jobs, controls, size, force, max_megapixels or MAX_MEGAPIXELS):
                display.show(result)
                results.append(result)
        if verbose:
            for line in translation.describe_skipped(results):
                console.say(line)
        summary = translation.summarize(results)
        console.say(summary.sentence)
    if summary.skipped:
        raise SystemExit(1)


def make_gif(
    run: ModelName,
    output: Output = None,
    force: Force = False,
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="Frames per second; without it, 5, or 24 for a walk.")
    ] = None,
    walk: Annotated[
        bool, typer.Option("--walk", metavar="", help="Film a loop through the latent space instead of the training.")
    ] = False,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Seed of the walk.")] = 0,
    label: Label = None,
    assignments: Controls = None,
) -> None:
    """Make a film of a training's progress, or of a walk through the latent space."""
    if fps is not None and not 0.1 <= fps <= 100:
        raise UsageError(f"--fps = {fps} is out of range.", "It must be from 0.1 to 100.")
    from ganctl.runs import names

    path = names.find(run)
    from ganctl.images.animation import require_animation_format  # no torch, which takes more memory than any film
    from ganctl.runs.run import Run

    filmed_run = Run(path) if Run(path).exists else None
    own = None if filmed_run is None else filmed_run.walk_gif if walk else filmed_run.training_gif
    if output is not None:
        require_file(Path(output), "film.gif")
        require_animation_format(Path(output))
        require_free([Path(output)], force, own)
    values = parse_controls(assignments, label=label)
    if walk:
        film = _film_walk(run, output, own, force, fps or 24, seed, values)
    elif values:
        raise UsageError(
            "A training's film shows what its previews show.", "Add --walk, or leave out --label and --set."
        )
    else:
        from ganctl.runs import status

        filmed_run = names.find_run(run)
        film = Path(output or filmed_run.training_gif)
        _write_film(film, status.progress_frames(filmed_run), fps or 5, hold=2)
    with console.results_of_work() as show:
        show(film)


def _film_walk(
    model: str,
    output: str | None,
    own: Path | None,
    force: bool,
    fps: float,
    seed: int,
    values: Mapping[str, str],
) -> Path:
    """Film a walk through a model's latent space; returns where."""
    from ganctl.images import grids
    from ganctl.images.frames import LazyFrames, label_frame
    from ganctl.inference.latent_walk import LatentWalk

    loaded = load(model)
    path = Path(output) if output else own or default_output(Path(f"{loaded.name}-walk.gif"), force)
    loaded.require_verb("sample")
    steps = LatentWalk(loaded, seed, loaded.controls(**values))
    frames = LazyFrames.same_size(len(steps), lambda i: label_frame(grids.make_grid(steps[i], 4), ""))
    _write_film(path, frames, fps)
    return path


def _write_film(path: Path, frames: "LazyFrames", fps: float, hold: float = 0.0) -> None:
    """Write a film, and count the frames that are made of it; nobody knows how many, for a GIF makes some twice."""
    from ganctl.images.animation import write_animation

    def counted(number: int) -> "Frame":
        frame = frames.make(number)
        tasks.advance(1)
        return frame

    with tasks.task(f"Filming {path.name}", "pictures"):
        write_animation(path, replace(frames, make=counted), fps, hold)


def make_report(run: RunName, output: Output = None, force: Force = False) -> None:
    """Write a run as one HTML page: its pictures, curves, verdicts, settings and commands."""
    from ganctl.runs import names

    reported_run = names.find_run(run)
    path = Path(output or reported_run.report)
    require_file(path, "report.html")
    require_free([path], force, own=reported_run.report)
    from ganctl import report

    report.write(reported_run, path)
    with console.results_of_work() as show:
        show(path)
