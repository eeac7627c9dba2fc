"""What ``--data`` means: one source of pictures, or two for a family that translates between domains."""

from dataclasses import dataclass
from pathlib import Path, PurePath

from ganctl.data.sources import cyclegan_sets, layout, mnist, striped
from ganctl.data.sources.base import Source
from ganctl.data.sources.builtin import Digits, Striped
from ganctl.data.sources.folder import (
    LOWRES,
    FolderSource,
    Reduced,
    dataset_name,
    from_layout,
    open_folder,
    require_folder,
    require_pictures,
)
from ganctl.errors import DataError, UsageError
from ganctl.images.reading import MAX_MEGAPIXELS
from ganctl.text import quote

DIGITS, PLAIN2STRIPED = "digits", "plain2striped"
SINGLE_SETS = (*mnist.NAMES, DIGITS)
TWO_DOMAIN_SETS = (*cyclegan_sets.NAMES, PLAIN2STRIPED)


@dataclass(frozen=True)
class DomainSources:
    """Two sources whose pictures are not paired.

    Attributes:
        name: the set's name, from which a run's default name is made.
        spec: the value of ``--data`` that opens the set again, from any working folder.
        names: of the two domains.
        sources: the source of each domain.
        folders: the folder that both are in, and the names of its folders to train on and to test on; None if the
            pictures are generated, or made from one folder.
    """

    name: str
    spec: str
    names: tuple[str, str]
    sources: tuple[Source, Source]
    folders: tuple[Path, tuple[str, ...], tuple[str, ...]] | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of both sources."""
        return tuple(dict.fromkeys(warning for source in self.sources for warning in source.warnings))

    def native_size(self) -> int | None:
        """Width and height of every picture in pixels; None where they differ."""
        return self.sources[0].native_size()


def resolve_source(
    data: str,
    limit: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    labelled: bool = False,
    table: Path | None = None,
) -> Source:
    """Resolve ``--data`` for a family that learns from one set: the name of a set, else a folder.

    Args:
        data: one of `SINGLE_SETS`, or the path of a folder of pictures.
        limit: use only the first so many pictures of a folder.
        max_megapixels: of a folder's pictures, see `images.reading.decode`.
        labelled: whether labels are wanted, too; sets that have a name have theirs in any case.
        table: a CSV file of the labels of a folder's pictures, see `folder.open_folder`.

    Raises:
        UsageError: there is a table, and the set has labels of its own.
        DataError: it is neither, it cannot be had, or it has no labels.
    """
    if table is not None and data in SINGLE_SETS:
        raise UsageError(f"{data} has labels of its own.", "Leave out --labels, or name a folder with --data.")
    if data == DIGITS:
        return Digits()
    if data in mnist.NAMES:
        return mnist.fetch(data)
    root = require_folder(data, SINGLE_SETS, "the pictures")
    return open_folder(root, limit, max_megapixels, labelled, table)


def resolve_domains(
    data: str,
    names: str | None = None,
    pair: str | None = None,
    limit: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> DomainSources:
    """Resolve ``--data`` for a family of two domains: a set's name, or a folder of ``trainA trainB [testA testB]``.

    Args:
        data: one of `TWO_DOMAIN_SETS`, or the path of a folder.
        names: the two domains as ``a,b``: what to call them, or which two folders to take.
        pair: ``lowres`` makes both domains from one folder of pictures.
        limit: use only the first so many pictures of each domain.
        max_megapixels: see `images.reading.decode`.

    Raises:
        UsageError: `names` are not two, or `pair` is unknown.
        DataError: it is none of these, or it cannot be had.
    """
    domains = None if names is None else parse_domain_names(names, data)
    if pair is not None:
        return _resolve_pair(data, pair, domains, limit, max_megapixels)
    if data == PLAIN2STRIPED:
        plain, stripy = (Striped(domain) for domain in striped.DOMAINS)
        return DomainSources(data, data, domains or (plain.domain, stripy.domain), (plain, stripy))
    set_layout = layout.find_layout(dataset_folder(data), domains)
    root = set_layout.root
    if not set_layout.has_two_domains:
        raise DataError(
            f"{data} is no set of two domains: it has no trainA and trainB.",
            "Name those folders so, or name two of its folders with --domains a,b.",
        )
    train, test = ([folder for folder in set_layout.folders if folder.split == split] for split in ("train", "test"))
    a, b = (
        _domain_source(root, folder, test[folder.domain] if test else None, limit, max_megapixels) for folder in train
    )
    name = data if data in cyclegan_sets.NAMES else dataset_name(root)
    folders = root, tuple(folder.name for folder in train), tuple(folder.name for folder in test)
    default_names = cyclegan_sets.DOMAINS.get(name, ("A", "B"))
    return DomainSources(name, _spec(data, root), domains or default_names, (a, b), folders)


def parse_domain_names(names: str, data: str = "DATA") -> tuple[str, str]:
    """Parse the two names in ``a,b``.

    Args:
        names: as typed.
        data: the folder that they are in, for the sentence of an error.

    Raises:
        UsageError: they are not two, or could not be folders'.
    """
    domains = [name.strip() for name in names.split(",")]
    paths = [PurePath(name) for name in domains]
    if len(domains) == 2 and all(len(path.parts) > 1 for path in paths):
        parent, same_parent = PurePath(data, paths[0].parent), paths[0].parent == paths[1].parent
        remedy = f"Write --data {quote(str(parent))} --domains {','.join(path.name for path in paths)}"
        raise UsageError(
            f"--domains {names!r} are paths, and it takes the names of two folders that lie side by side in --data.",
            remedy if same_parent else "Put the two side by side, links will do, and name their folder with --data.",
        )
    distinct = len(domains) == 2 and all(domains) and domains[0] != domains[1]
    if not distinct or any("/" in name or name[0] == "." for name in domains):
        raise UsageError(f"--domains {names!r} does not name two domains.", "Write --domains horse,zebra.")
    return domains[0], domains[1]


def dataset_folder(data: str) -> Path:
    """Return the folder of a set's name, downloaded if it is not on this machine, or of a path.

    Raises:
        DataError: there is none, or the set cannot be had.
    """
    if needs_download(data) or (data in cyclegan_sets.NAMES and cyclegan_sets.find(data)):
        return cyclegan_sets.fetch(data)
    return require_folder(data, TWO_DOMAIN_SETS, "trainA and trainB")


def needs_download(data: str) -> bool:
    """Whether data is the name of a set that is not on this machine, nor a folder in the working folder."""
    return data in cyclegan_sets.NAMES and cyclegan_sets.find(data) is None and not Path(data).is_dir()


def _spec(data: str, root: Path) -> str:
    """The ``--data`` that finds a folder again: its name in the user's cache, its path elsewhere (GANCTL_DATA, too)."""
    return data if data in cyclegan_sets.NAMES and root == cyclegan_sets.cached(data) else str(Path.cwd() / root)


