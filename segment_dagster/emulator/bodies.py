"""The body of an answer: the lists that are asked for, a page of each, as the faults leave them."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zlib import crc32

from starlette.requests import Request

from segment_dagster.emulator.answers import not_found
from segment_dagster.emulator.clock import Clock
from segment_dagster.emulator.corrections import Corrections
from segment_dagster.emulator.documented import FIRST_PAGE_ONLY
from segment_dagster.emulator.edited import Edited
from segment_dagster.emulator.edits import Edits
from segment_dagster.emulator.errors import Refused
from segment_dagster.emulator.extra_fields import EXTRA_FIELDS, Answered
from segment_dagster.emulator.faults import Armed
from segment_dagster.emulator.layouts import paginate_public, paginate_versioned, put
from segment_dagster.emulator.lru_cache import LruCache
from segment_dagster.emulator.mutations import Listing, alter
from segment_dagster.emulator.paging import Page, ask_public, ask_versioned, cursors_of, cut, whole
from segment_dagster.emulator.parameters import Query, filtered, read_query, values_of
from segment_dagster.emulator.routing import Match
from segment_dagster.emulator.times import check_time
from segment_dagster.emulator.world import World
from segment_dagster.endpoints import Endpoint

_TIMES = ("period", "startTime", "endTime", "granularity")


@dataclass(frozen=True)
class _Found:
    """A list that is asked for."""

    row: Endpoint
    values: Mapping[str, str]
    records: list[Any]

    of: str
    """What tells the list from every other."""


class Bodies:
    """Makes the bodies of both layouts.

    Args:
        world: The workspace.
        edits: What is done to it.
        corrections: What becomes of its numbers.
        clock: What time it is.
        cursor_place: Where the versioned layout has the next page's cursor.
        lists_kept: How many lists that depend on a time are kept to cut further pages from.
    """

    def __init__(
        self,
        world: World,
        edits: Edits,
        corrections: Corrections,
        clock: Clock,
        cursor_place: str,
        lists_kept: int = 0,
    ) -> None:
        self._world = world
        self._edits = edits
        self._corrections = corrections
        self._clock = clock
        self._cursor_place = cursor_place
        self._timed: LruCache[list[Any]] = LruCache(lists_kept)

    def make(self, request: Request, match: Match, hits: list[Armed]) -> dict[str, Any]:
        """The body of the answer to a request.

        Args:
            request: The request.
            match: The endpoints whose lists it holds.
            hits: The faults that hit the request.

        Raises:
            Refused: A parameter is not right, or there is no such list.
        """
        query = read_query(request.query_params.multi_items())
        now = self._clock.now()
        view = self._edits.view(now)
        if match.versioned:
            return self._versioned(request, match.row, hits, view)
        made: dict[str, Any] = {}
        for found in [self._found(row, match, query, view, now) for row in match.rows]:
            mine = [armed for armed in hits if armed.is_for(found.row)]
            self._check_gone(found, mine)
            self._add(made, request, query, found, mine)
        return made

    def state(self, match: Match) -> tuple[Hashable, ...] | None:
        """What an answer to the same request depends on besides it; `None` where it is another at every moment."""
        now = self._clock.now()
        state = (self._edits.view(now), tuple(self._corrections.active))
        if not any(self._world.is_timed(row.name) for row in match.rows):
            return state
        return (*state, now) if self._clock.stands else None

    def _found(self, row: Endpoint, match: Match, query: Query, view: Edited, now: datetime) -> _Found:
        values = values_of(row, match.ids, query)
        if not view.has(row.name, values):
            named = [values[bind.parameter] for bind in row.parent.binds] if row.parent else [row.name]
            raise Refused(not_found(" ".join([row.parent.endpoint if row.parent else "", *named]).strip()))
        of = "/".join((row.name, *values.values()))
        if not self._world.is_timed(row.name):
            return _Found(row, values, filtered(row, query, view.records(row.name, values)), of)
        check_time(row, query, now)
        of += "?" + "&".join(f"{name}={query.get(name, ())}" for name in _TIMES)
        numbers = self._corrections.numbers(row, now)

        def made() -> list[Any]:
            return view.timed(row.name, values, query, now, numbers)

        state = self.state(match)
        if state is None:
            return _Found(row, values, made(), of)
        # the pages of a list differ in the parameters of the page alone
        asked = tuple((name, given) for name, given in query.items() if not name.startswith(row.paging.cursor))
        return _Found(row, values, self._timed.get((of, asked, *state), made), of)

    def _check_gone(self, found: _Found, hits: list[Armed]) -> None:
        for armed in hits:
            if armed.fault.kind == "gone":
                values = tuple(found.values.values())
                if armed.victims.setdefault(found.row.name, (values, 0))[0] == values:
                    raise Refused(not_found(found.of))
        if found.row.single and not found.records:
            raise Refused(not_found(found.of))

    def _add(self, made: dict[str, Any], request: Request, query: Query, found: _Found, hits: list[Armed]) -> None:
        row = found.row
        page = whole(found.records)
        if row.page_size is not None:
            cursors = cursors_of(row, found.of)
            page = cut(found.records, ask_public(request.query_params, row, row.page_size, cursors), cursors)
            page = replace(page, total=page.total + (crc32(found.of.encode()) % 5 + 1 if row.total_is_bound else 0))
        left_out = self._world.left_out(row.name, request.query_params)
        page = _altered(page, Listing(row, tuple(found.values.values()), _first(found.records)), hits, left_out)
        put(made, _selector(row.selector, hits), page.records[0] if row.single else page.records)
        if row.page_size is not None and not _without_pagination(found, page, hits):
            paginate_public(made, row, page)
        if row.name in EXTRA_FIELDS:
            answered = Answered(request.url.path, query, found.values, found.records)
            put(made, row.selector[:1], EXTRA_FIELDS[row.name](answered))

    def _versioned(self, request: Request, row: Endpoint, hits: list[Armed], view: Edited) -> dict[str, Any]:
        assert row.versioned is not None
        records, size = view.records(row.name), row.versioned.page_size
        page = whole(records)
        if size is not None:
            cursors = cursors_of(row, row.versioned.path)
            page = cut(records, ask_versioned(request.query_params, size, cursors), cursors)
        page = _altered(page, Listing(row, (), _first(records)), hits, ())
        made: dict[str, Any] = {}
        put(made, _selector(row.versioned.selector, hits), page.records[0] if row.single else page.records)
        if size is not None:
            paginate_versioned(made, page, self._cursor_place)
        return made


def _altered(page: Page, listing: Listing, hits: list[Armed], left_out: tuple[str, ...]) -> Page:
    if left_out:
        page = page.with_records([_kept(record, left_out) for record in page.records])
        listing = replace(listing, first=_kept(listing.first, left_out) if listing.first else None)
    page = alter(page, listing, hits)
    kinds = {armed.fault.kind for armed in hits}
    if "repeated-cursor" in kinds:
        page = replace(page, next=page.current)
    return replace(page, total=page.total + ("wrong-total" in kinds))


def _kept(record: dict[str, Any], left_out: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in left_out}


def _first(records: list[Any]) -> Any:
    return records[0] if records else None


def _selector(selector: tuple[str, ...], hits: list[Armed]) -> tuple[str, ...]:
    renamed = any(armed.fault.kind == "renamed-key" for armed in hits)
    return (*selector[:-1], f"{selector[-1]}List") if renamed else selector


def _without_pagination(found: _Found, page: Page, hits: list[Armed]) -> bool:
    """Whether the answer has no pagination object: never any, or one of the half of the lists that fit in a page."""
    if found.row.name in FIRST_PAGE_ONLY:
        return True
    told = page.next is not None or page.previous is not None or any(a.fault.kind == "wrong-total" for a in hits)
    return not found.row.paging.required and not told and crc32(found.of.encode()) % 2 == 0
