"""What of a row counts for its history, and the version that stands for it."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timezone
from typing import Any

from segment_dagster.endpoints import HISTORY, Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.json_text import comparable, loads
from segment_dagster.extract.undeclared import UNDECLARED, declared_columns, undeclared_column

ROW_VERSION = "row_version"
VALID_FROM = "valid_from"
VALID_TO = "valid_to"
OF_HISTORY = (ROW_VERSION, VALID_FROM, VALID_TO)
"""The columns that a history has beyond those of the rows."""

Values = dict[str, Any]
"""Of one row, by column: what is not null and does not change by itself, with JSON as what it says."""


def history_column(name: str) -> str:
    """Name an undeclared column in the history: one that is called like the history's own gives way."""
    return f"undeclared_{name}" if name in OF_HISTORY else name


def history_table(name: str) -> str:
    """Return the name of the table that keeps every version of another's rows."""
    return f"{name}{HISTORY}"


def counted_values(endpoint: Endpoint, without: Collection[str] = ()) -> Callable[[Mapping[str, Any]], Values]:
    """Return a function that keeps of an endpoint's rows what counts as a change.

    A null says as much as nothing, also inside an object: a field that the API adds and leaves empty is no change. An
    undeclared field counts the same whether it has a column of its own or not.

    Args:
        endpoint: Says what is volatile, and which columns hold JSON: those that it does not declare do as well.
        without: Further columns that do not count.

    Returns:
        A function from a row of the endpoint's table, or of its history, to its values.
    """
    plain = {column_name(column.field) for column in endpoint.columns if column.type != "json"}
    volatile = {column_name(column.field) for column in endpoint.columns if column.volatile}
    inside = {
        column_name(column.field): frozenset(column.volatile_paths)
        for column in endpoint.columns
        if column.volatile_paths
    }
    left_out = {*volatile, *without, *OF_HISTORY}
    declared = declared_columns(endpoint)

    def values(row: Mapping[str, Any]) -> Values:
        counted = {
            name: _in_utc(value) if name in plain else _settled(value, inside.get(name))
            for name, value in row.items()
            if value is not None and name not in left_out and not name.startswith("_dlt_")
        }
        for field, value in counted.pop(UNDECLARED, {}).items():
            name = history_column(undeclared_column(field, declared))
            if name not in left_out:
                counted[name] = value
        return counted

    return values


def row_version(values: Values) -> str:
    """Return the version of a row: the same for the same values, whatever the order of columns and members."""
    return hashlib.blake2b(as_json(values), digest_size=16).hexdigest()


def as_json(value: Any) -> bytes:
    """Return a value as JSON, with the members of objects sorted: equal bytes for equal values alone."""
    return comparable(value)


def _in_utc(value: Any) -> Any:
    return value.astimezone(timezone.utc) if isinstance(value, datetime) else value


def _settled(value: Any, volatile: Collection[str] | None) -> Any:
    """Return the value of a JSON column without what does not count."""
    held = loads(value) if isinstance(value, str) else value
    # most columns have nothing to leave out, and walking through them costs more than reading them
    return _without(held, volatile or ()) if volatile or not isinstance(value, str) or "null" in value else held


def _without(value: Any, names: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(held, names) for name, held in value.items() if held is not None and name not in names}
    if isinstance(value, list):
        return [_without(held, names) for held in value]
    return value
