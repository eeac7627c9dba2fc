"""Opens the data of a training as its family learns from it, and puts it into batches."""

import re
from pathlib import Path
from typing import Any
from warnings import catch_warnings, filterwarnings

import torch

from ganctl.data.batches import Batches, ShuffledBatches
from ganctl.data.cache.dataset import Dataset, TwoDatasets, open_dataset, open_domains
from ganctl.data.check import check
from ganctl.data.check.findings import count_reasons
from ganctl.data.info import LABELS, DataInfo
from ganctl.data.resolve import DomainSources, resolve_domains, resolve_source
from ganctl.data.sources.base import Source
from ganctl.data.sources.labels import REMEDY, shortened
from ganctl.errors import DataError, UsageError
from ganctl.gans.base import Family
from ganctl.runs.metric_names import ROLES, roles_of
from ganctl.settings import Settings

Data = Dataset | TwoDatasets

_SIZE_OVERFLOWS = re.compile(
    r"Overflow when unpacking long|(Storage size|Stride) calculation overflowed|integer multiplication overflow"
    r"|int too large to convert|cannot fit 'int' into"
)
"""What torch says of sizes beyond 64 bits, in a TypeError or a RuntimeError, and Python in an OverflowError."""


def open_data(settings: Settings, family: Family, options: Any, fresh: bool = True) -> tuple[Data, list[str]]:
    """Open the data of a training, and return it with warnings. Without ``--data``, the family's own or its stand-in.

    Args:
        settings: with or without everything decided.
        family: the one that the settings name.
        options: the settings' options as the family's dataclass.
        fresh: whether the training is new, and its files are to be checked quickly.

    Raises:
        DataError: the data cannot be had, none of its pictures can be read, or it lacks a column that the family needs.
        StorageError: the cache has no room for it, or cannot be used.
        UsageError: the nets cannot be built for that size, the settings are of another family, or it is to be balanced
            and has no players that can be.
    """
    default, stand_in = family.default_data
    warnings: list[str] = []
    try:
        source = _resolve(settings, family, default if settings.data is None else settings.data)
    except DataError as error:
        if any(value is not None for value in (settings.data, settings.pair, settings.domains)):
            raise
        source = _resolve(settings, family, stand_in)
        warnings.append(f"{default} cannot be had, so the built-in set {stand_in} is used. {error.message}")
    size = settings.size or source.native_size() or family.default_size
    shape = (settings.channels or 3, size, size)
    _require_columns(source, family)
    players = _require_buildable(family, options, _info(source, shape))
    if settings.balance and len(roles_of(players, family.roles)) < len(ROLES):
        raise UsageError(
            f"{family.name} cannot be balanced: it has no generator and discriminator.",
            "Leave out --balance, or --set balance=false.",
        )
    load_size = family.jitter(options, size).load_size
    warnings += source.warnings if fresh else ()
    data: Data
    if isinstance(source, DomainSources):
        warnings += _quick_check(source) if fresh else []
        data = open_domains(source, size, settings.channels, load_size, thorough=not fresh)
    else:
        data = open_dataset(source, size, settings.channels, load_size, thorough=not fresh)
    warnings += _decoding_warnings(settings, data, size)
    return data, warnings + (_class_warnings(settings, data) if LABELS in family.needs.columns else [])


def _decoding_warnings(settings: Settings, data: Data, size: int) -> list[str]:
    """What is only known once the pictures are decoded."""
    warnings = []
    if broken := [line for dataset in data.datasets for line in dataset.broken]:
        subject = "picture is" if len(broken) == 1 else "pictures are"
        warnings.append(f"{len(broken)} {subject} left out: {count_reasons(broken)}; events.jsonl names them.")
    if data.enlarged:
        are, were = ("is", "was") if data.enlarged == 1 else ("are", "were")
        warnings.append(f"{data.enlarged} of the pictures {are} smaller than {size} pixels and {were} enlarged.")
    count = min(settings.limit or data.counts[0], data.counts[0])
    if count == 1:
        warnings.append("There is one picture only: all that can be learned is to repeat it.")
    if settings.batch_size > count:
        warnings.append(f"The batch of {settings.batch_size} is more than the data, so it is {count}.")
    return warnings


