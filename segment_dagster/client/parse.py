"""From the bytes of an answer to values: fast where they are plain JSON, carefully where they are nearly so."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

import orjson

from segment_dagster.text import pluralize

MAX_VALUES = 2_000_000
"""Values of a body that are parsed: objects, lists and what they hold. A page of 1000 rows has some 100,000; each takes
up to 200 bytes, however few it has in the body."""

_LONG_DIGITS = b"0" * 19
"""As many as every whole number has that 64 bits do not hold; orjson makes a float of it."""

_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_DIGITS = re.compile(rb"[0-9]*")
_SEPARATORS = (b",", b"[", b"{")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_MAX_DIGITS = 4300
"""Digits of a number that Python reads and writes; what has more stays a text."""


MAX_DEPTH = 1024
"""Levels of nesting that are parsed: as many as orjson reads."""


class ParseError(ValueError):
    """The bytes are not JSON."""


class TooManyValuesError(ValueError):
    """They hold more values than are parsed."""


class TooDeepError(ValueError):
    """They are nested deeper than can be parsed."""


@dataclass
class Parsed:
    """What the bytes say, and what of it no text or number can hold."""

    value: Any
    broken: int = 0
    """Characters that are none, such as half of an emoji: each became U+FFFD."""

    infinite: int = 0
    """Numbers that are none, such as NaN: each became null."""


@dataclass
class Repairs:
    """Counts what was replaced in the responses of a list, because no text or number can hold it."""

    broken: int = 0
    infinite: int = 0

    def add(self, parsed: Parsed) -> None:
        """Count what was replaced in one response."""
        self.broken += parsed.broken
        self.infinite += parsed.infinite

    def __str__(self) -> str:
        replaced = []
        if self.broken:
            replaced.append(f"{pluralize(self.broken, 'broken character')}, such as half of an emoji, became U+FFFD")
        if self.infinite:
            verb = "is" if self.infinite == 1 else "are"
            replaced.append(f"{pluralize(self.infinite, 'number')} that {verb} NaN or infinite became null")
        return "; ".join(replaced)


def parse(content: bytes) -> Parsed:
    """Parse a body.

    Whole numbers of any size stay exact. A number beyond a float's range stays the text that it is.

    Raises:
        ParseError: It is not JSON.
        TooManyValuesError: It has more values than `MAX_VALUES`.
        TooDeepError: It is nested too deep.
    """
    # a value takes two bytes or more, its separator among them
    if len(content) > 2 * MAX_VALUES and _has_too_many(content):
        raise TooManyValuesError
    try:
        if not _has_long_number(content):
            return Parsed(orjson.loads(content))
    except orjson.JSONDecodeError as error:
        if "depth" in str(error) or "recursion" in str(error).lower():
            raise TooDeepError from None
    return _Careful().parse(content)


def _is_too_deep(value: Any) -> bool:
    """Return whether a value is nested deeper than orjson reads: Python's own parser reads more from 3.13 on."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
        if not level:
            return False
    return True


class _Careful:
    """Parses what orjson refuses or reads inexactly. One body each."""

    def __init__(self) -> None:
        self._broken = 0
        self._infinite = 0

    def parse(self, content: bytes) -> Parsed:
        text = self._decode(content)
        hook: Callable[[list[tuple[str, Any]]], Any] | None = None
        if _SURROGATE_ESCAPE.search(text):
            hook = self._object
        try:
            value = json.loads(
                text,
                # a line break within a text is no JSON either, and no reason to lose the others
                strict=False,
                parse_int=_whole_number,
                parse_float=_number,
                parse_constant=self._constant,
                object_pairs_hook=hook,
            )
        except RecursionError:
            raise TooDeepError from None
        except ValueError:
            raise ParseError from None
        if _is_too_deep(value):
            raise TooDeepError
        if hook:
            (value,) = self._cleaned([value])
        return Parsed(value, self._broken, self._infinite)

    def _decode(self, content: bytes) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError:
            pass
        try:
            # halves that were written one by one make a character where both are there
            halves = content.decode("utf-8", "surrogatepass")
            text = halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        except UnicodeDecodeError:
            text = content.decode("utf-8", "replace")
        self._broken += text.count(_REPLACEMENT) - content.count(_REPLACEMENT.encode())
        return text

    def _constant(self, _: str) -> None:
        self._infinite += 1

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = dict(pairs)
        if any(_SURROGATE.search(key) for key in made):
            # two names that differ in what is broken stay two
            taken = {key for key in made if not _SURROGATE.search(key)}
            renamed = {}
            for key, value in made.items():
                if key not in taken:
                    key = self._text(key)
                    while key in taken:
                        key += _REPLACEMENT
                    taken.add(key)
                renamed[key] = value
            made = renamed
        return dict(zip(made, self._cleaned(list(made.values())), strict=True))

    def _cleaned(self, values: list[Any]) -> list[Any]:
        """Replace what is broken in texts, in lists of lists too. Objects have been seen to when they were made."""
        waiting = [values]
        while waiting:
            held = waiting.pop()
            for place, value in enumerate(held):
                if isinstance(value, str):
                    held[place] = self._text(value)
                elif isinstance(value, list):
                    waiting.append(value)
        return values

    def _text(self, text: str) -> str:
        cleaned, count = _SURROGATE.subn(_REPLACEMENT, text)
        self._broken += count
        return cleaned


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _number(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else text


def _has_long_number(content: bytes) -> bool:
    """Return whether a whole number may be longer than orjson reads exactly. A text may look like one, too."""
    zeros = content.translate(_AS_ZEROS)
    start = zeros.find(_LONG_DIGITS)
    while start >= 0:
        digits = _DIGITS.match(content, start)
        assert digits is not None
        # no part of a fraction, of an identifier, of a text that ends with it
        if content[start - 1 : start] in b":,[- \t\r\n" and content[digits.end() : digits.end() + 1] in b",]} \t\r\n":
            return True
        start = zeros.find(_LONG_DIGITS, digits.end())
    return False


def _has_too_many(content: bytes) -> bool:
    if sum(map(content.count, _SEPARATORS)) <= MAX_VALUES:
        return False
    # texts may be full of them: they are left out, one by one
    found = end = 0
    for texts, text in enumerate(_STRING.finditer(content)):
        found += sum(content.count(separator, end, text.start()) for separator in _SEPARATORS)
        end = text.end()
        # a text is a value, or the name of one
        if found > MAX_VALUES or texts > 2 * MAX_VALUES:
            return True
    return found + sum(content.count(separator, end) for separator in _SEPARATORS) > MAX_VALUES
