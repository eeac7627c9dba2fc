"""Text and numbers that come from anywhere, on their way to a terminal, a shell or another program."""

import json
import math
import re
import shlex
import struct
from collections.abc import Mapping

# Control characters, line separators, what turns the direction of writing, and bytes of names that are not Unicode.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""The text in one line that does nothing to a terminal: its control characters are escaped, as in ``\x1b[31m``."""
    return _UNSAFE.sub(lambda found: _escape(found[0]), text)


def quote(text: str) -> str:
    """The text as one word for a shell; with control characters as bash and zsh take them, ``$'…'``."""
    if _UNSAFE.search(text) is None:
        return shlex.quote(text)
    plain = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{printable(plain)}'"


def command(*words: str) -> str:
    """Words as a command for a shell, each quoted as it needs."""
    return " ".join(map(quote, words))


def malformed(error: Exception) -> str:
    """What is wrong with a file, from what reading or using its content raised, to go on after a colon."""
    match error:
        case OSError(strerror=str(said)):
            return said
        case KeyError(args=(key, *_)):
            return f"it lacks {key!r}"
        case UnicodeDecodeError():
            return "it is no text"
        case json.JSONDecodeError():
            return f"it is no JSON: {error}"
        case RecursionError():
            return "it is nested too deeply"
        case ValueError() if str(error):
            return str(error).rstrip(".")
        case struct.error():
            return "it is cut"
    return "what is in it is not of the form that ganctl writes"


def finite(value: object) -> object:
    """The value as standard JSON can hold it: None in place of every infinity and NaN, at any depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def _escape(sign: str) -> str:
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code >= 0x80 else sign.encode("unicode_escape").decode()
