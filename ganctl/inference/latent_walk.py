"""A closed walk through a model's latents."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ganctl.inference.model import Inputs, Model

COLUMNS = 4  # images in a row of a frame


class LatentWalk:
    """A closed walk through the latents: frames of images [num_images, C, H, W] in [-1, 1], generated when needed.

    Each image goes through its own `num_keys` random latents along great circles (White 2016,
    https://arxiv.org/abs/1609.04468, section 2.1), so that the latents in between have the norm that the generator was
    trained on; its label stays. The pace eases in and out of every key. There are `num_keys` · `frames_per_key` frames;
    the one after the last is the first again. Where the controls ask for several things, each has a row of images.

    Raises:
        UsageError: as `Model.sample_inputs`.
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
        self._model, self._frames_per_key, self._num_keys = model, frames_per_key, num_keys
        self._alternatives = model.alternatives(controls)
        if len(self._alternatives) > 1:
            num_images = COLUMNS
        self._keys = [
            [
                model.sample_inputs(seed, range(key * num_images, (key + 1) * num_images), alternative)
                for key in range(num_keys)
            ]
            for alternative in self._alternatives
        ]

    def __len__(self) -> int:
        return self._num_keys * self._frames_per_key

    def __getitem__(self, index: int) -> Tensor:
        if not 0 <= index < len(self):
            raise IndexError(index)
        key, step = divmod(index, self._frames_per_key)
        t = step / self._frames_per_key
        next_key = (key + 1) % self._num_keys
        rows = []
        for alternative, keys in zip(self._alternatives, self._keys, strict=True):
            noise = slerp(keys[key].noise, keys[next_key].noise, t * t * (3 - 2 * t))
            rows.append(self._model.generate_from(Inputs(noise, keys[0].rows), alternative))
        return torch.cat(rows)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Interpolate between vectors a and b [N, D] along the great circle, t from 0 to 1; norms linearly."""
    norms = torch.lerp(a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True), t)
    a, b = nn.functional.normalize(a), nn.functional.normalize(b)
    angle = (a * b).sum(1, keepdim=True).clamp(-1, 1).acos().clamp_min(1e-6)
    interpolated = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return norms * nn.functional.normalize(interpolated)
