"""Downloads files: several mirrors, a checksum, and partial files that are continued."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
from requests.exceptions import ChunkedEncodingError
from urllib3.exceptions import HTTPError as BrokenAnswer
from urllib3.exceptions import ReadTimeoutError

from ganctl import tasks
from ganctl.data.cache.store import compute_once, room_for
from ganctl.data.fetch import archive
from ganctl.errors import DataError
from ganctl.files import move_into_place

TIMEOUT_SECONDS = (5.0, 30.0)  # to connect, and between two chunks of an answer
_CHUNK_BYTES = 2**16
_GRACE_SECONDS = 30.0  # after which a mirror has to reach the least speed
_MIN_BYTES_PER_SECOND = 2000.0


class Expected(NamedTuple):
    """What is known of a file before it is downloaded.

    Attributes:
        checksum: ``sha256:`` or ``md5:`` and the digest in hexadecimal; None where nobody published one, and then
            the file has to be a zip whose own CRCs hold.
        size: bytes; None where it is not known, and then the length that the server declares has to be right.
    """

    checksum: str | None
    size: int | None = None

    def fits(self, path: Path) -> bool:
        """Whether a file exists and is this one."""
        if not path.exists() or self.size not in (None, path.stat().st_size):
            return False
        if self.checksum is None:
            return archive.is_sound(path)
        algorithm, _, digest = self.checksum.partition(":")
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest() == digest


def download(mirrors: Sequence[str], target: Path, expected: Expected) -> Path:
    """Download a file from the first mirror that has the right one, and return its path.

    What a broken connection left is kept beside the target and continued, by the next mirror or the next call.

    Args:
        mirrors: addresses of the file, in order of preference.
        target: the path to write; left alone if the right file is there already.
        expected: what the right file is known by.

    Raises:
        DataError: no mirror gave it; each one's reason is named.
        StorageError: there is no room for it, or the cache cannot be used.
    """
    with room_for(target.name):
        return compute_once(
            target,
            load=lambda: target if expected.fits(target) else None,
            make=lambda: _try_mirrors(mirrors, target, expected),
            display=tasks.task(f"Downloading {target.name}", "bytes", expected.size),
        )


def _try_mirrors(mirrors: Sequence[str], target: Path, expected: Expected) -> Path:
    """Try one mirror after the other. The caller holds the lock."""
    partial = _partial_file(target)
    missing = None if expected.size is None else expected.size - (partial.stat().st_size if partial.exists() else 0)
    problems = []
    with room_for(target.name, missing):
        for number, mirror in enumerate(mirrors):
            problem = _try_mirror(mirror, target, expected, last=number == len(mirrors) - 1)
            if problem is None:
                return target
            problems.append(f"{urlsplit(mirror).netloc}: {problem}")
    raise DataError(
        f"{target.name} could not be downloaded: {'; '.join(problems)}.",
        f"Put it into {target.parent}, or set GANCTL_DATA to the folder that holds your data sets.",
    )


def _partial_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _try_mirror(mirror: str, target: Path, expected: Expected, last: bool) -> str | None:
    """Try one mirror; return what was wrong, in a few words, or None. Only the last one may be as slow as it likes."""
    partial = _partial_file(target)
    while True:
        continued = partial.exists()
        try:
            _continue(mirror, partial, expected.size, 0.0 if last else _MIN_BYTES_PER_SECOND)
        except requests.RequestException as error:
            return _reason(error)
        except _WrongSizeError:
            return "wrong size"
        if expected.fits(partial):  # which also tells whether a partial file that lacks nothing is the right one
            move_into_place(partial, target)
            return None
        partial.unlink(missing_ok=True)
        if not continued:  # else it is perhaps the old bytes that were wrong
            return "wrong content"


class _WrongSizeError(Exception):
    """The mirror has a file of another length."""


def _continue(mirror: str, partial: Path, size: int | None, min_bytes_per_second: float) -> None:
    """Request what a partial file lacks, and append it."""
    start = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(mirror, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        if answer.status_code != requests.codes.requested_range_not_satisfiable or not start:
            answer.raise_for_status()
            _save(answer, partial, size, min_bytes_per_second)


def _save(answer: requests.Response, partial: Path, size: int | None, min_bytes_per_second: float) -> None:
    """Write the bytes as they come: a .gz stays packed even if the server declares it as an encoding."""
    continued = answer.status_code == requests.codes.partial_content
    start = partial.stat().st_size if continued else 0
    length = answer.headers.get("Content-Length", "")
    end = start + int(length) if length.isdecimal() else None
    if size is not None and end not in (None, size):
        raise _WrongSizeError  # before a gigabyte of something else is downloaded
    began = time.monotonic()
    with partial.open("ab" if continued else "wb") as file:
        try:
            while chunk := answer.raw.read1(_CHUNK_BYTES, decode_content=False):  # what has come, be it a single byte
                file.write(chunk)
                tasks.reach(file.tell())
                if size is not None and file.tell() > size:
                    break
                seconds = time.monotonic() - began
                if seconds > _GRACE_SECONDS and file.tell() - start < min_bytes_per_second * seconds:
                    raise requests.Timeout
        except ReadTimeoutError as error:
            raise requests.ReadTimeout from error
        except BrokenAnswer as error:
            raise ChunkedEncodingError from error
        if end not in (None, file.tell()):
            raise ChunkedEncodingError


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "the connection broke" if isinstance(error, ChunkedEncodingError) else "no connection"
