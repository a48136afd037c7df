"""Which parents an event of the audit trail concerns: those whose children may have changed."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from segment_dagster.endpoints import Endpoint
from segment_dagster.endpoints.audit_trail import concerned
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.disposition import parent_columns
from segment_dagster.extract.result import Extract, ParentKey
from segment_dagster.load.inspector import DatasetInspector

Row = Mapping[str, Any]

Ids = Mapping[str, frozenset[ParentKey]]
"""The parents that a record's id leads to."""


class Event(NamedTuple):
    """An event of the audit trail."""

    at: datetime
    """When it happened, in UTC."""

    resource: str
    """Id of the resource that it happened to."""

    resource_type: str


class Announced(NamedTuple):
    """What the audit trail says of one endpoint."""

    parents: frozenset[ParentKey]
    """The parents whose children may have changed."""

    of_any: bool
    """Whether those of any parent may have."""


def events_since(trail: Endpoint, extract: Extract, since: datetime) -> list[Event]:
    """Return the events of the audit trail since a time.

    Args:
        trail: The audit trail.
        extract: What was read of it.
        since: The time, in UTC.
    """
    fields = trail.audit_fields
    assert fields is not None
    columns = [column_name(field) for field in (fields.timestamp, fields.resource, fields.resource_type)]
    rows = [row for part in extract.parts for row in pq.read_table(part.path, columns=columns).to_pylist()]
    events = {Event(_utc(at), str(id_), str(kind)) for at, id_, kind in (map(row.get, columns) for row in rows) if at}
    return sorted(event for event in events if event.at >= since)


def ids_of_parents(endpoint: Endpoint, records: Iterable[Row]) -> Ids:
    """Return the parents by the ids of their records.

    Args:
        endpoint: The endpoint whose parents they are.
        records: The rows of the parent.
    """
    parent = endpoint.parent
    assert parent is not None
    binds = [column_name(bind.field) for bind in parent.binds]
    found: dict[str, set[ParentKey]] = defaultdict(set)
    for row in records:
        key = tuple(row[name] for name in binds)
        if None not in key:
            for value in {*key, row.get("id") or key[-1]}:
                found[str(value)].add(tuple(map(str, key)))
    return _frozen(found)


def ids_of_children(tables: DatasetInspector, endpoint: Endpoint) -> Ids:
    """Return the parents by the ids of their children in the table; empty if the rows connect records of others.

    A source that is connected to a tracking plan may now be connected to another one, too.
    """
    columns = parent_columns(endpoint)
    own = [field for field in endpoint.primary_key if column_name(field) not in columns]
    if not own or any(reference.field in own for reference in endpoint.references):
        return {}
    ids = [column_name(name) for name in own]
    found: dict[str, set[ParentKey]] = defaultdict(set)
    for row in tables.rows(endpoint.name, [*columns, *ids]):
        key = tuple(row[name] for name in columns)
        if None not in key:
            for name in ids:
                found[str(row[name])].add(key)
    return _frozen(found)


def ids_of_keys(keys: Iterable[ParentKey]) -> Ids:
    """Return parents by what their records gave to requests: the ids of those that are gone."""
    found: dict[str, set[ParentKey]] = defaultdict(set)
    for key in keys:
        for value in key:
            found[value].add(key)
    return _frozen(found)


def ids_of_related(
    tables: DatasetInspector,
    endpoint: Endpoint,
    catalogue: Mapping[str, Endpoint],
    rows_of: Callable[[str], Iterable[Row]],
) -> Ids:
    """Return the parents by the ids of records that name them: a destination names its source.

    Args:
        tables: The dataset: it has the records that are gone.
        endpoint: The endpoint, whose rows reference these records.
        catalogue: The endpoints by name.
        rows_of: Returns the rows that were read of another endpoint; none if it was not read.
    """
    parent = endpoint.parent
    assert parent is not None
    if len(parent.binds) != 1:
        return {}
    found: dict[str, set[ParentKey]] = defaultdict(set)
    for reference in endpoint.references:
        related = catalogue.get(reference.endpoint)
        if related is None or related.name == parent.endpoint:
            continue
        for back in related.references:
            if (back.endpoint, back.target_field) == (parent.endpoint, parent.binds[0].field):
                id_, name = column_name(reference.target_field), column_name(back.field)
                rows = [*rows_of(related.name)]
                if {id_, name} <= set(tables.columns(related.name)):
                    rows += tables.rows(related.name, [id_, name])
                for row in rows:
                    if row[id_] and row[name]:
                        found[str(row[id_])].add((str(row[name]),))
    return _frozen(found)


def announced(events: Sequence[Event], endpoint: Endpoint, ids: Sequence[Ids]) -> Announced:
    """Return what events say of an endpoint.

    An event concerns the parents that its resource's id leads to. If it leads to none, and the endpoint lists resources
    of that type, it may concern any parent: a record that is new is in no table yet.

    Args:
        events: The events.
        endpoint: The endpoint.
        ids: Parents by ids, each from another place.
    """
    types = {event.resource_type for event in events}
    of_endpoint = {kind for kind in types if concerned(kind, [endpoint])}
    parents: set[ParentKey] = set()
    of_any = False
    for event in events:
        keys = {key for known in ids for key in known.get(event.resource, ())}
        parents |= keys
        of_any = of_any or (not keys and event.resource_type in of_endpoint)
    return Announced(frozenset(parents), of_any)


def unassigned(events: Sequence[Event], known: Iterable[Ids]) -> list[Event]:
    """Return the events that are of no endpoint's type, and of no record that is known."""
    ids = {value for each in known for value in each}
    return [event for event in events if event.resource not in ids and not concerned(event.resource_type)]


def _frozen(found: Mapping[str, set[ParentKey]]) -> Ids:
    return {value: frozenset(keys) for value, keys in found.items()}


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)
