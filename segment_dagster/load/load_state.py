"""Fingerprints per table, kept in the destination, to skip unchanged loads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

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
"""The table of the dataset that records the last load of each other table."""

LOOKED_AT = 10_000
"""Most rows that are read back to compare them with an extract."""

TYPES: Mapping[str, TDataType] = {
    "table_name": "text",
    # of the extracted rows
    "fingerprint": "text",
    # of the table after that load, computed by the destination: any later change of the table changes it
    "rows": "bigint",
    "digest": "text",
    "loaded_at": "timestamp",
    # when the read of the rows began
    "read_at": "timestamp",
}


@dataclass(frozen=True)
class TableState:
    """The content of a table after a load."""

    table: str
    fingerprint: str
    """Fingerprint of the extracted rows."""

    rows: int | None = None
    """Rows that the table must have; `None` if it may keep others."""

    where: str | None = None
    """SQL condition for the rows that count; `None` for all."""

    read_at: datetime | None = None
    """When the read of the rows began, in UTC; `None` if they were not read but derived."""


@dataclass(frozen=True)
class RecordedLoad:
    """What is recorded of the last load of a table."""

    fingerprint: str
    """Fingerprint of the extracted rows."""

    digest: tuple[int, str]
    """Number of rows, and digest of the table after the load."""

    read_at: datetime | None
    """When the read of the rows began, in UTC."""


def table_states(extract: Extract, *, history: bool) -> Sequence[TableState]:
    """Return the states of the tables that an extract is loaded into: its table, and the history if it is kept.

    Returns:
        The states; empty if the extract has no fingerprint, because it is only a part of the table.
    """
    endpoint = extract.endpoint
    if extract.fingerprint is None:
        return []
    if isinstance(endpoint.time, TimeRange) and extract.window:
        # merged by key: rows that the API no longer lists stay
        where = within(column_name(endpoint.time.column), extract.window)
        return [TableState(endpoint.name, extract.fingerprint, where=where, read_at=extract.began_at)]
    table = TableState(endpoint.name, extract.fingerprint, extract.rows, read_at=extract.began_at)
    if history and endpoint.keeps_history:
        return [table, TableState(history_table(endpoint.name), extract.fingerprint, read_at=extract.began_at)]
    return [table]


def unchanged(tables: DatasetInspector, extracts: Sequence[Extract], *, history: bool) -> frozenset[str]:
    """Return the names of the endpoints whose tables already hold the extracted rows.

    A table is unchanged if the rows are those of the last load, and the table has not changed since. If the rows are a
    small part of the table, they are read back and compared.

    Args:
        tables: The dataset. It must be locked until the load has ended.
        extracts: The extracts to compare.
        history: Whether the history must hold the rows too.
    """
    wanted = {each.endpoint.name: table_states(each, history=history) for each in extracts}
    tables.prefetch([LOAD_STATE_TABLE, *(content.table for contents in wanted.values() for content in contents)])
    recorded = recorded_loads(tables)
    return frozenset(
        each.endpoint.name
        for each in extracts
        if (contents := wanted[each.endpoint.name])
        and (all(_has_state(tables, content, recorded) for content in contents) or _has_rows(tables, each, contents[0]))
    )


def is_current(tables: DatasetInspector, content: TableState) -> bool:
    """Return whether a table already has this state."""
    return _has_state(tables, content, recorded_loads(tables))


def record_load(tables: DatasetInspector, contents: Iterable[TableState], now: datetime) -> None:
    """Record what was loaded. If a run ends before that, the next one loads its tables again.

    Args:
        tables: The dataset after the load.
        contents: The states of the loaded tables. A state with a wrong number of rows is not recorded.
        now: The current time, in UTC.
    """
    rows = []
    loaded = list(contents)
    tables.prefetch([LOAD_STATE_TABLE, *(content.table for content in loaded)])
    for content in loaded:
        digest = tables.digest(content.table, content.where)
        if digest and content.rows in (None, digest[0]):
            rows.append((content.table, content.fingerprint, *digest, now, content.read_at))
    if rows:
        tables.upsert(LOAD_STATE_TABLE, TYPES, rows)


def recorded_loads(tables: DatasetInspector) -> dict[str, RecordedLoad]:
    """Return what is recorded of the last load of each table, by table."""
    if set(tables.columns(LOAD_STATE_TABLE)) != set(TYPES) or not tables.has_dlt_tables():
        return {}
    rows = tables.rows(LOAD_STATE_TABLE, ["table_name", "fingerprint", "rows", "digest", "read_at"])
    return {
        row["table_name"]: RecordedLoad(row["fingerprint"], (row["rows"], row["digest"]), row["read_at"])
        for row in rows
    }


def _has_rows(tables: DatasetInspector, extract: Extract, content: TableState) -> bool:
    """Return whether the table's rows in the window of a small extract equal the extracted rows."""
    if content.where is None or extract.rows > LOOKED_AT:
        return False
    schema = schema_of(extract.endpoint)
    if not set(schema.names) <= set(tables.columns(content.table)):
        return False
    if tables.count(content.table, content.where) != extract.rows:
        return False
    rows = list(tables.rows(content.table, schema.names, where=content.where))
    stored = Fingerprint(schema)
    stored.add(pa.Table.from_pylist(rows, schema))
    return stored.hexdigest(as_text(extract.window)) == content.fingerprint


def _has_state(tables: DatasetInspector, content: TableState, recorded: Mapping[str, RecordedLoad]) -> bool:
    load = recorded.get(content.table)
    return (
        load is not None
        and load.fingerprint == content.fingerprint
        and load.digest == tables.digest(content.table, content.where)
    )
