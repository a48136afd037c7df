"""Secrets within a text: those that are known by their look, and those that the text itself calls so."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import unquote

from segment_dagster.redaction.formats import Span, secrets_by_look
from segment_dagster.redaction.names import is_assigned_name, is_secret_name

MAX_TEXT = 1_048_576
"""Characters of a text that is looked through. A longer one is taken for a secret: nobody can say that it is none."""

MAX_CACHED = 200
"""Characters of a text whose answer is kept: short ones are there again and again."""

_WIDE_EQUALS, _WIDE_COLON = "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH COLON}"
_OPERATORS = ("=", ":", _WIDE_EQUALS, _WIDE_COLON)
_NAME = r"(?<![\w.%\[\]-])([\w.%\[\]-]+)"
# `token=x` in an address, `Password=x;` in a connection string, `X-Api-Key: x` in a header, `"apiKey":"x"` in JSON,
# with any number of backslashes before the quotes where JSON is within a text of JSON
_ASSIGNED = re.compile(
    _NAME
    + rf"""\\{{0,16}}["'`]?(?:\s*(?:=>|:=|[={_WIDE_EQUALS}])\s*|\s*:\s+|\s*{_WIDE_COLON}\s*|:(?=\\{{0,16}}["']))"""
    + r"""(?=\\{0,16}["'`]?[^\s"'=&;\\])"""
)
# `Authorization:Basic x`, but neither `12:30` nor a part of `arn:aws:secretsmanager:...`
_ASSIGNED_CLOSE = re.compile(r"""(?<![\w.%:/\[\]-])([\w.%-]+):(?=[^\s"'=&;:/,)\]}])""")
_ELEMENT = re.compile(r"<([\w:.-]{1,64})(?:\s[^<>]{0,256})?>(?=\s{0,64}[^\s<])")
_ATTRIBUTES = re.compile(r"""(?:name|key|id)=["']([^"'<>]{1,64})["']\s{1,64}value=["'][^"'<>]""", re.IGNORECASE)
_FLAG = re.compile(r"(?<!\S)--?([A-Za-z][\w-]{1,64})\s{1,64}(?=[^\s-])")
_CURL_USER = re.compile(r"""(?<!\S)(?:-u|--user)[\s=]{1,16}["']?[^\s:"']{1,256}:([^\s"']+)""")

_OPERATOR = re.compile(
    _NAME + rf"""\\{{0,16}}["'`]?(\s*(?:=>|:=|={{1,3}}|[:{_WIDE_COLON}{_WIDE_EQUALS}])\s*)(\\{{0,16}}["'])?(?=\S)"""
)
_END_OF_VALUE = re.compile(r"""[\s"'`&;,<>(){}\\]""")
_SCHEME = re.compile(r"(?i:Bearer|Basic|Token|Digest|Negotiate|SSWS)\s{1,16}(?=\S)")
# of SQL: `PASSWORD 'x'`, `IDENTIFIED BY 'x'`
_SQL = re.compile(r"(?<!\w)(?i:PASSWORD|PASSPHRASE|SECRET|IDENTIFIED\s{1,16}BY|TOKEN)\s{1,16}'([^']+)'")
_ELEMENT_VALUE = re.compile(r"<([\w:.-]{1,64})(?:\s[^<>]{0,256})?>\s{0,64}([^\s<][^<]*)")
_ATTRIBUTE_VALUE = re.compile(r"""(?:name|key|id)=["']([^"'<>]{1,64})["']\s{1,64}value=["']([^"'<>]+)""", re.IGNORECASE)
_FLAG_VALUE = re.compile(r"(?<!\S)--?([A-Za-z][\w-]{1,64})\s{1,64}([^\s-]\S*)")
# `t.token`: a column is no value, nor are words of a schema
_NO_VALUE = re.compile(
    r"[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)+|(?i:null|none|true|false|undefined|string|text|required|optional)"
)
_PLACEHOLDERS = ("$", ":", "?", "@", "%", "#", "[", "//", "*")
_TELLING = re.compile(r"(?=\S*[0-9])\S{6}")

Replace = Callable[[str], str]


def looks_secret(text: str) -> bool:
    """Whether a text is too long to be looked through, or holds a secret that is known by its look."""
    return len(text) > MAX_TEXT or next(secrets_by_look(text), None) is not None


def names_secret(text: str, is_secret: Callable[[str], bool] = is_secret_name) -> bool:
    """Whether a text of settings gives a value to a secret name.

    Args:
        text: The text.
        is_secret: Says of the names in it which are secret.
    """
    if _holds_operator(text):
        if any(is_secret(match.group(1)) for match in _ASSIGNED.finditer(text)):
            return True
        if any(is_assigned_name(match.group(1)) for match in _ASSIGNED_CLOSE.finditer(text)):
            return True
    if "<" in text and any(is_secret(match.group(1)) for match in _ELEMENT.finditer(text)):
        return True
    if "value" in text and any(is_secret(match.group(1)) for match in _ATTRIBUTES.finditer(text)):
        return True
    if "-" in text and any(is_assigned_name(match.group(1)) for match in _FLAG.finditer(text)):
        return True
    return "-u" in text and bool(_CURL_USER.search(text))


