"""Faults that alter records."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segment_dagster.emulator.faults import ActiveFault, key_field, parent_field
from segment_dagster.emulator.paging import Page
from segment_dagster.endpoints import Column, Endpoint

Record = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """The list that a page belongs to."""

    row: Endpoint
    values: tuple[str, ...]
    """The parameter values that identify the list."""

    first: Any
    """Its first record, or `None` if it is empty."""


def alter(page: Page, listing: Listing, hits: list[ActiveFault]) -> Page:
    """Return the page after the faults. The records of the world are not modified."""
    for active in hits:
        change = _CHANGES.get(active.fault.kind)
        if change:
            page = page.with_records(change(page, listing, active))
    return page


def _extra_field(page: Page, listing: Listing, active: ActiveFault) -> list[Any]:
    extra = {"betaTier": "gold", "betaLimits": {"daily": 10, "regions": ["eu", "us"]}}
    return [record if listing.row.wrapped else record | extra for record in page.records]


def _missing_field(page: Page, listing: Listing, active: ActiveFault) -> list[Any]:
    missing = _chosen_column(listing, active, scalar=False)
    if missing is None or listing.row.wrapped:
        return page.records
    return [
        _without(listing.row, missing, record) if (page.offset + index) % 2 == 0 else record
        for index, record in enumerate(page.records)
    ]


def _wrong_type(page: Page, listing: Listing, active: ActiveFault) -> list[Any]:
    return _one(page, listing, active, _chosen_column(listing, active, scalar=True), {"unexpected": ["object", 1]})


def _null_key(page: Page, listing: Listing, active: ActiveFault) -> list[Any]:
    return _one(page, listing, active, _column(listing.row, key_field(listing.row)), None)


def _orphan(page: Page, listing: Listing, active: ActiveFault) -> list[Any]:
    return _one(page, listing, active, _column(listing.row, parent_field(listing.row)), "doesNotExist0000000000")


def _duplicate(page: Page, listing: Listing, active: ActiveFault) -> list[Any]:
    return page.records if page.next is not None or listing.first is None else [*page.records, listing.first]


def _one(page: Page, listing: Listing, active: ActiveFault, column: Column | None, value: object) -> list[Any]:
    row = listing.row
    rows = [index for index, record in enumerate(page.records) if not row.exploded or record.get(row.exploded.field)]
    if column is None or not rows:
        return page.records
    values, place = active.targets.setdefault(row.name, (listing.values, page.offset + rows[0]))
    if values != listing.values:
        return page.records
    return [
        _with(row, column, record, value) if page.offset + index == place else record
        for index, record in enumerate(page.records)
    ]


def _with(row: Endpoint, column: Column, record: Any, value: object) -> Any:
    """Set a value where the column is read from: the bare value, the first list element or the record."""
    if row.wrapped:
        return value if column.field == row.wrapped else record
    if _in_elements(row, column, record) and row.exploded:
        first, *others = record[row.exploded.field]
        changed = value if column.field == row.exploded.element else {**first, column.field: value}
        return record | {row.exploded.field: [changed, *others]}
    return record | _nested(record, column.source_path or (column.field,), value)


def _nested(record: Mapping[str, Any], place: tuple[str, ...], value: object) -> Record:
    key, *rest = place
    held = record.get(key)
    return {key: {**(held or {}), **_nested(held or {}, tuple(rest), value)} if rest else value}


def _without(row: Endpoint, column: Column, record: Record) -> Record:
    left = {key: value for key, value in record.items() if key != column.field}
    if _in_elements(row, column, record) and row.exploded:
        elements = record[row.exploded.field]
        left[row.exploded.field] = [
            {key: value for key, value in element.items() if key != column.field} if isinstance(element, dict) else None
            for element in elements
        ]
    if column.source_path and isinstance(record.get(column.source_path[0]), dict):
        left[column.source_path[0]] = {
            key: value for key, value in record[column.source_path[0]].items() if key != column.source_path[-1]
        }
    return left


def _in_elements(row: Endpoint, column: Column, record: Record) -> bool:
    if row.exploded is None or column.source_path or not record.get(row.exploded.field):
        return False
    return column.field == row.exploded.element or any(
        isinstance(element, dict) and column.field in element for element in record[row.exploded.field]
    )


def _column(row: Endpoint, field: str | None) -> Column | None:
    return next((column for column in row.columns if column.field == field), None)


def _chosen_column(listing: Listing, active: ActiveFault, *, scalar: bool) -> Column | None:
    row = listing.row
    if isinstance(active.fault.value, str):
        return _column(row, active.fault.value)
    keys = {*row.primary_key, *(reference.field for reference in row.references)}
    columns = [c for c in row.columns if c.parameter is None and not (scalar and c.type == "json")]
    # the columns of an exploded list and of bare values may all be keys
    others = [c for c in columns if c.field not in keys] or (columns if scalar else [])
    held = [c for c in others if _holds(row, c, listing.first)]
    return next(iter(held or others), None)


def _holds(row: Endpoint, column: Column, record: Any) -> bool:
    return isinstance(record, dict) and (column.field in record or _in_elements(row, column, record))


_CHANGES: dict[str, Callable[[Page, Listing, ActiveFault], list[Any]]] = {
    "extra-field": _extra_field,
    "missing-field": _missing_field,
    "wrong-type": _wrong_type,
    "null-key": _null_key,
    "orphan": _orphan,
    "duplicate": _duplicate,
}
