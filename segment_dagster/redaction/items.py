"""Find secrets in YAML and TOML, where a name and its value are on separate lines."""

import re
from collections.abc import Callable, Iterator

from segment_dagster.redaction.formats import Span
from segment_dagster.redaction.names import NAMING, VALUED, last_word

_LINE = re.compile(r"[^\n]+")
_MEMBER = re.compile(r"""([ \t]{0,64}(?:-[ \t]{1,8})?)["']?(\w[\w-]{0,63})["']?[ \t]{0,8}[:=][ \t]{1,8}(?=[^\s#])""")
_END_OF_MEMBER = re.compile(r"\s#|\r|$|\n")
_QUOTES = ("'", '"')


class _Item:
    """Members of the same indentation, up to the next dash."""

    def __init__(self) -> None:
        self.named = False
        self.values: list[Span] = []


def values_of_items(text: str, is_secret: Callable[[str], bool]) -> Iterator[Span]:
    """Yield the spans of values next to a secret name: `- name: token`, and on the next line `value: x`.

    Args:
        text: The text.
        is_secret: Returns whether the value of a name is secret.
    """
    open_items: list[tuple[int, _Item]] = []
    # a value that continues on lines that are indented more than its name
    block: tuple[int, _Item, int] | None = None
    for line in _LINE.finditer(text):
        depth = line.end() - line.start() - len(line.group().lstrip(" \t"))
        if block:
            column, item, start = block
            if depth >= column or not line.group().strip():
                item.values[-1] = (start, line.end())
                continue
            block = None
        member = _MEMBER.match(text, line.start(), line.end())
        if member is None:
            continue
        column, listed = len(member.group(1)), "-" in member.group(1)
        while open_items and (open_items[-1][0] > column or (listed and open_items[-1][0] == column)):
            item = open_items.pop()[1]
            yield from item.values if item.named else ()
        if not open_items or open_items[-1][0] < column:
            open_items.append((column, _Item()))
        item = open_items[-1][1]
        word = last_word(member.group(2))
        start, end = _value(text, member.end(), line.end())
        if word in VALUED:
            item.values.append((start, end))
            if text[start] in "|>":
                block = (column + 1, item, start)
        elif word in NAMING and is_secret(text[start:end]):
            item.named = True
    for _, item in open_items:
        yield from item.values if item.named else ()


def _value(text: str, start: int, end: int) -> Span:
    """Return the span of a value without its quotes and the rest of the line."""
    quote = text[start]
    if quote in _QUOTES and (closing := text.rfind(quote, start + 1, end)) > start + 1:
        return start + 1, closing
    found = _END_OF_MEMBER.search(text, start, end)
    end = found.start() if found else end
    return start, start + len(text[start:end].rstrip(" \t,;"))
