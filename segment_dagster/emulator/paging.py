"""Pages: what a request asks for, and what it is given."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from segment_dagster.emulator.errors import bad_parameter

DEFAULT_COUNT = 100
"""Rows of a page when the request does not say how many."""

_MARK = b"\xfb\xef\xff"
"""Makes every cursor start with `++//`, which a client must percent-encode: a bare `+` in a query is a space."""


@dataclass(frozen=True)
class Asked:
    """A request's wish for a page."""

    count: int
    offset: int


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    records: list[dict[str, Any]]
    offset: int
    total: int
    current: str
    next: str | None
    previous: str | None

    def with_records(self, records: list[dict[str, Any]]) -> "Page":
        """The same page with other records."""
        return replace(self, records=records)


class Cursors:
    """The cursors of one list: opaque, and of no use for another list."""

    def __init__(self, of: str) -> None:
        self._mark = crc32(of.encode())

    def write(self, offset: int) -> str:
        """The cursor of the page that begins at an offset."""
        return base64.b64encode(_MARK + f"{self._mark:08x}:{offset}".encode()).decode()

    def read(self, cursor: str) -> int | None:
        """The offset a cursor stands for, or `None` if it is none of this list's."""
        try:
            mark, _, offset = base64.b64decode(cursor, validate=True).removeprefix(_MARK).decode().partition(":")
            return int(offset) if mark == f"{self._mark:08x}" and self.write(int(offset)) == cursor else None
        except ValueError:
            return None


def ask_public(query: Mapping[str, str], largest: int, cursors: Cursors) -> Asked:
    """What a request of the public layout asks for, in any of the three forms of `pagination`.

    Args:
        query: The query's parameters.
        largest: The largest page of the endpoint.
        cursors: The cursors of the list.

    Returns:
        The count and the offset.

    Raises:
        Refused: The count or the cursor is not valid: status 422.
    """
    given = _public_input(query)
    if "count" not in given:
        if "cursor" in given:
            raise bad_parameter("pagination.count", "pagination.count is required where pagination is given")
        return Asked(min(DEFAULT_COUNT, largest), 0)
    return _ask(given["count"], given.get("cursor"), largest, cursors, ("pagination.count", "pagination.cursor"))


def ask_versioned(query: Mapping[str, str], largest: int, cursors: Cursors) -> Asked:
    """What a request of the versioned layout asks for with `page[size]` and `page[cursor]`.

    Args:
        query: The query's parameters.
        largest: The largest page of the endpoint.
        cursors: The cursors of the list.

    Returns:
        The count and the offset.

    Raises:
        Refused: The size or the cursor is not valid: status 422.
    """
    size = _number(query["page[size]"]) if "page[size]" in query else min(DEFAULT_COUNT, largest)
    return _ask(size, query.get("page[cursor]") or None, largest, cursors, ("page[size]", "page[cursor]"))


def cut(records: Sequence[dict[str, Any]], asked: Asked, cursors: Cursors) -> Page:
    """The page of the list that a request asks for."""
    end = asked.offset + asked.count
    return Page(
        records=list(records[asked.offset : end]),
        offset=asked.offset,
        total=len(records),
        current=cursors.write(asked.offset),
        next=cursors.write(end) if end < len(records) else None,
        previous=cursors.write(max(0, asked.offset - asked.count)) if asked.offset else None,
    )


def _public_input(query: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if "pagination" in query:
        try:
            whole = json.loads(query["pagination"])
        except ValueError:
            whole = None
        if not isinstance(whole, dict):
            raise bad_parameter("pagination", "pagination is not a JSON object")
        given.update(whole)
    for name in ("count", "cursor"):
        for form in (f"pagination.{name}", f"pagination[{name}]"):
            if form in query:
                given[name] = query[form] if name == "cursor" else _number(query[form])
    return given


def _number(text: str) -> int | float | str:
    try:
        return json.loads(text) if text.strip("0123456789.-") == "" else text
    except ValueError:
        return text


def _ask(count: object, cursor: object, largest: int, cursors: Cursors, fields: tuple[str, str]) -> Asked:
    count_field, cursor_field = fields
    if isinstance(count, float) and count.is_integer():
        count = int(count)
    if isinstance(count, bool) or not isinstance(count, int):
        raise bad_parameter(count_field, f"{count_field} is not a whole number")
    if not 1 <= count <= largest:
        raise bad_parameter(count_field, f"{count_field} must be between 1 and {largest}")
    if cursor is None:
        return Asked(count, 0)
    offset = cursors.read(cursor) if isinstance(cursor, str) else None
    if offset is None:
        raise bad_parameter(cursor_field, f"{cursor_field} is not a cursor of this list")
    return Asked(count, offset)
