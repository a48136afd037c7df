"""Find secrets within a text, by their format and by the names before them."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import unquote

from segment_dagster.redaction.formats import Span, secrets_by_look
from segment_dagster.redaction.items import values_of_items
from segment_dagster.redaction.names import MAX_NAME, is_assigned_name, is_secret_name
from segment_dagster.redaction.quotes import OPENING, PREFIX, Quoted, QuoteReader

MAX_TEXT = 1_048_576
"""Most characters of a text that is searched. A longer one is treated as a secret, as it cannot be checked."""

MAX_CACHED = 200
"""Most characters of a text whose result is cached; short texts repeat often."""

_WIDE_EQUALS, _WIDE_COLON = "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH COLON}"
_OPERATORS = ("=", ":", _WIDE_EQUALS, _WIDE_COLON)
_NAME = r"(?<![\w.%\[\]-])([\w.%\[\]-]+)"
# `token=x` in an address, `Password=x;` in a connection string, `X-Api-Key: x` in a header, `"apiKey":"x"` in JSON,
# with up to 16 backslashes before the quotes, for JSON inside a JSON text
_ASSIGNED = re.compile(
    _NAME
    + rf"""\\{{0,16}}["'`]?(?:\s*(?:=>|:=|[={_WIDE_EQUALS}])\s*|\s*:\s+|\s*{_WIDE_COLON}\s*|:(?=\\{{0,16}}["']))"""
    + r"""(?=\\{0,16}["'`]?[^\s"'=&;\\])"""
)
# `Authorization:Basic x`, but neither `12:30` nor part of `arn:aws:secretsmanager:...`
_ASSIGNED_CLOSE = re.compile(r"""(?<![\w.%:/\[\]-])([\w.%-]+):(?=[^\s"'=&;:/,)\]}])""")
_ELEMENT = re.compile(r"<([\w:.-]{1,64})(?:\s[^<>]{0,256})?>(?=\s{0,64}[^\s<])")
_ATTRIBUTES = re.compile(r"""(?:name|key|id)=["']([^"'<>]{1,64})["']\s{1,64}value=["'][^"'<>]""", re.IGNORECASE)
_FLAG = re.compile(r"(?<!\S)--?([A-Za-z][\w-]{1,64})\s{1,64}(?=[^\s-])")
_CURL_USER = re.compile(r"""(?<!\S)(?:-u|--user)[\s=]{1,16}["']?[^\s:"']{1,256}:([^\s"']+)""")

# SQL: a function call around a value, or the start of a list of values
_CALL = (
    r"(?:(?i:md5|sha[0-9]{0,3}|hashbytes|crypt|encrypt|password|concat|lower|upper|trim|cast|convert|encode|decode|hex"
    r"|unhex|coalesce|nullif|ifnull|nvl|any|all|some)?\(\s{0,8}(?i:ARRAY\[)?)?"
)
_OPERATOR = re.compile(
    _NAME
    + rf"""\\{{0,16}}["'`]?(\s*(?:=>|:=|={{1,3}}|[:{_WIDE_COLON}{_WIDE_EQUALS}])\s*)"""
    + rf"""(?:({_CALL})({PREFIX}{OPENING}))?(?=\S)"""
)
_COMPARED = re.compile(
    _NAME
    + r"""\\{0,16}["'`]?(?:\){1,4}|::\w{1,32})?(?:\s{0,16}(?:={1,3}(?!>)|<=>|<>|!={1,2}|!?~{1,2}\*?|=~\*?|[<>]=?)"""
    + r"""|\s{1,16}(?i:(?:NOT\s{1,16})?(?:I?LIKE|RLIKE|REGEXP|GLOB|SIMILAR\s{1,16}TO|IN)|TO|IS))\s{0,16}"""
    + rf"({_CALL})(?={PREFIX}{OPENING}\S)"
)
_END_OF_VALUE = re.compile(r"""[\s"'`&;,<>(){}\\]""")
_SCHEME = re.compile(r"(?i:Bearer|Basic|Token|Digest|Negotiate|SSWS)\s{1,16}(?=\S)")
# SQL: `PASSWORD 'x'`, `IDENTIFIED BY 'x'`
_SQL = re.compile(
    rf"(?<!\w)(?i:(?:PASSWORD|PASSPHRASE|SECRET|TOKEN)\s{{1,16}}(?={PREFIX}'|\$)"
    r"|IDENTIFIED\s{1,16}(?:WITH\s{1,16}[\w\"'`]{1,64}\s{1,16})?(?:BY|AS)\s{1,16}(?:(?:PASSWORD|VALUES)\s{1,16})?"
    rf"(?={PREFIX}[\"'`]|\$))"
)
_ELEMENT_VALUE = re.compile(r"<([\w:.-]{1,64})(?:\s[^<>]{0,256})?>\s{0,64}([^\s<][^<]*)")
_ATTRIBUTE_VALUE = re.compile(r"""(?:name|key|id)=["']([^"'<>]{1,64})["']\s{1,64}value=["']([^"'<>]+)""", re.IGNORECASE)
_FLAG_VALUE = re.compile(r"(?<!\S)--?([A-Za-z][\w-]{1,64})\s{1,64}([^\s-]\S*)")
_WORDS_OF_A_TITLE = 4
# `t.token`: a column is not a value, nor are the words of a schema
_NO_VALUE = re.compile(
    r"[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)+|(?i:null|none|true|false|undefined|string|text|required|optional)"
)
# `{name: token, value: x}` on one line, with or without quotes
_BESIDE = re.compile(
    r"""(?<![\w.-])(?i:name|key|header|field|param|parameter|variable|var|title|label)\\{0,16}["']?\s{0,8}[:=]"""
    r"""\s{0,8}\\{0,16}["']?(\w[\w .-]{0,63})\\{0,16}["']?\s{0,8},\s{0,64}\\{0,16}["']?"""
    r"""(?i:value|val|content|default|data|text)\\{0,16}["']?\s{0,8}[:=]\s{0,8}(?=[^\s,}])"""
)
_END_BESIDE = re.compile(r"[\s,;(){}]|$")
_IDENTIFIER = re.compile(r"\.[\w\"`]")
# `{token}` in a template, but `{x}` of ODBC
_IN_BRACES = re.compile(r"\{(?=[^\s{}\"'$%#])([^\n{}]{0,256})(?:\}|$)")
_TEMPLATE = re.compile(r"[a-z][A-Za-z_]*")
_PLACEHOLDERS = ("$", ":", "?", "@", "%", "#", "[", "//", "*")
_TELLING = re.compile(r"(?=\S*[0-9])\S{6}")

