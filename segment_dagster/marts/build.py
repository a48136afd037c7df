"""Build the table `changes` from the histories and the audit trail, and load it."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Endpoint
from segment_dagster.endpoints.audit_trail import audit_trail
from segment_dagster.endpoints.denormalized import denormalized_fields
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.versions import VALID_FROM, VALID_TO, as_json, history_table
from segment_dagster.load import (
    DatasetInspector,
    Destination,
    inspect_dataset,
)
from segment_dagster.marts.attribution import Event, Events, columns_of_trail
from segment_dagster.marts.changes import COLUMNS, NAME, REQUIRED
from segment_dagster.marts.load_rows import LoadedRows, row_spool
from segment_dagster.marts.mart import Row
from segment_dagster.marts.records import RecordChange, record_changes
from segment_dagster.marts.redacted import history_redactor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Built:
    """The table that was built."""

    loaded: LoadedRows
    histories: int
    """Number of histories that were read."""

    with_actor: int
    """Number of rows with an actor from the audit trail."""


@dataclass(frozen=True)
class _History:
    endpoint: Endpoint
    columns: Sequence[str]
    baseline: datetime
    copied: frozenset[str]

    def versions(self, tables: DatasetInspector, columns: Sequence[str]) -> Iterator[Row]:
        table = history_table(self.endpoint.name)
        return tables.later_versions(table, columns, self.key, (VALID_FROM, VALID_TO), self.baseline)

    @property
    def key(self) -> list[str]:
        return [column_name(field) for field in self.endpoint.primary_key]


def build(destination: Destination, catalogue: Sequence[Endpoint], settings: ApiSettings) -> Built:
    """Build the table `changes` from the dataset and load it.

    Args:
        destination: The dataset.
        catalogue: The endpoints whose histories are read if they exist, and the audit trail.
        settings: Whether to keep secrets, and the current time.

    Raises:
        LoadError: The tables could not be read, or the new one could not be loaded.
    """
    with row_spool(destination, NAME, COLUMNS, REQUIRED) as spool:
        with inspect_dataset(destination) as tables:
            histories = _histories(tables, catalogue)
            counted = _WithActor(_rows(tables, histories, catalogue, settings))
            spool.write(counted)
        return Built(spool.load(settings.now), histories=len(histories), with_actor=counted.number)


class _WithActor(Iterator[Row]):
    """Counts the rows that have an actor while they pass."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.number = 0

    def __next__(self) -> Row:
        row = next(self._rows)
        self.number += row["actor"] is not None
        return row


def _histories(tables: DatasetInspector, catalogue: Sequence[Endpoint]) -> list[_History]:
    with_history = {each.name: each for each in catalogue if each.keeps_history}
    columns = {name: list(tables.columns(history_table(name))) for name in with_history}
    existing = {name: with_history[name] for name, table_columns in columns.items() if table_columns}
    if not existing:
        logger.warning(
            "%s: empty, because there is no history yet. Materialize the assets with SEGMENT_HISTORY=true.", NAME
        )
        return []
    first_loads = tables.first_loads([history_table(name) for name in existing])
    histories = []
    for name, endpoint in existing.items():
        baseline = first_loads.get(history_table(name)) or tables.least(history_table(name), VALID_FROM)
        # a history without rows and without a known first load has no changes
        if baseline is not None:
            copied = frozenset(column_name(field) for field in denormalized_fields(endpoint, existing))
            histories.append(_History(endpoint, columns[name], baseline, copied))
    return histories


def _rows(
    tables: DatasetInspector, histories: Sequence[_History], catalogue: Sequence[Endpoint], settings: ApiSettings
) -> Iterator[dict[str, Any]]:
    events = _events(tables, histories, catalogue) if histories else None
    for history in histories:
        versions = history.versions(tables, history.columns)
        redact = history_redactor(history.endpoint, settings)
        for change in record_changes(history.endpoint, versions, history.baseline, history.copied, redact):
            resources = [value for value in change.key if isinstance(value, str)]
            yield _row(change, events.latest(resources, change.after, change.seen_at) if events else None)


def _events(tables: DatasetInspector, histories: Sequence[_History], catalogue: Sequence[Endpoint]) -> Events | None:
    trail = audit_trail(catalogue)
    columns = columns_of_trail(trail) if trail else ()
    if trail is None or not set(columns) <= set(tables.columns(trail.name)):
        name = f"segment/{trail.name}" if trail else "the audit trail"
        logger.warning("%s: who did it is not known before %s is materialized.", NAME, name)
        return None
    resources = {
        value
        for history in histories
        for row in history.versions(tables, [*history.key, VALID_FROM])
        for value in row.values()
        if isinstance(value, str)
    }
    return Events(trail, tables.rows(trail.name, columns), resources)


def _row(change: RecordChange, event: Event | None) -> dict[str, Any]:
    difference = change.difference
    return {
        "endpoint": change.endpoint.name,
        "record_key": "/".join("" if value is None else str(value) for value in change.key),
        "record_name": change.name,
        "change": difference.kind,
        "field": difference.field,
        "old_value": _json(difference.old),
        "new_value": _json(difference.new),
        "seen_at": change.seen_at,
        "happened_at": event and event.at,
        "actor": event and event.actor,
        "actor_email": event and event.actor_email,
        "audit_event_id": event and event.id,
        "audit_event_type": event and event.type,
    }


def _json(value: Any) -> str | None:
    return None if value is None else as_json(value).decode()
