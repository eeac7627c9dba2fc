"""Find the image files below a folder, and report what else is there."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ganctl.images.formats import (
    READABLE_SUFFIXES,
    has_image_signature,
    is_image,
    unsupported_reason,
    unsupported_suffix_reason,
)

# Where servers, phones and desktops keep thumbnails of the images beside them, or those that were thrown away.
_THUMBNAIL_FOLDERS = {
    "@eadir", "@__thumb", ".@__thumb", ".thumb", ".thumbs", ".thumbnail", ".thumbnails", ".picasaoriginals", "__macosx",
    ".trash", ".trashes", "#recycle", "@recycle", "$recycle.bin", "@recently-snapshot", ".@upload_cache", "#snapshot",
}  # fmt: skip

NO_SUFFIX_REASON = "a picture whose name has no picture's ending"


@dataclass(frozen=True)
class FolderScan:
    """What is below a folder, each folder's files before its subfolders, both sorted by name, without hidden files.

    Attributes:
        files: those with an image format's suffix that may be readable: see `unusable_reason`.
        unreadable: other files with such a suffix, and folders that cannot be opened, each with the reason.
        thumbnail_folders: folders of a server's thumbnails and the like, which are not scanned.
        without_suffix: files that are images by their content, without an image format's suffix.
        other_files: all other files.
    """

    files: tuple[Path, ...]
    unreadable: tuple[tuple[Path, str], ...]
    thumbnail_folders: tuple[Path, ...]
    without_suffix: tuple[Path, ...]
    other_files: tuple[Path, ...]


def scan_folder(root: Path, exclude: Path | None = None) -> FolderScan:
    """Scan a folder. Links to folders are followed, and each real folder is scanned once, so that no cycle is endless.

    Args:
        root: the folder; it is scanned even if it is hidden or a folder of thumbnails.
        exclude: a folder that is not scanned.
    """
    real_root = Path(os.path.realpath(root))
    visited = {*map(str, real_root.parents), *([] if exclude is None else [os.path.realpath(exclude)])}
    visited -= {str(real_root)}
    files: list[Path] = []
    unnamed: list[Path] = []
    other_files: list[Path] = []
    unreadable: list[tuple[Path, str]] = []
    thumbnails: list[Path] = []
    folders, links = [root], list[Path]()
    while folders or links:
        folder = folders.pop() if folders else links.pop()  # links last: a folder goes by its own name if it has one
        if (real_folder := os.path.realpath(folder)) in visited:
            continue
        visited.add(real_folder)
        try:
            with os.scandir(folder) as entries:
                children = sorted((folder / entry.name, _is_folder(entry), entry.is_symlink()) for entry in entries)
        except OSError as error:
            unreadable.append((folder, error.strerror or str(error)))
            continue
        for path, is_folder, is_link in reversed(children):  # the first folder is pushed last, to be popped first
            if is_folder and path.name.casefold() in _THUMBNAIL_FOLDERS:
                thumbnails.append(path)
            elif is_folder and not path.name.startswith("."):
                (links if is_link else folders).append(path)
        for path in (path for path, is_folder, _ in children if not is_folder and not path.name.startswith(".")):
            if not (path.suffix.lower() in READABLE_SUFFIXES or unsupported_suffix_reason(path)):
                (unnamed if unusable_reason(path) is None and has_image_signature(path) else other_files).append(path)
            elif reason := unusable_reason(path):
                unreadable.append((path, reason))
            else:
                files.append(path)
    return FolderScan(tuple(files), tuple(unreadable), tuple(thumbnails), tuple(unnamed), tuple(other_files))


def unusable_reason(path: Path) -> str | None:
    """Why a file cannot be read as an image; None where only decoding will tell.

    The content decides, not the name. Devices and pipes are refused, because reading a pipe might never end.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "it is a device or a pipe"
        if unsupported_suffix_reason(path) and not is_image(path):
            return unsupported_reason(path)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return "it is a link to nothing" if path.is_symlink() else "there is no such file"
        return error.strerror or str(error)
    return None


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
