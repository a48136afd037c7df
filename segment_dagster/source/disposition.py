"""How rows go into a table: in the place of all that is there, of a part of it, or by their key."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from dlt.common.schema.typing import TWriteDispositionConfig

from segment_dagster.endpoints import Endpoint, Months
from segment_dagster.source.columns import column_name
from segment_dagster.source.times import Window

if TYPE_CHECKING:
    from segment_dagster.source.reader import Delivery

NOTHING = "1 = 0"
"""A condition that no row meets."""


def disposition_of(endpoint: Endpoint, scope: str = NOTHING) -> TWriteDispositionConfig:
    """The write disposition of an endpoint's table, as dlt takes it.

    Args:
        endpoint: One that is not asked for a time is replaced whole, one that is read in parts by the part, and one
            that is read from its latest row on is merged by its key.
        scope: The rows that are replaced, as `scope_of` says, where the table is read in parts.
    """
    if endpoint.time is None:
        return "replace"
    if endpoint.incremental:
        return {"disposition": "merge", "strategy": "delete-insert"}
    return {
        "disposition": "merge",
        "strategy": "delete-insert",
        # a key that comes twice is for the check to find
        "deduplicated": True,
        "destination_scope": scope,
    }


def scope_of(delivery: "Delivery") -> str:
    """The rows of the table that a delivery takes the place of, as a condition in SQL.

    A parent that was not asked for, because it was deleted, keeps its rows. So does one that was gone when it was.
    """
    endpoint, window = delivery.endpoint, delivery.window
    if not endpoint.partitioned or endpoint.time is None or window is None or not delivery.read:
        return NOTHING
    column = column_name(endpoint.time.column)
    if isinstance(endpoint.time, Months):
        return _among(column, (values[endpoint.time.column] for values in delivery.read))
    return " AND ".join([within(column, window), *_of_parents(endpoint, delivery.read)])


def within(column: str, window: Window) -> str:
    """The rows whose time is in a window, as a condition in SQL."""
    conditions = [f"{column} >= '{_written(window.start)}'"]
    if window.end is not None:
        conditions.append(f"{column} < '{_written(window.end)}'")
    return " AND ".join(conditions)


def _written(moment: datetime) -> str:
    # with its zone: without one it would be in that of the session
    return f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"


def _of_parents(endpoint: Endpoint, read: Iterable[Mapping[str, str]]) -> list[str]:
    """The rows of the parents whose every list came whole."""
    if endpoint.parent is None:
        return []
    binds = [bind.parameter for bind in endpoint.parent.binds]
    by_parameter = {column.parameter or column.field: column_name(column.field) for column in endpoint.columns}
    counts = Counter(tuple(values[bind] for bind in binds) for values in read)
    most = max(counts.values())
    whole = sorted(parent for parent, count in counts.items() if count == most)
    *outer, inner = (by_parameter[bind] for bind in binds)
    grouped: dict[tuple[str, ...], list[str]] = {}
    for *names, name in whole:
        grouped.setdefault(tuple(names), []).append(name)
    groups = []
    for ids, held in grouped.items():
        conditions = [f"{column} = {_quoted(name)}" for column, name in zip(outer, ids, strict=True)]
        groups.append(" AND ".join([*conditions, _among(inner, held)]))
    return [f"({' OR '.join(f'({group})' for group in groups)})"]


def _among(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(_quoted(value) for value in values)})"


def _quoted(value: str) -> str:
    # dlt fills in placeholders in braces
    text = value.replace("'", "''").replace("{", "{{").replace("}", "}}")
    return f"'{text}'"