Replace = Callable[[str], str]


def looks_secret(text: str) -> bool:
    """Return whether a text is too long to search, or contains a secret that is recognized by format."""
    return len(text) > MAX_TEXT or next(secrets_by_look(text), None) is not None


def names_secret(text: str, is_secret: Callable[[str], bool] = is_secret_name) -> bool:
    """Return whether a text of settings assigns a value to a secret name.

    Args:
        text: The text.
        is_secret: Returns whether a name is secret.
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
    if "-u" in text and _CURL_USER.search(text):
        return True
    if "\n" in text and any(True for _ in values_of_items(text, lambda name: is_secret(name) and is_short(name))):
        return True
    if any(is_secret(match.group(1)) and is_short(match.group(1)) for match in _BESIDE.finditer(text)):
        return True
    return any(start < end for start, end in _values_after_names(text, bare=False))


def is_short(name: str) -> bool:
    """Return whether a text is short enough for a name, unlike `Your key to the city, and what it opens`."""
    return len(name) <= MAX_NAME and len(name.split()) <= _WORDS_OF_A_TITLE


def _holds_operator(text: str) -> bool:
    return any(operator in text for operator in _OPERATORS)


def without_secrets(text: str, replace: Replace) -> str:
    """Return a text with its secrets replaced.

    Args:
        text: A text written by people.
        replace: Returns the replacement of a secret.

    Returns:
        The text itself if it contains no secret.
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
    """Return the spans of secrets, in order and without overlaps."""
    merged: list[Span] = []
    for start, end in sorted({*secrets_by_look(text), *_secrets_by_name(text), *_percent_encoded(text)}):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return tuple(merged)


_kept_spans = lru_cache(maxsize=8192)(_spans)


def _secrets_by_name(text: str) -> Iterator[Span]:
    yield from _values_after_names(text, bare=True)
    if "," in text:
        yield from _values_beside_names(text)
    for mark, pattern in (("<", _ELEMENT_VALUE), ("value", _ATTRIBUTE_VALUE), ("-", _FLAG_VALUE)):
        if mark in text:
            yield from (match.span(2) for match in pattern.finditer(text) if is_assigned_name(match.group(1)))
    if "\n" in text:
        yield from values_of_items(text, is_assigned_name)
    if "-u" in text:
        yield from (match.span(1) for match in _CURL_USER.finditer(text))


def _values_beside_names(text: str) -> Iterator[Span]:
    quotes = QuoteReader(text)
    for match in _BESIDE.finditer(text):
        if not is_assigned_name(match.group(1)):
            continue
        start = match.end()
        if text.startswith(("'", '"', "`", "\\"), start):
            yield from ((value.start, value.end) for value in quotes.values_at(start))
        elif not text.startswith(_PLACEHOLDERS, start) and (found := _END_BESIDE.search(text, start)):
            yield start, found.start()


