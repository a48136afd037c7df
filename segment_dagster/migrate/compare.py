"""What two destinations hold of the same table."""

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
class Content:
    """What a table holds, as far as it is compared."""

    rows: int = 0
    beyond: int = 0
    """Rows of times that are not compared: nobody can read them again."""

    total: int = 0
    """The sum of a number for each row: the same for the same rows in any order, whatever types they are kept in."""


def there(destination: Destination, endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """The endpoints that have a table.

    Raises:
        LoadError: The destination cannot be looked at.
    """
    with inspect_dataset(destination) as tables:
        every = tuple(endpoints)
        tables.prefetch(endpoint.name for endpoint in every)
        return tuple(endpoint for endpoint in every if tables.columns(endpoint.name))


def content(destination: Destination, endpoint: Endpoint, window: Window | None = None) -> Content:
    """What a table holds, looked at a chunk at a time. What changes by itself, such as sizes, does not count.

    Args:
        destination: Where.
        endpoint: Whose table.
        window: The time whose rows are compared; all where it is left out.

    Raises:
        LoadError: The destination cannot be looked at.
    """
    values = counted_values(endpoint)
    rows = total = 0
    with inspect_dataset(destination) as tables:
        columns = [column_name(column.field) for column in endpoint.columns]
        if not set(columns) <= set(tables.columns(endpoint.name)):
            return Content()
        where = within(column_name(endpoint.time.column), window) if endpoint.time and window else None
        for row in tables.rows(endpoint.name, columns, where=where):
            rows += 1
            total += int(row_version(values({name: _plain(value) for name, value in row.items()})), 16)
        return Content(rows, tables.count(endpoint.name) - rows, total)


def _plain(value: Any) -> Any:
    """A value as every driver could give it."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc) if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
