"""A closed walk through a model's latents, or from one label to the next."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ganctl.inference.model import Inputs, Model


class LatentWalk:
    """A closed walk: frames of images [num_images, C, H, W] in [-1, 1], generated when needed.

    Each image goes through its own `num_keys` random latents along great circles (White 2016,
    https://arxiv.org/abs/1609.04468, section 2.1), so that the latents in between have the norm that the generator was
    trained on; its label stays. Where the controls ask for several things, such as labels, the walk goes from one to
    the next instead, and the latents stay. The pace eases in and out of every key. A key has `frames_per_key` frames;
    the one after the last is the first again.

    Raises:
        UsageError: as `Model.sample_inputs`, or there is no way between the things that are asked for.
    """

    def __init__(
        self,
        model: Model,
        seed: int,
        controls: Any = None,
        num_keys: int = 6,
        frames_per_key: int = 12,
        num_images: int = 16,
    ) -> None:
        self._model, self._seed, self._frames_per_key = model, seed, frames_per_key
        self._alternatives = model.alternatives(controls)
        self._images = range(num_images)
        self._latents: list[Inputs] = []  # none where the walk goes through the alternatives
        if len(self._alternatives) > 1:
            first, second = self._alternatives[:2]
            model.family.between(first, second, 0.5, model.info)  # raises where there is no way
        else:
            images = [range(key * num_images, (key + 1) * num_images) for key in range(num_keys)]
            self._latents = [model.sample_inputs(seed, indices, self._alternatives[0]) for indices in images]

    def __len__(self) -> int:
        return len(self._latents or self._alternatives) * self._frames_per_key

    def __getitem__(self, index: int) -> Tensor:
        if not 0 <= index < len(self):
            raise IndexError(index)
        key, step = divmod(index, self._frames_per_key)
        t = step / self._frames_per_key
        share = t * t * (3 - 2 * t)
        if not self._latents:
            ends = self._alternatives[key], self._alternatives[(key + 1) % len(self._alternatives)]
            controls = self._model.family.between(*ends, share, self._model.info)
            return self._model.generate_from(self._model.sample_inputs(self._seed, self._images, controls), controls)
        first, second = self._latents[key], self._latents[(key + 1) % len(self._latents)]
        inputs = Inputs(slerp(first.noise, second.noise, share), self._latents[0].conditions)
        return self._model.generate_from(inputs, self._alternatives[0])

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Interpolate between the noise a and b of images, [N, …] each, along the great circle, t from 0 to 1.

    Norms are interpolated linearly.
    """
    shape, a, b = a.shape, a.flatten(1), b.flatten(1)
    norms = torch.lerp(a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True), t)
    a, b = nn.functional.normalize(a), nn.functional.normalize(b)
    angle = (a * b).sum(1, keepdim=True).clamp(-1, 1).acos().clamp_min(1e-6)
    interpolated = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return (norms * nn.functional.normalize(interpolated)).view(shape)
