"""A trained model: sample images from it, or translate images with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from ganctl import tasks
from ganctl.data.info import DataInfo
from ganctl.errors import UsageError
from ganctl.gans import find as find_family
from ganctl.gans.base import Family
from ganctl.inference import tiling
from ganctl.option import Value, options_of
from ganctl.seeds import RandomStream, mix
from ganctl.text import quote

SAMPLE_BATCH_SIZE = 64  # images generated together; always as many, because the last bit depends on it


class Inputs(NamedTuple):
    """What images are generated from.

    Attributes:
        noise: [N, …], as the family draws it.
        conditions: what else an image is generated from, by column, such as ``labels`` [N].
    """

    noise: Tensor
    conditions: Mapping[str, Tensor]


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

    @property
    def family(self) -> Family:
        """The family that the header names."""
        return find_family(self.header["family"])

    @property
    def info(self) -> DataInfo:
        """What the nets know of the data: the images' shape, the names of classes and of domains."""
        return DataInfo.from_header(self.header)

    def sample(self, n: int | None = None, seed: int = 0, **controls: Value | Sequence[Value]) -> Tensor:
        """Generate images [N, C, H, W] in [-1, 1], on the CPU. Image i depends only on the seed, i and the controls.

        Args:
            n: number of images, of each thing that is asked for; `default_count` if not given.
            seed: of their noise.
            controls: what is asked for, such as ``label=7``; see `controls`.

        Raises:
            UsageError: the model translates images, cannot be asked for that, or a number is out of range.
        """
        return self.sample_with(self.controls(**controls), n, seed)

    def sample_with(self, controls: Any = None, n: int | None = None, seed: int = 0) -> Tensor:
        """As `sample`, with controls from `controls`; the defaults if not given."""
        n = self.default_count(controls) if n is None else n
        return torch.cat(list(self.sample_batches(n, seed, controls)))

    def sample_batches(
        self, n: int, seed: int, controls: Any = None, conditions: Mapping[str, Tensor] | None = None
    ) -> Iterator[Tensor]:
        """Generate the images of `sample` in batches, so that any number fits into memory.

        Args:
            n: number of images, of each thing that is asked for.
            seed: of their noise.
            controls: from `controls`; the defaults if not given.
            conditions: what each image is generated from beside its noise, by column, n of each; by the controls if not
                given.

        Raises:
            UsageError: as `sample_inputs`, or a number is out of range.
        """
        if n < 1 or seed < 0:
            raise UsageError(
                f"{n} pictures of seed {seed} cannot be generated.", "Ask for 1 or more, of seed 0 or more."
            )
        for alternative in self.alternatives(controls):
            for start in range(0, n, SAMPLE_BATCH_SIZE):
                inputs = self.sample_inputs(seed, range(start, start + SAMPLE_BATCH_SIZE), alternative)
                if conditions is not None:
                    filled = {name: _filled(values[start:]) for name, values in conditions.items()}
                    inputs = inputs._replace(conditions=filled)
                images = self.generate_from(inputs, alternative)[: n - start]
                tasks.advance(len(images))
                yield images

    @property
    def condition_names(self) -> tuple[str, ...]:
        """The columns of a data set that an image is generated from beside its noise, such as ``labels``."""
        return tuple(self.family.conditions(self.family.controls(), self.info, torch.Generator()))

    def sample_inputs(self, seed: int, indices: range, controls: Any = None) -> Inputs:
        """Draw what images are generated from; each depends only on the seed, its index and the controls.

        Raises:
            UsageError: the model translates images and has no latents.
        """
        self.require_verb("sample")
        family, info, controls = self.family, self.info, self._or_default(controls)
        options = family.options(**self.header["options"])
        noise, conditions = [], []
        for i in indices:
            generator = torch.Generator().manual_seed(mix(seed, RandomStream.SAMPLE, i))
            noise.append(family.noise(options, generator))
            conditions.append(family.conditions(controls, info, generator))
        return Inputs(
            torch.stack(noise), {name: torch.stack([of_one[name] for of_one in conditions]) for name in conditions[0]}
        )

    def generate_from(self, inputs: Inputs, controls: Any = None) -> Tensor:
        """Generate images [N, C, H, W] in [-1, 1], on the CPU."""
        net = self.family.bind(self.net, self._or_default(controls), self.info)
        conditions = {name: values.to(self._device) for name, values in inputs.conditions.items()}
        with torch.inference_mode():
            images: Tensor = net(inputs.noise.to(self._device), **conditions).cpu()
        return images

    def translate(self, images: Tensor, **controls: Value | Sequence[Value]) -> Tensor:
        """Translate images of one domain to the other: [N, C, H, W] in [-1, 1], any size, to the same, on the CPU.

        Each goes through the network alone, and does not depend on the others; see `ganctl.inference.tiling`.

        Args:
            images: with as many channels as the model was trained on.
            controls: what is asked for, such as ``to="zebra"``; see `controls`.

        Raises:
            UsageError: the model generates images from noise, cannot be asked for that, or takes other channels.
        """
        self.require_verb("translate")
        return self.translate_with(images, self.controls(**controls))

    def translate_with(self, images: Tensor, controls: Any = None) -> Tensor:
        """As `translate`, with controls from `controls`; the defaults if not given."""
        self.require_verb("translate")
        net = self.family.bind(self.net, self._or_default(controls), self.info)
        channels = self.info.shape[0]
        if images.ndim != 4 or images.shape[1] != channels or not all(images.shape[2:]):
            raise UsageError(f"{self.name} takes pictures [N, {channels}, H, W], not {list(images.shape)}.")
        translations = []
        for i in range(len(images)):
            image = images[i : i + 1].float().cpu()  # a slice keeps the memory format
            translations.append(tiling.apply_any_size(cast("tiling.Translator", net), image, self._device))
            tasks.advance(1)
        return torch.cat(translations) if translations else images

    def controls(self, /, **values: Value | Sequence[Value]) -> Any:
        """What the model is asked for: its family's controls, with their defaults where there is no value.

        Raises:
            UsageError: it cannot be asked for that.
        """
        declared = options_of(self.family.controls)
        if unknown := next((name for name in values if name not in declared), None):
            listed = "; ".join(f"{name}: {option.doc.rstrip('.')}" for name, option in declared.items())
            raise UsageError(
                f"{self.name} cannot be asked for {unknown!r}.",
                f"It can be asked for {listed}." if listed else "It can be asked for nothing but pictures.",
            )
        controls = self.family.controls(**{name: declared[name].parse(_text(value)) for name, value in values.items()})
        for alternative in self.alternatives(controls):
            self.family.bind(self.net, alternative, self.info)  # raises where there is no such thing
        return controls

    def alternatives(self, controls: Any = None) -> list[Any]:
        """What is asked for at once: controls for each, such as one label of several."""
        return self.family.alternatives(self._or_default(controls), self.info)

    def labels(self, controls: Any = None) -> list[str]:
        """A name for each thing that is asked for."""
        return [str(getattr(alternative, "label", "")) for alternative in self.alternatives(controls)]

    def default_count(self, controls: Any = None) -> int:
        """The number of images without a number: a grid of 64, or a row of 8 of each thing that is asked for."""
        return 64 if len(self.alternatives(controls)) == 1 else 8

    def target_name(self, controls: Any = None) -> str:
        """What a translation is called: the domain that is asked for, or else the last one."""
        domains = self.info.domains
        to: str | None = getattr(self._or_default(controls), "to", None)
        return to or (domains[-1] if domains else self.name)

    def require_verb(self, verb: str) -> None:
        """Raise UsageError, which names the command to type instead, if the model does not do that."""
        if verb in self.family.verbs:
            return
        model = quote(self.model_arg)
        if verb == "translate":
            raise UsageError(f"{self.name} generates pictures from noise.", f"ganctl sample {model}")
        message = f"{self.name} translates pictures: it has no latents to sample or to walk through."
        raise UsageError(message, f"ganctl translate {model} PICTURE")

    def _or_default(self, controls: Any) -> Any:
        return self.family.controls() if controls is None else controls

    @property
    def _device(self) -> torch.device:
        return next(self.net.parameters()).device


def _text(value: Value | Sequence[Value]) -> Value:
    """A value as the command line has it: several with commas."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple | range) else cast("Value", value)


def _filled(values: Tensor) -> Tensor:
    """The first values [n, …], a whole batch of them; the last one again where there are fewer."""
    return values[torch.arange(SAMPLE_BATCH_SIZE).clamp_max(len(values) - 1)]
