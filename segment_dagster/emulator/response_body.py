"""Response bodies: one page of each requested list, after the faults are applied."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zlib import crc32

from starlette.requests import Request

from segment_dagster.emulator.clock import Clock
from segment_dagster.emulator.corrections import Corrections
from segment_dagster.emulator.endpoint_rules import FIRST_PAGE_ONLY
from segment_dagster.emulator.errors import ApiError
from segment_dagster.emulator.extra_fields import EXTRA_FIELDS, ListResponse
from segment_dagster.emulator.fault_responses import not_found
from segment_dagster.emulator.faults import ActiveFault
from segment_dagster.emulator.layouts import paginate_public, paginate_versioned, set_path
from segment_dagster.emulator.lru_cache import LruCache
from segment_dagster.emulator.mutations import Listing, alter
from segment_dagster.emulator.paging import (
    Page,
    cursors_of,
    parse_public_page,
    parse_versioned_page,
    single_page,
    slice_page,
)
from segment_dagster.emulator.parameters import Query, apply_filters, list_values, read_query
from segment_dagster.emulator.routing import Match
from segment_dagster.emulator.synced_world import SyncedWorld
from segment_dagster.emulator.syncs import Syncs
from segment_dagster.emulator.time_checks import check_time
from segment_dagster.emulator.world import World
from segment_dagster.endpoints import Endpoint

_TIMES = ("period", "startTime", "endTime", "granularity")


@dataclass(frozen=True)
class _Found:
    """A requested list."""

    row: Endpoint
    values: Mapping[str, str]
    records: list[Any]

    list_id: str
    """Identifies the list."""


class BodyBuilder:
    """Builds the bodies of both layouts.

    Args:
        world: The workspace.
        syncs: The edited workspace with the controlled syncs.
        corrections: The adjustments of its counts.
        clock: The clock.
        cursor_place: Where the versioned layout puts the cursor of the next page.
        lists_kept: How many time-dependent lists to cache for their next pages.
    """

    def __init__(
        self,
        world: World,
        syncs: Syncs,
        corrections: Corrections,
        clock: Clock,
        cursor_place: str,
        lists_kept: int = 0,
    ) -> None:
        self._world = world
        self._syncs = syncs
        self._corrections = corrections
        self._clock = clock
        self._cursor_place = cursor_place
        self._timed: LruCache[list[Any]] = LruCache(lists_kept)

    def build(self, request: Request, match: Match, hits: list[ActiveFault]) -> dict[str, Any]:
        """Build the body for a request.

        Args:
            request: The request.
            match: The endpoints whose lists the body holds.
            hits: The faults that hit the request.

        Raises:
            ApiError: A parameter is invalid, or the list does not exist.
        """
        query = read_query(request.query_params.multi_items())
        now = self._clock.now()
        view = self._syncs.view(now)
        if match.versioned:
            return self._versioned(request, match.row, hits, view)
        made: dict[str, Any] = {}
        for found in [self._found(row, match, query, view, now) for row in match.rows]:
            mine = [active for active in hits if active.applies_to(found.row)]
            self._check_gone(found, mine)
            self._add(made, request, query, found, mine)
        return made

    def cache_key(self, match: Match) -> tuple[Hashable, ...] | None:
        """Return what the body depends on besides the request, or `None` if it changes with the real time."""
        now = self._clock.now()
        key = (self._syncs.view(now).cache_key, tuple(self._corrections.active))
        if not any(self._world.is_timed(row.name) for row in match.rows):
            return key
        return (*key, now) if self._clock.is_frozen else None

    def _found(self, row: Endpoint, match: Match, query: Query, view: SyncedWorld, now: datetime) -> _Found:
        values = list_values(row, match.ids, query)
        if not view.has(row.name, values):
            named = [values[bind.parameter] for bind in row.parent.binds] if row.parent else [row.name]
            raise ApiError(not_found(" ".join([row.parent.endpoint if row.parent else "", *named]).strip()))
        of = "/".join((row.name, *values.values()))
        if not self._world.is_timed(row.name):
            return _Found(row, values, apply_filters(row, query, view.records(row.name, values)), of)
        check_time(row, query, now)
        of += "?" + "&".join(f"{name}={query.get(name, ())}" for name in _TIMES)
        numbers = self._corrections.numbers(row, now)

        def made() -> list[Any]:
            return view.timed(row.name, values, query, now, numbers)

        key = self.cache_key(match)
        if key is None:
            return _Found(row, values, made(), of)
        # the pages of one list differ in the page parameters only
        asked = tuple((name, given) for name, given in query.items() if not name.startswith(row.paging.cursor))
        return _Found(row, values, self._timed.get((of, asked, *key), made), of)

    def _check_gone(self, found: _Found, hits: list[ActiveFault]) -> None:
        for active in hits:
            if active.fault.kind == "gone":
                values = tuple(found.values.values())
                if active.targets.setdefault(found.row.name, (values, 0))[0] == values:
                    raise ApiError(not_found(found.list_id))
        if found.row.single and not found.records:
            raise ApiError(not_found(found.list_id))

    def _add(
        self, made: dict[str, Any], request: Request, query: Query, found: _Found, hits: list[ActiveFault]
    ) -> None:
        row = found.row
        page = single_page(found.records)
        if row.page_size is not None:
            cursors = cursors_of(row, found.list_id)
            page = slice_page(
                found.records, parse_public_page(request.query_params, row, row.page_size, cursors), cursors
            )
            page = replace(
                page, total=page.total + (crc32(found.list_id.encode()) % 5 + 1 if row.total_is_bound else 0)
            )
        left_out = self._world.left_out(row.name, request.query_params)
        page = _altered(page, Listing(row, tuple(found.values.values()), _first(found.records)), hits, left_out)
        set_path(made, _selector(row.selector, hits), page.records[0] if row.single else page.records)
        if row.page_size is not None and not _without_pagination(found, page, hits):
            paginate_public(made, row, page)
        if row.name in EXTRA_FIELDS:
            response = ListResponse(request.url.path, query, found.values, found.records)
            set_path(made, row.selector[:1], EXTRA_FIELDS[row.name](response))

    def _versioned(self, request: Request, row: Endpoint, hits: list[ActiveFault], view: SyncedWorld) -> dict[str, Any]:
        assert row.versioned is not None
        records, size = view.records(row.name), row.versioned.page_size
        page = single_page(records)
        if size is not None:
            cursors = cursors_of(row, row.versioned.path)
            page = slice_page(records, parse_versioned_page(request.query_params, size, cursors), cursors)
        page = _altered(page, Listing(row, (), _first(records)), hits, ())
        made: dict[str, Any] = {}
        set_path(made, _selector(row.versioned.selector, hits), page.records[0] if row.single else page.records)
        if size is not None:
            paginate_versioned(made, page, self._cursor_place)
        return made


def _altered(page: Page, listing: Listing, hits: list[ActiveFault], left_out: tuple[str, ...]) -> Page:
    if left_out:
        page = page.with_records([_without_fields(record, left_out) for record in page.records])
        listing = replace(listing, first=_without_fields(listing.first, left_out) if listing.first else None)
    page = alter(page, listing, hits)
    kinds = {active.fault.kind for active in hits}
    if "repeated-cursor" in kinds:
        page = replace(page, next=page.current)
    return replace(page, total=page.total + ("wrong-total" in kinds))


def _without_fields(record: dict[str, Any], left_out: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in left_out}


def _first(records: list[Any]) -> Any:
    return records[0] if records else None


def _selector(selector: tuple[str, ...], hits: list[ActiveFault]) -> tuple[str, ...]:
    renamed = any(active.fault.kind == "renamed-key" for active in hits)
    return (*selector[:-1], f"{selector[-1]}List") if renamed else selector


def _without_pagination(found: _Found, page: Page, hits: list[ActiveFault]) -> bool:
    """Return whether to omit the pagination object: always for some endpoints, and for half of the one-page lists."""
    if found.row.name in FIRST_PAGE_ONLY:
        return True
    told = page.next is not None or page.previous is not None or any(a.fault.kind == "wrong-total" for a in hits)
    return not found.row.paging.required and not told and crc32(found.list_id.encode()) % 2 == 0
