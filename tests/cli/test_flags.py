"""What becomes of the flags of ``train``: each sets the option that it was made of, and a later layer wins."""

from collections.abc import Callable

import pytest

from ganctl.engine import session
from ganctl.errors import GanctlError
from ganctl.gans import FAMILIES
from ganctl.settings import Settings
from tests.commands import failed, ganctl

SettingsOf = Callable[..., Settings]


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> SettingsOf:
    """Gives the settings with which a command line would begin a training."""

    def settings_of(line: str) -> Settings:
        begun: list[Settings] = []

        def start(settings: Settings, run: str | None) -> None:
            begun.append(settings)
            raise GanctlError("It was about to begin.")

        monkeypatch.setattr(session, "start", start)
        assert ganctl("train", *line.split()).err[-1] == "Error: It was about to begin."
        return begun[0]

    return settings_of


def test_without_flags_the_default_preset_decides(settings_of: SettingsOf) -> None:
    settings = settings_of("dcgan")
    assert (settings.preset, settings.batch_size, settings.options["arch"]) == ("compact", 32, "compact")
    assert settings_of("dcgan --preset compact") == settings


def test_a_default_that_the_help_shows_overrides_no_preset_until_it_is_typed(settings_of: SettingsOf) -> None:
    settings = settings_of("dcgan --preset tutorial")
    assert (settings.batch_size, settings.options["latent_dim"], settings.options["lr_generator"]) == (256, 100, 1e-4)
    assert settings_of("dcgan --preset tutorial --batch-size 32").batch_size == 32
    assert settings_of("dcgan --preset tutorial --latent-dim 64").options["latent_dim"] == 64


@pytest.mark.parametrize(
    ("line", "option", "value"),
    [
        ("dcgan --latent-dim 8", "latent_dim", 8),
        ("dcgan --r1 0", "r1", 0.0),
        ("dcgan --simultaneous", "simultaneous", True),
        ("dcgan --augment diffaug", "augment", "diffaug"),
        ("cyclegan --lambda-cycle 3", "lambda_cycle", 3.0),
        ("cyclegan --lr-decay-fraction 0.25", "lr_decay_fraction", 0.25),
        ("cyclegan --no-hflip", "hflip", False),
        ("cyclegan --hflip", "hflip", True),
        ("cyclegan --arch unet", "arch", "unet"),
    ],
)
def test_a_familys_own_options_are_flags(settings_of: SettingsOf, line: str, option: str, value: object) -> None:
    assert settings_of(line).options[option] == value


def test_settings_of_all_families_are_flags(settings_of: SettingsOf) -> None:
    settings = settings_of("dcgan --epochs 3 --keep 5 --log-every 7 --balance --tensorboard --device cpu --seed 9")
    assert (settings.epochs, settings.keep, settings.log_every, settings.seed) == (3, 5, 7, 9)
    assert (settings.balance, settings.tensorboard, settings.device) == (True, True, "cpu")


def test_set_overrides_a_flag(settings_of: SettingsOf) -> None:
    assert settings_of("dcgan --width 32 --set width=16").options["width"] == 16
    assert settings_of("dcgan --simultaneous --set simultaneous=false").options["simultaneous"] is False


@pytest.mark.parametrize("family", FAMILIES)
def test_lr_is_the_learning_rate_of_both_sides(settings_of: SettingsOf, family: str) -> None:
    options = settings_of(f"{family} --lr 0.01").options
    assert (options["lr_generator"], options["lr_discriminator"]) == (0.01, 0.01)


def test_flags_may_stand_before_the_family(settings_of: SettingsOf) -> None:
    assert settings_of("--width 8 --data digits dcgan --seed 3") == settings_of(
        "dcgan --width 8 --data digits --seed 3"
    )


def test_the_value_of_a_flag_is_not_taken_for_the_family(settings_of: SettingsOf) -> None:
    assert settings_of("--data cyclegan dcgan").family == settings_of("--run=cyclegan dcgan").family == "dcgan"


@pytest.mark.parametrize(("family", "flag"), [("dcgan", "--lambda-cycle"), ("cyclegan", "--latent-dim")])
def test_a_flag_of_another_family_is_refused_with_the_help_to_read(family: str, flag: str) -> None:
    words = failed(ganctl("train", family, flag, 3), 2)
    assert words.startswith(f"Error: No such option: {flag}")
    assert words.endswith(f"ganctl train {family} --help")
