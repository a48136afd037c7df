"""Text that others wrote, such as the API or a proxy, on its way into a message: short, harmless, without the token."""

import base64
import re
from functools import lru_cache
from urllib.parse import quote, quote_plus

DEFAULT_LIMIT = 80
"""Characters that a message repeats of a foreign text."""

HIDDEN = "[token]"
_SHORTEST_SECRET = 6
_CUT = "..."


def foreign_text(value: object, limit: int = DEFAULT_LIMIT, secret: str = "") -> str:
    """Return a text of somebody else's in a form that a message, a log and a terminal can take.

    White space becomes single blanks, what cannot be printed (escape codes, marks that turn the direction of writing,
    broken characters) becomes its escape sequence, and what is long is cut.

    Args:
        value: The text. Of an object or a list, only that it is one is said.
        limit: Characters of it that are kept, at most.
        secret: What it must not show: the API's token. It is found in base64 and percent-encoded as well.
    """
    forms = _forms(secret)
    longest = max(map(len, forms), default=0)
    text = value if isinstance(value, str) else _plain(value)
    # all that can be shown, and a secret that begins in it: the rest of a long text is not looked at
    reach = 2 * (limit + longest)
    window = text[:reach]
    for form in forms:
        window = window.replace(form, HIDDEN)
    if len(text) > reach:
        # its end may be the beginning of a secret
        window = window[: max(0, len(window) - longest)]
    shown = printable(" ".join(window.split()))
    return f"{shown[: limit - len(_CUT)]}{_CUT}" if len(text) > reach or len(shown) > limit else shown


def printable(text: str) -> str:
    """Return a text with an escape sequence for each character that cannot be printed."""
    return text if text.isprintable() else "".join(map(_printable, text))


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return "a large number"
    return str(value)


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(maxsize=8)
def _forms(secret: str) -> tuple[str, ...]:
    """The ways in which a secret may be written, the longest first."""
    if len(secret) < _SHORTEST_SECRET:
        return ()
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    forms = {secret, *encoded, *(re.sub("%..", lambda match: match[0].lower(), each) for each in encoded)}
    for before in range(3):
        # the part that is the same whatever stands before and after it
        padded = b" " * before + secret.encode()
        kept = base64.b64encode(padded).decode()[(0, 2, 3)[before] : len(padded) // 3 * 4]
        forms |= {kept, kept.replace("+", "-").replace("/", "_")}
    return tuple(sorted((form for form in forms if len(form) >= _SHORTEST_SECRET), key=len, reverse=True))
