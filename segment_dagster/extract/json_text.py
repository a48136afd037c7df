"""JSON as text, with numbers kept exactly and texts that every destination takes."""

import json
from collections.abc import Iterable
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson

MAX_DEPTH = 254
"""Levels of nesting that a value may have: those that orjson writes."""

_WRAPPED = 6
"""Levels that versions and changes add to a value."""

_LONG_DIGITS = b"0" * 19
"""As many as every whole number has that 64 bits do not hold; orjson makes a float of it."""

_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")

_TWO_SPELLINGS = (b"e+", b"-0.0")
"""What a text holds where a number in it is one that destinations give back in another spelling."""

_WHOLE_FROM = 1e16
"""From here on orjson writes floats with an exponent, and PostgreSQL gives them back as whole numbers."""


class TooDeepError(ValueError):
    """A value is nested deeper than `MAX_DEPTH`."""


class TooLongError(ValueError):
    """A whole number has more digits than Python writes (4,300)."""


def dumps(value: Any, max_depth: int = MAX_DEPTH) -> bytes:
    """Write a value as JSON, with the members of objects in order.

    Whole numbers keep all their digits.

    Raises:
        TooDeepError: It is nested too deep.
        TooLongError: It holds a whole number of more than 4,300 digits.
        UnicodeEncodeError: It holds half of a surrogate pair.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _dumps_any(value, max_depth)


def loads(text: str | bytes) -> Any:
    """Read JSON. Whole numbers keep all their digits, others become floats.

    Raises:
        ValueError: It is no JSON.
    """
    content = text.encode() if isinstance(text, str) else text
    if len(content) >= len(_LONG_DIGITS) and _LONG_DIGITS in content.translate(_AS_ZEROS):
        return json.loads(content)
    return orjson.loads(content)


def comparable(value: Any) -> bytes:
    """Write a value as JSON to compare it: equal values, and no others, are the same bytes, wherever they are from.

    A float from 1e16 on is written as the whole number it stands for: PostgreSQL gives `1e20` back as the digits.
    A negative zero is written as zero.

    Raises:
        TooDeepError: It is nested too deep.
        TooLongError: It holds a whole number of more than 4,300 digits.
    """
    text = dumps(value, MAX_DEPTH + _WRAPPED)
    return dumps(_respelled(value), MAX_DEPTH + _WRAPPED) if any(sign in text for sign in _TWO_SPELLINGS) else text


def _is_deeper(value: Any, levels: int) -> bool:
    level = [value]
    for _ in range(levels + 1):
        level = [held for each in level for held in _members(each)]
        if not level:
            return False
    return True


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _dumps_any(value: Any, max_depth: int) -> bytes:
    if _is_deeper(value, max_depth):
        raise TooDeepError
    try:
        text = json.dumps(
            value,
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
            default=_time_as_text,
        )
    except ValueError as error:
        raise TooLongError from error
    return text.encode()


def _time_as_text(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def _respelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _respelled(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_respelled(held) for held in value]
    if isinstance(value, float):
        if value == 0:
            return 0.0
        if abs(value) >= _WHOLE_FROM and isfinite(value):
            return int(Decimal(repr(value)))
    return value
