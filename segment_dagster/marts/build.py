"""Making the table `changes`: histories and audit trail in, one load out."""

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

from segment_dagster.config import SecretSettings, always_load, secrets_in_use
from segment_dagster.endpoints import Endpoint
from segment_dagster.endpoints.audit_trail import audit_trail
from segment_dagster.endpoints.denormalized import denormalized_fields
from segment_dagster.extract.columns import column_name, declared
from segment_dagster.extract.fingerprint import Fingerprint
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
    """The table as it was made."""

    table: str
    """Its name with database and dataset."""

    rows: int
    histories: int
    """How many histories there were to look at."""

    with_actor: int
    """Rows whose actor the audit trail tells."""

    first: Sequence[Row]
    """The first rows."""

    fingerprint: str
    """The same for the same rows."""

    unchanged: bool
    """Whether the table held them already, and was left alone."""


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


def build(destination: Destination, catalogue: Sequence[Endpoint], secrets: SecretSettings | None = None) -> Built:
    """Make the table anew from what the dataset holds.

    Args:
        destination: The dataset.
        catalogue: The endpoints whose histories are looked at where they are there, and the audit trail.
        secrets: What becomes of secrets; as the settings say where it is left out.

    Raises:
        LoadError: The tables could not be read, or the new one not be loaded.
        SettingError: `SEGMENT_ALWAYS_LOAD` or `SEGMENT_INCLUDE_SECRETS` cannot be used.
    """
    secrets = secrets or secrets_in_use()
    # alone for the whole of it: what is read here belongs to what is written
    with destination_lock(destination), TempDir() as home:
        schema = arrow_schema(COLUMNS, REQUIRED)
        fingerprint = Fingerprint(schema)
        spool = Spool(home.path / NAME, schema, fingerprint)
        with inspect_dataset(destination) as tables:
            histories = _histories(tables, catalogue)
            rows = _rows(tables, histories, catalogue, secrets)
            first = list(islice(rows, PREVIEW_ROWS))
            with_actor = _write(spool, chain(first, rows))
            parts = spool.close()
            content = TableState(NAME, fingerprint.hexdigest(), sum(part.rows for part in parts))
        source = _source(parts, jsonl=destination.capabilities.jsonl)
        loaded, name = load_table(source, content, destination, parts, always=always_load())
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
    kept = {each.name: each for each in catalogue if each.keeps_history}
    columns = {name: list(tables.columns(history_table(name))) for name in kept}
    there = {name: kept[name] for name, found in columns.items() if found}
    if not there:
        logger.warning(
            "%s: empty, because there is no history yet. Materialize the assets with SEGMENT_HISTORY=true.", NAME
        )
        return []
    began = tables.first_loads([history_table(name) for name in there])
    histories = []
    for name, endpoint in there.items():
        baseline = began.get(history_table(name)) or tables.least(history_table(name), VALID_FROM)
        # what is not known to have been loaded and has no rows has nothing to tell
        if baseline is not None:
            copied = frozenset(column_name(field) for field in denormalized_fields(endpoint, there))
            histories.append(_History(endpoint, columns[name], baseline, copied))
    return histories


def _rows(
    tables: DatasetInspector, histories: Sequence[_History], catalogue: Sequence[Endpoint], secrets: SecretSettings
) -> Iterator[dict[str, Any]]:
    events = _events(tables, histories, catalogue) if histories else None
    for history in histories:
        versions = history.versions(tables, history.columns)
        redact = history_redactor(history.endpoint, secrets)
        for change in record_changes(history.endpoint, versions, history.baseline, history.copied, redact):
            named = [value for value in change.key if isinstance(value, str)]
            yield _row(change, events.latest(named, change.after, change.seen_at) if events else None)


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
        How many of them have an actor.
    """
    with_actor = 0
    while written := list(islice(rows, ROWS_PER_WRITE)):
        spool.write(pa.Table.from_pylist(written, arrow_schema(COLUMNS, REQUIRED)))
        with_actor += sum(row["actor"] is not None for row in written)
    return with_actor


def _source(parts: Sequence[SpooledFile], *, jsonl: bool) -> dlt.sources.DltSource:
    columns = declared(COLUMNS, REQUIRED)

    def changes() -> Iterator[DataItemWithMeta]:
        yield from file_imports(parts, columns, jsonl=jsonl)

    # of the endpoints' source, so that whoever opens the dataset by its schema finds the table there
    @dlt.source(name=SOURCE_NAME, max_table_nesting=0)
    def source() -> DltResource:
        return dlt.resource(changes, name=NAME, columns=columns, write_disposition="replace")

    return source()
