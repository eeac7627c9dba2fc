"""The report: what stands in the page of a run, whatever state the run is in. What it does is in test_report_page."""

import base64
import hashlib
import io
import json
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganctl import report
from ganctl.images import grids
from ganctl.images.grids import to_uint8
from ganctl.report import charts, settings_table, summary
from ganctl.report import images as album
from ganctl.runs import events as diary
from ganctl.runs.run import Run
from ganctl.settings import Settings
from tests.commands import failed, ganctl
from tests.handmade_runs import ALIKE, STEPS, WINS, at, log, rich, sheet, translating, written

PACKAGE = Path(report.__file__).parent


class Page(HTMLParser):
    """What a browser would see in a page: its elements, its text, and its data."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.scripts = "", list[str]()
        self.inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside != "style":
            self.text += f" {data}"

    @property
    def words(self) -> str:
        """The text with single spaces."""
        return " ".join(self.text.split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every such element."""
        return [attributes for name, attributes in self.elements if name == tag]


def reported(run: Run) -> Page:
    report.write(run, run.report)
    return Page(run.report)


def picture(address: str | None) -> Image.Image:
    assert address is not None
    return Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/webp;base64,"))))


# The command


def test_the_page_lies_in_the_run_unless_told_otherwise_and_its_path_is_printed() -> None:
    run = rich(Path("runs/digits"), epochs=2)
    outcome = ganctl("report", "digits")
    assert (outcome.code, outcome.out) == (0, ["runs/digits/report.html"])
    assert run.report.stat().st_size > 50_000
    assert ganctl("report", "digits", "-o", "new/a.html").out == ["new/a.html"]
    assert Path("new/a.html").read_bytes() == run.report.read_bytes()


def test_what_is_no_run_and_what_cannot_be_written_are_told_apart() -> None:
    run = written(Path("runs/x"))
    assert "nosuch" in failed(ganctl("report", "nosuch"), 3)
    assert "is a folder" in failed(ganctl("report", "x", "-o", "runs"), 2)
    assert "run.json is a file" in failed(ganctl("report", "x", "-o", "runs/x/run.json/a.html"), 2)
    (run.path / "run.json").write_text("{")
    assert "damaged" in failed(ganctl("report", "x"), 3)


# What the page says


def test_the_page_tells_the_run_in_words_and_figures() -> None:
    page = reported(rich(Path("runs/digits")))
    for words in (
        "dcgan (preset compact) on mnist",
        "Trained for 35 min",
        "Epochs 50 of 50",
        "Best fid-digits-cnn 0.3724 at epoch 40",
        "Held-out pictures 0.1",
        "Warning MODE-COLLAPSE The pictures are alike. What to do: --set r1=1 Raised at epoch 30, and stands.",
        "Warning D-WINS The discriminator wins. What to do: --balance Raised at epoch 4, cleared at epoch 9.",
        "Good EQUILIBRIUM",
        "Warning: mnist is not on this machine: the built-in digits are used.",
        "Different from the preset: Setting Value Preset What it decides r1 1 0.1",
        "ganctl train dcgan --data mnist --set r1=1",
        "ganctl resume runs/digits --more 50",
        "ganctl sample runs/digits --checkpoint best",
        "ganctl make-gif runs/digits",
    ):
        assert words in page.words


def test_every_curve_is_drawn_told_in_words_and_in_a_table() -> None:
    page = reported(rich(Path("runs/digits")))
    drawn = {chart["key"]: [series["name"] for series in chart["series"]] for chart in json.loads(page.scripts[0])}
    assert drawn == {
        "fid": ["fid-digits-cnn"],
        "kid": ["kid-digits-cnn"],
        "losses": ["discriminator", "generator"],
        "judgement": ["D(x)", "D(G(z))", "accuracy"],
        "samples": ["diversity", "novelty", "checkerboard", "contrast", "repeats"],
        "others": ["r1"],
    }
    told = [box["aria-label"] for box in page.named("div") if box.get("class") == "plot"]
    assert len(told) == len(drawn)
    assert "generator 0.7262" in str(told[2])
    assert "50 0.4337" in page.words  # the table of the first chart


