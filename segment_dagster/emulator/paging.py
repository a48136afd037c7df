"""Pagination: parses page parameters and cuts pages from lists."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from zlib import crc32

from segment_dagster.emulator.endpoint_rules import DEFAULT_COUNT, DEFAULT_COUNTS, OFFSET_CURSORS
from segment_dagster.emulator.errors import invalid_parameter
from segment_dagster.endpoints import Endpoint

Cursor = str | int

_MARK = b"\xfb\xef\xff"
"""Makes every cursor start with `++//`, which clients must percent-encode: a bare `+` in a query is a space."""


@dataclass(frozen=True)
class PageRequest:
    """The requested page."""

    count: int
    offset: int


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    records: list[Any]
    offset: int
    total: int
    current: Cursor
    next: Cursor | None
    previous: Cursor | None

    def with_records(self, records: list[Any]) -> "Page":
        """Return the page with other records."""
        return replace(self, records=records)


class Cursors(Protocol):
    """The cursors of one list."""

    def write(self, offset: int) -> Cursor:
        """Return the cursor of the page that starts at an offset."""

    def read(self, cursor: object) -> int | None:
        """Return the offset of a cursor, or `None` if it does not belong to this list."""


class OpaqueCursors:
    """Opaque cursors, valid for one list only."""

    def __init__(self, of: str) -> None:
        self._mark = crc32(of.encode())

    def write(self, offset: int) -> str:
        """Return the cursor of the page that starts at an offset."""
        return base64.b64encode(_MARK + f"{self._mark:08x}:{offset}".encode()).decode()

    def read(self, cursor: object) -> int | None:
        """Return the offset of a cursor, or `None` if it does not belong to this list."""
        if not isinstance(cursor, str):
            return None
        try:
            mark, _, offset = base64.b64decode(cursor, validate=True).removeprefix(_MARK).decode().partition(":")
            return int(offset) if mark == f"{self._mark:08x}" and self.write(int(offset)) == cursor else None
        except ValueError:
            return None


class OffsetCursors:
    """Cursors that are offsets: the number of records before the page."""

    def write(self, offset: int) -> int:
        """Return the cursor of the page that starts at an offset."""
        return offset

    def read(self, cursor: object) -> int | None:
        """Return the offset of a cursor, or `None` if it is not a whole number of 0 or more."""
        number = _whole(_number(cursor) if isinstance(cursor, str) else cursor)
        return number if number is not None and number >= 0 else None


def cursors_of(row: Endpoint, of: str) -> Cursors:
    """Return the cursors of a list.

    Args:
        row: The endpoint.
        of: Identifies the list.
    """
    return OffsetCursors() if row.name in OFFSET_CURSORS else OpaqueCursors(of)


def parse_public_page(query: Mapping[str, str], row: Endpoint, largest: int, cursors: Cursors) -> PageRequest:
    """Parse the page parameters of the public layout.

    An object parameter such as `pagination` may be dotted, bracketed or JSON.

    Args:
        query: The query's parameters.
        row: The endpoint.
        largest: The maximum page size of the endpoint.
        cursors: The cursors of the list.

    Returns:
        The count and the offset.

    Raises:
        ApiError: The count or the cursor is invalid: status 422.
    """
    fields = (row.paging.count, row.paging.cursor)
    holder = row.paging.count.rpartition(".")[0]
    given = _object(query, holder) if holder else _bare(query, fields)
    if holder and "cursor" in given and "count" not in given:
        raise invalid_parameter(fields[0], f"{fields[0]} is required where {holder} is given")
    count = given.get("count", min(DEFAULT_COUNTS.get(row.name, DEFAULT_COUNT), largest))
    return _ask(count, given.get("cursor"), largest, cursors, fields)


def parse_versioned_page(query: Mapping[str, str], largest: int, cursors: Cursors) -> PageRequest:
    """Parse `page[size]` and `page[cursor]` of the versioned layout.

    Args:
        query: The query's parameters.
        largest: The maximum page size of the endpoint.
        cursors: The cursors of the list.

    Returns:
        The count and the offset.

    Raises:
        ApiError: The size or the cursor is invalid: status 422.
    """
    size = _number(query["page[size]"]) if "page[size]" in query else min(DEFAULT_COUNT, largest)
    return _ask(size, query.get("page[cursor]") or None, largest, cursors, ("page[size]", "page[cursor]"))


def single_page(records: Sequence[Any]) -> Page:
    """Return an unpaginated list as one page."""
    return Page(list(records), 0, len(records), "", None, None)


def slice_page(records: Sequence[Any], wanted: PageRequest, cursors: Cursors) -> Page:
    """Return the requested page of a list."""
    end = wanted.offset + wanted.count
    return Page(
        records=list(records[wanted.offset : end]),
        offset=wanted.offset,
        total=len(records),
        current=cursors.write(wanted.offset),
        next=cursors.write(end) if end < len(records) else None,
        previous=cursors.write(max(0, wanted.offset - wanted.count)) if wanted.offset else None,
    )


def _object(query: Mapping[str, str], holder: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if holder in query:
        try:
            found = json.loads(query[holder])
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise invalid_parameter(holder, f"{holder} is not a JSON object")
        given.update(found)
    for name in ("count", "cursor"):
        for form in (f"{holder}.{name}", f"{holder}[{name}]"):
            if form in query:
                given[name] = query[form] if name == "cursor" else _number(query[form])
    return given


def _bare(query: Mapping[str, str], fields: tuple[str, str]) -> dict[str, Any]:
    count, cursor = fields
    given: dict[str, Any] = {"count": _number(query[count])} if count in query else {}
    return given | ({"cursor": query[cursor]} if cursor in query else {})


def _number(text: str) -> int | float | str:
    try:
        return json.loads(text) if text.strip("0123456789.-") == "" else text
    except ValueError:
        return text


def _whole(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _ask(given: object, cursor: object, largest: int, cursors: Cursors, fields: tuple[str, str]) -> PageRequest:
    count_field, cursor_field = fields
    count = _whole(given)
    if count is None:
        raise invalid_parameter(count_field, f"{count_field} is not a whole number")
    if not 1 <= count <= largest:
        raise invalid_parameter(count_field, f"{count_field} must be between 1 and {largest}")
    if cursor is None:
        return PageRequest(count, 0)
    offset = cursors.read(cursor)
    if offset is None:
        raise invalid_parameter(cursor_field, f"{cursor_field} is not a cursor of this list")
    return PageRequest(count, offset)
