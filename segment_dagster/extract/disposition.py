"""How rows go into a table: in the place of all that is there, of a part of it, or by their key."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from dlt.common.schema.typing import TWriteDispositionConfig

from segment_dagster.endpoints import Endpoint, Months
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.times import Window

if TYPE_CHECKING:
    from segment_dagster.extract.result import Extract, ParentKey

Merge = Literal["delete-insert", "upsert"]
"""How dlt puts rows into a table that keeps others."""

TableFormat = Literal["delta", "iceberg"]
"""Open formats of tables that are files."""

NOTHING = "1 = 0"
"""A condition that no row meets."""

_NOT_PLAIN = re.compile("[\\\\%;\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""What does not stand for itself within quotes. dlt splits SQL at semicolons, and at ends of lines as Python's
`splitlines` knows them; percent signs begin its parameters; some destinations read a backslash as an escape."""

_Ids = tuple[str, ...]
"""What a parent's record gives to the requests."""

_Range = tuple[str, str]
"""Start, included, and end of the time of a request, as the API takes them."""


def disposition_of(
    endpoint: Endpoint, scope: str = NOTHING, merge: Merge = "delete-insert", *, sliced: bool = False
) -> TWriteDispositionConfig:
    """Return the write disposition of an endpoint's table, as dlt takes it.

    Args:
        endpoint: One that is not asked for a time is replaced whole, one that is read in parts by the part, and one
            that is read from its latest row on is merged by its key.
        scope: The rows that are replaced, as `scope_of` says, where the table is read in parts.
        merge: How the destination merges. An upsert leaves rows of a part that are delivered no more.
        sliced: Whether the rows are those of a slice of parents.
    """
    if sliced:
        # by the columns of the parent, as their hint says: a scope would make a new version of dlt's schema each time
        return {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
    if endpoint.time is None:
        return "replace"
    if endpoint.incremental or merge == "upsert":
        return {"disposition": "merge", "strategy": merge}
    return {
        "disposition": "merge",
        "strategy": "delete-insert",
        # a key that comes twice is for the check to find
        "deduplicated": True,
        # dlt fills in placeholders in braces
        "destination_scope": scope.replace("{", "{{").replace("}", "}}"),
    }


def scope_of(extract: "Extract") -> str:
    """Return the rows of the table that an extract replaces, as a condition in SQL.

    A parent that was deleted, and so not requested, keeps its rows. One that answered 404 keeps those of the times that
    were requested.
    """
    endpoint = extract.endpoint
    if not endpoint.partitioned or endpoint.time is None or not extract.params_read:
        return NOTHING
    column = column_name(endpoint.time.column)
    if isinstance(endpoint.time, Months):
        return among(column, sorted({params[endpoint.time.column] for params in extract.params_read}))
    binds = [bind.parameter for bind in endpoint.parent.binds] if endpoint.parent else []
    read: dict[_Ids, set[_Range]] = {}
    for params in extract.params_read:
        ids = tuple(params[bind] for bind in binds)
        read.setdefault(ids, set()).add((params["startTime"], params["endTime"]))
    # most parents were read for the same times
    alike: dict[tuple[_Range, ...], list[_Ids]] = {}
    for ids, ranges in sorted(read.items()):
        alike.setdefault(_joined(ranges), []).append(ids)
    return _either(
        " AND ".join([_of_times(column, ranges), *([_of_parents(endpoint, binds, parents)] if binds else [])])
        for ranges, parents in alike.items()
    )


def rows_of_parents(endpoint: Endpoint, parents: Sequence["ParentKey"]) -> str:
    """Return the rows of some parents, as a condition in SQL."""
    if not parents or endpoint.parent is None:
        return NOTHING
    return _of_parents(endpoint, [bind.parameter for bind in endpoint.parent.binds], sorted(parents))


def parent_columns(endpoint: Endpoint) -> list[str]:
    """Return the columns that hold what the parent's record gives to the requests, in the order of these.

    Returns:
        The columns; empty if there is no parent, or a value is in no column.
    """
    binds = endpoint.parent.binds if endpoint.parent else ()
    columns = [_column_of(endpoint, bind.parameter) for bind in binds]
    return [] if None in columns else [name for name in columns if name is not None]


def _column_of(endpoint: Endpoint, parameter: str) -> str | None:
    """Return the column that holds a parameter of the requests: one that it fills, or else one of the same name."""
    filled = [column.field for column in endpoint.columns if column.parameter == parameter]
    same = [column.field for column in endpoint.columns if column.field == parameter]
    return column_name([*filled, *same][0]) if filled or same else None


def within(column: str, window: Window) -> str:
    """Return the SQL condition for rows whose time is in a window."""
    conditions = [f"{column} >= '{_written(window.start)}'"]
    if window.end is not None:
        conditions.append(f"{column} < '{_written(window.end)}'")
    return " AND ".join(conditions)


def _written(moment: datetime) -> str:
    # with its zone: without one it would be in that of the session
    return f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"


def _joined(ranges: Iterable[_Range]) -> tuple[_Range, ...]:
    """Return the ranges, with those that meet joined."""
    joined: list[_Range] = []
    for start, end in sorted(ranges):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def _of_times(column: str, ranges: Iterable[_Range]) -> str:
    return _either(f"{column} >= {quoted(start)} AND {column} < {quoted(end)}" for start, end in ranges)


def _of_parents(endpoint: Endpoint, binds: Sequence[str], parents: Iterable[_Ids]) -> str:
    """Return the SQL condition for the rows of some parents."""
    *outer, last = (str(_column_of(endpoint, bind)) for bind in binds)
    grouped: dict[_Ids, list[str]] = {}
    for *ids, name in parents:
        grouped.setdefault(tuple(ids), []).append(name)
    return _either(
        " AND ".join(
            [*(f"{column} = {quoted(id_)}" for column, id_ in zip(outer, ids, strict=True)), among(last, held)]
        )
        for ids, held in grouped.items()
    )


def _either(conditions: Iterable[str]) -> str:
    each = list(conditions)
    return each[0] if len(each) == 1 else f"({' OR '.join(each)})"


def among(column: str, values: Iterable[str]) -> str:
    """Return the rows in which a column has one of some texts, as a condition in SQL."""
    return f"{column} IN ({', '.join(quoted(value) for value in values)})"


def quoted(value: str) -> str:
    """Return a text as a literal of SQL."""
    text = _NOT_PLAIN.sub(lambda sign: f"' || chr({ord(sign[0])}) || '", value.replace("'", "''"))
    return f"'{text}'"
