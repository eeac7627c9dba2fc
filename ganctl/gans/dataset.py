"""The data of a training, as its family learns from it: opened, checked, and in batches."""

from typing import Any

import torch

from ganctl.data.batches import SingleBatches, UnpairedBatches
from ganctl.data.cache.dataset import Dataset, TwoDatasets, open_dataset, open_domains
from ganctl.data.check import check
from ganctl.data.check.findings import count_reasons
from ganctl.data.resolve import DomainSources, resolve_domains, resolve_source
from ganctl.data.sources.base import Source
from ganctl.errors import DataError, UsageError
from ganctl.gans.base import Family
from ganctl.settings import Settings

Data = Dataset | TwoDatasets


def open_data(settings: Settings, family: Family, options: Any, fresh: bool = True) -> tuple[Data, list[str]]:
    """The data, and sentences on what is odd about it. Without ``--data``, the family's own or its stand-in.

    Args:
        settings: with or without everything decided.
        family: the one that the settings name.
        options: the settings' options as the family's dataclass.
        fresh: whether this is a beginning, to which a quick check of the files belongs.
    """
    own, stand_in = family.default_data
    warnings = []
    try:
        origin = _origin(settings, family, own if settings.data is None else settings.data)
    except DataError as error:
        if any(told is not None for told in (settings.data, settings.pair, settings.domains)):
            raise
        origin = _origin(settings, family, stand_in)
        warnings.append(f"{own} cannot be had, so the built-in set {stand_in} is used. {error.message}")
    size = settings.size or origin.native_size() or family.default_size
    _require_drawable(family, options, size, settings.channels)
    load = family.jitter(options, size).load_size
    warnings += origin.warnings if fresh else ()
    data: Data
    if isinstance(origin, DomainSources):
        warnings += _look(origin) if fresh else []
        data = open_domains(origin, size, settings.channels, load, thorough=not fresh)
    else:
        data = open_dataset(origin, size, settings.channels, load, thorough=not fresh)
    count = min(settings.limit or data.counts[0], data.counts[0])
    if broken := [
        line for each in (data.datasets if isinstance(data, TwoDatasets) else [data]) for line in each.broken
    ]:
        what = "picture is" if len(broken) == 1 else "pictures are"
        warnings.append(f"{len(broken)} {what} left out: {count_reasons(broken)}; events.jsonl names them.")
    if data.enlarged:
        smaller, enlarged = ("is", "was") if data.enlarged == 1 else ("are", "were")
        warnings.append(
            f"{data.enlarged} of the pictures {smaller} smaller than {size} pixels and {enlarged} enlarged."
        )
    if count == 1:
        warnings.append("There is one picture only: all that can be learned is to repeat it.")
    if settings.batch_size > count:
        warnings.append(f"The batch of {settings.batch_size} is more than the data, so it is {count}.")
    return data, warnings


def _origin(settings: Settings, family: Family, data: str) -> Source | DomainSources:
    """Where the data comes from: one set, or two for a family of two domains."""
    if family.domains:
        return resolve_domains(data, settings.domains, settings.pair, settings.limit, settings.max_megapixels)
    if settings.domains is not None or settings.pair is not None:
        raise UsageError(f"{family.name} learns from one set.", "--domains and --pair are for cyclegan.")
    return resolve_source(data, settings.limit, settings.max_megapixels)


def _look(origin: DomainSources) -> list[str]:
    """The quick part of ``ganctl check``."""
    if origin.tree is None:
        return []
    found = check.quick(*origin.tree)
    return [f"{finding.message} {finding.remedy}" for finding in found if finding.severity != "note"]


def _require_drawable(family: Family, options: Any, size: int, channels: int | None) -> None:
    """Build the nets without their weights, before a long decoding is in vain.

    Raises:
        UsageError: they cannot draw that size, or no memory could address them.
    """
    shape = (channels or 3, size, size)
    try:
        with torch.device("meta"):
            module = family.training(options, family.model(options, shape), shape)
        module.optimizers()  # outside: the first one imports parts of torch that some versions cannot load on meta
    except ValueError as error:
        raise UsageError(f"{error}".rstrip(".") + ".", "Choose another --size, --preset or --set.") from None
    except (RuntimeError, TypeError, OverflowError):
        raise UsageError("These nets are too large for any memory.", "Make them smaller with --set.") from None


def make_batches(settings: Settings, family: Family, options: Any, data: Data) -> SingleBatches | UnpairedBatches:
    """The batches that the settings ask for."""
    if isinstance(data, Dataset):
        return SingleBatches(data, settings.batch_size, settings.seed, settings.limit)
    hflip = family.jitter(options, data.shape[1]).hflip
    return UnpairedBatches(data, settings.batch_size, settings.seed, settings.limit, hflip)
