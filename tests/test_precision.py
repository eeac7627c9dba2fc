"""In which numbers a training computes: chosen by the card, or by the user, and the same after a resume."""

import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from ganctl import device, precision
from ganctl.engine import session
from ganctl.errors import UsageError
from ganctl.gans.base import Clock
from ganctl.runs.run import Run
from tests.commands import failed, ganctl, train
from tests.trainings import PAIR_STEPS, STEPS, assert_equal, begin, go_on, tiny, tiny_pair

CPU, CARD, MAC = (torch.device(name) for name in ("cpu", "cuda:0", "mps"))


def card(monkeypatch: pytest.MonkeyPatch, hardware: bool, emulation: bool) -> None:
    """A machine whose CUDA card has bfloat16 in hardware, by emulation, or not at all."""

    def supported(including_emulation: bool = True) -> bool:
        return hardware or (including_emulation and emulation)

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "device", lambda which: nullcontext())


def test_auto_is_bfloat16_only_on_a_card_that_has_it_in_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    card(monkeypatch, hardware=True, emulation=True)
    assert [precision.resolve("auto", where) for where in (CARD, CPU, MAC)] == ["bfloat16", "float32", "float32"]
    assert precision.resolve("float32", CARD) == "float32"
    card(monkeypatch, hardware=False, emulation=True)
    assert precision.resolve("auto", CARD) == "float32"
    assert precision.resolve("bfloat16", CARD) == "bfloat16"


def test_bfloat16_is_refused_where_it_cannot_be_had_and_allowed_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    card(monkeypatch, hardware=False, emulation=False)
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *_: False)
    assert precision.resolve("bfloat16", CPU) == "bfloat16"
    for where in (CARD, MAC):
        with pytest.raises(UsageError, match=f"{where} cannot compute in bfloat16"):
            precision.resolve("bfloat16", where)


def test_a_training_in_bfloat16_says_and_records_it_and_goes_on_in_it(photos: Path) -> None:
    told = train(photos, "--run", "x", "--precision", "bfloat16", "--epochs", 1)
    assert told.code == 0
    assert ", cpu in bfloat16; parameters" in told.err[0]
    assert Run(Path("runs/x")).record()["settings"]["precision"] == "bfloat16"
    assert ", cpu in bfloat16; parameters" in ganctl("resume", "x", "--more", 1).err[0]
    assert ", cpu; parameters" in ganctl("resume", "x", "--more", 1, "--set", "precision=auto").err[0]
    assert Run(Path("runs/x")).record()["precision"] == "float32"


def test_what_auto_came_to_is_recorded_and_a_wrong_precision_exits_2(photos: Path) -> None:
    assert train(photos, "--run", "x", "--epochs", 1).code == 0
    record = Run(Path("runs/x")).record()
    assert (record["settings"]["precision"], record["precision"]) == ("auto", "float32")
    assert "Choose among: auto, float32, bfloat16." in failed(train(photos, "--precision", "float16"), 2)


@pytest.mark.parametrize("family", ["dcgan", "cyclegan"])
def test_a_training_in_bfloat16_resumes_to_the_same_bits(photos: Path, pair: Path, family: str) -> None:
    told: dict[str, Any] = {"epochs": 1, "precision": "bfloat16"}
    settings = tiny(photos, **told) if family == "dcgan" else tiny_pair(pair, **told)
    whole, halves = (begin(settings, Path(name), stop_at=stop) for name, stop in (("whole", 10**9), ("halves", 3)))
    go_on(halves)
    assert_equal(whole, halves, STEPS if family == "dcgan" else PAIR_STEPS)


def test_bfloat16_changes_what_is_computed_and_r1_stays_in_float32(photos: Path) -> None:
    means = {}
    for numbers in ("float32", "bfloat16"):
        with session.start(tiny(photos, precision=numbers), numbers) as started:
            updates = started.state.module.updates(started.batches.batch(0, CPU), Clock(0, 1, 1))
            torch.manual_seed(0)
            with torch.autocast("cpu", torch.bfloat16, enabled=started.plan.autocast):
                means[numbers] = next(updates).metrics
    assert not torch.equal(means["bfloat16"]["D(G(z))"], means["float32"]["D(G(z))"])
    assert torch.equal(means["bfloat16"]["r1"], means["float32"]["r1"])


def test_a_dry_run_works_where_the_system_does_not_say_how_much_memory_was_held(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    told = train(photos, "--dry-run")
    assert told.code == 0
    assert [re.split("  +", line)[0] for line in told.out][-2:] == ["2 epochs", "a checkpoint"]
    assert device.memory_sentence() == "The memory is full."
