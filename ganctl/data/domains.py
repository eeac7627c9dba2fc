"""Two sets of pictures without pairs, for translation: what ``--data`` means to a family of two domains."""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePath

from ganctl.data.cache.dataset import Dataset, open_dataset
from ganctl.data.sources import cyclegan_sets, layout, striped
from ganctl.data.sources.base import Source
from ganctl.data.sources.builtin import Striped
from ganctl.data.sources.folder import LOWRES, Folder, Reduced, name_of, of_layout, path_of, require_pictures, whole
from ganctl.errors import DataError, UsageError
from ganctl.images.reading import MAX_MEGAPIXELS
from ganctl.text import quote

PLAIN2STRIPED = "plain2striped"
NAMES = (*cyclegan_sets.NAMES, PLAIN2STRIPED)


@dataclass(frozen=True)
class DomainSources:
    """Two sources whose pictures have nothing to do with each other.

    Attributes:
        name: what runs are called after.
        spec: what ``--data`` has to say to open them again, from anywhere.
        names: of the two domains.
        sources: the source of each.
        tree: the folder that both lie in, and the names of theirs to train on and to test with; None if drawn or
            made from one folder.
    """

    name: str
    spec: str
    names: tuple[str, str]
    sources: tuple[Source, Source]
    tree: tuple[Path, tuple[str, ...], tuple[str, ...]] | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Both sides'."""
        return tuple(dict.fromkeys(note for side in self.sources for note in side.notes))

    def native_size(self) -> int | None:
        """The side of its pictures in pixels; None where they differ."""
        return self.sources[0].native_size()


@dataclass(frozen=True)
class TwoDatasets:
    """Two decoded sets.

    Attributes:
        name: of their source.
        spec: what ``--data`` has to say to open them again, from anywhere.
        names: of the two domains.
        datasets: the set of each; both have as many channels.
    """

    name: str
    spec: str
    names: tuple[str, str]
    datasets: tuple[Dataset, Dataset]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of what the nets see: channels, height, width."""
        return self.datasets[0].shape

    @property
    def counts(self) -> tuple[int, int]:
        """Pictures of the larger side to learn from, and held-out pictures of both."""
        (train_a, test_a), (train_b, test_b) = (side.counts for side in self.datasets)
        return max(train_a, train_b), test_a + test_b

    @property
    def fingerprint(self) -> str:
        """SHA-256 of both sets'."""
        return hashlib.sha256("".join(side.fingerprint for side in self.datasets).encode()).hexdigest()

    @property
    def broken(self) -> list[str]:
        """Files that could not be read, each with its domain and the reason."""
        return [f"{name}: {file}" for name, side in zip(self.names, self.datasets, strict=True) for file in side.broken]

    @property
    def enlarged(self) -> int:
        """How many pictures had fewer pixels than asked for."""
        return sum(side.enlarged for side in self.datasets)


def open_domains(
    pair: DomainSources, size: int, channels: int | None, load: int, *, thorough: bool = False
) -> TwoDatasets:
    """Both sets, decoded now unless they were before; a grey side becomes colour beside a coloured one.

    Args:
        pair: where they come from.
        size: side of the pictures that the nets see, and of the held-out ones.
        channels: 1 grey, 3 colour, None as the pictures are.
        load: side of the pictures to learn from, before they are cropped.
        thorough: see `open_dataset`.

    Raises:
        DataError: none of a side's pictures can be read.
        StorageError: the cache has no room for them, or cannot be used.
    """
    sides = [open_dataset(side, size, channels, load, thorough=thorough) for side in pair.sources]
    depth = max(side.shape[0] for side in sides)
    a, b = (
        open_dataset(source, size, depth, load, thorough=thorough) if side.shape[0] < depth else side
        for source, side in zip(pair.sources, sides, strict=True)
    )
    return TwoDatasets(pair.name, pair.spec, pair.names, (a, b))


