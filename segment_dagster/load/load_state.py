"""What the destination remembers of its tables, so that what one holds already is not written again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import pyarrow as pa
from dlt.common.data_types import TDataType

from segment_dagster.endpoints import TimeRange
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.disposition import within
from segment_dagster.extract.fingerprint import Fingerprint, as_text
from segment_dagster.extract.result import Extract
from segment_dagster.extract.rows import schema_of
from segment_dagster.extract.versions import history_table
from segment_dagster.load.inspector import DatasetInspector

LOAD_STATE_TABLE = "_segment_tables"
"""The table of the dataset that says what was loaded last into each of the others."""

LOOKED_AT = 10_000
"""Rows of a part of a table that are read back, at most, to see whether they are those that came."""

TYPES: Mapping[str, TDataType] = {
    "table_name": "text",
    # of the rows that came
    "fingerprint": "text",
    # of the table as it was then, by the destination's own reckoning: whoever changes it, this does not fit any more
    "rows": "bigint",
    "digest": "text",
    "loaded_at": "timestamp",
}


@dataclass(frozen=True)
class TableState:
    """What a table holds once it has been loaded."""

    table: str
    fingerprint: str
    """Of the rows that came."""

    rows: int | None = None
    """How many there must be; `None` where others may stay."""

    where: str | None = None
    """Which rows of the table are meant, as a condition in SQL; `None` where they are all."""


def table_states(extract: Extract, *, history: bool) -> Sequence[TableState]:
    """The contents that a delivery is loaded into: that of its table, and that of the history where it is kept.

    Returns:
        Nothing where a delivery is a part of a table, which says nothing of the whole.
    """
    endpoint = extract.endpoint
    if extract.fingerprint is None:
        return []
    if isinstance(endpoint.time, TimeRange) and extract.window:
        # merged by the key: rows that the API does not list any more stay
        where = within(column_name(endpoint.time.column), extract.window)
        return [TableState(endpoint.name, extract.fingerprint, where=where)]
    table = TableState(endpoint.name, extract.fingerprint, extract.rows)
    if history and endpoint.keeps_history:
        return [table, TableState(history_table(endpoint.name), extract.fingerprint)]
    return [table]


def unchanged(tables: DatasetInspector, extracts: Sequence[Extract], *, history: bool) -> frozenset[str]:
    """The endpoints whose tables hold what was delivered already.

    That is so where the rows are those that were loaded last, and the table is as that load left it; or where they are
    a small part of the table, which is looked at.

    Args:
        tables: The dataset, which nobody else loads into until this is done with.
        extracts: What came.
        history: Whether a table's history is to hold it too.
    """
    wanted = {each.endpoint.name: table_states(each, history=history) for each in extracts}
    tables.prefetch([LOAD_STATE_TABLE, *(content.table for contents in wanted.values() for content in contents)])
    remembered = _remembered(tables)
    return frozenset(
        each.endpoint.name
        for each in extracts
        if (contents := wanted[each.endpoint.name])
        and (all(_held(tables, content, remembered) for content in contents) or _has_rows(tables, each, contents[0]))
    )


def is_current(tables: DatasetInspector, content: TableState) -> bool:
    """Whether a table holds this already."""
    return _held(tables, content, _remembered(tables))


def record_load(tables: DatasetInspector, contents: Iterable[TableState]) -> None:
    """Keep in mind what has been loaded. A run that ends before it does so has its tables loaded once more.

    Args:
        tables: The dataset, as the load left it.
        contents: What its tables hold now. What is not there in as many rows is not kept.
    """
    now = datetime.now(timezone.utc)
    rows = []
    loaded = list(contents)
    tables.prefetch([LOAD_STATE_TABLE, *(content.table for content in loaded)])
    for content in loaded:
        found = tables.digest(content.table, content.where)
        if found and content.rows in (None, found[0]):
            rows.append((content.table, content.fingerprint, *found, now))
    if rows:
        tables.upsert(LOAD_STATE_TABLE, TYPES, rows)


def _remembered(tables: DatasetInspector) -> dict[str, tuple[str, tuple[int, str]]]:
    """By table, the fingerprint of what was loaded last, and the digest that the table had then."""
    if set(tables.columns(LOAD_STATE_TABLE)) != set(TYPES) or not tables.has_dlt_tables():
        return {}
    rows = tables.rows(LOAD_STATE_TABLE, ["table_name", "fingerprint", "rows", "digest"])
    return {row["table_name"]: (row["fingerprint"], (row["rows"], row["digest"])) for row in rows}


def _has_rows(tables: DatasetInspector, extract: Extract, content: TableState) -> bool:
    """Whether the rows of a table that a small delivery would be merged into are those that came."""
    if content.where is None or extract.rows > LOOKED_AT:
        return False
    schema = schema_of(extract.endpoint)
    if not set(schema.names) <= set(tables.columns(content.table)):
        return False
    if tables.count(content.table, content.where) != extract.rows:
        return False
    rows = list(tables.rows(content.table, schema.names, where=content.where))
    there = Fingerprint(schema)
    there.add(pa.Table.from_pylist(rows, schema))
    return there.hexdigest(as_text(extract.window)) == content.fingerprint


def _held(tables: DatasetInspector, content: TableState, remembered: Mapping[str, tuple[str, tuple[int, str]]]) -> bool:
    fingerprint, digest = remembered.get(content.table, (None, None))
    return fingerprint == content.fingerprint and digest == tables.digest(content.table, content.where)
