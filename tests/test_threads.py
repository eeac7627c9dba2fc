"""CPU threads: chosen before torch is loaded, never against the user, never more than a quota pays for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ganctl import device, threads
from ganctl.runs.run import Run
from tests.commands import ganctl, train


def cgroup(group: Path, **files: str) -> None:
    """A control group with files in it."""
    group.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (group / name.replace("__", ".", 1)).write_text(f"{text}\n")


def limit(membership: str) -> float | None:
    """The quota of a process in these groups below ``cgroups``."""
    Path("membership").write_text(membership)
    return threads.quota(Path("cgroups"), Path("membership"))


def test_a_quota_of_version_2_is_read_in_its_group_and_those_around_it() -> None:
    cgroup(Path("cgroups/user/me"), cpu__max="150000 100000")
    assert limit("0::/user/me\n") == 1.5
    cgroup(Path("cgroups/user"), cpu__max="max 100000")
    assert limit("0::/user/me\n") == 1.5
    cgroup(Path("cgroups/user"), cpu__max="50000 100000")
    assert limit("0::/user/me\n") == 0.5
    assert limit("0::/\n") is None


def test_a_container_sees_its_quota_at_the_root() -> None:
    cgroup(Path("cgroups"), cpu__max="200000 100000")
    assert limit("0::/\n") == 2.0
    assert limit("0::/docker/0123\n") == 2.0


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_a_quota_of_version_1_is_read(mount: str) -> None:
    cgroup(Path("cgroups", mount, "docker/0123"), cpu__cfs_quota_us="300000", cpu__cfs_period_us="100000")
    told = "9:memory:/docker/0123\n4:cpu,cpuacct:/docker/0123\n1:name=systemd:/docker/0123\n0::/\n"
    assert limit(told) == 3.0
    cgroup(Path("cgroups", mount, "docker"), cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert limit(told) == 3.0
    cgroup(Path("cgroups", mount, "docker/0123"), cpu__cfs_quota_us="-1")
    assert limit(told) is None


def test_another_controller_or_a_machine_without_groups_sets_no_quota() -> None:
    cgroup(Path("cgroups/cpuset/a"), cpu__cfs_quota_us="100000", cpu__cfs_period_us="100000")
    assert limit("3:cpuset:/a\n") is None
    assert limit("nonsense") is None
    assert threads.quota(Path("nowhere"), Path("nowhere")) is None


@pytest.mark.parametrize(("quota", "count"), [(None, 8), (64.0, 8), (3.9, 3), (1.0, 1), (0.2, 1)])
def test_no_more_threads_than_the_quota_pays_for(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, count: int
) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 8)
    monkeypatch.setattr(threads, "quota", lambda: quota)
    assert threads.usable() == count
    chosen: dict[str, str] = {}
    threads.choose(chosen)
    assert chosen == {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "1"} | (
        {} if count == 8 else {"OMP_NUM_THREADS": str(count)}
    )


@pytest.mark.parametrize(
    "own",
    [
        {"GOMP_SPINCOUNT": "0"},
        {"OMP_WAIT_POLICY": "active"},
        {"KMP_BLOCKTIME": "infinite"},
        {"KMP_LIBRARY": "turnaround"},
        {"OMP_NUM_THREADS": "7"},
        {"MKL_NUM_THREADS": "7"},
    ],
    ids=lambda own: next(iter(own)),
)
def test_what_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch, own: dict[str, str]) -> None:
    monkeypatch.setattr(threads, "usable", lambda: 1)
    monkeypatch.setattr(threads, "cores", lambda: 8)
    chosen = dict(own)
    threads.choose(chosen)
    assert chosen.items() >= own.items()
    kinds = (
        {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME", "KMP_LIBRARY"},
        {"OMP_NUM_THREADS", "MKL_NUM_THREADS"},
    )
    for kind in kinds:
        assert set(own) & kind == set() or set(chosen) & kind == set(own)
    assert len(chosen) > 1


SEEN = """
import os, sys, types
sys.modules["ganctl.inference.loading"] = types.SimpleNamespace(load=None)  # what would bring torch
sys.argv = ["ganctl", "--version"]
{first}
try:
    {then}
except SystemExit:
    pass
print(os.environ.get("GOMP_SPINCOUNT"))
"""


@pytest.mark.parametrize(
    ("first", "then", "seen"),
    [
        ("", "from ganctl.__main__ import main; main()", "1000"),
        ("", "import ganctl; ganctl.load", "1000"),
        ("", "import ganctl", "None"),
        ('sys.modules["torch"] = None', "import ganctl; ganctl.load", "None"),
    ],
    ids=["the command line", "a library", "a library that is not used", "a library beside torch"],
)
def test_the_choice_is_made_before_torch_is_loaded_or_not_at_all(first: str, then: str, seen: str) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("GOMP", "KMP", "OMP"))}
    command = [sys.executable, "-c", SEEN.format(first=first, then=then)]
    told = subprocess.run(command, env=plain, capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.splitlines()[-1] == seen


def test_a_new_training_takes_no_more_threads_than_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(device, "usable", lambda: 3)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert device.default_threads() == 8
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert device.default_threads() == 3


def test_a_resume_keeps_its_threads_unless_the_quota_is_smaller_and_says_so(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(photos, "--run", "x", "--epochs", 1).code == 0
    run = Run(Path("runs/x"))
    run.write_record({**run.record(), "threads": 2})
    seen: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    monkeypatch.setattr(threads, "cores", lambda: 1)  # fewer cores alone change no bits
    for quota, used in ((None, 2), (64.0, 2), (1.5, 1)):
        seen.clear()
        monkeypatch.setattr(threads, "quota", lambda quota=quota: quota)
        told = ganctl("resume", "x")
        assert (told.code, seen[0]) == (0, used)
        assert ("its last bits may differ" in "\n".join(told.err)) == (used == 1)
        assert json.loads((run.path / "run.json").read_text())["threads"] == 2
