"""The unpaired sets that came with CycleGAN (Zhu, Park, Isola and Efros 2017), by name.

Sizes and checksums are those that TensorFlow Datasets 4.9.10 compares (``url_checksums/cycle_gan.txt``). They stayed
the same when the sets moved to efrosgans in 2023; the old address answers 404 since (tensorflow/datasets issue 5134).
Domains A and B are in the order of CycleGAN's own scripts: of the paired sets A is the photograph.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ganctl.data.cache.store import compute_once, mark_folder_used, room_for, user_cache
from ganctl.data.fetch import archive
from ganctl.data.fetch.download import Expected, download
from ganctl.data.sources.layout import TRAIN
from ganctl.errors import DataError


class KnownSet(NamedTuple):
    """A set that can be asked for by name.

    Attributes:
        domains: the names of the domains A and B.
        size: bytes of the zip; 0 where there is none to download.
        sha256: of the zip.
    """

    domains: tuple[str, str]
    size: int
    sha256: str


# Name, domains, bytes and SHA-256 of the zip. The licence of Cityscapes forbids to pass it on, so the zip of that name
# holds a readme; the checksum that is published is of the zip before.
_TABLE = """
apple2orange           apple   orange    78456409 845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8
summer2winter_yosemite summer  winter   132640856 167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9
horse2zebra            horse   zebra    116867962 a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1
monet2photo            monet   photo    305231073 88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04
cezanne2photo          cezanne photo    279885071 3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff
ukiyoe2photo           ukiyoe  photo    292946532 02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08
vangogh2photo          vangogh photo    306590349 362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff
maps                   photo   map     1476754427 639534f69dbf9f36bef8d6292a7698006361221f83f0285d7c9ca78afe6e8a9e
cityscapes             photo   label            0 -
facades                photo   label     35135868 9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0
iphone2dslr_flower     iphone  dslr     339964458 8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113
"""
SETS: Mapping[str, KnownSet] = {
    name: KnownSet((a, b), int(size), sha256)
    for name, a, b, size, sha256 in map(str.split, _TABLE.strip().splitlines())
}
NAMES = tuple(SETS)
DOWNLOADABLE = tuple(name for name, entry in SETS.items() if entry.size)
DOMAINS: Mapping[str, tuple[str, str]] = {name: entry.domains for name, entry in SETS.items()}
MIRRORS = (
    "https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/",
    "http://efrosgans.eecs.berkeley.edu/cyclegan/datasets/",
    "https://people.eecs.berkeley.edu/~taesung_park/CycleGAN/datasets/",
)


def find(name: str) -> Path | None:
    """Find a set on this machine: under ``GANCTL_DATA``, else in the user's cache; None where it is not."""
    user_data = os.environ.get("GANCTL_DATA")
    folders = [Path(user_data, name), Path(user_data, name, name)] if user_data else []  # as some zips unpack
    return next(
        (folder for folder in (*folders, cached(name)) if all((folder / half).is_dir() for half in TRAIN)), None
    )


def fetch(name: str) -> Path:
    """Return the folder of a set, with trainA, trainB, testA and testB in it; download and unpack it where needed.

    Args:
        name: one of `NAMES`.

    Raises:
        DataError: it cannot be had, with what to do by hand.
        StorageError: there is no room for it, or the cache cannot be used.
    """
    if name == "cityscapes" and find(name) is None:
        raise DataError(
            "The licence of cityscapes allows nobody to pass it on.",
            "Get gtFine_trainvaltest.zip and leftImg8bit_trainvaltest.zip from https://www.cityscapes-dataset.com, run "
            f"CycleGAN's prepare_cityscapes_dataset.py on them, and put what it makes into {cached(name)}.",
        )
    target = cached(name)
    with room_for(f"the pictures of {name}"):
        return compute_once(
            target, load=lambda: _find_and_mark_used(name), make=lambda: _download_and_extract(name, target)
        )


def _find_and_mark_used(name: str) -> Path | None:
    """Return what `find` gives, marked as used if it is in the cache."""
    if find(name) == (target := cached(name)):
        mark_folder_used(target)  # and is found again below, if nobody was removing it
        target.with_name(f"{name}.zip").unlink(missing_ok=True)  # left behind by a kill between extraction and removal
    return find(name)


def cached(name: str) -> Path:
    """Return the folder of a set in the user's cache, whether or not it is there yet."""
    return user_cache() / "downloads" / name


def _download_and_extract(name: str, target: Path) -> Path:
    """Download a set and unpack it. The caller holds the lock."""
    if target.exists():
        raise DataError(f"{target} lacks trainA or trainB.", "Complete it, or remove it and try again.")
    packed = target.with_name(f"{name}.zip")
    entry = SETS[name]
    expected = Expected(f"sha256:{entry.sha256}", entry.size)
    download([mirror + packed.name for mirror in MIRRORS], packed, expected)
    with room_for(f"the pictures of {name}", entry.size):
        archive.extract(packed, target)
    packed.unlink()
    mark_folder_used(target)
    return target
