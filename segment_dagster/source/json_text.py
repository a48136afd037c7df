"""JSON as text, with numbers kept exactly and texts that every destination takes."""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from math import isfinite, isnan
from typing import Any

import orjson

MAX_DEPTH = 254
"""Levels of nesting that a value may have: those that orjson writes."""

_WRAPPED = 6
"""Levels that versions and changes add to a value."""

_BEYOND_64_BITS = re.compile(rb"[0-9]{19}")
"""Where a text may hold a whole number that orjson reads as a float."""

_TWO_SPELLINGS = re.compile(rb"[0-9]e\+[0-9]|-0\.0")
"""Where a text may hold a number that destinations give back in another spelling."""

_WHOLE_FROM = 1e16
"""From here on orjson writes floats with an exponent, and PostgreSQL gives them back as whole numbers."""


class TooDeepError(ValueError):
    """A value is nested deeper than `MAX_DEPTH`."""


class TooLongError(ValueError):
    """A whole number has more digits than Python writes (4,300)."""


def dumps(value: Any, max_depth: int = MAX_DEPTH) -> bytes:
    """Write a value as JSON, with the members of objects in order.

    Whole numbers keep all their digits. Infinity and NaN, which JSON does not have, become the texts `Infinity`,
    `-Infinity` and `NaN`.

    Raises:
        TooDeepError: It is nested too deep.
        TooLongError: It holds a whole number of more than 4,300 digits.
        UnicodeEncodeError: It holds half of a surrogate pair.
    """
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _dumps_any(value, max_depth)
    # orjson writes infinity and NaN as null
    return _dumps_any(value, max_depth) if b"null" in text and _holds_special_float(value) else text


def loads(text: str | bytes) -> Any:
    """Read JSON. Whole numbers keep all their digits, others become floats.

    Raises:
        ValueError: It is no JSON.
    """
    content = text.encode() if isinstance(text, str) else text
    if _BEYOND_64_BITS.search(content):
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
    return dumps(_respelled(value), MAX_DEPTH + _WRAPPED) if _TWO_SPELLINGS.search(text) else text


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
            _without_special_floats(value),
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


def _holds_special_float(value: Any) -> bool:
    """Return whether a value holds infinity or NaN anywhere."""
    if isinstance(value, float):
        return not isfinite(value)
    return any(_holds_special_float(held) for held in _members(value))


def _without_special_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_special_floats(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_without_special_floats(held) for held in value]
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


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
