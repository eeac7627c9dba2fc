"""The built-in sets as sources; `digits` and `striped` beside this module generate their pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ganctl.data.info import LABELS
from ganctl.data.sources import digits, striped
from ganctl.data.sources.base import Block, Source, Split, in_parallel
from ganctl.images import conversion

_DIGITS_PER_BLOCK = 2000
_ANIMALS_PER_BLOCK = 100


@dataclass(frozen=True)
class Digits(Source):
    """Generated handwriting, with labels."""

    name: str = "digits"
    classes: tuple[str, ...] = tuple("0123456789")

    def cache_key(self) -> Any:
        """The version of the generating code."""
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

    def blocks(self, split: Split, size: int) -> Iterator[Block]:
        """60,000 training and 10,000 test pictures."""

        def generate(start: int) -> Block:
            images, labels = digits.generate(split, start, min(start + _DIGITS_PER_BLOCK, digits.COUNTS[split]))
            return Block(conversion.resize(images[..., None], size), {LABELS: labels})

        yield from in_parallel(generate, range(0, digits.COUNTS[split], _DIGITS_PER_BLOCK))


@dataclass(frozen=True)
class Striped(Source):
    """One domain of ``plain2striped``."""

    domain: str

    @property
    def name(self) -> str:  # type: ignore[override]
        """The set's name and the domain's."""
        return f"plain2striped-{self.domain}"

    def cache_key(self) -> Any:
        """The version of the generating code, and the domain."""
        return ["plain2striped", striped.VERSION, self.domain]

    def native_size(self) -> int:
        """64 pixels, though the animals can be generated at any size."""
        return 64

    def native_channels(self) -> int:
        """RGB."""
        return 3

    def blocks(self, split: Split, size: int) -> Iterator[Block]:
        """1,000 training and 200 test pictures."""
        count = striped.COUNTS[split][striped.DOMAINS.index(self.domain)]

        def generate(start: int) -> Block:
            images = striped.generate(split, self.domain, start, min(start + _ANIMALS_PER_BLOCK, count), size)
            return Block(images)

        yield from in_parallel(generate, range(0, count, _ANIMALS_PER_BLOCK))
