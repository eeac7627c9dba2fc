"""The report command, and what the page of a run says, whatever state the run is in."""

import json
from pathlib import Path

from ganctl.settings import Settings
from tests.commands import failed, ganctl
from tests.handmade_runs import log, rich, written
from tests.report.pages import write_page


def test_the_page_is_written_into_the_run_unless_a_path_is_given_and_its_path_is_printed() -> None:
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


def test_the_page_says_what_the_run_is_and_how_good() -> None:
    page = write_page(rich(Path("runs/digits")))
    for words in (
        "dcgan (preset compact) on mnist",
        "Trained for 35 min",
        "Epochs 50 of 50",
        "Best fid-digits-cnn 0.3724 at epoch 40",
        "Held-out real pictures 0.1",
        "Warning MODE-COLLAPSE The pictures are alike. What to do: --set r1=1 Raised at epoch 30, still standing.",
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


def test_every_chart_is_also_there_in_words_and_as_a_table() -> None:
    page = write_page(rich(Path("runs/digits")))
    charts = {chart["key"]: [series["name"] for series in chart["series"]] for chart in json.loads(page.scripts[0])}
    assert charts == {
        "fid": ["fid-digits-cnn"],
        "kid": ["kid-digits-cnn"],
        "losses": ["discriminator", "generator"],
        "outputs": ["D(x)", "D(G(z))", "accuracy"],
        "samples": ["diversity", "novelty", "checkerboard", "contrast", "repeats"],
        "others": ["r1"],
    }
    labels = [box["aria-label"] for box in page.all("div") if box.get("class") == "plot"]
    assert len(labels) == len(charts)
    assert "generator 0.7262" in str(labels[2])
    assert "50 0.4337" in page.words  # the table of the first chart


def test_a_run_that_has_only_just_begun_has_a_page_that_says_so() -> None:
    page = write_page(written(Path("runs/new")))
    assert "The run has only just begun" in page.words
    assert "There are no progress pictures yet" in page.words
    assert "Epochs 0 of 50" in page.words


def test_a_run_in_training_has_a_page() -> None:
    run = rich(Path("runs/digits"), epochs=2)
    with run.writing():
        assert "Training" in write_page(run).words


def test_damaged_lines_are_passed_over() -> None:
    run = rich(Path("runs/digits"), epochs=2)
    whole = write_page(run).words
    run.log.write_bytes(
        run.log.read_bytes()
        + b'{"step": 250, "loss/generator": NaN, "metric/D(x)": "much"}\n{"step": -1}\n\xff\xfe\n[1]\n{"st'
    )
    run.events.write_bytes(b'\xff\n"event"\n{"event": 3}\n[[[\n' + run.events.read_bytes() + b'{"time": "20')
    assert write_page(run).words == whole.replace("Epochs 2 of 50", "Epochs 2.5 of 50")


def test_a_family_that_this_version_does_not_know_still_has_a_page() -> None:
    settings = Settings("later", {"knob": 3}, data="x", preset="best", size=64, channels=3, device="cpu")
    assert (
        "later (preset best) on mnist" in write_page(written(Path("runs/l"), log(1), settings=settings.to_json())).words
    )