def _class_warnings(settings: Settings, data: Data) -> list[str]:
    """A sentence on the classes that no training image in use is of.

    Raises:
        DataError: all of them are of one class.
    """
    if isinstance(data, TwoDatasets):
        return []
    count = min(settings.limit or data.counts[0], data.counts[0])
    present = set(data.train_columns[LABELS][:count].tolist())
    without = [name for label, name in enumerate(data.classes) if label not in present]
    among = "" if settings.limit is None else f" among the first {count:,}"
    if len(present) < 2:
        remedy = REMEDY if settings.limit is None else "Take a larger --limit, or none."
        raise DataError(f"{data.name} has pictures of one class only to learn from{among}.", remedy)
    if not without:
        return []
    subject = f"{shortened(without)} {'is a class' if len(without) == 1 else 'are classes'}"
    return [f"{subject} without a picture to learn from{among}."]


def _resolve(settings: Settings, family: Family, data: str) -> Source | DomainSources:
    """One source, or two for a family of two domains."""
    if settings.labels is not None and LABELS not in family.needs.columns:
        raise UsageError(f"{family.name} learns from no labels.", "Leave out --labels.")
    if len(family.needs.sets) > 1:
        return resolve_domains(data, settings.domains, settings.pair, settings.limit, settings.max_megapixels)
    if settings.domains is not None or settings.pair is not None:
        raise UsageError(f"{family.name} learns from one set.", "--domains and --pair are for cyclegan.")
    table = None if settings.labels is None else Path(settings.labels)
    return resolve_source(data, settings.limit, settings.max_megapixels, LABELS in family.needs.columns, table)


def _quick_check(source: DomainSources) -> list[str]:
    """The warnings of a check of file names and lengths."""
    if source.folders is None:
        return []
    findings = check.quick(*source.folders)
    return [f"{finding.message} {finding.remedy}" for finding in findings if finding.severity != "note"]


def _require_columns(source: Source | DomainSources, family: Family) -> None:
    """Raise DataError unless the pictures have every column that a family of one set needs."""
    columns = () if isinstance(source, DomainSources) else source.columns
    if lacking := next((name for name in family.needs.columns if name not in columns), None):
        remedy = REMEDY if lacking == LABELS else ""
        raise DataError(f"{source.spec} has no {lacking}, and {family.name} needs them.", remedy)


def _info(source: Source | DomainSources, shape: tuple[int, int, int]) -> DataInfo:
    """What is known of a set before it is decoded."""
    if isinstance(source, DomainSources):
        return DataInfo(shape, domains=source.names)
    return DataInfo(shape, source.classes)


def _require_buildable(family: Family, options: Any, info: DataInfo) -> list[str]:
    """Build the nets without their weights, before a long decoding is in vain. Return the players.

    Raises:
        UsageError: they cannot generate that size, or no memory could hold them.
    """
    try:
        with torch.device("meta"), catch_warnings():
            filterwarnings("ignore", ".*copying from a non-meta parameter", UserWarning)  # of a pretrained part
            module = family.training(options, family.model(options, info), info)
        # Outside: the first optimizer imports parts of torch that some versions cannot load on meta.
        return list(module.optimizers())
    except ValueError as error:
        raise UsageError(f"{error}".rstrip(".") + ".", "Choose another --size, --preset or --set.") from None
    except (OverflowError, RuntimeError, TypeError) as error:
        if not _SIZE_OVERFLOWS.search(str(error)):  # a mistake in the family's code
            raise
        raise UsageError("These nets are too large for any memory.", "Make them smaller with --set.") from None


def make_batches(settings: Settings, family: Family, options: Any, data: Data) -> Batches:
    """Return the batches that the settings ask for.

    Args:
        settings: with everything decided.
        family: the one that the settings name.
        options: the settings' options as the family's dataclass.
        data: from `open_data`.
    """
    if family.batches is not None:
        return family.batches(data, settings, options)
    hflip = family.jitter(options, data.shape[1]).hflip
    return ShuffledBatches(data, settings.batch_size, settings.seed, settings.limit, hflip, family.needs)
