"""Load a trained model, described by its file's header; sample images from it or translate images with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast
from warnings import warn

import torch
from torch import Tensor, nn

from ganctl import device as devices
from ganctl import tasks, tensorfile
from ganctl.errors import CheckpointError, UsageError
from ganctl.gans import find as find_family
from ganctl.inference import tiling
from ganctl.runs import checkpoint as checkpoints
from ganctl.runs import names
from ganctl.runs.run import Run
from ganctl.seeds import RandomStream, mix
from ganctl.settings import require_options
from ganctl.text import quote

SAMPLE_BATCH_SIZE = 64  # images generated together; always as many, because the last bit depends on it


class TwoWayGenerator(Protocol):
    """The network of a family that translates: a generator for each direction."""

    def generator_to(self, domain: int, /) -> nn.Module:
        """The generator that translates images of the other domain to this one, 0 or 1."""


@dataclass(frozen=True)
class Model:
    """A trained model.

    Attributes:
        path: the file that its weights came from.
        name: of its run, or of its file.
        header: the file's header: family, options, shape, domains.
        model_arg: the argument it was loaded by, for commands that a message suggests.
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
        """Generate images [n, C, H, W] in [-1, 1], on the CPU. Image i depends only on the seed and i.

        Raises:
            UsageError: the model translates images, or a number is out of range.
        """
        return torch.cat(list(self.sample_batches(n, seed)))[:n]

    def sample_batches(self, n: int, seed: int) -> Iterator[Tensor]:
        """Generate the images of `sample` in batches, so that any number fits into memory.

        Raises:
            UsageError: as `sample_latents`, or a number is out of range.
        """
        if n < 1 or seed < 0:
            message = f"{n} pictures of seed {seed} cannot be generated."
            raise UsageError(message, "Ask for one or more, of seed 0 or more.")
        for start in range(0, n, SAMPLE_BATCH_SIZE):
            latents = self.sample_latents(seed, range(start, start + SAMPLE_BATCH_SIZE))
            images = self.generate_from(latents)[: n - start]
            tasks.advance(len(images))
            yield images

    def sample_latents(self, seed: int, indices: range) -> Tensor:
        """Sample standard normal latents [len(indices), latent_dim]; each depends only on the seed and its index.

        Raises:
            UsageError: the model translates images and has no latents.
        """
        if self._verb != "sample":
            message = f"{self.name} translates pictures: it has no latents to sample or to walk through."
            raise UsageError(message, f"ganctl translate {quote(self.model_arg)} PICTURE")
        latent_dim = self.header["options"]["latent_dim"]
        latents = []
        for i in indices:
            generator = torch.Generator().manual_seed(mix(seed, RandomStream.SAMPLE, i))
            latents.append(torch.randn(latent_dim, generator=generator))
        return torch.stack(latents)

    def generate_from(self, latents: Tensor) -> Tensor:
        """Generate images [N, C, H, W] in [-1, 1], on the CPU, from latents [N, latent_dim]."""
        with torch.inference_mode():
            images: Tensor = self.net(latents.to(self._device)).cpu()
        return images

    def translate(self, images: Tensor, to: str | None = None) -> Tensor:
        """Translate images of one domain to the other: [N, C, H, W] in [-1, 1], any size, to the same, on the CPU.

        Each goes through the network alone, so that it does not depend on the others. `ganctl.inference.tiling` says
        how images are padded, and how large ones are tiled.

        Args:
            images: with as many channels as the model was trained on.
            to: the domain to translate to; the second if not given.

        Raises:
            UsageError: the model generates images from noise, or has no such domain, or other channels.
        """
        domain = self.target_domain(to)
        net = cast("TwoWayGenerator", self.net).generator_to(self.domains.index(domain))
        channels = self.header["shape"][0]
        if images.ndim != 4 or images.shape[1] != channels or not all(images.shape[2:]):
            raise UsageError(f"{self.name} takes pictures [N, {channels}, H, W], not {list(images.shape)}.")
        translations = []
        for i in range(len(images)):
            image = images[i : i + 1].float().cpu()  # a slice keeps the memory format
            translations.append(tiling.apply_any_size(cast("tiling.Translator", net), image, self._device))
            tasks.advance(1)
        return torch.cat(translations) if translations else images

    def target_domain(self, to: str | None = None) -> str:
        """The domain to translate to: `to`, or the second.

        Raises:
            UsageError: there is no such domain, or the model generates images from noise.
        """
        if self._verb != "translate":
            raise UsageError(f"{self.name} generates pictures from noise.", f"ganctl sample {quote(self.model_arg)}")
        if to is not None and to not in self.domains:
            raise UsageError(f"{self.name} knows no domain {to!r}.", f"It translates to: {', '.join(self.domains)}.")
        return self.domains[1] if to is None else to

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the two domains of a model that translates; empty for one that samples."""
        return tuple(map(str, self.header.get("domains", ())))

    @property
    def _verb(self) -> str:
        return find_family(self.header["family"]).verb

    @property
    def _device(self) -> torch.device:
        return next(self.net.parameters()).device


def load(model: str | Path, device: str = "auto", checkpoint: str | None = None) -> Model:
    """Load a model from a run, a checkpoint folder or a ``.safetensors`` file.

    Args:
        model: the path of one of these, or the name of a run under ``runs/``.
        device: as ``--device``: auto, cpu, cuda, cuda:N or mps.
        checkpoint: of a run, ``best`` or the number of a step; the newest usable one if not given.

    Raises:
        CheckpointError: it is none of these, or damaged.
        UsageError: there is no such checkpoint or device.

    Warns:
        UserWarning: of newer checkpoints that could not be used.
    """
    path = names.find(str(model))
    name = path.stem if path.is_file() else path.resolve().name
    path, warnings = _model_file(path, model, checkpoint)
    for warning in warnings:
        warn(warning, stacklevel=2)
    contents = tensorfile.read(path)
    header = contents.header
    checkpoints.require_model(path, header)
    try:
        family = find_family(header["family"])
        require_options(family.options, header["options"])
        if family.verb == "translate" and len(header["domains"]) != 2:
            raise ValueError("it does not name two domains")
        net = family.model(family.options(**header["options"]), tuple(header["shape"]))
        net.load_state_dict(contents.tensors)
    except UsageError as error:
        raise CheckpointError(f"{path} cannot be used: {error.message}", error.remedy) from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
        reason = " ".join(str(error).split()).rstrip(". ")  # torch lists tensors in many lines
        raise CheckpointError(f"{path} is not what its header says: {reason}.") from None
    return Model(path, name, header, str(model), net.to(devices.choose(device)).eval(), tuple(warnings))


def _model_file(path: Path, model: str | Path, checkpoint: str | None) -> tuple[Path, list[str]]:
    """The ``.safetensors`` file of a run, a checkpoint folder or a file, and warnings of newer ones."""
    if Run(path).exists:
        run = Run(path)
        return checkpoints.newest_model(run) if checkpoint is None else (checkpoints.find_model(run, checkpoint), [])
    if checkpoint is not None:
        raise UsageError(f"{model} is one checkpoint and no run.", "Leave out --checkpoint.")
    if path.is_dir():
        checkpoints.verify(path, (checkpoints.MODEL,))
        path = path / checkpoints.MODEL
    return path, []


class LatentWalk:
    """A closed walk through the latents: frames of images [num_images, C, H, W] in [-1, 1], generated when needed.

    Each image goes through its own `num_keys` random latents along great circles (White 2016,
    https://arxiv.org/abs/1609.04468, section 2.1), so that the latents in between have the norm that the generator was
    trained on. The pace eases in and out of every key. There are `num_keys` · `frames_per_key` frames; the one after
    the last is the first again.

    Raises:
        UsageError: as `Model.sample_latents`.
    """

    def __init__(
        self, model: Model, seed: int, num_keys: int = 6, frames_per_key: int = 12, num_images: int = 16
    ) -> None:
        self._model, self._frames_per_key = model, frames_per_key
        self._keys = model.sample_latents(seed, range(num_keys * num_images)).view(num_keys, num_images, -1)

    def __len__(self) -> int:
        return len(self._keys) * self._frames_per_key

    def __getitem__(self, index: int) -> Tensor:
        if not 0 <= index < len(self):
            raise IndexError(index)
        key, step = divmod(index, self._frames_per_key)
        t = step / self._frames_per_key
        next_key = (key + 1) % len(self._keys)
        return self._model.generate_from(slerp(self._keys[key], self._keys[next_key], t * t * (3 - 2 * t)))

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Interpolate between vectors a and b [N, D] along the great circle, t from 0 to 1; norms linearly."""
    norms = torch.lerp(a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True), t)
    a, b = nn.functional.normalize(a), nn.functional.normalize(b)
    angle = (a * b).sum(1, keepdim=True).clamp(-1, 1).acos().clamp_min(1e-6)
    interpolated = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return norms * nn.functional.normalize(interpolated)
