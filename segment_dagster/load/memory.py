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
from segment_dagster.extract.reader import Delivery
from segment_dagster.extract.rows import schema_of
from segment_dagster.extract.versions import history_table
from segment_dagster.load.tables import Tables

MEMORY = "_segment_tables"
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
class Content:
    """What a table holds once it has been loaded."""

    table: str
    fingerprint: str
    """Of the rows that came."""

    rows: int | None = None
    """How many there must be; `None` where others may stay."""

    where: str | None = None
    """Which rows of the table are meant, as a condition in SQL; `None` where they are all."""


def contents_of(delivery: Delivery, *, history: bool) -> Sequence[Content]:
    """The contents that a delivery is loaded into: that of its table, and that of the history where it is kept.

    Returns:
        Nothing where a delivery is a part of a table, which says nothing of the whole.
    """
    endpoint = delivery.endpoint
    if delivery.fingerprint is None:
        return []
    if isinstance(endpoint.time, TimeRange) and delivery.window:
        # merged by the key: rows that the API does not list any more stay
        where = within(column_name(endpoint.time.column), delivery.window)
        return [Content(endpoint.name, delivery.fingerprint, where=where)]
    table = Content(endpoint.name, delivery.fingerprint, delivery.rows)
    if history and endpoint.keeps_history:
        return [table, Content(history_table(endpoint.name), delivery.fingerprint)]
    return [table]


def unchanged(tables: Tables, deliveries: Sequence[Delivery], *, history: bool) -> frozenset[str]:
    """The endpoints whose tables hold what was delivered already.

    That is so where the rows are those that were loaded last, and the table is as that load left it; or where they are
    a small part of the table, which is looked at.

    Args:
        tables: The dataset, which nobody else loads into until this is done with.
        deliveries: What came.
        history: Whether a table's history is to hold it too.
    """
    wanted = {each.endpoint.name: contents_of(each, history=history) for each in deliveries}
    tables.look_up([MEMORY, *(content.table for contents in wanted.values() for content in contents)])
    remembered = _remembered(tables)
    return frozenset(
        each.endpoint.name
        for each in deliveries
        if (contents := wanted[each.endpoint.name])
        and (all(_held(tables, content, remembered) for content in contents) or _has_rows(tables, each, contents[0]))
    )


def holds(tables: Tables, content: Content) -> bool:
    """Whether a table holds this already."""
    return _held(tables, content, _remembered(tables))


def remember(tables: Tables, contents: Iterable[Content]) -> None:
    """Keep in mind what has been loaded. A run that ends before it does so has its tables loaded once more.

    Args:
        tables: The dataset, as the load left it.
        contents: What its tables hold now. What is not there in as many rows is not kept.
    """
    now = datetime.now(timezone.utc)
    rows = []
    loaded = list(contents)
    tables.look_up([MEMORY, *(content.table for content in loaded)])
    for content in loaded:
        found = tables.digest(content.table, content.where)
        if found and content.rows in (None, found[0]):
            rows.append((content.table, content.fingerprint, *found, now))
    if rows:
        tables.keep(MEMORY, TYPES, rows)


def _remembered(tables: Tables) -> dict[str, tuple[str, tuple[int, str]]]:
    """By table, the fingerprint of what was loaded last, and the digest that the table had then."""
    if set(tables.columns(MEMORY)) != set(TYPES) or not tables.knows_itself():
        return {}
    rows = tables.rows(MEMORY, ["table_name", "fingerprint", "rows", "digest"])
    return {row["table_name"]: (row["fingerprint"], (row["rows"], row["digest"])) for row in rows}


def _has_rows(tables: Tables, delivery: Delivery, content: Content) -> bool:
    """Whether the rows of a table that a small delivery would be merged into are those that came."""
    if content.where is None or delivery.rows > LOOKED_AT:
        return False
    schema = schema_of(delivery.endpoint)
    if not set(schema.names) <= set(tables.columns(content.table)):
        return False
    if tables.count(content.table, content.where) != delivery.rows:
        return False
    rows = list(tables.rows(content.table, schema.names, where=content.where))
    there = Fingerprint(schema)
    there.add(pa.Table.from_pylist(rows, schema))
    return there.hexdigest(as_text(delivery.window)) == content.fingerprint


def _held(tables: Tables, content: Content, remembered: Mapping[str, tuple[str, tuple[int, str]]]) -> bool:
    fingerprint, digest = remembered.get(content.table, (None, None))
    return fingerprint == content.fingerprint and digest == tables.digest(content.table, content.where)
