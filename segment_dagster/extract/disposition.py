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
    from segment_dagster.extract.result import Extract

Merge = Literal["delete-insert", "upsert"]
"""How dlt puts rows into a table that keeps others."""

TableFormat = Literal["delta", "iceberg"]
"""Open formats of tables that are files."""

NOTHING = "1 = 0"
"""A condition that no row meets."""

_SPLIT_AT = re.compile("[;\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""Where dlt splits SQL, also within quotes: at semicolons, and at ends of lines as Python's `splitlines` knows them."""

_Ids = tuple[str, ...]
"""What a parent's record gives to the requests."""

_Range = tuple[str, str]
"""Start, included, and end of the time of a request, as the API takes them."""


def disposition_of(endpoint: Endpoint, scope: str = NOTHING, merge: Merge = "delete-insert") -> TWriteDispositionConfig:
    """Return the write disposition of an endpoint's table, as dlt takes it.

    Args:
        endpoint: One that is not asked for a time is replaced whole, one that is read in parts by the part, and one
            that is read from its latest row on is merged by its key.
        scope: The rows that are replaced, as `scope_of` says, where the table is read in parts.
        merge: How the destination merges. An upsert leaves rows of a part that are delivered no more.
    """
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
        return _among(column, sorted({params[endpoint.time.column] for params in extract.params_read}))
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
    return _either(f"{column} >= {_quoted(start)} AND {column} < {_quoted(end)}" for start, end in ranges)


def _of_parents(endpoint: Endpoint, binds: Sequence[str], parents: Iterable[_Ids]) -> str:
    """Return the SQL condition for the rows of some parents."""
    by_parameter = {column.parameter or column.field: column_name(column.field) for column in endpoint.columns}
    *outer, last = (by_parameter[bind] for bind in binds)
    grouped: dict[_Ids, list[str]] = {}
    for *ids, name in parents:
        grouped.setdefault(tuple(ids), []).append(name)
    return _either(
        " AND ".join(
            [*(f"{column} = {_quoted(id_)}" for column, id_ in zip(outer, ids, strict=True)), _among(last, held)]
        )
        for ids, held in grouped.items()
    )


def _either(conditions: Iterable[str]) -> str:
    each = list(conditions)
    return each[0] if len(each) == 1 else f"({' OR '.join(each)})"


def _among(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(_quoted(value) for value in values)})"


def _quoted(value: str) -> str:
    text = _SPLIT_AT.sub(lambda sign: f"' || chr({ord(sign[0])}) || '", value.replace("'", "''"))
    return f"'{text}'"
