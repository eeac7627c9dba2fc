"""Translate image files one after the other; a broken one never stops the rest."""

import errno
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganctl.data.batches import to_normalized_tensor
from ganctl.data.cache.decode import with_channels
from ganctl.data.check.findings import display_name, list_skipped
from ganctl.device import is_out_of_memory
from ganctl.errors import DataError, UsageError
from ganctl.images.grids import save_arrays, to_uint8
from ganctl.images.profiles import from_srgb
from ganctl.images.reading import MAX_MEGAPIXELS, ImageArrays, read_image
from ganctl.images.writing import require_format
from ganctl.inference.model import Model
from ganctl.inference.paths import Excluded, Job, Planned, Skipped

# Errors that concern one output's name; any other error of the disk would stop the next output as well.
_FILE_NAME_ERRORS = {
    errno.ENAMETOOLONG,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EINVAL,
    errno.EILSEQ,
    errno.ELOOP,
}


@dataclass(frozen=True)
class Translated:
    """An image that was translated and written.

    Attributes:
        source: the image file.
        path: its translation.
        seconds: the time it took.
    """

    source: Path
    path: Path
    seconds: float


@dataclass(frozen=True)
class AlreadyExists:
    """A translation that existed already and is left as it is."""

    path: Path


Result = Translated | AlreadyExists | Skipped | Excluded


@dataclass(frozen=True)
class Summary:
    """What became of the images.

    Attributes:
        total: images, without those excluded.
        translated: the number of those translated now.
        existing: the number of those whose translation existed already.
        skipped: those that could not be translated.
        excluded: files and folders that were left out.
    """

    total: int
    translated: int
    existing: int
    skipped: tuple[Skipped, ...]
    excluded: tuple[Excluded, ...] = ()

    @property
    def sentence(self) -> str:
        """The last line that a command prints."""
        parts = [f"translated {self.translated} of {self.total}"]
        if self.existing:
            parts.append(f"{self.existing} {'was' if self.existing == 1 else 'were'} there already")
        if self.skipped:
            parts.append(f"{len(self.skipped)} skipped: {_list_reasons(self.skipped)}")
        sentence = ", ".join(parts)
        return f"{sentence}; left out: {_list_reasons(self.excluded)}" if self.excluded else sentence


def summarize(results: Sequence[Result]) -> Summary:
    """Count results.

    Raises:
        DataError: there is not one translation, new or existing.
    """
    translated, existing = (sum(isinstance(result, kind) for result in results) for kind in (Translated, AlreadyExists))
    skipped = tuple(result for result in results if isinstance(result, Skipped))
    excluded = tuple(result for result in results if isinstance(result, Excluded))
    if not translated and not existing:
        raise DataError(f"Nothing could be translated: {_list_reasons(skipped)}.")
    return Summary(len(results) - len(excluded), translated, existing, skipped, excluded)


def describe_skipped(results: Iterable[Result]) -> Iterator[str]:
    """Describe each image that was skipped, and each file or folder that was left out, in a line."""
    for result in results:
        if isinstance(result, Skipped):
            yield f"skipped: {display_name(result.source)}: {result.reason}"
        elif isinstance(result, Excluded):
            yield f"left out: {display_name(result.source)}: {result.reason}"


def _list_reasons(results: Sequence[Skipped | Excluded]) -> str:
    return list_skipped([(result.source, result.reason) for result in results])


def translate(
    model: Model,
    planned: Iterable[Planned],
    controls: Any = None,
    size: int | None = None,
    force: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Iterator[Result]:
    """Translate image files, each to the output that was planned for it.

    A translation has the upright size of its image, its transparency and its colour profile; the network itself sees
    sRGB, as in its training.

    Args:
        model: one that translates.
        planned: see `ganctl.inference.paths.plan_jobs`.
        controls: what is asked for, from `Model.controls`; the defaults if not given.
        size: resize each image first, so that its shorter side has this many pixels.
        force: overwrite existing files.
        max_megapixels: see `ganctl.images.reading.decode`.

    Yields:
        The result of each, in the same order.

    Raises:
        UsageError: see `Model.translate`.
        OSError: the disk refuses, and would refuse the next output as well.
    """
    for item in planned:
        if not isinstance(item, Job):
            yield item
        elif not force and os.path.isfile(item.output):  # noqa: PTH113 - Path.is_file raises where a name is too long
            yield AlreadyExists(item.output)
        else:
            yield _translate_file(model, item, controls, size, max_megapixels)


def _translate_file(
    model: Model, job: Job, controls: Any, size: int | None, max_megapixels: float
) -> Translated | Skipped:
    start = time.monotonic()
    try:
        image = read_image(job.source, size, max_megapixels)
    except (OSError, MemoryError) as error:
        return Skipped(job.source, str(error) or "it takes more memory than there is")
    height, width, _ = image.pixels.shape
    try:
        require_format(job.output, (width, height))
    except UsageError as error:
        return Skipped(job.source, error.message.rstrip("."))
    try:
        pixels = from_srgb(translate_uint8(model, image.pixels, controls), image.profile)
        translation = ImageArrays(pixels, image.alpha, image.profile)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return Skipped(job.source, "it takes more memory than there is")
    try:
        save_arrays(job.output, translation)
    except ValueError as error:
        return Skipped(job.source, str(error))
    except OSError as error:
        if error.errno not in _FILE_NAME_ERRORS:
            raise
        return Skipped(job.source, f"{job.output} could not be written: {error.strerror}")
    return Translated(job.source, job.output, time.monotonic() - start)


def translate_uint8(model: Model, pixels: NDArray[np.uint8], controls: Any = None) -> NDArray[np.uint8]:
    """Translate one uint8 image [H, W, 3] to [H, W, 3]. A grey model sees its luma, and its translation is grey."""
    images = with_channels(pixels[None], model.info.shape[0])
    translated = model.translate_with(to_normalized_tensor(images, torch.device("cpu")), controls)
    translation: NDArray[np.uint8] = with_channels(to_uint8(translated), 3)[0]
    return translation