def test_a_run_that_has_only_just_begun_has_a_page_that_says_so() -> None:
    page = reported(written(Path("runs/new")))
    assert "The run has only just begun" in page.words
    assert "There are no progress pictures yet" in page.words
    assert "Epochs 0 of 50" in page.words


def test_a_run_that_is_being_trained_can_be_looked_at() -> None:
    run = rich(Path("runs/digits"), epochs=2)
    with run.writing():
        assert "Training" in reported(run).words


def test_pictures_and_their_translations_lie_over_each_other() -> None:
    page = reported(translating(Path("runs/p")))
    shown = [image for image in page.named("img") if "loading" in image]
    levels = [int(np.asarray(picture(image["src"])).mean().round()) for image in shown]
    assert levels[1::2] == pytest.approx([20 + 30 * row for row in range(6)], abs=2)
    assert levels[::2] == pytest.approx([80 + 30 * row for row in range(6)], abs=2)  # it lies beneath its picture
    assert [image["alt"] for image in shown[:2]] == ["Translation 1, as striped", "Picture 1, plain"]
    assert [image["alt"] for image in shown[-2:]] == ["Translation 6, as plain", "Picture 6, striped"]
    assert "ganctl translate runs/p PICTURE" in page.words


# Safety


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>'\"{{ 7 * 7 }}<!--"


def test_no_name_in_a_run_becomes_a_part_of_the_page() -> None:
    line = {"step": 50, "epoch": 1, "loss/generator": 1.0, f"metric/{HOSTILE}": 1.0}
    event = at(0, "verdict", code=HOSTILE, severity=HOSTILE, state="raised", step=1, message=HOSTILE, remedy=HOSTILE)
    events = [event, at(0, HOSTILE), at(1, "warning", message=HOSTILE)]
    data = {"name": HOSTILE, "fingerprint": HOSTILE, "train": 3200, "held_out": 1, "broken": 0}
    told = Settings("dcgan", {"arch": HOSTILE}, data=HOSTILE, preset=HOSTILE, size=28, channels=1, device=HOSTILE)
    changes: dict[str, Any] = {"data": data, "command": HOSTILE, "settings": told.to_json()}
    run = written(Path("runs") / HOSTILE.replace("/", "∕"), [line], events, {0: sheet(0, 50)}, **changes)
    page = reported(run)
    assert len(page.named("script")) == len(reported(written(Path("runs/plain"), [line])).named("script"))
    assert all((image["src"] or "").startswith("data:") for image in page.named("img"))
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.words.count(HOSTILE) >= 6
    assert [series["name"] for series in json.loads(page.scripts[0])[-1]["series"]] == [HOSTILE]


def test_the_page_may_ask_for_nothing_and_run_only_its_own_scripts() -> None:
    page = reported(rich(Path("runs/digits"), epochs=2))
    (policy,) = [meta["content"] for meta in page.named("meta") if "http-equiv" in meta]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert policy.count("'sha256-") == 4
    told = [pair for _, attributes in page.elements for pair in attributes.items()]
    addresses = [value for name, value in told if name in ("src", "href")]
    assert addresses
    assert all(str(address).startswith(("data:", "#")) for address in addresses)
    assert "style" not in dict(told)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")
def test_a_run_whose_path_is_no_unicode_has_a_page() -> None:
    run = written(Path(os.fsdecode(b"runs/caf\xe9")), log(1), settings=Settings("dcgan", {}, data="\udce9").to_json())
    assert r"caf\udce9" in reported(run).words


