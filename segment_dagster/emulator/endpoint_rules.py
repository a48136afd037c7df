"""Documented rules of single endpoints that the endpoint catalogue does not hold, by endpoint name."""

from datetime import timedelta

_RANGE = ("granularity", "startTime", "endTime")

REQUIRED: dict[str, tuple[str, ...]] = {
    "functions": ("resourceType",),
    "events_volume": _RANGE,
    "delivery_overview_successfully_received": _RANGE,
    "delivery_overview_failed_on_ingest": _RANGE,
    "delivery_overview_filtered_at_source": _RANGE,
    "delivery_overview_filtered_at_destination": _RANGE,
    "delivery_overview_failed_delivery": _RANGE,
    "delivery_overview_successful_delivery": _RANGE,
}
"""Required parameters, besides those that name a parent and the `period` of usage."""

DEFAULT_GRANULARITY: dict[str, str] = {"destination_delivery_metrics": "MINUTE"}
"""Default granularity."""

DEFAULT_COUNT = 200
"""Default page size."""

DEFAULT_COUNTS: dict[str, int] = {"reverse_etl_syncs": 10, "space_filters": 10}
"""Default page sizes that differ from `DEFAULT_COUNT`."""

FILTERS: dict[str, dict[str, str]] = {
    "tracking_plans": {"type": "type"},
    "regulations": {"status": "status", "regulationTypes": "regulationType"},
    "source_regulations": {"status": "status", "regulationTypes": "regulationType"},
}
"""Filter parameters, each with the field that it compares."""

OFFSET_CURSORS = frozenset({"space_filters"})
"""Endpoints whose cursors are offsets. Pagination has no `previous`, and no `next` on the last page."""

FORWARD_ONLY = frozenset({"space_traits", "space_entity_properties"})
"""Endpoints whose pagination has no `previous`."""

RETENTION: dict[str, tuple[str, timedelta]] = {
    "regulations": ("createdAt", timedelta(days=90)),
    "source_regulations": ("createdAt", timedelta(days=90)),
}
"""Lists that drop old records: the field with the creation time, and the maximum age that is still listed."""

SUMS: dict[str, str] = {
    "usage_api_calls_per_source_daily": "usage_api_calls_daily",
    "usage_mtu_per_source_daily": "usage_mtu_daily",
}
"""Per-source lists, each with the list that holds their sums."""

FIRST_PAGE_ONLY = frozenset({"source_regulations"})
"""Endpoints that accept a count but never return pagination: the second page cannot be reached."""