def _holds_operator(text: str) -> bool:
    return any(operator in text for operator in _OPERATORS)


def without_secrets(text: str, replace: Replace) -> str:
    """A text that somebody wrote, without the secrets in it.

    Args:
        text: The text.
        replace: Gives what comes in the place of a secret.

    Returns:
        The text itself where it holds none.
    """
    if len(text) > MAX_TEXT:
        return replace(text)
    spans = _spans(text) if len(text) > MAX_CACHED else _kept_spans(text)
    if not spans:
        return text
    parts, place = [], 0
    for start, end in spans:
        parts += [text[place:start], replace(text[start:end])]
        place = end
    return "".join([*parts, text[place:]])


def _spans(text: str) -> tuple[Span, ...]:
    """Where the secrets are, in order. None overlaps another."""
    merged: list[Span] = []
    for start, end in sorted({*secrets_by_look(text), *_secrets_by_name(text), *_percent_encoded(text)}):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return tuple(merged)


_kept_spans = lru_cache(maxsize=8192)(_spans)


def _secrets_by_name(text: str) -> Iterator[Span]:
    if _holds_operator(text):
        yield from _assigned_values(text)
    if "'" in text:
        yield from (match.span(1) for match in _SQL.finditer(text))
    for mark, pattern in (("<", _ELEMENT_VALUE), ("value", _ATTRIBUTE_VALUE), ("-", _FLAG_VALUE)):
        if mark in text:
            yield from (match.span(2) for match in pattern.finditer(text) if is_assigned_name(match.group(1)))
    if "-u" in text:
        yield from (match.span(1) for match in _CURL_USER.finditer(text))


def _assigned_values(text: str) -> Iterator[Span]:
    """Where the values are that a text gives to names which say that they are secret."""
    past = 0
    end_of_value, digit, end_of_argument = (_Next(p, text) for p in (_END_OF_VALUE, _DIGIT, _END_OF_ARGUMENT))
    for match in _OPERATOR.finditer(text):
        name, operator, quote = match.groups()
        start = match.end()
        if match.start() < past:
            continue
        if not is_assigned_name(name):
            if not _is_argument(text, match) or not is_secret_name(name):
                continue
            # of a name that is a word of any sentence the value is one if it is long and has a digit
            value = match.end(1) + 1
            stop = end_of_argument.at(value)
            if stop < value + _LENGTH_OF_ARGUMENT or digit.at(value) >= stop:
                continue
        if quote:
            closing = _CLOSING[quote[-1]].search(text, start)
            past = closing.start() if closing else len(text)
            yield start, past
            continue
        if scheme := _SCHEME.match(text, start):
            start = scheme.end()
        end = end_of_value.at(start)
        if text.startswith(_PLACEHOLDERS, start) or _NO_VALUE.fullmatch(text, start, end) or text.startswith("(", end):
            continue
        # a word after `Password: ` may be any, what is written close by is the value
        close = scheme or operator.strip() == operator or is_header(name)
        if close or _TELLING.match(text, start, end):
            past = end
            yield start, end


def _is_argument(text: str, match: re.Match[str]) -> bool:
    """Whether a name is one of an address's query or fragment: `?key=...`."""
    before, after = match.span(1)
    return text[before - 1 : before] in ("?", "&", "#") and text.startswith("=", after)


class _Next:
    """Where the next match of a pattern is from a place on.

    The text is searched once, however often it is asked for: no place may be before the one that was asked for last.
    """

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._pattern = pattern
        self._text = text
        self._found = -1

    def at(self, place: int) -> int:
        """The start of the first match at or after a place, or the length of the text where there is none."""
        if self._found < place:
            match = self._pattern.search(self._text, place)
            self._found = match.start() if match else len(self._text)
        return self._found


_DIGIT = re.compile(r"[0-9]")
_END_OF_ARGUMENT = re.compile(r"[&\s]")
_LENGTH_OF_ARGUMENT = 8
_CLOSING = {quote: re.compile(rf"[{quote}\\]") for quote in ("'", '"')}


def is_header(name: str) -> bool:
    """Whether a name is that of a header which carries a secret."""
    small = name.lower()
    return small.endswith(("authorization", "cookie")) or (small.startswith("x-") and is_assigned_name(name))


def _percent_encoded(text: str) -> Iterator[Span]:
    """What holds a secret once it is read as an address is: `next=https%3A%2F%2Fme%3Apassword%40host`."""
    if "%3" not in text and "%40" not in text and "%2" not in text:
        return
    for match in _ENCODED.finditer(text):
        plain = unquote(match.group())
        if plain != match.group() and (next(secrets_by_look(plain), None) or any(_secrets_by_name(plain))):
            yield match.span()


_ENCODED = re.compile(r"[\w.%+~-]{4,}")
