"""Files from the network: several mirrors, a checksum, and partial files that are continued."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests
from filelock import FileLock
from requests.exceptions import ChunkedEncodingError
from urllib3.exceptions import HTTPError as BrokenAnswer
from urllib3.exceptions import ReadTimeoutError

from ganctl.errors import DataError

TIMEOUT = (5.0, 30.0)  # seconds to connect, and between two pieces of an answer
_PIECE = 2**16


def download(mirrors: Sequence[str], target: Path, md5: str) -> Path:
    """Bring a file here, from the first mirror that gives the right one.

    What a broken connection left is kept beside the target and continued, by the next mirror or the next call.

    Args:
        mirrors: whole addresses of the file, in order of preference.
        target: where it is to be; left alone if it is there with the right checksum.
        md5: its checksum, in hexadecimal.

    Raises:
        DataError: no mirror gave it; each one's reason is named.
        OSError: the disk refuses.
    """
    if _is_right(target, md5):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(target.name + ".lock")), _silent_pooch():
        problems = []
        for mirror in mirrors:
            problem = _fetch(mirror, target, md5)
            if problem is None:
                return target
            problems.append(f"{urlsplit(mirror).netloc}: {problem}")
    raise DataError(
        f"{target.name} could not be downloaded: {'; '.join(problems)}.",
        f"Put it into {target.parent}, or set GANCTL_DATA to the folder that holds your data sets.",
    )


def _is_right(path: Path, md5: str) -> bool:
    return path.exists() and pooch.file_hash(str(path), alg="md5") == md5


def _fetch(mirror: str, target: Path, md5: str) -> str | None:
    """Try one mirror; what was wrong, in a few words, or None."""
    part = target.with_name(target.name + ".part")
    while True:
        continued = part.exists()
        try:
            pooch.retrieve(mirror, f"md5:{md5}", target.name, target.parent, downloader=_Continuing(part))
        except requests.RequestException as error:
            return _in_short(error)
        except ValueError:  # whole, but not what the checksum says
            part.unlink(missing_ok=True)
            if continued:  # perhaps it is the old part that was wrong
                continue
            return "wrong content"
        part.unlink(missing_ok=True)
        return None


class _Continuing:
    """A downloader for pooch that goes on where the last attempt stopped."""

    def __init__(self, part: Path) -> None:
        self.part = part

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code != requests.codes.requested_range_not_satisfiable or not have:
                answer.raise_for_status()
                self._keep(answer)
        shutil.copyfile(self.part, output_file)  # the checksum tells whether a part that has no rest is the whole

    def _keep(self, answer: requests.Response) -> None:
        """Write the bytes as they come: a server that calls a .gz encoded must not have it unpacked."""
        going_on = answer.status_code == requests.codes.partial_content
        with self.part.open("ab" if going_on else "wb") as file:
            start = file.tell()
            try:
                for piece in answer.raw.stream(_PIECE, decode_content=False):
                    file.write(piece)
            except ReadTimeoutError as error:
                raise requests.ReadTimeout from error
            except BrokenAnswer as error:
                raise ChunkedEncodingError from error
            length = answer.headers.get("Content-Length")
            if length is not None and file.tell() != start + int(length):
                raise ChunkedEncodingError


@contextmanager
def _silent_pooch() -> Iterator[None]:
    """What it does is told by whoever asked for the file."""
    log = pooch.get_logger()
    before, log.disabled = log.disabled, True  # setLevel would linger: the log caches what it is enabled for
    try:
        yield
    finally:
        log.disabled = before


def _in_short(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "the connection broke" if isinstance(error, ChunkedEncodingError) else "no connection"
