"""What Segment documents of single endpoints, and their rows in the catalogue do not say: by the endpoint's name."""

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
"""Parameters without which a request is refused, beside those that stand for a parent and the `period` of usage."""

DEFAULT_GRANULARITY: dict[str, str] = {"destination_delivery_metrics": "MINUTE"}
"""The granularity of a request that names none."""

DEFAULT_COUNT = 200
"""Rows of a page when the request does not say how many."""

DEFAULT_COUNTS: dict[str, int] = {"reverse_etl_syncs": 10, "space_filters": 10}
"""The same, where it is another number."""

FILTERS: dict[str, dict[str, str]] = {
    "tracking_plans": {"type": "type"},
    "regulations": {"status": "status", "regulationTypes": "regulationType"},
    "source_regulations": {"status": "status", "regulationTypes": "regulationType"},
}
"""Parameters that are given to read a part of a list, each with the field that has one of its values there."""

OFFSET_CURSORS = frozenset({"space_filters"})
"""Cursors are numbers. The pagination object has no `previous`, and no `next` at the end."""

FORWARD_ONLY = frozenset({"space_traits", "space_entity_properties"})
"""The pagination object has no `previous`."""

RETENTION: dict[str, tuple[str, timedelta]] = {
    "regulations": ("createdAt", timedelta(days=90)),
    "source_regulations": ("createdAt", timedelta(days=90)),
}
"""Lists that a record leaves: the field that tells its age, and the age at which it is still listed."""

SUMS: dict[str, str] = {
    "usage_api_calls_per_source_daily": "usage_api_calls_daily",
    "usage_mtu_per_source_daily": "usage_mtu_daily",
}
"""Lists of numbers that another list has the sums of."""

FIRST_PAGE_ONLY = frozenset({"source_regulations"})
"""A count is taken, but no answer has a pagination object: there is no way to the second page."""
