"""A finished model: loading it from what its file says of itself, drawing from it, redrawing pictures with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast
from warnings import warn

import torch
from torch import Tensor, nn

from ganctl import device, progress, tensorfile
from ganctl.errors import CheckpointError, UsageError
from ganctl.gans import find as find_family
from ganctl.inference import tiling
from ganctl.runs import checkpoint, names
from ganctl.runs.run import Run
from ganctl.seeds import Stream, mix
from ganctl.settings import require_options
from ganctl.text import quote

CHUNK = 64  # pictures drawn together; always so many, for the last bit depends on it


class TwoWayGenerator(Protocol):
    """What a family that translates ships: a net for each direction."""

    def generator_to(self, side: int) -> nn.Module:
        """The net that draws pictures of a domain, 0 or 1, out of the other's."""


@dataclass(frozen=True)
class Model:
    """A model for use.

    Attributes:
        path: the file that its weights came from.
        name: of its run, or of its file.
        header: what the file says of it.
        model_arg: what it was loaded by, to be typed again.
        net: the averaged weights, in evaluation mode.
        warnings: sentences on newer checkpoints that could not be used.
    """

    path: Path
    name: str
    header: Mapping[str, Any]
    model_arg: str
    net: nn.Module
    warnings: tuple[str, ...] = ()

    def sample(self, n: int = 64, seed: int = 0) -> Tensor:
        """Draw pictures: [n, C, H, W] in [-1, 1]. Picture i depends on the seed and i alone."""
        return torch.cat(list(self.generate(n, seed)))[:n]

    def generate(self, n: int, seed: int) -> Iterator[Tensor]:
        """The pictures of `sample` in pieces, so that any number fits into memory.

        Raises:
            UsageError: as `latents`, or a number is out of bounds.
        """
        if n < 1 or seed < 0:
            raise UsageError(f"{n} pictures of seed {seed} cannot be drawn.", "Ask for one or more, of seed 0 or more.")
        for start in range(0, n, CHUNK):
            latents = self.latents(seed, range(start, start + CHUNK))
            piece = self.generate_from(latents)[: n - start]
            progress.advance(len(piece))
            yield piece

    def latents(self, seed: int, numbers: range) -> Tensor:
        """Standard normal noise [len(numbers), latent], each row from a generator of its own.

        Raises:
            UsageError: the model translates pictures and does not draw from noise.
        """
        if self._verb != "sample":
            said = f"{self.name} redraws pictures: it has no noise to draw from or to walk through."
            raise UsageError(said, f"ganctl translate {quote(self.model_arg)} PICTURE")
        length = self.header["options"]["latent_dim"]
        rows = []
        for i in numbers:
            generator = torch.Generator().manual_seed(mix(seed, Stream.SAMPLE, i))
            rows.append(torch.randn(length, generator=generator))
        return torch.stack(rows)

    def generate_from(self, latents: Tensor) -> Tensor:
        """Pictures [N, C, H, W] in [-1, 1], on the CPU, of latents [N, latent]."""
        with torch.inference_mode():
            drawn: Tensor = self.net(latents.to(self._device)).cpu()
        return drawn

    def translate(self, images: Tensor, to: str | None = None) -> Tensor:
        """Redraw pictures of one domain as the other's: [N, C, H, W] in [-1, 1], any size, → the same, on the CPU.

        Each goes through the net alone, so it does not depend on the others. See `ganctl.inference.model.tiling` for
        padding and for pictures that are large.

        Args:
            images: with as many channels as the model was trained on.
            to: the domain to translate to; the second if not given.

        Raises:
            UsageError: the model draws from noise, or has no such domain, or other channels.
        """
        domain = self.domain(to)
        net = cast("TwoWayGenerator", self.net).generator_to(self.domains.index(domain))
        channels = self.header["shape"][0]
        if images.ndim != 4 or images.shape[1] != channels or not all(images.shape[2:]):
            raise UsageError(f"{self.name} takes pictures [N, {channels}, H, W], not {list(images.shape)}.")
        drawn = []
        for i in range(len(images)):
            single = images[i : i + 1].float().cpu()  # a slice keeps the order in memory
            drawn.append(tiling.apply_any_size(cast("tiling.Translator", net), single, self._device))
            progress.advance(1)
        return torch.cat(drawn) if drawn else images

    def domain(self, to: str | None = None) -> str:
        """The domain that is meant: `to`, or the second.

        Raises:
            UsageError: there is no such domain, or the model draws from noise.
        """
        if self._verb != "translate":
            raise UsageError(f"{self.name} draws pictures from noise.", f"ganctl sample {quote(self.model_arg)}")
        if to is not None and to not in self.domains:
            raise UsageError(f"{self.name} knows no domain {to!r}.", f"It translates to: {', '.join(self.domains)}.")
        return self.domains[1] if to is None else to

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of both kinds of pictures that a translating model knows; none for one that samples."""
        return tuple(map(str, self.header.get("domains", ())))

    @property
    def _verb(self) -> str:
        return find_family(self.header["family"]).verb

    @property
    def _device(self) -> torch.device:
        return next(self.net.parameters()).device


def load(model: str | Path, on: str = "auto", which: str | None = None) -> Model:
    """Open a run, a checkpoint folder, a ``.safetensors`` file, or the name of a run under ``runs/``.

    Args:
        model: one of these.
        on: the device, as ``--device``.
        which: of a run's checkpoints, ``best`` or the number of a step; the newest usable one if not given.

    Raises:
        CheckpointError: it is none of these, or damaged.
        UsageError: there is no such checkpoint.

    Warns:
        UserWarning: of newer checkpoints that could not be used.
    """
    path = names.find(str(model))
    warnings: list[str] = []
    name = path.stem if path.is_file() else path.resolve().name
    if (path / "run.json").exists():
        run = Run(path)
        path, warnings = checkpoint.newest_model(run) if which is None else (checkpoint.chosen_model(run, which), [])
    elif which is not None:
        raise UsageError(f"{model} is one checkpoint and no run.", "Leave out --checkpoint.")
    elif path.is_dir():
        checkpoint.verify(path, (checkpoint.MODEL,))
        path = path / checkpoint.MODEL
    for warning in warnings:
        warn(warning, stacklevel=2)
    contents = tensorfile.read(path)
    header = contents.header
    checkpoint.require_model(path, header)
    try:
        if header["format"] != 1:
            raise CheckpointError(f"{path} was written by a newer ganctl.", "pip install --upgrade ganctl")
        family = find_family(header["family"])
        require_options(family.options, header["options"])
        if family.verb == "translate" and len(header["domains"]) != 2:
            raise ValueError("it does not name two domains")
        net = family.model(family.options(**header["options"]), tuple(header["shape"]))
        net.load_state_dict(contents.tensors)
    except UsageError as error:
        raise CheckpointError(f"{path} cannot be used: {error.message}") from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
        said = " ".join(str(error).split()).rstrip(". ")  # torch lists tensors in many lines
        raise CheckpointError(f"{path} is not what its header says: {said}.") from None
    return Model(path, name, header, str(model), net.to(device.choose(on)).eval(), tuple(warnings))


class Walk:
    """A loop through the latents: frames of some pictures [pictures, C, H, W] in [-1, 1], each drawn when asked for.

    Each picture goes round its own `keys` random latents along great circles (White 2016, section 2.1): latents
    in between then have the length that the generator knows. The pace eases in and out of every key. There are
    `keys` · `between` frames; the one after the last is the first again.
    """

    def __init__(self, model: Model, seed: int, keys: int, between: int, pictures: int) -> None:
        self._model, self._between = model, between
        self._stops = model.latents(seed, range(keys * pictures)).view(keys, pictures, -1)

    def __len__(self) -> int:
        return len(self._stops) * self._between

    def __getitem__(self, number: int) -> Tensor:
        if not 0 <= number < len(self):
            raise IndexError(number)
        key, step = divmod(number, self._between)
        t = step / self._between
        ends = self._stops[key], self._stops[(key + 1) % len(self._stops)]
        return self._model.generate_from(slerp(*ends, t * t * (3 - 2 * t)))

    def __iter__(self) -> Iterator[Tensor]:
        return (self[number] for number in range(len(self)))


def walk(model: Model, seed: int, keys: int = 6, between: int = 12, pictures: int = 16) -> Walk:
    """A walk through what a model draws: see `Walk`.

    Raises:
        UsageError: as `Model.latents`.
    """
    return Walk(model, seed, keys, between, pictures)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Between vectors a and b [N, d] along the great circle, t from 0 to 1; lengths go over linearly."""
    lengths = torch.lerp(a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True), t)
    a, b = nn.functional.normalize(a), nn.functional.normalize(b)
    angle = (a * b).sum(1, keepdim=True).clamp(-1, 1).acos().clamp_min(1e-6)
    between = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return lengths * nn.functional.normalize(between)