def test_damaged_lines_are_passed_over() -> None:
    run = rich(Path("runs/digits"), epochs=2)
    whole = reported(run).words
    run.log.write_bytes(
        run.log.read_bytes()
        + b'{"step": 250, "loss/generator": NaN, "metric/D(x)": "much"}\n{"step": -1}\n\xff\xfe\n[1]\n{"st'
    )
    run.events.write_bytes(b'\xff\n"event"\n{"event": 3}\n[[[\n' + run.events.read_bytes() + b'{"time": "20')
    assert reported(run).words == whole.replace("Epochs 2 of 50", "Epochs 2.5 of 50")


def test_a_family_that_this_version_does_not_know_still_has_a_page() -> None:
    told = Settings("later", {"knob": 3}, data="x", preset="best", size=64, channels=3, device="cpu")
    assert "later (preset best) on mnist" in reported(written(Path("runs/l"), log(1), settings=told.to_json())).words


def test_the_chart_library_is_the_one_that_its_note_describes() -> None:
    note = (PACKAGE / "uplot" / "README.md").read_text()
    sums = dict(reversed(line.split()) for line in re.findall(r"^[0-9a-f]{64}  \S+$", note, re.M))
    assert set(sums) == {path.name for path in (PACKAGE / "uplot").iterdir()} - {"README.md"}
    for name, said in sums.items():
        assert hashlib.sha256((PACKAGE / "uplot" / name).read_bytes()).hexdigest() == said


# Long runs


def test_five_hundred_epochs_of_photographs_stay_below_fifteen_megabytes() -> None:
    run = written(Path("runs/long"), log(500))
    for number in range(12):
        sheet(number, 530, colour=True).save(f"{number}.png")
    for epoch in range(501):
        os.link(f"{epoch % 12}.png", run.preview(epoch))
    reported(run)
    assert 1e6 < run.report.stat().st_size <= 15e6


def test_sheets_that_are_too_many_and_too_large_become_fewer_and_then_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    run = written(Path("runs/x"), sheets={epoch: sheet(epoch, 200, colour=True) for epoch in range(40)})
    every = album.frames(run)
    assert [frame.epoch for frame in every] == list(range(40))
    total = sum(len(frame.picture.content) for frame in every)
    monkeypatch.setattr(album, "_BYTES", total * 0.7)
    fewer = album.frames(run)
    assert 24 <= len(fewer) < 40
    assert {frame.picture.width for frame in fewer} == {200}
    monkeypatch.setattr(album, "_BYTES", total * 0.2)
    smaller = album.frames(run)
    assert sum(len(frame.picture.content) for frame in smaller) <= total * 0.2
    assert 20 <= len(smaller) <= 24
    assert (smaller[0].epoch, smaller[-1].epoch) == (0, 39)
    assert smaller[0].picture.width < 200


def test_the_first_and_last_pictures_are_kept_and_early_ones_more_densely() -> None:
    kept = album.early(501, 60)
    gaps = np.diff(kept)
    assert (kept[0], kept[-1], len(kept)) == (0, 500, 60)
    assert gaps[:10].mean() < gaps[-10:].mean() / 2


def test_a_sheet_that_cannot_be_read_is_left_out() -> None:
    run = written(Path("runs/x"), sheets={epoch: sheet(epoch, 50) for epoch in range(3)})
    run.preview(1).write_bytes(run.preview(1).read_bytes()[:100])
    assert [frame.epoch for frame in album.frames(run)] == [0, 2]


def test_thinned_curves_keep_every_extreme() -> None:
    rng = np.random.default_rng(0)
    rows = [{"step": float(step), "a": rng.normal(), "b": rng.normal()} for step in range(50_000)]
    rows[31_234]["a"], rows[777]["b"] = 99.0, -99.0
    kept = charts.thinned(rows, ["a", "b"])
    assert 500 < len(kept) <= 1002
    assert (kept[0], kept[-1]) == (rows[0], rows[-1])
    assert rows[31_234] in kept
    assert rows[777] in kept
    assert [row["step"] for row in kept] == sorted(row["step"] for row in kept)


