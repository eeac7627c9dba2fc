"""``--help``: every command's is kept in examples/help, and an option that is declared once is in it."""

import re

import pytest

from ganctl import gans
from ganctl.gans import FAMILIES
from ganctl.option import options_of
from ganctl.settings import Settings
from tests.cli.write_help import ABOUT, COMMANDS, FOLDER, help_text

FLAG = re.compile(r"--[a-z][\w-]*")


def panel(title: str, text: str) -> str:
    """What a help shows in one of its panels."""
    return text.split(f"╭─ {title} ")[1].split("╰")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_is_kept_in_examples(name: str) -> None:
    expected, printed = (FOLDER / f"{name}.txt").read_text(encoding="utf-8"), help_text(*COMMANDS[name])
    if (FOLDER / "README.md").read_text(encoding="utf-8") != ABOUT:  # another Typer or Rich lays it out differently
        expected, printed = " ".join(FLAG.findall(expected)), " ".join(FLAG.findall(printed))
    assert printed == expected, "python -m tests.cli.write_help writes it anew"


def test_no_help_of_a_command_that_is_gone_is_kept() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(COMMANDS)


def test_no_line_is_wider_than_the_terminal_and_none_is_cut() -> None:
    for words in COMMANDS.values():
        text = help_text(*words)
        assert max(map(len, text.splitlines())) <= 100
        assert "…" not in text


@pytest.mark.parametrize("family", FAMILIES)
def test_every_option_of_a_family_is_in_its_panel_with_the_default_of_the_default_preset(family: str) -> None:
    text, declared = help_text("train", family), gans.options_of(family)
    preset = declared.presets[declared.default_preset]
    for option in (options_of(Settings) | options_of(declared.options)).values():
        if option.panel is None:
            assert f"--{option.name.replace('_', '-')} " not in text
            continue
        panel_text = panel(option.panel, text)
        assert f"--{option.name.replace('_', '-')} " in panel_text
        default = preset.get(option.name, option.default)
        if default is not None and not isinstance(default, bool):
            assert f"[default: {default}]" in re.sub(r"[\s│]+", " ", panel_text), option.name


def test_without_a_family_the_options_of_all_and_the_families_are_shown() -> None:
    text = help_text("train")
    flags = set(FLAG.findall(text))
    assert {f"--{name.replace('_', '-')}" for name, option in options_of(Settings).items() if option.panel} <= flags
    assert not flags & {"--arch", "--latent-dim", "--lambda-cycle"}
    for family in FAMILIES:
        assert re.search(rf"│ {family} +\w{gans.options_of(family).summary[1:]}", panel("Families", text))


def test_a_registered_family_without_a_module_of_options_has_its_help_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(gans.OPTIONS, "cyclegan")
    assert gans.options_of("cyclegan").default_preset == "small"


def test_the_options_of_a_family_are_those_that_it_is_trained_with() -> None:
    for name in FAMILIES:
        family, declared = gans.find(name), gans.options_of(name)
        own = (family.summary, family.options, family.presets, family.default_preset, family.needs, family.roles)
        assert tuple(declared) == own
