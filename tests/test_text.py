"""Whatever stands in a file or a name, a terminal shows it and obeys none of it, and machines get standard JSON."""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ganctl import tensorfile
from ganctl.cli import console
from ganctl.cli.progress import TranslationProgress
from ganctl.evaluation.evaluate import Evaluation
from ganctl.inference import translate
from ganctl.metrics.score import Score
from ganctl.runs import checkpoint
from ganctl.runs.run import Run
from ganctl.tensorfile import TensorFile
from ganctl.text import describe_malformed, finite, printable, quote
from ganctl.units import counted
from tests.commands import Outcome, failed, ganctl
from tests.handmade_runs import at, log, record, written
from tests.translators import write_model

EVIL = "\x1b]0;gone\x07\x9b2J\r\n\u202eevil\x7f"
SAFE = r"\x1b]0;gone\x07\u009b2J\r\n\u202eevil\x7f"


@pytest.mark.parametrize("sign", [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E, 0x2066, 0xD800, 0xDCFF])
def test_what_could_move_a_cursor_or_break_a_line_is_escaped(sign: int) -> None:
    shown = printable(f"a{chr(sign)}b")
    assert shown.isascii()
    assert shown.isprintable()
    assert shown[:2] == "a\\"
    assert shown[-1] == "b"


def test_names_in_any_language_stay_as_they_are() -> None:
    for name in ("größe", "日本\u3000語", "می\u200cروم", "👩\u200d🚀", "at 10.41\u202fAM.png", "[red]:cat:", "a\\x1b"):
        assert printable(name) == name


@pytest.mark.parametrize(
    "name", ["plain", "two words", "it's", "a\x1b[31m'b\\c", "new\nline", "\x9b", os.fsdecode(b"\xe9")]
)
def test_a_quoted_name_is_that_name_to_a_shell(name: str) -> None:
    assert printable(quote(name)) == quote(name)
    typed = ["bash", "-c", f"printf %s {quote(name)}"]
    told = subprocess.run(typed, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=True)
    assert os.fsdecode(told.stdout) == name


def test_everything_that_is_shown_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    console.result(EVIL)
    console.table([(EVIL, "x"), ("", "y")])
    for show in (console.say, console.warn, lambda text: console.fail(text, text)):
        show(EVIL)
    with TranslationProgress(1) as display:
        display.show(translate.Translated(Path("a.png"), Path(EVIL), 1.0))
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [SAFE, f"{SAFE}  x", f"{' ' * len(SAFE)}  y", SAFE]
    assert printed.err.splitlines() == [SAFE, f"Warning: {SAFE}", f"Error: {SAFE}", SAFE]


def foreign(path: Path, **header: Any) -> Path:
    """A model file with a header that somebody else wrote."""
    usual = {"format": 2, "family": "dcgan", "preset": "compact", "options": {"latent_dim": 8}, "shape": [1, 28, 28]}
    rest = {"range": [-1, 1], "data": "mnist", "step": 3, "steps_per_epoch": 2}
    path.parent.mkdir(parents=True, exist_ok=True)
    tensorfile.write(path, TensorFile({"x": torch.ones(1)}, {**usual, **rest, **header}))
    return path


def is_harmless(told: Outcome) -> bool:
    """Whether all that was printed is printable, and the evil was among it."""
    lines = told.out + told.err
    return all(printable(line) == line for line in lines) and any("evil" in line for line in lines)


def test_a_foreign_header_is_shown_without_its_escapes() -> None:
    told = ganctl(
        "info", foreign(Path("x.safetensors"), preset=EVIL, data=EVIL, domains=[EVIL, "b"], options={EVIL: EVIL})
    )
    assert told.code == 0
    assert told.out[-1].split(maxsplit=1) == ["options", f"{SAFE}={SAFE}"]
    assert is_harmless(told)
    for command in (("info",), ("sample",), ("evaluate",), ("translate", "a.png")):
        name, *rest = command
        assert is_harmless(ganctl(name, foreign(Path("y.safetensors"), family=EVIL), *rest))


def test_a_run_that_came_from_elsewhere_is_shown_without_its_escapes() -> None:
    events = [
        at(1, "verdict", state="raised", step=400, epoch=4, code=EVIL, severity="warning", message=EVIL, remedy="")
    ]
    strange = record()
    strange["settings"]["preset"] = strange["command"] = strange["data"]["name"] = strange["versions"]["torch"] = EVIL
    lines = [{**log(1)[0], EVIL: 0.5}]
    for name in ("one", "two\x1b[31m-evil"):
        written(Path("runs", name), lines, events, **strange)
    for command in (("info", "one"), ("info", "two\x1b[31m-evil"), ("runs",), ("compare", "one", "two\x1b[31m-evil")):
        told = ganctl(*command)
        assert told.code == 0, told
        assert is_harmless(told)
    assert is_harmless(ganctl("info", "nosuch"))
    Path("runs/one/run.json").write_text(json.dumps({**record(), "settings": {"family": "dcgan", EVIL: 1}}))
    assert is_harmless(ganctl("resume", "one"))


def test_names_of_files_are_shown_without_their_escapes(photos: Path) -> None:
    folder = Path("pictures\x1b[31m-evil")
    folder.mkdir()
    shutil.copy(photos / "00.png", folder / "a\x1b[2J.png")
    (folder / "b\x9b.png").write_bytes(b"no picture")
    model = write_model(Path("m.safetensors"))
    for command in (
        ("check", folder),
        ("check", folder / "evil\x1b"),
        ("train", "dcgan", "--data", folder / "evil\x1b"),
        ("info", f"{folder}/evil\x1b"),
        ("translate", model, folder),
        ("evil\x1b[31m",),
        ("train", "dcgan", "--evil\x1b"),
    ):
        assert is_harmless(ganctl(*command)), command


