"""A family that is unlike those that ship, wherever the interface leaves it free, has all that they have."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import ganctl
from ganctl import gans, tensorfile
from ganctl.data.batches import Batch
from ganctl.engine import forecast, session
from ganctl.engine.setup import configure
from ganctl.evaluation.verdicts import VERDICTS
from ganctl.gans.base import Clock, Update
from ganctl.images.thumbnails import captions_of
from ganctl.runs.checkpoint import MODEL, STATE
from ganctl.runs.run import Run
from ganctl.settings import Settings
from tests import awkward
from tests.commands import failed, nothing_left
from tests.commands import ganctl as cli
from tests.evaluation import test_verdicts as remedies
from tests.gans import test_base as promises
from tests.report.pages import write_page
from tests.trainings import EPOCHS, STEPS, assert_equal, begin, go_on, warned

TINY = ("--size", 16, "--batch-size", 8, "--epochs", 2)


@pytest.fixture(autouse=True)
def guest(monkeypatch: pytest.MonkeyPatch) -> None:
    awkward.register(monkeypatch)


def tiny(photos: Path, **flags: Any) -> Settings:
    """Twenty steps, a line of the log after every third."""
    told: dict[str, Any] = {"size": 16, "batch_size": 8, "epochs": EPOCHS, "log_every": 3, "keep": 100}
    return configure(awkward.NAME, data=str(photos), flags=told | flags)


def train(photos: Path, *arguments: object, family: str = awkward.NAME) -> Any:
    return cli("train", family, "--data", photos, *TINY, *arguments)


def test_it_keeps_the_promises_of_the_interface() -> None:
    promises.test_a_step_moves_every_weight_with_finite_scalars_and_is_a_function_of_the_seed(awkward.NAME)
    promises.test_every_parameter_belongs_to_exactly_one_player(awkward.NAME)
    promises.test_presets_consist_of_settings_and_the_default_is_one_of_them(awkward.NAME)


@pytest.mark.parametrize("stop_at", [1, 7, STEPS])
@pytest.mark.parametrize("balance", [False, True])
def test_it_resumes_exactly(photos: Path, stop_at: int, balance: bool) -> None:
    whole = begin(tiny(photos, balance=balance), Path("whole/run"))
    stopped = begin(tiny(photos, balance=balance), Path("stopped/run"), stop_at=stop_at)
    assert not [line for line in go_on(stopped) if "differ" in line]
    assert_equal(whole, stopped)


def test_what_is_frozen_is_in_no_training_state_and_unchanged_in_the_model(photos: Path) -> None:
    run = begin(tiny(photos), Path("some/run"))
    state, model = (tensorfile.read(run.checkpoint(20) / name).tensors for name in (STATE, MODEL))
    assert not [name for name in state if "texture" in name or "features" in name]
    expected = awkward.pretrained(8, 8).state_dict()
    assert {name.removeprefix("texture.net."): value for name, value in model.items() if "texture" in name}.keys() == (
        expected.keys()
    )
    assert all(model[f"texture.net.{name}"].equal(value) for name, value in expected.items())


def test_the_log_the_preview_and_the_forecast_have_its_own_names(photos: Path) -> None:
    run = begin(tiny(photos, epochs=1), Path("some/run"))
    line = next(iter(run.read_log()))
    assert {"loss/critic", "loss/painter", "metric/accuracy", "metric/D(x)"} <= set(line)
    assert captions_of(run.preview(1)).titles == ("painted", "photographed")
    assert set(forecast.measure(tiny(photos), steps=2).parameters) == {"critic", "painter"}


def test_the_balance_reaches_its_players(photos: Path) -> None:
    run = begin(tiny(photos, balance=True, lr_critic=0.3), Path("some/run"))
    factors = tensorfile.read_header(run.checkpoint(20) / STATE)["monitor"]["lr_factors"]
    assert set(factors) == {"painter", "critic"}
    assert min(factors.values()) < 1


def test_what_has_no_roles_is_not_balanced_and_nothing_is_left_of_the_try(photos: Path) -> None:
    for family in (awkward.NAME_WITHOUT_ROLES, "forgetful"):
        assert f"{family} cannot be balanced" in failed(train(photos, "--balance", family=family), 2)
        assert nothing_left()
    assert train(photos, "--run", "my/run", family=awkward.NAME_WITHOUT_ROLES).code == 0
    run = Run(Path("my/run"))
    before = run.record()
    assert "cannot be balanced" in failed(cli("resume", run.path, "--more", 1, "--set", "balance=true"), 2)
    assert run.record() == before
    assert cli("resume", run.path, "--more", 1).code == 0
    assert "Other metrics" in write_page(run).words


def test_lr_sets_all_its_learning_rates_and_its_help_names_its_players(photos: Path) -> None:
    assert train(photos, "--lr", 5e-4, "--run", "my/run", "--epochs", 1).code == 0
    options = Run(Path("my/run")).record()["settings"]["options"]
    assert (options["lr_critic"], options["lr_painter"]) == (5e-4, 5e-4)
    assert "Give --lr, or one for each of them" in failed(train(photos, "--lr", 1, "--lr-critic", 1), 2)
    words = " ".join(" ".join(cli("train", awkward.NAME, "--help").out).replace("│", "").split())
    assert "Learning rate of every player: critic, painter." in words
    assert "--lr-generator" not in words


def test_without_learning_rates_of_its_own_there_is_no_lr_and_a_divergence_says_where_to_look(photos: Path) -> None:
    assert "rateless has no learning rates that --lr could set" in failed(
        train(photos, "--lr", 1, family="rateless"), 2
    )
    assert "--lr " not in " ".join(cli("train", "rateless", "--help").out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(awkward.RatelessOptions, "lr_painter", 1e30)
        said = failed(train(photos, "--run", "bad/run", family="rateless"), 5)
    assert said.endswith("ganctl train rateless --help lists what makes its steps smaller.")


def test_an_option_called_lr_is_what_lr_sets_and_both_players_learn_by_it(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for player in ("critic", "painter"):
        rate = property(lambda options: options.lr)
        monkeypatch.setattr(awkward.OneRateOptions, f"lr_{player}", rate, raising=False)
    assert train(photos, "--lr", 5e-4, "--run", "my/run", family="one-rate").code == 0
    assert cli("resume", "my/run", "--more", 1, "--set", "lr=1e-4").code == 0
    with session.resume(Run(Path("my/run"))) as resumed:
        assert resumed.state.base_lrs == {"painter": [1e-4], "critic": [1e-4]}
    assert "balance=true. Or begin anew with smaller steps of the disc" in VERDICTS["D-WINS"].of("one-rate").remedy


def test_a_balance_that_has_nothing_to_go_by_says_so_once(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = awkward.Awkward.updates

    def updates(self: awkward.Awkward, batch: Batch, clock: Clock) -> Iterator[Update]:
        for update in plain(self, batch, clock):
            yield update._replace(metrics={})

    monkeypatch.setattr(awkward.Awkward, "updates", updates)
    run = begin(tiny(photos, balance=True), Path("some/run"))
    sentence = "awkward reports no metric named accuracy, so --balance has nothing to go by."
    assert warned(run) == [sentence]


def test_resume_changes_its_learning_rates_and_lists_them(photos: Path) -> None:
    run = begin(tiny(photos, epochs=1), Path("my/run"))
    said = failed(cli("resume", run.path, "--more", 1, "--set", "lr_generator=1e-5"), 2)
    assert "keep, lr_critic, lr_painter, precision" in said
    assert cli("resume", run.path, "--more", 1, "--set", "lr_critic=1e-5").code == 0
    assert run.record()["settings"]["options"]["lr_critic"] == 1e-5
    with session.resume(run) as resumed:
        assert resumed.state.base_lrs == {"painter": [2e-3], "critic": [1e-5]}


def test_it_diverges_with_5_and_a_command_that_goes_on_in_smaller_steps(photos: Path) -> None:
    assert train(photos, "--run", "good/run", "--epochs", 1).code == 0
    resume = ("resume", "good/run", "--more", 1, "--set", "lr_painter=1e30")
    said = failed(cli(*resume), 5)
    assert "The training diverged at step 7: the first tensor that is not finite is " in said
    command = shlex.split(said.partition("In smaller steps: ")[2])
    assert command[1:3] == ["train", awkward.NAME]
    assert command[-2:] == ["--lr", "0.001"]
    assert cli(*command[1:], "--run", "next", "--epochs", 1).code == 0
    assert "Try a smaller --lr, as --lr " in failed(train(photos, "--lr", "1e30"), 5)


def test_an_infinity_deep_in_what_its_net_returns_is_found(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, updates, clocks = awkward.Painter.forward, awkward.Awkward.updates, list[Clock]()

    def timed(self: awkward.Awkward, batch: Batch, clock: Clock) -> Iterator[Update]:
        clocks.append(clock)
        return updates(self, batch, clock)

    def forward(self: awkward.Painter, noise: torch.Tensor) -> Any:
        picture, others = plain(self, noise)
        infinite = picture / 0 if self.training and clocks[-1].step == 2 else picture
        return infinite, others | {"deep": [{"mask": infinite}]}

    monkeypatch.setattr(awkward.Awkward, "updates", timed)
    monkeypatch.setattr(awkward.Painter, "forward", forward)
    assert "at step 3: the first tensor that is not finite is the output of model;" in failed(train(photos), 5)


def test_it_is_sampled_from_uniform_noise_and_filmed(photos: Path) -> None:
    run = begin(tiny(photos, epochs=1), Path("runs/guest"))
    model = ganctl.load(run.path)
    noise = model.sample_inputs(7, range(500)).noise
    assert 0 <= noise.min() < 0.01 < 0.99 < noise.max() < 1
    images = model.sample(3, seed=7)
    assert images.shape == (3, 3, 16, 16)
    assert images.equal(model.sample(5, seed=7)[:3])
    for arguments in (["sample", "guest"], ["make-gif", "guest"], ["make-gif", "guest", "--walk"], ["info", "guest"]):
        assert cli(*arguments).code == 0, arguments


def test_its_report_speaks_of_its_players_and_of_no_others(photos: Path) -> None:
    page = write_page(begin(tiny(photos, epochs=1), Path("runs/guest")))
    charts = {chart["key"]: [series["name"] for series in chart["series"]] for chart in json.loads(page.scripts[0])}
    assert charts["losses"] == ["painter", "critic"] or charts["losses"] == ["critic", "painter"]
    assert "Critic outputs" in page.words
    assert "From left to right: painted, photographed." in page.words
    assert "translat" not in page.words.lower()


def test_it_is_evaluated(photos: Path) -> None:
    run = begin(tiny(photos, epochs=1), Path("runs/guest"))
    outcome = cli("evaluate", run.path, "--extractor", "digits-cnn", "-n", 64)
    assert outcome.code == 0
    names = {line.split()[0] for line in outcome.out if line}
    assert {"fid-digits-cnn", "contrast", "diversity"} <= names


OF_PLAYERS = ("D-WINS", "G-WINS")  # which are never raised where no player is a discriminator


@pytest.mark.parametrize(
    ("family", "code"),
    [(awkward.NAME, code) for code in VERDICTS]
    + [(awkward.NAME_WITHOUT_ROLES, code) for code in VERDICTS if code not in OF_PLAYERS],
)
def test_every_remedy_can_be_typed_for_it(family: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ("--lr-critic", "--lr-painter")
    monkeypatch.setattr(remedies, "NEEDS_VALUE", (*remedies.NEEDS_VALUE, *flags))
    remedies.test_every_remedy_can_be_typed_for_every_family_and_preset(code, family)
    remedy = VERDICTS[code].of(family).remedy
    assert "generator" not in remedy or family == awkward.NAME_WITHOUT_ROLES
    assert code != "D-WINS" or "a smaller --lr-critic." in remedy


def test_explain_tells_its_remedies_beside_the_others() -> None:
    lines = cli("explain", "G-WINS").out
    assert [line.partition(":")[0] for line in lines[2:]] == list(gans.FAMILIES)
    own = next(line for line in lines if line.startswith(f"{awkward.NAME}:"))
    assert "a larger --lr-critic or a smaller --lr-painter." in own
