"""The faults that alter records."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from segment_dagster.emulator.faults import Armed
from segment_dagster.emulator.paging import Page
from segment_dagster.endpoints import Endpoint

Record = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """The list that a page is of."""

    row: Endpoint
    parent_id: str | None
    first: Record | None
    """Its first record."""


def alter(page: Page, listing: Listing, hits: list[Armed]) -> Page:
    """The page as the faults leave it. The world's own records stay as they are."""
    for armed in hits:
        change = _CHANGES.get(armed.fault.kind)
        if change:
            page = page.with_records(change(page, listing, armed))
    return page


def _extra_field(page: Page, listing: Listing, armed: Armed) -> list[Record]:
    extra = {"betaTier": "gold", "betaLimits": {"daily": 10, "regions": ["eu", "us"]}}
    return [record | extra for record in page.records]


def _missing_field(page: Page, listing: Listing, armed: Armed) -> list[Record]:
    missing = _chosen_field(listing.row, armed, scalar=False)
    return [
        {key: value for key, value in record.items() if key != missing} if (page.offset + index) % 2 == 0 else record
        for index, record in enumerate(page.records)
    ]


def _wrong_type(page: Page, listing: Listing, armed: Armed) -> list[Record]:
    chosen = _chosen_field(listing.row, armed, scalar=True)
    return _one(page, listing, armed, {chosen: {"unexpected": ["object", 1]}} if chosen else {})


def _null_key(page: Page, listing: Listing, armed: Armed) -> list[Record]:
    return _one(page, listing, armed, {listing.row.primary_key[0]: None} if listing.row.primary_key else {})


def _orphan(page: Page, listing: Listing, armed: Armed) -> list[Record]:
    references = listing.row.references
    return _one(page, listing, armed, {references[0].field: "doesNotExist0000000000"} if references else {})


def _duplicate(page: Page, listing: Listing, armed: Armed) -> list[Record]:
    return page.records if page.next or listing.first is None else [*page.records, listing.first]


def _one(page: Page, listing: Listing, armed: Armed, change: Record) -> list[Record]:
    if not page.records:
        return page.records
    parent_id, place = armed.victims.setdefault(listing.row.name, (listing.parent_id, page.offset))
    if parent_id != listing.parent_id:
        return page.records
    return [record | change if page.offset + index == place else record for index, record in enumerate(page.records)]


def _chosen_field(row: Endpoint, armed: Armed, *, scalar: bool) -> str | None:
    if isinstance(armed.fault.value, str):
        return armed.fault.value
    keys = {*row.primary_key, *(reference.field for reference in row.references)}
    return next(
        (c.field for c in row.columns if c.field not in keys and not (scalar and c.type == "json")),
        None,
    )


_CHANGES: dict[str, Callable[[Page, Listing, Armed], list[Record]]] = {
    "extra-field": _extra_field,
    "missing-field": _missing_field,
    "wrong-type": _wrong_type,
    "null-key": _null_key,
    "orphan": _orphan,
    "duplicate": _duplicate,
}
