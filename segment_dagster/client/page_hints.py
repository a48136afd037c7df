"""Hints at a next page under another name, or in another place, than the API documents."""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from segment_dagster.client.counts import count_of
from segment_dagster.client.layout import ListRequest, get_path
from segment_dagster.client.received import Received

_PAGING = frozenset(
    ("page", "pages", "pageinfo", "cursor", "cursors", "link", "links", "meta", "next", "more", "resultinfo")
)
"""Names of objects that are about pages, besides those with `pagin` in them."""

_NEXT = frozenset(
    (
        "next",
        "nextcursor",
        "nextpage",
        "nextpagetoken",
        "nexttoken",
        "nexturl",
        "nextlink",
        "hasmore",
        "hasnext",
        "hasnextpage",
        "morepages",
        "moreavailable",
    )
)
"""Names that tell of a next page wherever they are."""

_COUNTED = ("", "entries", "count", "records", "items", "results", "elements", "rows", "hits", "number")
_TOTALS = frozenset(("countofall", "countall", "overallcount"))
_TOTALS_ANYWHERE = frozenset(("totalentries", "totalcount", "totalrecords", "totalitems", "totalresults"))
_OTHER_PAGES = re.compile(r"current|prev|before|start|retry")
_TARGETS = frozenset(("cursor", "href", "url", "link", "token", "page", "id", "after", "offset"))
_NOTHING = frozenset(("", "false", "no", "null", "none"))
_MAX_DEPTH = 4


@dataclass(frozen=True)
class Hint:
    """A field of a response that points to more records."""

    place: tuple[str, ...]
    """The keys that lead to it."""

    total: int | None = None
    """The number of all records, where it is a count."""

    in_place: bool = False
    """Whether it is in the object that should tell of the next page."""


def find_hint(body: Any, request: ListRequest, known: Set[tuple[str, ...]], received: Received) -> Hint | None:
    """Return the first field that points to more records, in a response without a next cursor.

    Args:
        body: The parsed body.
        request: The list.
        known: Places of the response that are the lists' own, and are not searched.
        received: What has been received of the list.
    """
    places = [place[:-1] for place in request.next_cursor if len(place) > 1]
    holders = [(place, holder) for place in places if isinstance(holder := get_path(body, place), dict)]
    bare = any(len(place) == 1 and isinstance(body, dict) and place[0] in body for place in request.next_cursor)
    search = _Search(request, known, received)
    if bare or any("next" in holder for _, holder in holders):
        flags = (Hint((*place, name), in_place=True) for place, holder in holders for name in _flags(holder))
        return next(flags, None)
    for place, holder in holders:
        for found in search.within(holder, place, loose=True):
            return Hint(found.place, found.total, in_place=len(found.place) == len(place) + 1)
    # a count in its place shows what is missing
    if received.total is not None and not request.endpoint.total_is_bound:
        return None
    return next(search.elsewhere(body, places), None)


def _flags(holder: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that say there is more, though the next cursor says that there is none."""
    for name, value in holder.items():
        if "more" in _plain(name) and not _OTHER_PAGES.search(_plain(name)) and _is_true(value):
            yield name


@dataclass(frozen=True)
class _Search:
    request: ListRequest
    known: Set[tuple[str, ...]]
    received: Received

    def elsewhere(self, body: Any, places: list[tuple[str, ...]]) -> Iterator[Hint]:
        """Search where the object should be and is a list, beside the records, and at the top of the body."""
        for place in places:
            if (only := _only(get_path(body, place))) is not None:
                yield from self.within(only, place, loose=True)
        around = self.request.selector[:-1]
        for place in dict.fromkeys((around, ())):
            if isinstance(beside := get_path(body, place), dict):
                yield from self.within(beside, place, loose=False)

    def within(
        self, fields: Mapping[str, Any], place: tuple[str, ...], *, loose: bool, depth: int = 0
    ) -> Iterator[Hint]:
        """Search an object.

        Args:
            fields: The object.
            place: The keys that lead to it.
            loose: Whether it is about pages: otherwise only names count that mean nothing else.
            depth: Objects around it that were searched.
        """
        counts = [
            count
            for name, value in fields.items()
            if (count := self._count(name, value, loose=loose, top=not depth)) is not None
        ]
        total = max(counts, default=self.received.total)
        complete = total is not None and total <= self.received.records
        for name, value in fields.items():
            where = (*place, name)
            if where in self.known and not loose:
                continue
            if self._names_next(name, value, loose=loose, complete=complete):
                yield Hint(where)
                continue
            count = self._count(name, value, loose=loose, top=not depth)
            if count is not None and count > self.received.records + self.received.spare:
                yield Hint(where, count)
            elif depth < _MAX_DEPTH and not _is_of_another_list(name, fields, self.request):
                yield from self._deeper(name, value, where, loose=loose, depth=depth)

    def _deeper(self, name: str, value: Any, where: tuple[str, ...], *, loose: bool, depth: int) -> Iterator[Hint]:
        about_pages = _is_about_pages(name)
        if about_pages and (only := _only(value)) is not None:
            value = only
        # what has an id is a record, and what is deeper in others may be one
        if isinstance(value, dict) and (about_pages or loose or (depth == 0 and "id" not in value)):
            yield from self.within(value, where, loose=about_pages or loose, depth=depth + 1)

    def _names_next(self, name: str, value: Any, *, loose: bool, complete: bool) -> bool:
        plain = _plain(name)
        if plain in _NEXT or (loose and "next" in plain):
            return _is_filled(value)
        if not loose or _OTHER_PAGES.search(plain):
            return False
        if "more" in plain:
            return _is_true(value) or (isinstance(value, str) and _is_filled(value) and "://" not in value)
        # a response may repeat the cursor that it was asked with
        is_cursor = plain == "cursor" or plain == "endcursor" or "after" in plain
        return is_cursor and not complete and _is_filled(value) and str(value) not in self.received.cursors

    def _count(self, name: str, value: Any, *, loose: bool, top: bool) -> int | None:
        if self.request.endpoint.total_is_bound or (loose and self.received.total is not None):
            return None
        plain, own = _plain(name), _plain(self.request.selector[-1])
        of_all = plain.removeprefix("total") if plain.startswith("total") else plain.removesuffix("total")
        is_total = plain in _TOTALS or (of_all != plain and of_all in (*_COUNTED, own))
        alone = top and self.request.required and plain == "total"
        if plain in _TOTALS_ANYWHERE or (loose and is_total) or alone:
            return count_of(value)
        return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _is_about_pages(name: str) -> bool:
    return "pagin" in _plain(name) or _plain(name) in _PAGING


def _is_of_another_list(name: str, fields: Mapping[str, Any], request: ListRequest) -> bool:
    """Return whether an object tells of the pages of a list beside this one, as `sourcesPagination` of `sources`."""
    plain, own = _plain(name), _plain(request.selector[-1])
    stem = plain.removesuffix("pagination")
    return stem not in (plain, own, "") and any(_plain(other) == stem for other in fields)


def _only(value: Any) -> dict[str, Any] | None:
    """Return the object that is a list's only element."""
    return value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) else None


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "yes"))


def _is_filled(value: Any) -> bool:
    """Return whether a value is a cursor, a number of a page or an address, or an object with one."""
    if isinstance(value, dict):
        return any(_plain(name) in _TARGETS and _is_filled(inner) for name, inner in value.items())
    if isinstance(value, str):
        return value.strip().lower() not in _NOTHING
    return isinstance(value, int) and bool(value)
