"""What is read of the dataset: columns of marts, and a few queries of what no mart holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segment_dagster.marts import models

SOURCES, DESTINATIONS, COVERAGE = "health_sources", "health_destinations", "tracking_plan_coverage"
ACCESS, UNUSED, CHANGES, USAGE = "access_review", "unused", "changes_weekly", "usage_forecast"

MARTS: Mapping[str, Sequence[str]] = {
    SOURCES: (
        *("source_id", "source_name", "source_slug", "source_type", "enabled", "state", "last_event_on"),
        *("events_1d", "events_7d", "events_previous_7d", "trend", "enabled_destinations", "warehouses"),
        *("labels", "missing_days", "as_of"),
    ),
    DESTINATIONS: (
        *("destination_id", "destination_name", "destination_type", "source_id", "source_name", "enabled", "state"),
        *("delivered_7d", "failed_7d", "success_rate_7d", "success_rate_previous_7d", "trend", "top_reasons"),
        *("last_delivered_on", "missing_days", "as_of"),
    ),
    COVERAGE: (
        *("finding", "tracking_plan_name", "source_id", "source_name", "event_type", "event_name", "events_28d"),
        *("violations_28d", "last_seen_on", "as_of"),
    ),
    ACCESS: (
        *("user_id", "user_name", "user_email", "granted_by", "group_name", "role_name", "resource_type"),
        *("resource_id", "resource_name", "state", "last_event_at", "as_of"),
    ),
    UNUSED: ("kind", "id", "name", "detail", "since", "as_of"),
    CHANGES: ("week", "told_by", "actor", "actor_email", "kind", "change", "changes", "as_of"),
    USAGE: (
        *("metric", "source_id", "source_name", "month", "days_known", "used", "forecast", "low", "high", "plan"),
        *("share_of_plan", "past_error", "as_of"),
    ),
}
"""Columns by mart."""

PERSONAL: Mapping[str, Sequence[str]] = {mart.name: mart.personal for mart in models.MARTS}
"""Columns with personal data, by mart."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query of loaded tables, written as that of a mart: see `Mart.sql`."""

    sql: str
    required: Sequence[str]
    """Tables without which it is not run."""


WORKSPACE, EVENTS, DELIVERIES, WAREHOUSES = "workspace", "events_daily", "deliveries_daily", "connected_warehouses"

QUERIES: Mapping[str, Query] = {
    WORKSPACE: Query(sql="SELECT name FROM workspace", required=("workspace",)),
    EVENTS: Query(
        sql="""
            SELECT source_id, day, sum(events) AS events FROM events_by_day WHERE day >= $first_of_28
            GROUP BY source_id, day
        """,
        required=("events_volume",),
    ),
    DELIVERIES: Query(
        sql="""
            SELECT destination_id, day, outcome, sum(events) AS events FROM deliveries_by_day
            WHERE day >= $first_of_previous_7 AND outcome <> 'filtered'
            GROUP BY destination_id, day, outcome
        """,
        required=("delivery_overview_successful_delivery", "delivery_overview_failed_delivery"),
    ),
    WAREHOUSES: Query(
        sql="""
            SELECT c.id AS source_id, w.id AS warehouse_id, w.enabled, json_text(w.metadata, 'name') AS type,
                coalesce(json_text(w.settings, 'name'), json_text(w.metadata, 'name')) AS name
            FROM warehouse_connected_sources AS c
            JOIN warehouses AS w ON w.id = c.warehouse_id
        """,
        required=("warehouses", "warehouse_connected_sources"),
    ),
}

RAW = tuple(dict.fromkeys(table for query in QUERIES.values() for table in query.required))
"""The loaded tables that the queries need."""

DAYS_OF_EVENTS, DAYS_OF_DELIVERIES = 28, 14
