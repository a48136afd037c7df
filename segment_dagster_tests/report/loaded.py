"""A made-up workspace with the marts, loaded once for the tests of a module."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timezone
from pathlib import Path

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings, HealthSettings
from segment_dagster.emulator import Emulator
from segment_dagster.extract.extractor import Extractor
from segment_dagster.load import load_extracts, resolve_destination
from segment_dagster.marts.build_mart import build_mart
from segment_dagster.marts.models import MARTS

NOW = datetime(2026, 3, 20, 6, 30, tzinfo=timezone.utc)
LAST_DAY = date(2026, 3, 19)
TABLES = (
    *("workspace", "sources", "destinations", "warehouses", "warehouse_connected_sources", "events_volume"),
    *("delivery_overview_successful_delivery", "delivery_overview_failed_delivery", "users", "audit_events"),
)
MADE = ("health_sources", "health_destinations", "access_review", "unused", "changes_weekly")
"""The marts that are made of them."""


def load(names: Sequence[str] = TABLES, marts: Sequence[str] = MADE) -> None:
    """Load tables and make marts, as the environment says."""
    destination = resolve_destination(DestinationSettings())
    with Extractor(ApiSettings(now=NOW)) as extractor:
        extracts, failures = extractor.extract_all([extractor.endpoint(name) for name in names])
        assert failures == []
        load_extracts(extracts, destination, now=NOW)
    for mart in MARTS:
        if mart.name in marts:
            build_mart(mart, destination, NOW, HealthSettings())


@contextmanager
def loaded(emulator: Emulator, directory: Path) -> Iterator[Path]:
    """A DuckDB file with the tables and the marts, at `NOW`."""
    emulator.clock.set(NOW)
    with pytest.MonkeyPatch.context() as settings:
        for name, value in {
            "SEGMENT_BASE_URL": emulator.url,
            "SEGMENT_API_TOKEN": emulator.token,
            "SEGMENT_MINUTE_SECONDS": "0.05",
            "SEGMENT_BUDGET_URL": f"file://{directory / 'budgets'}",
            "DLT_DATA_DIR": str(directory / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DESTINATION__DUCKDB__CREDENTIALS": str(directory / "segment.duckdb"),
        }.items():
            settings.setenv(name, value)
        load()
    emulator.clock.set(None)
    yield directory / "segment.duckdb"


def execute(file: Path, *statements: str) -> None:
    """Change the tables of a file."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET schema = 'segment_data'")
        for statement in statements:
            connection.execute(statement)


def query(file: Path, sql: str) -> list[tuple]:
    """What a query of the tables returns."""
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET schema = 'segment_data'")
        return connection.execute(sql).fetchall()


USAGE = (
    """CREATE TABLE usage_forecast (metric VARCHAR, source_id VARCHAR, source_name VARCHAR, month DATE,
    days_known BIGINT, used BIGINT, forecast BIGINT, low BIGINT, high BIGINT, plan BIGINT, share_of_plan DOUBLE,
    past_error DOUBLE, as_of DATE)""",
    """INSERT INTO usage_forecast VALUES
    ('mtu', NULL, NULL, '2026-03-01', 19, 1165587, 1873456, 1723456, 2023456, 1900000, 0.986, 0.034, '2026-03-19'),
    ('api_calls', NULL, NULL, '2026-03-01', 19, 8289608588, 13400000000, 12800000000, 14100000000, 12000000000,
     1.117, NULL, '2026-03-19')""",
)
"""The forecast, with a plan that the tracked users may exceed and the API calls will."""

IMAGE = "<img src=x onerror=alert(1)>"
LINK = "[x](javascript:alert(1))"
HOSTILE = (
    f"UPDATE health_sources SET source_name = '{IMAGE}' WHERE source_id = (SELECT min(source_id) FROM health_sources)",
    f"UPDATE health_sources SET source_name = '{LINK}' WHERE source_id = (SELECT max(source_id) FROM health_sources)",
    f'UPDATE health_sources SET source_type = \'{IMAGE}\', labels = \'[{{"key": "{IMAGE}", "value": "{LINK}"}}]\'',
    f"UPDATE health_destinations SET destination_name = '{IMAGE}', top_reasons = '{LINK}', destination_type = '{LINK}'",
    f"UPDATE access_review SET role_name = '{IMAGE}', user_name = '{LINK}', resource_name = '{IMAGE}'",
    f"UPDATE unused SET name = '{LINK}'",
    f"UPDATE changes_weekly SET actor_email = '{IMAGE}', change = '{LINK}'",
    f"UPDATE workspace SET name = '{IMAGE} {LINK}'",
)
"""Names that a page would run, where it took them for markup."""
