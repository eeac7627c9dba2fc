"""Captions of a preview's columns and rows, inside its PNG file, so that whoever shows it need not guess."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganctl.text import printable

_KEY = "ganctl captions"  # of the PNG's text chunk


class Captions(NamedTuple):
    """What the columns and the rows of a grid of images are.

    Attributes:
        titles: of the columns, from the left; none, or one for each.
        rows: of the rows, from the top; likewise.
    """

    titles: Sequence[str] = ()
    rows: Sequence[str] = ()

    def png_info(self) -> PngInfo | None:
        """The text chunk for a PNG; None where there is nothing to say."""
        if not self.titles and not self.rows:
            return None
        info = PngInfo()
        info.add_text(_KEY, json.dumps({"titles": list(self.titles), "rows": list(self.rows)}))  # in ASCII
        return info


NO_CAPTIONS = Captions()


def read_captions(image: Image.Image) -> Captions:
    """The captions in an open image; none where it has none, or what is there is something else."""
    try:
        stored = json.loads(image.info.get(_KEY, ""))
        return Captions(_texts(stored["titles"]), _texts(stored["rows"]))
    except (KeyError, RecursionError, TypeError, ValueError):
        return NO_CAPTIONS


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{values!r} are no texts")
    return tuple(map(printable, values))
