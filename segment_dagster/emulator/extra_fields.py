"""Documented response fields besides the list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from segment_dagster.emulator.parameters import Query


@dataclass(frozen=True)
class ListResponse:
    """A response under construction."""

    path: str
    """The path, percent-decoded."""

    query: Query
    values: Mapping[str, str]
    """The parameters that select the list."""

    records: Sequence[Any]
    """All records of the list, not only the page."""


def _echo(response: ListResponse) -> dict[str, Any]:
    query = {
        name: held[0] if name in ("granularity", "startTime", "endTime") else list(held)
        for name, held in response.query.items()
        if not name.startswith("pagination")
    }
    return {"path": response.path, "query": query}


def _total(response: ListResponse) -> dict[str, Any]:
    return {"total": sum(record.get("total", 0) for record in response.records)}


def _event_tables(response: ListResponse) -> dict[str, Any]:
    return {"enableEventTables": crc32("/".join(response.values.values()).encode()) % 2 == 0}


def _pagination(response: ListResponse) -> dict[str, Any]:
    return {"pagination": {"current": "MA==", "totalEntries": sum(len(record) for record in response.records)}}


EXTRA_FIELDS: dict[str, Callable[[ListResponse], dict[str, Any]]] = {
    "events_volume": _echo,
    "delivery_overview_successfully_received": _total,
    "delivery_overview_failed_on_ingest": _total,
    "delivery_overview_filtered_at_source": _total,
    "delivery_overview_filtered_at_destination": _total,
    "delivery_overview_failed_delivery": _total,
    "delivery_overview_successful_delivery": _total,
    "profiles_warehouse_selective_syncs": _event_tables,
    "audience_supported_destinations": _pagination,
}
"""Functions that build the keys of `data` besides the list, by endpoint name."""
