"""Downloads from servers of the tests."""

import hashlib
from pathlib import Path

from ganctl.data.fetch.download import Expected, download
from tests.mirror import CONTENT, Mirror

MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = Expected(f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", len(CONTENT))


def fetch(target: Path, *mirrors: Mirror) -> bytes:
    return fetch_expected(Expected(f"md5:{MD5}"), target, *mirrors)


def fetch_expected(expected: Expected, target: Path, *mirrors: Mirror) -> bytes:
    return download([mirror.address for mirror in mirrors], target, expected).read_bytes()


def partial_file(target: Path) -> Path:
    return target.with_name("file.gz.part")


def strays(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()} - {"file.gz", "file.gz.lock"}
