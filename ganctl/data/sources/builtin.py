"""The built-in sets as sources; the modules `digits` and `striped` beside this one draw them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganctl.data.sources import digits, striped
from ganctl.data.sources.base import Block, Source, Split, in_parallel
from ganctl.images import conversion

_DIGITS = 2000  # pictures drawn together
_ANIMALS = 100


@dataclass(frozen=True)
class Digits(Source):
    """The handwriting."""

    name: str = "digits"

    def identity(self) -> Any:
        """The version of the drawing code."""
        return ["digits", digits.VERSION]

    def native_size(self) -> int:
        """28 pixels."""
        return 28

    def native_channels(self) -> int:
        """Grey."""
        return 1

    def count(self) -> int:
        """70,000."""
        return sum(digits.COUNTS.values())

    def blocks(self, part: Split, size: int) -> Iterator[Block]:
        """60,000 training and 10,000 test pictures."""

        def draw(start: int) -> Block:
            images, labels = digits.draw(part, start, min(start + _DIGITS, digits.COUNTS[part]))
            return Block(conversion.resize(images[..., None], size), labels, [])

        yield from in_parallel(draw, range(0, digits.COUNTS[part], _DIGITS))


@dataclass(frozen=True)
class Striped(Source):
    """One domain of the pair of animals."""

    domain: str

    @property
    def name(self) -> str:  # type: ignore[override]
        """With the domain's."""
        return f"plain2striped-{self.domain}"

    def identity(self) -> Any:
        """The version of the drawing code."""
        return ["plain2striped", striped.VERSION, self.domain]

    def native_size(self) -> int:
        """64 pixels, though they can be drawn at any size."""
        return 64

    def native_channels(self) -> int:
        """Colour."""
        return 3

    def blocks(self, part: Split, size: int) -> Iterator[Block]:
        """1,000 training and 200 test pictures."""
        count = striped.COUNTS[part][striped.DOMAINS.index(self.domain)]

        def draw(start: int) -> Block:
            drawn = striped.draw(part, self.domain, start, min(start + _ANIMALS, count), size)
            return Block(drawn, np.empty(0, np.uint8), [])

        yield from in_parallel(draw, range(0, count, _ANIMALS))