def _values_after_names(text: str, *, bare: bool) -> Iterator[Span]:
    """Yield the values after an operator or a keyword: quoted ones, and unquoted ones if `bare`."""
    quotes = QuoteReader(text)
    quoted = any(mark in text for mark in _QUOTE_MARKS)
    if (bare or quoted) and _holds_operator(text):
        yield from _assigned_values(text, quotes, bare=bare)
    if quoted:
        yield from _compared_values(text, quotes)
        for match in _SQL.finditer(text):
            yield from ((value.start, value.end) for value in quotes.values_at(match.end(), must_close=True))


def _compared_values(text: str, quotes: QuoteReader) -> Iterator[Span]:
    """Yield quoted values that are compared with a secret name: `token <> 'x'`, `token IN ('x', 'y')`."""
    for match in _COMPARED.finditer(text):
        if is_assigned_name(match.group(1)):
            values = quotes.values_at(match.end(), in_list=bool(match.group(2)))
            if not _is_column(text, values, ("`", '"')):
                yield from ((value.start, value.end) for value in values)


def _is_column(text: str, values: list[Quoted], quotes: tuple[str, ...]) -> bool:
    """Return whether the quoted text is the first part of an identifier: `"t"."token"`."""
    return bool(values) and values[0].kind[0] in quotes and _IDENTIFIER.match(text, max(0, values[0].after)) is not None


def _assigned_values(text: str, quotes: QuoteReader, *, bare: bool) -> Iterator[Span]:
    """Yield values that are assigned to secret names; unquoted ones only if `bare`."""
    past = 0
    end_of_value, digit, end_of_argument = (_NextMatch(p, text) for p in (_END_OF_VALUE, _DIGIT, _END_OF_ARGUMENT))
    for match in _OPERATOR.finditer(text):
        name, operator, call, quote = match.groups()
        start = match.end()
        if match.start() < past:
            continue
        if not is_assigned_name(name):
            if not _is_argument(text, match) or not is_secret_name(name):
                continue
            # if the name is an ordinary word, the value counts only if it is long and has a digit
            value = match.end(1) + 1
            stop = end_of_argument.at(value)
            if stop < value + _LENGTH_OF_ARGUMENT or digit.at(value) >= stop:
                continue
        if quote or text.startswith("$", start) or _is_in_braces(text, start, operator):
            values = quotes.values_at(match.start(4) if quote else start, in_list=bool(call))
            if not _is_column(text, values, ("`",)):
                for quoted in values:
                    past = quoted.least
                    yield quoted.start, quoted.end
            if values or quote:
                continue
        if not bare:
            continue
        if scheme := _SCHEME.match(text, start):
            start = scheme.end()
        end = end_of_value.at(start)
        if text.startswith(_PLACEHOLDERS, start) or _NO_VALUE.fullmatch(text, start, end) or text.startswith("(", end):
            continue
        # after `Password: ` may follow any word, but without a space it is the value
        close = scheme or operator.strip() == operator or is_header(name)
        if close or _TELLING.match(text, start, end):
            past = end
            yield start, end


def _is_argument(text: str, match: re.Match[str]) -> bool:
    """Return whether a name is in the query or fragment of a URL: `?key=...`."""
    before, after = match.span(1)
    return text[before - 1 : before] in ("?", "&", "#") and text.startswith("=", after)


class _NextMatch:
    """Find the next match of a pattern from a position on.

    The text is searched only once in total, so positions must not decrease from call to call.
    """

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._pattern = pattern
        self._text = text
        self._found = -1

    def at(self, place: int) -> int:
        """Return the start of the first match at or after a position, or the length of the text if there is none."""
        if self._found < place:
            match = self._pattern.search(self._text, place)
            self._found = match.start() if match else len(self._text)
        return self._found


_DIGIT = re.compile(r"[0-9]")
_END_OF_ARGUMENT = re.compile(r"[&\s]")
_LENGTH_OF_ARGUMENT = 8
_QUOTE_MARKS = ("'", '"', "`", "$", "={")


def _is_in_braces(text: str, start: int, operator: str) -> bool:
    if operator != "=" or not text.startswith("{", start):
        return False
    found = _IN_BRACES.match(text, start)
    return found is not None and not (
        _NO_VALUE.fullmatch(found.group(1)) or (_TEMPLATE.fullmatch(found.group(1)) and is_secret_name(found.group(1)))
    )


def is_header(name: str) -> bool:
    """Return whether a name is that of a header with a secret."""
    lowered = name.lower()
    return lowered.endswith(("authorization", "cookie")) or (lowered.startswith("x-") and is_assigned_name(name))


def _percent_encoded(text: str) -> Iterator[Span]:
    """Yield spans that contain a secret after percent-decoding: `next=https%3A%2F%2Fme%3Apassword%40host`."""
    if "%3" not in text and "%40" not in text and "%2" not in text:
        return
    for match in _ENCODED.finditer(text):
        plain = unquote(match.group())
        if plain != match.group() and (next(secrets_by_look(plain), None) or any(_secrets_by_name(plain))):
            yield match.span()


_ENCODED = re.compile(r"[\w.%+~-]{4,}")
