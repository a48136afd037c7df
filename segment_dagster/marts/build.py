"""Build the table `changes` from the histories and the audit trail, and load it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource
from dlt.extract.items import DataItemWithMeta

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Endpoint
from segment_dagster.endpoints.audit_trail import audit_trail
from segment_dagster.endpoints.denormalized import denormalized_fields
from segment_dagster.extract.columns import column_name, declared
from segment_dagster.extract.fingerprint import Fingerprint
from segment_dagster.extract.jsonl import JsonLines
from segment_dagster.extract.resources import SOURCE_NAME, file_imports
from segment_dagster.extract.rows import arrow_schema
from segment_dagster.extract.spool import Spool, SpooledFile
from segment_dagster.extract.temp_dir import TempDir
from segment_dagster.extract.versions import VALID_FROM, VALID_TO, as_json, history_table
from segment_dagster.load import (
    DatasetInspector,
    Destination,
    TableState,
    destination_lock,
    inspect_dataset,
    jsonl_of,
    load_table,
)
from segment_dagster.marts.attribution import Event, Events, columns_of_trail
from segment_dagster.marts.changes import COLUMNS, NAME, REQUIRED
from segment_dagster.marts.records import RecordChange, record_changes
from segment_dagster.marts.redacted import history_redactor

ROWS_PER_WRITE = 1_000
PREVIEW_ROWS = 5

logger = logging.getLogger(__name__)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Built:
    """The table that was built."""

    table: str
    """The table's name with database and dataset."""

    rows: int
    histories: int
    """Number of histories that were read."""

    with_actor: int
    """Number of rows with an actor from the audit trail."""

    first: Sequence[Row]
    """The first rows."""

    fingerprint: str
    """Fingerprint of the rows."""

    unchanged: bool
    """Whether the table already held the rows and was not written."""


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
    # locked throughout: a load in between would change the tables after they were read
    with destination_lock(destination), TempDir() as temp_dir:
        schema = arrow_schema(COLUMNS, REQUIRED)
        fingerprint = Fingerprint(schema)
        spool = Spool(temp_dir.path / NAME, schema, fingerprint)
        with inspect_dataset(destination) as tables:
            histories = _histories(tables, catalogue)
            rows = _rows(tables, histories, catalogue, settings)
            first = list(islice(rows, PREVIEW_ROWS))
            with_actor = _write(spool, chain(first, rows))
            parts = spool.close()
            content = TableState(NAME, fingerprint.hexdigest(), sum(part.rows for part in parts))
        source = _source(parts, jsonl_of(destination))
        loaded, name = load_table(source, content, destination, parts, settings.now)
    return Built(
        table=name,
        rows=content.rows or 0,
        histories=len(histories),
        with_actor=with_actor,
        first=first,
        fingerprint=content.fingerprint,
        unchanged=not loaded,
    )


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


def _write(spool: Spool, rows: Iterator[dict[str, Any]]) -> int:
    """Write the rows.

    Returns:
        The number of rows with an actor.
    """
    with_actor = 0
    while batch := list(islice(rows, ROWS_PER_WRITE)):
        spool.write(pa.Table.from_pylist(batch, arrow_schema(COLUMNS, REQUIRED)))
        with_actor += sum(row["actor"] is not None for row in batch)
    return with_actor


def _source(parts: Sequence[SpooledFile], jsonl: JsonLines | None) -> dlt.sources.DltSource:
    columns = declared(COLUMNS, REQUIRED)

    def changes() -> Iterator[DataItemWithMeta]:
        yield from file_imports(parts, columns, jsonl=jsonl)

    # the name of the endpoints' source, so that the table is in the same dlt schema
    @dlt.source(name=SOURCE_NAME, max_table_nesting=0)
    def source() -> DltResource:
        return dlt.resource(changes, name=NAME, columns=columns, write_disposition="replace")

    return source()
