"""Make text and numbers of any origin safe for a terminal, a shell or another program."""

import json
import math
import re
import shlex
import struct
from collections.abc import Mapping

# Control characters, line separators, bidirectional controls, and bytes of names that are not Unicode.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""The text in one line with its control characters escaped, as in ``\x1b[31m``, so that no terminal obeys them."""
    return _UNSAFE.sub(lambda match: _escape(match[0]), text)


def quote(text: str) -> str:
    """The text as one word for a shell; control characters are written as bash and zsh read them, ``$'…'``."""
    if _UNSAFE.search(text) is None:
        return shlex.quote(text)
    plain = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{printable(plain)}'"


def command(*words: str) -> str:
    """Words as a shell command, each quoted as needed."""
    return " ".join(map(quote, words))


def describe_malformed(error: Exception) -> str:
    """What is wrong with a file, from the error that its content raised, to stand after a colon."""
    match error:
        case OSError(strerror=str(message)):
            return message
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
    """The value as standard JSON can hold it: every infinity and NaN becomes None, at any depth."""
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
