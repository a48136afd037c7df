"""Find the end of quoted values in a text: SQL, C, JSON, shells and connection strings."""

import re
from typing import NamedTuple

PREFIX = r"(?:[A-Za-z]{1,2}|[Uu]&|_[A-Za-z0-9]{1,16}|@\$?|\$@?)?"
"""Pattern of prefixes of a quote: `N'x'`, `E'x'`, `U&'x'`, `_utf8'x'`, `@"x"`."""

OPENING = r"""\\{0,16}["'`]"""
"""Pattern of a quote, with backslashes before it if the text is quoted itself."""

_OPENING = re.compile(rf"""({PREFIX})(\\{{0,16}})(["'`])""")
_DOLLARS = re.compile(r"\$(?:[A-Za-z_]\w{0,31})?\$")
_MAX_IN_DOLLARS = 4_096
_RUNS = {quote: re.compile(rf"(?<!\\)(\\*)({quote}+)") for quote in "\"'`}"}
# `'a' || 'b'`, `'a' + 'b'`, and `'a'\''b'` of a shell
_NEXT = rf"(?=(?:(?<=[\s|+.&,]){PREFIX})?{OPENING})"
_GOES_ON = re.compile(r"""\s{0,16}(?:\|\||[+.&]|\\(?=\s))?\s{0,16}(?:\\["']|"'"|'"'){0,4}""" + _NEXT)
_GOES_ON_IN_LIST = re.compile(r"\s{0,16}(?:\|\||[+.&,]|\\(?=\s))?\s{0,16}" + _NEXT)
_BRACKETS = {"[": "]", "{": "}", "(": ")", "<": ">"}
_AFTER_NOTHING = re.compile(r"[\s,;)\]}&|]|$")


class Quoted(NamedTuple):
    """A quoted value."""

    start: int
    end: int
    """End of the value in its longest interpretation."""

    least: int
    """End of the value in its shortest interpretation."""

    after: int
    """Position after the closing quotes, or -1 if they close more than this value."""

    kind: tuple[str, int, int]
    """The quote character, the number of backslashes before it, and how often it is repeated per quote."""

    closed: bool


class QuoteReader:
    """Read the quoted values of a text.

    Whether a backslash escapes a quote depends on the language, which is unknown: a value extends to its end in the
    longest interpretation. Text that was read is not read again, however many values start in it.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._holds_json = text.startswith('"') or '{"' in text or '["' in text
        self._read_to: dict[tuple[str, int, int], int] = {}

    def values_at(self, place: int, *, in_list: bool = False, must_close: bool = False) -> list[Quoted]:
        """Return the value whose prefix or opening quote is at a position, and the values that continue it.

        Args:
            place: Position of the prefix or the quote.
            in_list: Whether values after a comma belong to it.
            must_close: Whether to treat an unclosed quote as an apostrophe.
        """
        found: list[Quoted] = []
        goes_on = _GOES_ON_IN_LIST if in_list else _GOES_ON
        while value := self._value_at(place):
            if (found and value.kind != found[0].kind) or (must_close and not value.closed):
                break
            found.append(value)
            self._read_to[value.kind] = max(value.end, self._read_to.get(value.kind, 0))
            following = goes_on.match(self._text, value.after) if value.after >= 0 else None
            if following is None:
                break
            place = following.end()
        return found

    def _value_at(self, place: int) -> Quoted | None:
        text = self._text
        if text.startswith("$", place) and (dollars := _DOLLARS.match(text, place)):
            return self._in_dollars(dollars.group(), dollars.end())
        if text.startswith("{", place):
            return self._until("}", 0, 1, place + 1)
        opening = _OPENING.match(text, place)
        if opening is None:
            return None
        prefix, backslashes, quote = opening.groups()
        start = opening.end()
        if backslashes:
            return self._until(quote, len(backslashes), 1, start)
        if prefix[-1:] in ("q", "Q") and quote == "'" and start < len(text):
            return self._between(text[start], quote, start + 1)
        run = start - opening.start(3)
        while text.startswith(quote, start):
            start += 1
            run += 1
        if run > 1 and _AFTER_NOTHING.match(text, start):
            return None
        # each quote is doubled if the text is quoted itself, and doubled again for each further level
        width = run & -run
        return self._until(quote, 0, width, opening.start(3) + width)

    def _in_dollars(self, dollars: str, start: int) -> Quoted | None:
        end = self._text.find(dollars, start, start + _MAX_IN_DOLLARS)
        if end <= start:
            return None
        return Quoted(start, end, end, -1, ("$", 0, 1), closed=True)

    def _between(self, bracket: str, quote: str, start: int) -> Quoted | None:
        kind = (bracket + quote, 0, 1)
        if start < self._read_to.get(kind, 0):
            return None
        end = self._text.find(_BRACKETS.get(bracket, bracket) + quote, start)
        if end < 0:
            return Quoted(start, len(self._text), len(self._text), -1, kind, closed=False)
        return Quoted(start, end, end, end + 2, kind, closed=True)

    def _until(self, quote: str, backslashes: int, width: int, start: int) -> Quoted | None:
        kind = (quote, backslashes, width)
        if start < self._read_to.get(kind, 0):
            return None
        if backslashes:
            ends = [self._end_within_text(quote, backslashes, start)]
        else:
            # JSON writes each backslash twice
            readings = (0, 1, 2) if quote == "'" and self._holds_json else (0, 1)
            ends = [self._end(quote, width, start, backslash) for backslash in readings]
        last = max(ends)
        return Quoted(start, last[0], min(ends)[0], last[1], kind, closed=min(ends)[0] < len(self._text))

    def _end(self, quote: str, width: int, start: int, backslash: int) -> tuple[int, int]:
        """Return the ends of a value and of its quotes.

        `backslash` is how often a backslash is written for one, or 0 if it escapes nothing.
        """
        for run in _RUNS[quote].finditer(self._text, start):
            quotes = len(run.group(2))
            if backslash and len(run.group(1)) // backslash % 2:
                quotes = max(0, quotes - width)
            # twice as many quotes stand for one quote inside the value
            if closing := quotes % (2 * width):
                end = run.end() - closing
                return end, end + width if closing == width else -1
        return len(self._text), -1

    def _end_within_text(self, quote: str, backslashes: int, start: int) -> tuple[int, int]:
        for run in _RUNS[quote].finditer(self._text, start):
            written = len(run.group(1))
            escaped = written % (2 * backslashes + 2) == 2 * backslashes + 1
            if not escaped or len(run.group(2)) > 1:
                end = max(start, run.end(1) - min(written, backslashes))
                return end, run.end(1) + 1 if written >= backslashes else -1
        return len(self._text), -1
