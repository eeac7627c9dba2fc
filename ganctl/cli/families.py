"""Makes ``ganctl train``: a command for each family, whose flags are the options that `Settings` and it declare."""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from functools import cache
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperGroup

from ganctl import gans
from ganctl.cli.train import train
from ganctl.data.info import LABELS
from ganctl.errors import UsageError
from ganctl.option import Option, Panel, learning_rates_of, options_of
from ganctl.runs.metric_names import ROLES

PANELS = get_args(Panel)
_METAVARS = {bool: "", int: "N", float: "X", str: "TEXT"}


class FamilyGroup(TyperGroup):
    """``train``: a command for each family, made when it is asked for.

    Contexts and commands are those of the Click that this version of Typer brings, which has no public name.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """The families."""
        return list(gans.FAMILIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command that trains a family, or None."""
        return train_command(cmd_name) if cmd_name in gans.FAMILIES else None

    def get_params(self, ctx: Any) -> list[Any]:
        """The flags that all families have, to be shown where none is named."""
        flags = train_command(None).params
        for flag in flags:
            flag.expose_value = False
        return [*flags, *super().get_params(ctx)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line, whose flags may also stand before the family."""
        if (index := _first_argument(args)) is not None:
            args = [args[index], *args[:index], *args[index + 1 :]]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of the family that was typed; a UsageError where there is none of that name."""
        if not ctx.resilient_parsing:
            gans.require(args[0])
        return super().resolve_command(ctx, args)


def _first_argument(args: list[str]) -> int | None:
    """The index of the first word that is neither a flag nor the value of one; None where there is none."""
    if not args or not args[0].startswith("-"):
        return 0 if args else None
    params = [param for family in (None, *gans.FAMILIES) for param in train_command(family).params]
    with_value = {flag for param in params if not param.is_flag for flag in param.opts}
    is_value = [False, *(arg in with_value for arg in args)]
    return next((i for i, arg in enumerate(args) if not arg.startswith("-") and not is_value[i]), None)


app = typer.Typer(
    name="train",
    cls=FamilyGroup,
    invoke_without_command=True,
    subcommand_metavar="[OPTIONS]",
)


@app.callback()
def require_family(context: typer.Context) -> None:
    """Train a GAN from scratch, or from another model's weights.

    Each family has options of its own beside these: ganctl train FAMILY --help
    """
    if context.invoked_subcommand is None:
        raise UsageError("Missing argument 'FAMILY'.", f"The families are: {', '.join(gans.FAMILIES)}.")


@cache
def train_command(family: str | None) -> Any:
    """Typer's command ``train FAMILY``; without a family, one that has the flags of all of them."""
    summary = gans.options_of(family).summary if family else ""
    single = typer.Typer(add_completion=False)
    single.command(
        family or "train",
        help=f"Train {family}: {summary}.",
        short_help=f"{summary[:1].upper()}{summary[1:]}.",
        rich_help_panel="Families",
    )(_with_flags(train, family))
    return typer.main.get_command(single)


def _with_flags(function: Callable[..., None], family: str | None) -> Callable[..., None]:
    """A Typer command that calls ``function(family, **values)`` with the values that were typed, and no others.

    Its flags are the annotated keyword parameters of `function`, and one for each option that belongs into a panel.

    Args:
        function: takes every option as a keyword too.
        family: whose options these are; None for those that all families have.
    """

    def command(context: typer.Context, **values: Any) -> None:
        sources = {name: context.get_parameter_source(name) for name in values}
        typed = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
        function(family, **{name: value for name, value in values.items() if name in typed})

    parameters = signature(function).parameters.values()
    written = [parameter for parameter in parameters if get_origin(parameter.annotation) is Annotated]
    own, hidden, docs = _adapted_to(family)
    flags = [
        *(_in_panel(p, p.name in hidden, docs.get(p.name)) for p in written if p.name not in own),
        *(_flag(option) for option in _options(family) if option.panel),
    ]
    flags.sort(key=lambda flag: PANELS.index(flag.annotation.__metadata__[0].rich_help_panel))
    context = Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context)
    vars(command)["__signature__"] = Signature([context, *flags])
    return command


def _adapted_to(family: str | None) -> tuple[set[str], set[str], dict[str, str]]:
    """Which flags of `train` a family declares itself, which mean nothing to it, and which need a help of their own."""
    if family is None:
        return set(), {"labels"}, {}
    declared = gans.options_of(family)
    rates = learning_rates_of(declared.options)
    players = list(dict.fromkeys(player for rate in rates.values() for player in rate.learning_rate_of))
    docs = {} if set(players) == set(ROLES) else {"lr": f"Learning rate of every player: {', '.join(players)}."}
    hidden = set() if rates else {"lr"}  # and refused with a sentence
    hidden |= {"domains", "pair"} if len(declared.needs.sets) == 1 else set()
    hidden |= set() if LABELS in declared.needs.columns else {"labels"}
    return set(options_of(declared.options)), hidden, docs


def _in_panel(parameter: Parameter, hidden: bool, doc: str | None) -> Parameter:
    """The parameter, in the last panel if it names none; `hidden` from the help or not, with another `doc` if given."""
    info = copy(parameter.annotation.__metadata__[0])
    info.hidden = hidden
    info.help = doc or info.help
    info.rich_help_panel = info.rich_help_panel or PANELS[-1]
    return parameter.replace(annotation=Annotated[parameter.annotation.__origin__, info])


def _options(family: str | None) -> Iterator[Option]:
    """The options that flags may set, with the values of the family's default preset as their defaults."""
    from ganctl.settings import Settings

    doc = "Preset to start from; flags override its values."
    if family is None:
        yield Option("preset", str, True, None, doc, "Run", "NAME")
        yield from options_of(Settings).values()
        return
    own = gans.options_of(family)
    yield Option("preset", str, True, own.default_preset, doc, "Run", choices=tuple(own.presets))
    values = own.presets[own.default_preset]
    for option in (options_of(Settings) | options_of(own.options)).values():
        yield replace(option, default=values.get(option.name, option.default))


def _flag(option: Option) -> Parameter:
    """The parameter of a Typer command that sets an option."""
    flag = option.flag
    metavar = option.metavar or "|".join(map(str, option.choices)) or _METAVARS[option.value_type]
    info = typer.Option(
        f"{flag}/--no-{flag[2:]}" if option.default is True else flag,
        metavar=metavar,
        help=option.doc,
        rich_help_panel=option.panel,
        autocompletion=(lambda: metavar.split("|")) if option.choices or "|" in metavar else None,
    )
    value_type: Any = option.value_type
    annotation = Annotated[value_type, info]
    return Parameter(option.name, Parameter.KEYWORD_ONLY, default=option.default, annotation=annotation)
