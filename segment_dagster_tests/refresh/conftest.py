"""Runs of the core that read only what may have changed, day by day."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb
import orjson
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.endpoints import TABLES
from segment_dagster.extract import Extractor
from segment_dagster.extract.columns import column_name
from segment_dagster.load import resolve_destination
from segment_dagster.sync import SyncResult, sync
from segment_dagster_tests.comparable_rows import plain
from segment_dagster_tests.destinations.landed_rows import expected

FIRST = datetime(2026, 3, 2, 6, tzinfo=timezone.utc)
ROWS = {endpoint.name: endpoint for endpoint in TABLES}
NAMES = (
    *("sources", "source_connected_destinations", "source_connected_warehouses", "source_schema_settings"),
    *("destinations", "destination_filters", "destination_subscriptions", "reverse_etl_syncs"),
    *("warehouses", "warehouse_connected_sources", "warehouse_connection_states"),
    *("tracking_plans", "tracking_plan_rules", "tracking_plan_sources"),
    *("users", "user_groups", "user_user_groups", "user_group_users", "functions", "function_versions"),
    *("spaces", "segments", "audit_events"),
)
ALWAYS = {"reverse_etl_syncs", "warehouse_connection_states", "segments"}
"""What nobody announces."""


@dataclass
class Workspace:
    """A workspace, and the tables it is loaded into."""

    emulator: Any
    endpoints: tuple[Any, ...]

    def run(self, day: float = 0, days: int = 7, *, names=NAMES, dataset="segment_data", **settings) -> SyncResult:
        """Read and load on a day after the first one; what was asked for is in the emulator's counters."""
        now = FIRST + timedelta(days=day)
        self.emulator.clock.set(now)
        self.emulator.stats.clear()
        endpoints = [ROWS[name] for name in names]
        # the emulator's records have no redacted values
        settings = {"include_secrets": True, **settings}
        with Extractor(ApiSettings(now=now.isoformat(), full_every_days=days, **settings)) as extractor:
            result = sync(endpoints, extractor, resolve_destination(DestinationSettings(dataset=dataset)))
        return result

    def requests(self) -> dict[str, int]:
        """The requests of the last run for lists that have a parent and are announced, by endpoint."""
        counted = self.emulator.stats.by_endpoint
        return {name: count for name, count in counted.items() if ROWS[name].parent and name not in ALWAYS}

    def differences(self, names=NAMES) -> set[str]:
        """The tables that do not hold what the workspace has."""
        compared = [name for name in names if name != "audit_events"]
        return {name for name in compared if landed(name) != expected(ROWS[name], self.emulator, None)}


def landed(name):
    """A count of each row of a table."""
    columns = ROWS[name].columns
    chosen = ", ".join(f'"{column_name(column.field)}"' for column in columns)
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.execute(f"SELECT {chosen} FROM segment_data.{name}").fetchall()
    return Counter(tuple(_plain(column, value) for column, value in zip(columns, row, strict=True)) for row in rows)


def _plain(column, value):
    return plain(column, orjson.loads(value) if column.type == "json" and value is not None else value)


@pytest.fixture
def workspace(emulator):
    emulator.edits.quiet_audit = True
    yield Workspace(emulator, tuple(ROWS[name] for name in NAMES))
    emulator.edits.quiet_audit = False
