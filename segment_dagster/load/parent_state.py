"""When each parent was read whose children are read in slices: kept in the destination, beside the rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

import orjson
from dlt.common.data_types import TDataType

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.disposition import among, parent_columns, rows_of_parents
from segment_dagster.extract.result import ParentKey
from segment_dagster.load.inspector import ROWS_PER_STATEMENT, DatasetInspector

PARENTS_TABLE = "_segment_parents"
"""The table of the dataset that records the parents of the tables that are read in slices."""

TRAIL_READ_UNTIL: ParentKey = ()
"""Stands among an endpoint's parents for the time until which the audit trail was read for them, and for the digest of
the table whose rows their states are about."""

TYPES: Mapping[str, TDataType] = {
    "endpoint": "text",
    # what its record gives to the requests: a JSON array of texts
    "parent": "text",
    # of its record when its children were read; null where they never were
    "fingerprint": "text",
    "read_at": "timestamp",
}


@dataclass(frozen=True)
class ParentState:
    """What is known of a parent."""

    fingerprint: str | None = None
    """Fingerprint of its record when its children were read; `None` if they never were."""

    read_at: datetime | None = None
    """When that was, in UTC."""


def parent_states(tables: DatasetInspector, endpoint: Endpoint) -> dict[ParentKey, ParentState]:
    """Return the state of each parent of an endpoint as of its last run.

    Returns:
        The states; empty if its table is missing, or is not read by the parent.
    """
    states = _states(tables, endpoint)
    return {key: state for key, state in states.items() if key != TRAIL_READ_UNTIL}


def trail_state(tables: DatasetInspector, endpoint: Endpoint) -> ParentState:
    """Return until when the audit trail was read for an endpoint's parents, and the digest of the table then."""
    return _states(tables, endpoint).get(TRAIL_READ_UNTIL, ParentState())


def _states(tables: DatasetInspector, endpoint: Endpoint) -> dict[ParentKey, ParentState]:
    tables.prefetch([PARENTS_TABLE, endpoint.name])
    if set(tables.columns(PARENTS_TABLE)) != set(TYPES) or not tables.columns(endpoint.name):
        return {}
    if not tables.has_dlt_tables():
        return {}
    rows = tables.rows(PARENTS_TABLE, ["parent", "fingerprint", "read_at"], where=_of(endpoint))
    return {
        tuple(orjson.loads(row["parent"])): ParentState(
            row["fingerprint"], row["read_at"] and row["read_at"].astimezone(timezone.utc)
        )
        for row in rows
    }


def record_parents(tables: DatasetInspector, endpoint: Endpoint, states: Mapping[ParentKey, ParentState]) -> None:
    """Record the states of some parents. The others keep theirs.

    Args:
        tables: The dataset, locked since their rows were loaded.
        endpoint: The endpoint whose parents they are.
        states: The new states.
    """
    rows = [(endpoint.name, _text(key), state.fingerprint, state.read_at) for key, state in states.items()]
    if rows:
        tables.upsert(PARENTS_TABLE, TYPES, rows, keys=2)


def forget_parents(tables: DatasetInspector, endpoint: Endpoint, parents: Iterable[ParentKey] | None = None) -> None:
    """Delete parents that are listed no more, and then their state.

    A run that is killed in between finds their state, and does it again.

    Args:
        tables: The dataset, locked.
        endpoint: The endpoint whose parents they are.
        parents: The parents; without them, the state of all is deleted, and no row.
    """
    recorded = set(tables.columns(PARENTS_TABLE)) == set(TYPES)
    if parents is None:
        if recorded and tables.count(PARENTS_TABLE, _of(endpoint)):
            tables.delete(PARENTS_TABLE, [_of(endpoint)])
        return
    gone = sorted(parents)
    delete_rows(tables, endpoint, gone)
    if recorded:
        forget_states(tables, endpoint, gone)


def forget_states(tables: DatasetInspector, endpoint: Endpoint, parents: Iterable[ParentKey]) -> None:
    """Delete the states of some parents, and no row.

    Args:
        tables: The dataset, locked.
        endpoint: The endpoint whose parents they are.
        parents: The parents.
    """
    if chunks := list(_chunks(sorted(parents))):
        tables.delete(PARENTS_TABLE, [f"{_of(endpoint)} AND {_among(chunk)}" for chunk in chunks])


def delete_rows(tables: DatasetInspector, endpoint: Endpoint, parents: Iterable[ParentKey]) -> None:
    """Delete the rows of some parents: a load of a slice replaces those of the parents that it has rows of."""
    if chunks := list(_chunks(sorted(parents))):
        tables.delete(endpoint.name, [rows_of_parents(endpoint, chunk) for chunk in chunks])


def rows_of_others(tables: DatasetInspector, endpoint: Endpoint, parents: Iterable[ParentKey]) -> dict[ParentKey, int]:
    """Return the parents that the table has rows of and that are not among these, each with its number of rows."""
    columns = parent_columns(endpoint)
    if not set(columns) <= set(tables.columns(endpoint.name)):
        return {}
    listed = set(parents)
    # a row that names no parent is for `row_count` to find
    found = ((key, count) for key, count in tables.row_counts(endpoint.name, columns) if None not in key)
    return {key: count for key, count in found if key not in listed}


def _text(key: ParentKey) -> str:
    return orjson.dumps(key).decode()


def _of(endpoint: Endpoint) -> str:
    return f"endpoint = '{endpoint.name}'"


def _among(parents: Iterable[ParentKey]) -> str:
    return among("parent", map(_text, parents))


def _chunks(parents: list[ParentKey]) -> Iterable[list[ParentKey]]:
    return (parents[start : start + ROWS_PER_STATEMENT] for start in range(0, len(parents), ROWS_PER_STATEMENT))
