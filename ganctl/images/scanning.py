"""The pictures below a folder, and what else lies there."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ganctl.images.formats import FORMATS, has_signature, is_picture, unsupported, unsupported_by_name

# Where servers, phones and desktops keep small thumbnails of the pictures beside them, or those that were thrown away.
_THUMBNAILS = {
    "@eadir", "@__thumb", ".@__thumb", ".thumb", ".thumbs", ".thumbnail", ".thumbnails", ".picasaoriginals", "__macosx",
    ".trash", ".trashes", "#recycle", "@recycle", "$recycle.bin", "@recently-snapshot", ".@upload_cache", "#snapshot",
}  # fmt: skip

UNNAMED = "a picture whose name has no picture's ending"


@dataclass(frozen=True)
class Scan:
    """What lies below a folder, each folder's files before its folders, both by name. Hidden files are left out.

    Attributes:
        files: those whose names have the ending of a picture format, and that may be read: see `unusable`.
        unreadable: the other files with such an ending, and folders that cannot be opened, each with the reason.
        thumbnails: folders of a server's thumbnails and the like, which are not looked into.
        unnamed: pictures by what they hold, whose names have no picture's ending.
        others: all other files.
    """

    files: tuple[Path, ...]
    unreadable: tuple[tuple[Path, str], ...]
    thumbnails: tuple[Path, ...]
    unnamed: tuple[Path, ...]
    others: tuple[Path, ...]


def scan(root: Path, exclude: Path | None = None) -> Scan:
    """What lies below a folder. Linked folders count, each real folder once, so that no link leads in circles.

    Args:
        root: the folder; hidden or not, and one of thumbnails too, where it is asked for by its name.
        exclude: a folder that is not looked into.
    """
    real = Path(os.path.realpath(root))
    seen = {*map(str, real.parents), *([] if exclude is None else [os.path.realpath(exclude)])} - {str(real)}
    files: list[Path] = []
    unnamed: list[Path] = []
    others: list[Path] = []
    unreadable: list[tuple[Path, str]] = []
    thumbnails: list[Path] = []
    folders, links = [root], list[Path]()
    while folders or links:
        folder = folders.pop() if folders else links.pop()  # a folder is known by its own name rather than a link's
        if (place := os.path.realpath(folder)) in seen:
            continue
        seen.add(place)
        try:
            with os.scandir(folder) as entries:
                inside = sorted((folder / entry.name, _is_folder(entry), entry.is_symlink()) for entry in entries)
        except OSError as error:
            unreadable.append((folder, error.strerror or str(error)))
            continue
        for path, is_folder, is_link in reversed(inside):  # of what is pushed, the first is to be popped first
            if is_folder and path.name.casefold() in _THUMBNAILS:
                thumbnails.append(path)
            elif is_folder and not path.name.startswith("."):
                (links if is_link else folders).append(path)
        for path in (path for path, is_folder, _ in inside if not is_folder and not path.name.startswith(".")):
            if not (path.suffix.lower() in FORMATS or unsupported_by_name(path)):
                (unnamed if unusable(path) is None and has_signature(path) else others).append(path)
            elif reason := unusable(path):
                unreadable.append((path, reason))
            else:
                files.append(path)
    return Scan(tuple(files), tuple(unreadable), tuple(thumbnails), tuple(unnamed), tuple(others))


def unusable(path: Path) -> str | None:
    """Why nobody reads a file as a picture, be it named or found in a folder; None where only decoding will tell.

    What a file holds decides, and not what it is called. A pipe would keep its reader waiting for ever.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "it is a device or a pipe"
        if unsupported_by_name(path) and not is_picture(path):
            return unsupported(path)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return "it is a link to nothing" if path.is_symlink() else "there is no such file"
        return error.strerror or str(error)
    return None


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False
