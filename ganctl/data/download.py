"""Files from the network: several mirrors, a checksum, and partial files that are continued."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests

from ganctl.errors import DataError

pooch.get_logger().setLevel("WARNING")  # failures are told by whoever asked for the file

TIMEOUT = (5.0, 30.0)  # seconds to connect, and between two pieces of an answer
_PIECE = 2**16


def download(mirrors: Sequence[str], target: Path, md5: str) -> Path:
    """Bring a file here, from the first mirror that gives the right one.

    What a broken connection left is kept beside the target and continued, here or from the next mirror.

    Args:
        mirrors: whole addresses of the file, in order of preference.
        target: where it is to be; left alone if it is there with the right checksum.
        md5: its checksum, in hexadecimal.

    Raises:
        DataError: no mirror gave it; each one's reason is named.
    """
    if target.exists() and pooch.file_hash(str(target), alg="md5") == md5:
        return target
    part = target.with_name(target.name + ".part")
    problems = []
    for mirror in mirrors:
        fetch = _Continuing(part)
        try:
            pooch.retrieve(mirror, f"md5:{md5}", target.name, target.parent, downloader=fetch)
            part.unlink(missing_ok=True)
            return target
        except (requests.RequestException, OSError, ValueError) as error:
            if isinstance(error, ValueError) and not isinstance(error, requests.RequestException):
                part.unlink(missing_ok=True)  # whole, but not what the checksum says
            problems.append(f"{urlsplit(mirror).netloc}: {_in_short(error)}")
    raise DataError(
        f"{target.name} could not be downloaded: {'; '.join(problems)}.",
        f"Put it into {target.parent}, or set GANCTL_DATA to the folder that holds your data sets.",
    )


class _Continuing:
    """A downloader for pooch that goes on where the last attempt stopped."""

    def __init__(self, part: Path) -> None:
        self.part = part

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        headers = (
            {"Range": f"bytes={have}-", "Accept-Encoding": "identity"} if have else {"Accept-Encoding": "identity"}
        )
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink()
                raise requests.HTTPError("the partial file does not fit and was dropped")
            answer.raise_for_status()
            going_on = answer.status_code == requests.codes.partial_content
            start = have if going_on else 0
            with self.part.open("ab" if going_on else "wb") as file:
                for piece in answer.iter_content(_PIECE):
                    file.write(piece)
            length = answer.headers.get("Content-Length")
            if length is not None and self.part.stat().st_size != start + int(length):
                raise requests.ConnectionError("the answer ended too early")
        shutil.copyfile(self.part, output_file)


def _in_short(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return "no connection" if not str(error).startswith("the ") else str(error)
    return "wrong content" if isinstance(error, ValueError) else str(error)
