"""What a table must hold, by the emulated workspace; and what it does hold, by dlt's own way to look at it."""

from collections import Counter
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import dlt
import orjson

from segment_dagster.source.columns import column_name

ON_REQUEST = {"samples", "schedules"}
"""Fields that the emulator's records have, and an answer has only where the request asks for them."""

_MICROSECOND = timedelta(microseconds=1)
_1970 = datetime(1970, 1, 1, tzinfo=timezone.utc)


def expected(endpoint, emulator, start):
    """A count of each row.

    Args:
        endpoint: The endpoint.
        emulator: The workspace.
        start: The first moment of what is read of the audit trail.
    """
    if endpoint.time:
        return Counter(_row(endpoint, record) for record in emulator.audit_events(start=start))
    records = emulator.records(endpoint.name)
    if endpoint.wrapped:
        records = [each if isinstance(each, dict) else {endpoint.wrapped: each} for each in records]
    if endpoint.exploded:
        field, element = endpoint.exploded.field, endpoint.exploded.element
        records = [
            {**record, **({element: point} if element else point)} for record in records for point in record[field]
        ]
    return Counter(_row(endpoint, record) for record in records)


@contextmanager
def looked_at():
    """What was loaded last, as dlt finds it by the pipeline's name."""
    with dlt.pipeline("segment_pipeline").dataset() as dataset:
        yield dataset


def landed(dataset, endpoint, table=None):
    """A count of each row of the table."""
    relation = dataset.table(table or endpoint.name)
    names = list(relation.columns_schema)
    rows = [dict(zip(names, row, strict=True)) for row in relation.fetchall()]
    columns = endpoint.columns
    return Counter(tuple(_plain(row[column_name(each.field)], each.type) for each in columns) for row in rows)


def _row(endpoint, record):
    return tuple(_plain(_given(column, record), column.type) for column in endpoint.columns)


def _given(column, record):
    if column.field in ON_REQUEST:
        return None
    value = record.get(column.field)
    for key in (column.inside or ()) if value is None else ():
        value = (record if value is None else value).get(key)
    return value


def _plain(value, kind):
    if value is None:
        return None
    if kind == "json":
        held = orjson.loads(value) if isinstance(value, str) else value
        return orjson.dumps(held, option=orjson.OPT_SORT_KEYS).decode()
    if kind == "timestamp":
        moment = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
        return ((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)) - _1970) // _MICROSECOND
    if kind == "date":
        return value.isoformat() if isinstance(value, date) else str(value)[:10]
    if kind == "double":
        return float(value)
    return int(value) if isinstance(value, Decimal) or kind == "bigint" else value
