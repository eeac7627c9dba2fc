"""Terminals that remember what was written to them."""

import io

from rich.console import Console


class Screen(io.StringIO):
    """A terminal that remembers what was written to it."""

    def isatty(self) -> bool:
        return True


def seen_on(screen: io.StringIO, force_terminal: bool | None = None, width: int = 200) -> Console:
    """The console's stderr, on this screen."""
    return Console(
        file=screen,
        force_terminal=force_terminal,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
    )