def resolve_domains(
    data: str,
    names: str | None = None,
    pair: str | None = None,
    limit: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> DomainSources:
    """What ``--data`` means: a set's name, a folder of ``trainA trainB [testA testB]``, or of two folders by name.

    Args:
        data: one of `NAMES`, or the path of a folder.
        names: the two domains as ``a,b``: what to call them, or which two folders to take.
        pair: ``lowres`` builds both sides from one folder of pictures.
        limit: use only the first so many pictures of each side.
        max_megapixels: see `images.reading.decode`.

    Raises:
        UsageError: `names` are not two, or `pair` is unknown.
        DataError: it is none of these, or it cannot be had.
    """
    told = None if names is None else parse_domain_names(names, data)
    if pair is not None:
        return _paired(data, pair, told, limit, max_megapixels)
    if data == PLAIN2STRIPED:
        plain, other = (Striped(domain) for domain in striped.DOMAINS)
        return DomainSources(data, data, told or (plain.domain, other.domain), (plain, other))
    lies = layout.find(set_folder(data), told)
    root = lies.root
    if not lies.paired:
        raise DataError(
            f"{data} is no set of two domains: it has no trainA and trainB.",
            "Name those folders so, or name two of its folders with --domains a,b.",
        )
    train, test = ([one for one in lies.folders if one.split == part] for part in ("train", "test"))
    a, b = (_side(root, learnt, test[learnt.domain] if test else None, limit, max_megapixels) for learnt in train)
    name = data if data in cyclegan_sets.NAMES else name_of(root)
    tree = root, tuple(one.name for one in train), tuple(one.name for one in test)
    return DomainSources(name, _origin(data, root), told or cyclegan_sets.DOMAINS.get(name, ("A", "B")), (a, b), tree)


def parse_domain_names(names: str, data: str = "DATA") -> tuple[str, str]:
    """The two names in ``a,b``.

    Args:
        names: as typed.
        data: the folder that they are in, for the sentence of an error.

    Raises:
        UsageError: they are not two, or could not be folders'.
    """
    told = [name.strip() for name in names.split(",")]
    paths = [PurePath(name) for name in told]
    if len(told) == 2 and all(len(path.parts) > 1 for path in paths):
        within, beside = PurePath(data, paths[0].parent), paths[0].parent == paths[1].parent
        remedy = f"Write --data {quote(str(within))} --domains {','.join(path.name for path in paths)}"
        raise UsageError(
            f"--domains {names!r} are paths, and it takes the names of two folders that lie side by side in --data.",
            remedy if beside else "Put the two side by side, links will do, and name their folder with --data.",
        )
    if len(told) != 2 or not all(told) or told[0] == told[1] or any("/" in name or name[0] == "." for name in told):
        raise UsageError(f"--domains {names!r} does not name two domains.", "Write --domains horse,zebra.")
    return told[0], told[1]


def set_folder(data: str) -> Path:
    """The folder of a set's name, fetched if it is nowhere on this machine, or of a path.

    Raises:
        DataError: there is none, or the set cannot be had.
    """
    if needs_download(data) or (data in cyclegan_sets.NAMES and cyclegan_sets.find(data)):
        return cyclegan_sets.fetch(data)
    return path_of(data, NAMES, "trainA and trainB")


def needs_download(data: str) -> bool:
    """Whether data is the name of a set that is not on this machine, nor a folder here."""
    return data in cyclegan_sets.NAMES and cyclegan_sets.find(data) is None and not Path(data).is_dir()


def _origin(data: str, root: Path) -> str:
    """What finds a folder again, from anywhere: the user's cache is everywhere, GANCTL_DATA may be elsewhere."""
    return data if data in cyclegan_sets.NAMES and root == cyclegan_sets.kept(data) else str(Path.cwd() / root)


def _side(
    root: Path, learnt: layout.Folder, test: layout.Folder | None, limit: int | None, max_megapixels: float
) -> Folder:
    """One domain's pictures; some are held out where there are none to test with."""
    require_pictures(learnt, learnt.path, "Each side needs pictures: ganctl check shows what is there.")
    return of_layout(f"{name_of(root)}-{learnt.path.name}", root, learnt, test, limit, max_megapixels)


def _paired(
    data: str, pair: str, told: tuple[str, str] | None, limit: int | None, max_megapixels: float
) -> DomainSources:
    """Both sides from one folder of pictures."""
    if pair != LOWRES:
        raise UsageError(f"There is no pair {pair!r}.", f"There is: {LOWRES}.")
    if data == PLAIN2STRIPED:
        raise UsageError(f"{data} is a pair already.", "Name a folder of pictures with --data.")
    root = set_folder(data)
    if told and any((root / name).is_dir() for name in told):
        raise UsageError(
            f"--pair {pair} makes both domains from all of {data}.", "Leave out --pair, or name one of its folders."
        )
    original = whole(root, limit, max_megapixels)
    return DomainSources(
        f"{name_of(root)}-{LOWRES}", _origin(data, root), told or (LOWRES, "original"), (Reduced(original), original)
    )
