"""Mask personal data for previews and checks: equal values stay recognizable, the values do not."""

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Any

MASK = "***"
_EMAIL = re.compile(r"[^\s@<>\"',;:()\[\]]{1,64}@[^\s@<>\"',;:()\[\]]{1,255}")
_ADDRESS = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}(?![\w:])"
)
_DIGITS = 8


def mask(value: Any, *, distinct: bool = False) -> Any:
    """Return a personal value masked.

    Args:
        value: Any JSON value.
        distinct: Whether to append a short hash, so that different values stay different.

    Returns:
        `a***@e***` for an address, `A***` for another text, and the same for the texts and numbers inside an object
        or a list. Booleans and nulls stay.
    """
    if isinstance(value, dict):
        return {name: mask(held, distinct=distinct) for name, held in value.items()}
    if isinstance(value, list):
        return [mask(held, distinct=distinct) for held in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    text = str(value)
    user, at, host = text.partition("@")
    masked = f"{_first(user)}{at}{_first(host)}" if at and host else _first(text)
    return f"{masked} #{_hash(text)}" if distinct else masked


def mask_people(value: Any, *, distinct: bool = False) -> Any:
    """Return a value with the e-mail and IP addresses in its texts masked."""
    if isinstance(value, dict):
        return {name: mask_people(held, distinct=distinct) for name, held in value.items()}
    if isinstance(value, list):
        return [mask_people(held, distinct=distinct) for held in value]
    if not isinstance(value, str):
        return value

    def masked(found: re.Match[str]) -> str:
        return str(mask(found.group(), distinct=distinct))

    text = _EMAIL.sub(masked, value) if "@" in value else value
    return _ADDRESS.sub(masked, text)


def mask_key(fields: Sequence[str], values: Sequence[Any], personal: Collection[str]) -> tuple[Any, ...]:
    """Return the values of a key, masked for the result of a check.

    Args:
        fields: Names of the key's fields.
        values: Their values.
        personal: Names of the fields with personal data.
    """
    return tuple(
        mask(value, distinct=True) if name in personal else mask_people(value, distinct=True)
        for name, value in zip(fields, values, strict=True)
    )


def _first(text: str) -> str:
    """Return the first character of a text and the mask; only the mask for a single character."""
    return f"{text[0]}{MASK}" if len(text) > 1 else MASK


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
