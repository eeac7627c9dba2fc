"""Sets of pictures for `ganctl check`."""

from pathlib import Path

import numpy as np
from PIL import Image

from ganctl.data.check.check import examine
from ganctl.data.check.findings import Finding

DOMAIN_FOLDERS = ("trainA", "trainB", "testA", "testB")
COUNTS = (60, 55, 4, 3)


def save(path: Path, number: int, size: tuple[int, int] = (16, 12), mode: str = "RGB") -> Path:
    """A picture that differs from those of other numbers."""
    image = np.random.default_rng(number).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(image).convert(mode).save(path)
    return path


def fill(root: Path, *names: str, counts: tuple[int, ...] = COUNTS) -> Path:
    """Folders of pictures, all of them different."""
    number = 0
    for name, count in zip(names, counts, strict=False):
        (root / name).mkdir(parents=True)
        for i in range(count):
            number += 1
            save(root / name / f"{i:02d}.png", number)
    return root


def findings(root: Path, size: int = 12, domains: tuple[str, str] | None = None) -> list[Finding]:
    return list(examine(root, domains, size).findings)


def only(results: list[Finding]) -> Finding:
    """The one finding, which is made of a sentence and a remedy."""
    assert len(results) == 1, results
    assert results[0].message.endswith(".")
    assert results[0].remedy
    return results[0]
