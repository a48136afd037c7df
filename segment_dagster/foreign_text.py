"""Make foreign text, such as a response of the API or a proxy, safe for a message: short, printable, no token."""

import base64
import re
from functools import lru_cache
from urllib.parse import quote, quote_plus

DEFAULT_LIMIT = 80
"""Most characters of a foreign text that a message quotes."""

HIDDEN = "[token]"
_SHORTEST_SECRET = 6
_CUT = "..."


def foreign_text(value: object, limit: int = DEFAULT_LIMIT, secret: str | None = None) -> str:
    """Return a foreign text in a form that is safe in a message, a log and a terminal.

    White space becomes single blanks. Unprintable characters (escape codes, marks that change the direction of
    writing, broken characters) become escape sequences. Long text is cut.

    Args:
        value: The text. For an object or a list, the result only says that it is one.
        limit: Most characters of the result.
        secret: The API's token, which is masked. It is also found in base64 and percent-encoded.
    """
    forms = _encodings(secret or "")
    longest = max(map(len, forms), default=0)
    text = value if isinstance(value, str) else _as_text(value)
    # enough for all that can be shown and a secret that starts in it; the rest of a long text is ignored
    reach = 2 * (limit + longest)
    window = text[:reach]
    for form in forms:
        window = window.replace(form, HIDDEN)
    if len(text) > reach:
        # its end may be the start of a secret
        window = window[: max(0, len(window) - longest)]
    shown = printable(" ".join(window.split()))
    return f"{shown[: limit - len(_CUT)]}{_CUT}" if len(text) > reach or len(shown) > limit else shown


def printable(text: str) -> str:
    """Replace each unprintable character of a text with its escape sequence."""
    return text if text.isprintable() else "".join(map(_escape, text))


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return "a large number"
    return str(value)


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(maxsize=8)
def _encodings(secret: str) -> tuple[str, ...]:
    """Return the encodings of a secret, the longest first."""
    if len(secret) < _SHORTEST_SECRET:
        return ()
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    forms = {secret, *encoded, *(re.sub("%..", lambda match: match[0].lower(), each) for each in encoded)}
    for before in range(3):
        # the part of the base64 text that does not depend on the bytes before and after the secret
        padded = b" " * before + secret.encode()
        fixed = base64.b64encode(padded).decode()[(0, 2, 3)[before] : len(padded) // 3 * 4]
        forms |= {fixed, fixed.replace("+", "-").replace("/", "_")}
    return tuple(sorted((form for form in forms if len(form) >= _SHORTEST_SECRET), key=len, reverse=True))
