"""Run commands in a terminal and draw what a person sees there as an SVG.

    python examples/terminal_svg.py terminal.svg \
        "ganctl train dcgan --data digits --limit 6000 --epochs 8" "ganctl sample digits" "ganctl make-gif digits"

The terminal is a pseudo-terminal of 104 columns, which needs a Unix; the drawing is Rich's.
"""

import fcntl
import io
import os
import pty
import re
import shlex
import struct
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 104, 40
CONTROL = re.compile(r"(\x1b\[[0-9;?]*[A-LN-Za-ln-z]|[\r\n])")  # all escape sequences but colours, which end in "m"


def main() -> None:
    path, *commands = sys.argv[1:]
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for command in commands:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        for line in last_screen(output(command)):
            console.print(Text.from_ansi(line))
    console.print()  # or the drawing's edge cuts into the last line
    svg = console.export_svg(title="ganctl", unique_id="ganctl")
    Path(path).write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))  # fonts from the network


def output(command: str) -> str:
    """All that a command writes to its terminal, which also goes to this one."""
    argv = shlex.split(command)
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS), LINES=str(ROWS))
        os.execvp(argv[0], argv)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    pieces = []
    while piece := read(terminal):
        pieces.append(piece)
        os.write(sys.stderr.fileno(), piece)
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"{command} failed.")
    return b"".join(pieces).decode()


def read(terminal: int) -> bytes:
    """What there is to read; nothing once the command has ended."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux says so with an error
        return b""


def last_screen(text: str) -> list[str]:
    """The lines that remain once the cursor has moved up and lines were erased, as bars do it."""
    lines, row = [""], 0
    for piece in CONTROL.split(text):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece.endswith("A") and piece.startswith("\x1b["):
            row = max(0, row - int(piece[2:-1] or 1))
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif not CONTROL.fullmatch(piece):
            lines[row] += piece
    return lines[:-1] if not lines[-1] else lines


if __name__ == "__main__":
    main()