@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
def test_a_deeply_nested_header_is_unusable_and_no_traceback(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    for number, table in enumerate(
        (f'{{"x":{nested}}}', json.dumps({"__metadata__": {"ganctl": f'{{"format":{nested}}}'}}))
    ):
        raw = table.encode()
        path = Path(f"{number}.safetensors")
        path.write_bytes(len(raw).to_bytes(8, "little") + raw)
        for command in (("info", path), ("sample", path), ("evaluate", path), ("train", "dcgan", "--init-from", path)):
            failed(ganctl(*command), 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps_per_epoch": 0},
        {"steps_per_epoch": "x"},
        {"step": "x"},
        {"step": [3]},
        {"options": [1]},
        {"options": None},
        {"shape": [1, 28]},
        {"shape": 3},
        {"shape": ["a", "b", "c"]},
        {"domains": 3, "family": "cyclegan"},
        {"classes": "cat"},
        {"classes": [1]},
    ],
    ids=str,
)
def test_a_header_of_the_wrong_kinds_is_unusable_and_no_traceback(wrong: dict[str, Any]) -> None:
    path = foreign(Path("x.safetensors"), **wrong)
    for command in ("info", "sample", "evaluate"):
        told = ganctl(command, path)
        assert told.code in (0, 3), (command, told)
        assert told.code == 0 or failed(told, 3)


def test_a_nested_manifest_or_best_checkpoint_is_no_traceback() -> None:
    run = written(Path("runs/one"))
    folder = run.checkpoint(100)
    foreign(folder / checkpoint.MODEL)
    (folder / checkpoint.MANIFEST).write_text("[" * 100_000)
    (run.path / "best.json").write_text("[" * 100_000)
    failed(ganctl("sample", "one"), 3)
    failed(ganctl("sample", "one", "--checkpoint", "best"), 2)


def strict(text: str) -> Any:
    """JSON as every other language reads it."""

    def refuse(name: str) -> Any:
        raise ValueError(name)

    assert text.isascii()
    return json.loads(text, parse_constant=refuse)


def test_what_is_no_finite_number_is_null_for_machines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nan, inf = float("nan"), float("inf")
    assert finite({"a": [inf, (nan, -inf)], "b": 1.5, "c": "inf", "d": 2}) == {
        "a": [None, [None, None]],
        "b": 1.5,
        "c": "inf",
        "d": 2,
    }
    scores = (Score("psnr-x", inf, nan, "likeness"), Score("fid-x", 2.5, None, "distance"))
    found = Evaluation(Path("größe"), 1, 0.5, EVIL, 2, 2, None, "", "", scores, ())
    console.document(found.to_json())
    told = strict(capsys.readouterr().out)
    assert told["scores"] == {"psnr-x": {"value": None, "held_out": None}, "fid-x": {"value": 2.5, "held_out": None}}
    assert (told["model"], told["data"]) == ("größe", EVIL)


def test_events_and_comparisons_hold_no_infinities() -> None:
    for name in ("one", "two"):
        run = written(Path("runs", name), log(1))
        run.log_event("evaluate", step=100, scores={"fid-x": float("inf")}, held_out={"fid-x": float("nan")})
        with run.log.open("a") as file:
            file.write('{"step": 150, "epoch": 2, "score/fid-x": Infinity, "loss/generator": NaN}\n')
    (event,) = Run(Path("runs/one")).events.read_text().splitlines()
    assert strict(event)["scores"] == {"fid-x": None}
    strict("\n".join(ganctl("compare", "one", "two", "--json").out))


def test_a_log_line_holds_no_infinities(ganctl: Callable[..., Any]) -> None:
    from ganctl.engine.events import Emitter, Event, Logged, Subscriber
    from ganctl.engine.retrying_writer import RetryingWriter

    run, seen = written(Path("runs/one")), list[Event]()
    line = {"step": 100, "epoch": 1, "loss/generator": 0.5, "score/psnr-x": float("inf")}
    RetryingWriter(run, Emitter(Subscriber(seen.append))).write_line(line)
    assert seen == [Logged(line)]
    assert strict(run.log.read_text()) == {"step": 100, "epoch": 1, "loss/generator": 0.5, "score/psnr-x": None}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "it is no JSON: Expecting property name"),
        (b"\xff\xfe\xfd", "it is no text"),
        (b"{}", "it lacks 'bytes'"),
        (b"[]", "what is in it is not of the form that ganctl writes"),
        (b"[" * 100_000, "it is nested too deeply"),
        (None, os.strerror(errno.ENOENT)),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_words(content: bytes | None, why: str) -> None:
    path = Path("file")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((OSError, ValueError, TypeError, LookupError, RecursionError)) as caught:
        json.loads(path.read_bytes())["bytes"]
    assert describe_malformed(caught.value).startswith(why)
    assert type(caught.value).__name__ not in describe_malformed(caught.value)


def test_of_one_thing_there_is_one() -> None:
    said = [counted(1, "copy"), counted(2, "copy"), counted(1, "step"), counted(1200, "step")]
    assert said == ["1 copy", "2 copies", "1 step", "1,200 steps"]