# What was measured


def test_lines_come_in_order_and_what_is_no_finite_number_is_left_out() -> None:
    odd, late = {"step": 1, "a": float("nan"), "b": True}, {"step": 2, "a": 3, "c": 10**400}
    lines: list[dict[str, Any]] = [{"step": 2, "a": 1.0}, odd, late]
    assert summary.log(lines) == [{"step": 1}, {"step": 2, "a": 3}]


def test_figures_are_compared_with_those_of_held_out_pictures_and_the_best_is_marked() -> None:
    (chart, *_) = charts.charts(log(50), STEPS, {"fid-digits-cnn": 0.1}, (4000, "fid-digits-cnn", 0.37))
    assert chart.levels == (("held-out", 0.1, 0),)
    assert chart.best == (40, 0.37)
    assert chart.logarithmic


def test_bounds_from_nought_to_one_are_only_for_what_stays_within() -> None:
    inside, outside = ([{"step": 1.0, "metric/D(x)": value}] for value in (0.7, 1.2))
    assert charts.charts(inside, 1, {}, None)[0].within == (0, 1)
    assert charts.charts(outside, 1, {}, None)[0].within is None


# The diary


def raised(step: int, **fields: Any) -> dict[str, Any]:
    return at(0, "verdict", state="raised", step=step, **fields)


def test_what_a_resume_goes_back_behind_was_never_judged() -> None:
    again = [raised(100, **WINS), raised(300, **ALIKE), at(1, "resume", step=200)]
    assert [verdict.code for verdict in diary.read(again).verdicts] == ["D-WINS"]


def test_a_verdict_told_twice_is_one_and_one_that_comes_back_is_two() -> None:
    twice = [raised(100, **WINS), raised(100, **WINS)]
    assert len(diary.read(twice).verdicts) == 1
    cleared = at(0, "verdict", state="cleared", step=200, **WINS)
    found = diary.read([*twice, cleared, raised(300, **WINS)]).verdicts
    assert [(verdict.raised, verdict.cleared, verdict.stands) for verdict in found] == [
        (300, None, True),
        (100, 200, False),
    ]


def test_the_time_between_a_stop_and_a_resume_is_not_training() -> None:
    killed = [at(0, "start", step=0), at(7, "save", step=5), at(100, "resume", step=5), at(103, "stop", step=9)]
    assert diary.read(killed).seconds == 10 * 60


# Settings and pictures


def test_settings_that_differ_from_the_preset_come_first_and_decided_ones_are_no_choice() -> None:
    told = Settings(
        "dcgan", {"arch": "compact", "r1": 1.0}, data="x", preset="compact", batch_size=32, size=28, limit=9
    )
    found = settings_table.settings(told)
    assert [(choice.name, choice.value, choice.usual) for choice in found if choice.chosen] == [
        ("limit", "9", "none"),
        ("r1", "1", "0.1"),
    ]
    assert [choice.chosen for choice in found] == sorted((choice.chosen for choice in found), reverse=True)


@pytest.mark.parametrize(("size", "columns", "rows"), [(16, 4, 6), (64, 8, 8), (200, 4, 2)])
def test_a_grid_can_be_cut_into_its_pictures_again(size: int, columns: int, rows: int) -> None:
    levels = torch.linspace(-1, 1, rows * columns)
    images = levels.view(-1, 1, 1, 1).expand(-1, 3, size, size)
    cut = grids.split_grid(grids.make_grid(images, columns), columns, size)
    found = [np.unique(np.asarray(cell)) for row in cut for cell in row]
    assert np.concatenate(found).tolist() == to_uint8(images)[:, 0, 0, 0].tolist()
    with pytest.raises(ValueError, match="no grid"):
        grids.split_grid(grids.make_grid(images, columns), columns, size + 1)
