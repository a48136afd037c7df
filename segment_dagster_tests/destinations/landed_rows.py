"""What a table must hold, by the emulated workspace; and what it does hold, by dlt's own way to look at it."""

from collections import Counter
from contextlib import contextmanager

import dlt
import orjson

from segment_dagster.extract.columns import column_name
from segment_dagster_tests.comparable_rows import plain, row_of

KEPT = {"text": str, "bool": bool}
"""What every driver gives as it is."""


def expected(endpoint, emulator, start):
    """A count of each row.

    Args:
        endpoint: The endpoint.
        emulator: The workspace.
        start: The first moment of what is read of the audit trail.
    """
    if endpoint.time:
        return Counter(row_of(endpoint, record) for record in emulator.audit_events(start=start))
    records = emulator.records(endpoint.name)
    if endpoint.wrapped:
        records = [each if isinstance(each, dict) else {endpoint.wrapped: each} for each in records]
    if endpoint.exploded:
        field, element = endpoint.exploded.field, endpoint.exploded.element
        records = [
            {**record, **({element: point} if element else point)} for record in records for point in record[field]
        ]
    return Counter(row_of(endpoint, record) for record in records)


@contextmanager
def looked_at():
    """What was loaded last, as dlt finds it by the pipeline's name."""
    with dlt.pipeline("segment_pipeline").dataset() as dataset:
        yield dataset


def landed(dataset, engine, endpoint, table=None):
    """A count of each row of the table, as the engine's driver gives them."""
    # not by a relation: to work out its columns dlt takes as long as to read them
    with dataset.sql_client as client:
        name = client.make_qualified_table_name(table or endpoint.name)
        with client.execute_query(f"SELECT * FROM {name}") as cursor:
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    columns = endpoint.columns
    return Counter(
        tuple(_landed(each, row[column_name(each.field)], engine.parses) for each in columns) for row in rows
    )


def _landed(column, value, parses):
    if value is None:
        return None
    if column.type in KEPT:
        assert isinstance(value, KEPT[column.type]), (column, value)
    return plain(column, orjson.loads(value) if column.type == "json" and not parses else value)
