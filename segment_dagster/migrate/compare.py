"""Compare the content of a table in two destinations."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.disposition import within
from segment_dagster.extract.times import Window
from segment_dagster.extract.versions import counted_values, row_version
from segment_dagster.load import Destination, inspect_dataset


@dataclass(frozen=True)
class TableContent:
    """The content of a table, as far as it is compared."""

    rows: int = 0
    beyond: int = 0
    """Rows outside the window, which are not compared: nobody can read them again."""

    total: int = 0
    """Sum of the rows' hashes: equal for equal rows in any order, whatever types the destination uses."""


def endpoints_with_tables(destination: Destination, endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """Return the endpoints that have a table.

    Raises:
        LoadError: The destination cannot be read.
    """
    with inspect_dataset(destination) as tables:
        candidates = tuple(endpoints)
        tables.prefetch(endpoint.name for endpoint in candidates)
        return tuple(endpoint for endpoint in candidates if tables.columns(endpoint.name))


def table_content(destination: Destination, endpoint: Endpoint, window: Window | None = None) -> TableContent:
    """Return the content of a table. Values that change by themselves, such as sizes, do not count.

    Args:
        destination: The destination.
        endpoint: The endpoint of the table.
        window: The time window of the rows to compare; by default all.

    Raises:
        LoadError: The destination cannot be read.
    """
    values = counted_values(endpoint)
    rows = total = 0
    with inspect_dataset(destination) as tables:
        columns = [column_name(column.field) for column in endpoint.columns]
        if not set(columns) <= set(tables.columns(endpoint.name)):
            return TableContent()
        where = within(column_name(endpoint.time.column), window) if endpoint.time and window else None
        for row in tables.rows(endpoint.name, columns, where=where):
            rows += 1
            total += int(row_version(values({name: _normalized(value) for name, value in row.items()})), 16)
        return TableContent(rows, tables.count(endpoint.name) - rows, total)


def _normalized(value: Any) -> Any:
    """Return a value in the form that all drivers have in common."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc) if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
