"""Decoded sets that were changed behind our back, and those that were only copied."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ganctl.data.cache.dataset import Dataset, open_dataset
from tests.commands import ganctl, train
from tests.data.folders import decoded, opened

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("position", [0, 12_345, 50_000, -1])
def test_a_set_whose_bytes_were_changed_is_decoded_anew(colours: Path, own_cache: Path, position: int) -> None:
    before = opened(colours, 32)
    images, fingerprint = np.array(before.train), before.fingerprint
    stored = np.memmap(decoded(own_cache) / "train", np.uint8, "r+")
    stored[position] ^= 1
    stored.flush()
    after = opened(colours, 32)
    assert np.array_equal(after.train, images)
    assert after.fingerprint == fingerprint


def test_a_change_that_left_no_trace_is_found_where_all_is_compared(colours: Path, own_cache: Path) -> None:
    images = np.array(opened(colours, 128).train)
    path = decoded(own_cache) / "train"
    content, then = bytearray(path.read_bytes()), path.stat().st_mtime_ns
    gap = next(at for at in range(len(content)) if not _is_sampled(at, len(content)))
    content[gap] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(then, then))
    assert not np.array_equal(opened(colours, 128).train, images), "comparing samples is not reading all of it"
    assert np.array_equal(opened(colours, 128, thorough=True).train, images)


def _is_sampled(at: int, length: int) -> bool:
    starts = np.linspace(0, length - 4096, 64).astype(int)
    return bool(((starts <= at) & (at < starts + 4096)).any())


def test_resume_compares_all_of_it_and_a_start_samples(colours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    thoroughness = []

    def spied(*arguments: object, thorough: bool = False, **keywords: object) -> Dataset:
        thoroughness.append(thorough)
        return open_dataset(*arguments, thorough=thorough, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr("ganctl.gans.dataset.open_dataset", spied)
    assert train(colours, "--run", "a", "--epochs", 1).code == 0
    assert ganctl("resume", "a", "--more", 1).code == 0
    assert thoroughness == [False, True]


@pytest.mark.parametrize("damage", [lambda meta: meta.pop("fingerprint"), lambda meta: meta.pop("shapes")])
def test_metadata_that_lacks_something_is_written_anew(
    colours: Path, own_cache: Path, damage: Callable[[dict[str, object]], object]
) -> None:
    fingerprint = opened(colours, 32).fingerprint
    path = decoded(own_cache) / "meta.json"
    meta = json.loads(path.read_text())
    damage(meta)
    for content in (json.dumps(meta), "[]", "null", "[" * 100_000, '{"shapes": {"train": "abc"}}'):
        path.write_text(content)
        assert opened(colours, 32).fingerprint == fingerprint


def test_a_copy_of_the_cache_is_as_good(
    colours: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = opened(colours, 32).fingerprint
    shutil.copytree(own_cache, tmp_path / "copy", copy_function=shutil.copyfile)
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "copy"))
    monkeypatch.setattr("ganctl.data.cache.dataset.decode", lambda *_: pytest.fail("it was decoded"))
    assert opened(colours, 32).fingerprint == fingerprint
