"""Nothing that stands in a run can act in its page, and the page asks no network for anything."""

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from ganctl import report
from ganctl.settings import Settings
from tests.handmade_runs import at, log, rich, sheet, written
from tests.report.pages import write_page

PACKAGE = Path(report.__file__).parent

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>'\"{{ 7 * 7 }}<!--"


def test_no_name_in_a_run_becomes_markup() -> None:
    line = {"step": 50, "epoch": 1, "loss/generator": 1.0, f"metric/{HOSTILE}": 1.0}
    event = at(0, "verdict", code=HOSTILE, severity=HOSTILE, state="raised", step=1, message=HOSTILE, remedy=HOSTILE)
    events = [event, at(0, HOSTILE), at(1, "warning", message=HOSTILE)]
    data = {"name": HOSTILE, "fingerprint": HOSTILE, "train": 3200, "held_out": 1, "broken": 0}
    settings = Settings("dcgan", {"arch": HOSTILE}, data=HOSTILE, preset=HOSTILE, size=28, channels=1, device=HOSTILE)
    changes: dict[str, Any] = {"data": data, "command": HOSTILE, "settings": settings.to_json()}
    run = written(Path("runs") / HOSTILE.replace("/", "∕"), [line], events, {0: sheet(0, 50)}, **changes)
    page = write_page(run)
    assert len(page.all("script")) == len(write_page(written(Path("runs/plain"), [line])).all("script"))
    assert all((image["src"] or "").startswith("data:") for image in page.all("img"))
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.words.count(HOSTILE) >= 6
    assert [series["name"] for series in json.loads(page.scripts[0])[-1]["series"]] == [HOSTILE]


def test_the_page_loads_nothing_and_runs_only_its_own_scripts() -> None:
    page = write_page(rich(Path("runs/digits"), epochs=2))
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert policy.count("'sha256-") == 4
    attributes = [pair for _, own in page.elements for pair in own.items()]
    addresses = [value for name, value in attributes if name in ("src", "href")]
    assert addresses
    assert all(str(address).startswith(("data:", "#")) for address in addresses)
    assert "style" not in dict(attributes)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")
def test_a_run_whose_path_is_no_unicode_has_a_page() -> None:
    run = written(Path(os.fsdecode(b"runs/caf\xe9")), log(1), settings=Settings("dcgan", {}, data="\udce9").to_json())
    assert r"caf\udce9" in write_page(run).words


def test_the_chart_library_is_the_one_that_its_note_describes() -> None:
    note = (PACKAGE / "uplot" / "README.md").read_text()
    sums = dict(reversed(line.split()) for line in re.findall(r"^[0-9a-f]{64}  \S+$", note, re.M))
    assert set(sums) == {path.name for path in (PACKAGE / "uplot").iterdir()} - {"README.md"}
    for name, digest in sums.items():
        assert hashlib.sha256((PACKAGE / "uplot" / name).read_bytes()).hexdigest() == digest