def _domain_source(
    root: Path, train: layout.Folder, test: layout.Folder | None, limit: int | None, max_megapixels: float
) -> FolderSource:
    """One domain's pictures; some are held out where there are none to test on."""
    require_pictures(train, train.path, "Each domain needs pictures: ganctl check shows what is there.")
    return from_layout(f"{dataset_name(root)}-{train.path.name}", root, train, test, limit, max_megapixels)


def _resolve_pair(
    data: str, pair: str, domains: tuple[str, str] | None, limit: int | None, max_megapixels: float
) -> DomainSources:
    """Make both domains from one folder of pictures."""
    if pair != LOWRES:
        raise UsageError(f"There is no pair {pair!r}.", f"There is: {LOWRES}.")
    if data == PLAIN2STRIPED:
        raise UsageError(f"{data} is a pair already.", "Name a folder of pictures with --data.")
    root = dataset_folder(data)
    if domains and any((root / name).is_dir() for name in domains):
        raise UsageError(
            f"--pair {pair} makes both domains from all of {data}.", "Leave out --pair, or name one of its folders."
        )
    original = open_folder(root, limit, max_megapixels)
    names = domains or (LOWRES, "original")
    return DomainSources(f"{dataset_name(root)}-{LOWRES}", _spec(data, root), names, (Reduced(original), original))
