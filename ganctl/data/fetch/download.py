"""Files from the network: several mirrors, a checksum, and partial files that are continued."""

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

from ganctl import progress
from ganctl.data.cache.store import compute_once, room_for
from ganctl.data.fetch import archive
from ganctl.errors import DataError
from ganctl.files import move_into_place

TIMEOUT = (5.0, 30.0)  # seconds to connect, and between two pieces of an answer
_PIECE = 2**16
_GRACE, _SLOWEST = 30.0, 2000.0  # after so many seconds a mirror has to give so many bytes a second


class Expected(NamedTuple):
    """What is known of a file before it is here.

    Attributes:
        checksum: ``sha256:`` or ``md5:`` and the digest in hexadecimal; None where nobody published one, and then
            the file has to be a zip whose own CRCs hold.
        size: bytes; None where it is not known, and then what the server says of its answer's length has to hold.
    """

    checksum: str | None
    size: int | None = None

    def fits(self, path: Path) -> bool:
        """Whether a file is there and is this one."""
        if not path.exists() or self.size not in (None, path.stat().st_size):
            return False
        if self.checksum is None:
            return archive.is_sound(path)
        algorithm, _, digest = self.checksum.partition(":")
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest() == digest


def download(mirrors: Sequence[str], target: Path, expected: Expected) -> Path:
    """Bring a file here, from the first mirror that gives the right one.

    What a broken connection left is kept beside the target and continued, by the next mirror or the next call.

    Args:
        mirrors: whole addresses of the file, in order of preference.
        target: where it is to be; left alone if it is there and right.
        expected: what makes it the right one.

    Raises:
        DataError: no mirror gave it; each one's reason is named.
        StorageError: there is no room for it, or the cache cannot be used.
    """
    with room_for(target.name):
        return compute_once(
            target,
            load=lambda: target if expected.fits(target) else None,
            make=lambda: _downloaded(mirrors, target, expected),
            display=progress.task(f"Downloading {target.name}", "bytes", expected.size),
        )


def _downloaded(mirrors: Sequence[str], target: Path, expected: Expected) -> Path:
    """Ask one mirror after the other. The caller holds the lock."""
    part = target.with_name(f"{target.name}.part")
    missing = None if expected.size is None else expected.size - (part.stat().st_size if part.exists() else 0)
    problems = []
    with room_for(target.name, missing):
        for number, mirror in enumerate(mirrors):
            problem = _fetch(mirror, target, expected, last=number == len(mirrors) - 1)
            if problem is None:
                return target
            problems.append(f"{urlsplit(mirror).netloc}: {problem}")
    raise DataError(
        f"{target.name} could not be downloaded: {'; '.join(problems)}.",
        f"Put it into {target.parent}, or set GANCTL_DATA to the folder that holds your data sets.",
    )


def _fetch(mirror: str, target: Path, expected: Expected, last: bool) -> str | None:
    """Try one mirror; what was wrong, in a few words, or None. Only the last one may be as slow as it likes."""
    part = target.with_name(target.name + ".part")
    while True:
        continued = part.exists()
        try:
            _go_on(mirror, part, expected.size, 0.0 if last else _SLOWEST)
        except requests.RequestException as error:
            return _in_short(error)
        except _WrongSizeError:
            return "wrong size"
        if expected.fits(part):  # which also tells whether a part that has no rest is the whole
            move_into_place(part, target)
            return None
        part.unlink(missing_ok=True)
        if not continued:  # else it is perhaps the old part that was wrong
            return "wrong content"


class _WrongSizeError(Exception):
    """The mirror has a file of another length."""


def _go_on(mirror: str, part: Path, size: int | None, slowest: float) -> None:
    """Ask for what a partial file lacks, and add it."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(mirror, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code != requests.codes.requested_range_not_satisfiable or not have:
            answer.raise_for_status()
            _keep(answer, part, size, slowest)


def _keep(answer: requests.Response, part: Path, size: int | None, slowest: float) -> None:
    """Write the bytes as they come: a server that calls a .gz encoded must not have it unpacked."""
    going_on = answer.status_code == requests.codes.partial_content
    start = part.stat().st_size if going_on else 0
    said = answer.headers.get("Content-Length", "")
    end = start + int(said) if said.isdecimal() else None
    if size is not None and end not in (None, size):
        raise _WrongSizeError  # before a gigabyte of something else is here
    began = time.monotonic()
    with part.open("ab" if going_on else "wb") as file:
        try:
            while piece := answer.raw.read1(_PIECE, decode_content=False):  # what has come, be it a single byte
                file.write(piece)
                progress.reach(file.tell())
                if size is not None and file.tell() > size:
                    break
                if (seconds := time.monotonic() - began) > _GRACE and file.tell() - start < slowest * seconds:
                    raise requests.Timeout
        except ReadTimeoutError as error:
            raise requests.ReadTimeout from error
        except BrokenAnswer as error:
            raise ChunkedEncodingError from error
        if end not in (None, file.tell()):
            raise ChunkedEncodingError


def _in_short(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "the connection broke" if isinstance(error, ChunkedEncodingError) else "no connection"
