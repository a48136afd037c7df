"""Read only the children of parents that may have changed; the rows of the others are taken from their tables."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from segment_dagster.config import ApiSettings, Layout
from segment_dagster.endpoints import Endpoint, TimeRange
from segment_dagster.endpoints.audit_trail import audit_trail
from segment_dagster.errors import SegmentError
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.disposition import parent_columns
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.result import Extract, ParentKey, ReusedRows
from segment_dagster.extract.times import Window
from segment_dagster.load import DatasetInspector, Destination, LoadResult, inspect_dataset
from segment_dagster.load.announced import (
    Announced,
    Event,
    Ids,
    announced,
    events_since,
    ids_of_children,
    ids_of_keys,
    ids_of_parents,
    ids_of_related,
    unassigned,
)
from segment_dagster.load.load_state import RecordedLoad, recorded_loads
from segment_dagster.load.parent_state import (
    TRAIL_READ_UNTIL,
    ParentState,
    forget_states,
    parent_states,
    record_parents,
    trail_state,
)
from segment_dagster.load.reused_rows import write_rows
from segment_dagster.text import pluralize
from segment_dagster.version import __version__

TRAIL_DAYS = 60
"""Days for which the audit trail is taken to be whole: Segment states no retention, and its own app shows 90 days."""

TYPES_SHOWN = 5
"""Types of resources that a log line names."""

logger = logging.getLogger(__name__)


def refreshable(endpoint: Endpoint, settings: ApiSettings, destination: Destination) -> bool:
    """Return whether only the children of changed parents have to be read.

    The audit trail must tell of their changes, the rows must name their parent, and the destination must be able to
    keep when each parent was read.
    """
    return (
        settings.full_every_days > 0
        and settings.layout is Layout.PUBLIC
        and destination.capabilities.merge == "delete-insert"
        and endpoint.announced
        and not endpoint.slow
        and bool(parent_columns(endpoint))
        and not any(parameter.fan_out for parameter in endpoint.parameters)
    )


class UnstableTrailError(SegmentError):
    """The audit trail changed while it was read: an event may be missing.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: it changed while it was read, so an event may be missing.")


@dataclass(frozen=True)
class _Plan:
    endpoint: Endpoint
    due: Sequence[ParentKey]
    reused: ReusedRows


class Refresh:
    """Reads endpoints in one run, and records which parents were read when.

    Args:
        endpoints: The endpoints of the run.
        extractor: Reads the workspace.
        destination: Holds the tables, and when the parents were read.
    """

    def __init__(self, endpoints: Sequence[Endpoint], extractor: Extractor, destination: Destination) -> None:
        self._selected = {endpoint.name for endpoint in endpoints}
        self._endpoints = [each for each in endpoints if refreshable(each, extractor.settings, destination)]
        self._extractor, self._destination = extractor, destination
        self._rows = cache(self._ids_of)
        self._known: list[Ids] = []
        self._due_parents: dict[str, Sequence[ParentKey]] = {}

    def read(self) -> None:
        """Read the endpoints whose tables hold rows of unchanged parents, with these rows.

        The others are left for `Extractor.extract_all`, which also tells why one of these could not be read.

        Raises:
            LoadError: The destination cannot be read.
        """
        if not self._endpoints:
            return
        trail = audit_trail(self._extractor.available())
        if trail is None:
            return
        assert isinstance(trail.time, TimeRange) and trail.time.lookback is not None
        with inspect_dataset(self._destination) as tables:
            recorded = recorded_loads(tables)
            known = [each for each in self._endpoints if each.name in recorded]
            states = {each.name: parent_states(tables, each) for each in known}
            since = {
                each.name: until - trail.time.lookback
                for each in known
                if (until := self._trail_read_until(trail_state(tables, each), recorded[each.name]))
            }
        if not since:
            return
        try:
            events = self._events(trail, min(since.values()))
        except SegmentError as error:
            logger.warning("every parent is read again, because the audit trail cannot be read: %s", error)
            return
        # the lists that are read whole, side by side
        names = {each.parent.endpoint for each in self._endpoints if each.parent}
        refreshed = {each.name for each in self._endpoints}
        self._extractor.extract_all([self._extractor.endpoint(name) for name in sorted(names - refreshed)])
        for level in _levels(self._endpoints):
            plans = list(self._plans(level, recorded, states, events, since))
            with ThreadPoolExecutor(max(1, len(plans)), thread_name_prefix="segment-refresh") as threads:
                reads = [
                    threads.submit(self._extractor.extract_changed, plan.endpoint, plan.due, plan.reused)
                    for plan in plans
                ]
                for each in reads:
                    each.result()
        self._log_unassigned(events, max(since.values()))

    def record(self, result: LoadResult, tables: DatasetInspector) -> None:
        """Record which parents were read, for the next run.

        Args:
            result: What was loaded.
            tables: The dataset, locked since then.
        """
        refreshed = {endpoint.name for endpoint in self._endpoints}
        for extract in result.extracts:
            name = extract.endpoint.name
            if name not in refreshed or name in result.superseded:
                continue
            if extract.unstable or extract.parent_doubtful or extract.parent_incomplete or extract.read_at is None:
                continue
            if extract.still_listed and not extract.reused:
                continue
            fingerprints = self._fingerprints(extract.endpoint)
            read = extract.reused.read if extract.reused else list(fingerprints)
            began = extract.began_at or extract.read_at
            known = parent_states(tables, extract.endpoint)
            # what was due and could not be read is due again, although its event has been read
            states = {key: ParentState() for key in self._due_parents.get(name, fingerprints)}
            states |= {key: ParentState(fingerprints[key], began) for key in read}
            load = recorded_loads(tables).get(name)
            states[TRAIL_READ_UNTIL] = ParentState(load.digest[1] if load else None, self._extractor.now)
            record_parents(tables, extract.endpoint, states)
            forget_states(tables, extract.endpoint, known.keys() - fingerprints.keys())

    def _trail_read_until(self, state: ParentState, load: RecordedLoad) -> datetime | None:
        """Return until when the audit trail was read for the rows of a table; `None` if its rows are others by now.

        A load that was not recorded here, such as one with rows missing, has another digest.
        """
        now = self._extractor.now
        if state.read_at is None or state.fingerprint != load.digest[1]:
            return None
        # a clock that was ahead, or a trail that does not reach back so far
        return state.read_at if now - timedelta(days=TRAIL_DAYS) < state.read_at <= now else None

    def _events(self, trail: Endpoint, since: datetime) -> list[Event]:
        """Return the events since a time.

        Raises:
            SegmentError: They could not be read, or the trail changed while it was read.
        """
        extract = self._extractor.extract(trail, Window(since.replace(microsecond=0)))
        if extract.unstable:
            raise UnstableTrailError(trail.name)
        return events_since(trail, extract, since)

    def _plans(
        self,
        endpoints: Sequence[Endpoint],
        recorded: Mapping[str, RecordedLoad],
        states: Mapping[str, Mapping[ParentKey, ParentState]],
        events: Sequence[Event],
        since: Mapping[str, datetime],
    ) -> Iterator[_Plan]:
        listed = {}
        for endpoint in endpoints:
            if endpoint.name in since:
                try:
                    listed[endpoint] = self._fingerprints(endpoint)
                except SegmentError:
                    # reading it whole tells why its parent cannot be read
                    continue
        with inspect_dataset(self._destination) as tables:
            tables.prefetch(endpoint.name for endpoint in listed)
            for endpoint, fingerprints in listed.items():
                load = recorded[endpoint.name]
                digest = tables.digest(endpoint.name)
                if digest is None or digest != load.digest:
                    logger.info("%s: every parent is read again: its table was changed since", endpoint.name)
                    continue
                known = states[endpoint.name]
                new = [event for event in events if event.at >= since[endpoint.name]]
                gone = known.keys() - fingerprints.keys()
                ids = [*self._ids(tables, endpoint), ids_of_keys(gone)] if new else []
                said = announced(new, endpoint, ids)
                due = self._due(fingerprints, known, said)
                if len(due) == len(fingerprints):
                    continue
                try:
                    reused = self._reuse(tables, endpoint, fingerprints, due, load)
                except (OSError, ValueError, SegmentError, pa.ArrowException) as error:
                    # such as a column that somebody has added
                    logger.info("%s: every parent is read again: %s", endpoint.name, error)
                    continue
                self._due_parents[endpoint.name] = due
                yield _Plan(endpoint, due, reused)

    def _due(
        self,
        fingerprints: Mapping[ParentKey, str],
        states: Mapping[ParentKey, ParentState],
        said: Announced,
    ) -> list[ParentKey]:
        """Return the parents whose children may have changed since they were read, or were read too long ago."""
        today, days = self._extractor.now.date(), self._extractor.settings.full_every_days

        def is_due(key: ParentKey) -> bool:
            state = states.get(key)
            return (
                state is None
                or state.read_at is None
                or state.fingerprint != fingerprints[key]
                or state.read_at > self._extractor.now
                # by the day: a schedule does not start at the same second each day
                or (today - state.read_at.date()).days >= days
                or said.of_any
                or key in said.parents
            )

        return [key for key in fingerprints if is_due(key)]

    def _reuse(
        self,
        tables: DatasetInspector,
        endpoint: Endpoint,
        fingerprints: Mapping[ParentKey, str],
        due: Sequence[ParentKey],
        load: RecordedLoad,
    ) -> ReusedRows:
        kept = fingerprints.keys() - set(due)
        parts, rows = write_rows(tables, endpoint, kept, self._extractor.new_directory(endpoint))
        return ReusedRows(
            parts=parts, parents=len(kept), rows=rows, digest=load.digest, fingerprint=load.fingerprint, read=()
        )

    def _ids(self, tables: DatasetInspector, endpoint: Endpoint) -> list[Ids]:
        assert endpoint.parent is not None
        catalogue = {each.name: each for each in self._extractor.available()}

        def rows_of(name: str) -> Sequence[Mapping[str, Any]]:
            if name not in self._selected or name in {each.name for each in self._endpoints}:
                return []
            try:
                rows: Sequence[Mapping[str, Any]] = self._rows(name)
            except SegmentError:
                return []
            return rows

        ids = [
            ids_of_parents(endpoint, self._rows(endpoint.parent.endpoint)),
            ids_of_children(tables, endpoint),
            ids_of_related(tables, endpoint, catalogue, rows_of),
        ]
        self._known += ids
        return ids

    def _ids_of(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return what identifies the records that were read of an endpoint, and those that they reference."""
        extract = self._extractor.extract(self._extractor.endpoint(name))
        of_children = (each.parent for each in self._endpoints if each.parent and each.parent.endpoint == name)
        fields = {*extract.endpoint.identifying, *(bind.field for parent in of_children for bind in parent.binds)}
        return list(_rows_of(extract, sorted(map(column_name, fields))))

    def _fingerprints(self, endpoint: Endpoint) -> dict[ParentKey, str]:
        """Return the parents that are listed, each with the fingerprint of its record and of what shapes the rows."""
        shape = shape_of(endpoint, self._extractor.settings)
        return {
            key: blake2b(f"{shape}{fingerprint}".encode(), digest_size=16).hexdigest()
            for key, fingerprint in self._extractor.parents_of(endpoint).items()
        }

    def _log_unassigned(self, events: Sequence[Event], since: datetime) -> None:
        """Log the events whose tables are not known: what they changed is read once it is due."""
        others = unassigned([event for event in events if event.at > since], self._known)
        if others:
            types = sorted({event.resource_type for event in others})
            logger.info(
                "%s of the audit trail concern no table that is known, of the types %s",
                pluralize(len(others), "event"),
                ", ".join(map(repr, types[:TYPES_SHOWN])) + (", ..." if len(types) > TYPES_SHOWN else ""),
            )


def shape_of(endpoint: Endpoint, settings: ApiSettings) -> str:
    """Return a hash of what decides how records become rows: once it is another one, no row is taken from a table."""
    key = settings.fingerprint_key or ""
    parts = [__version__, endpoint, settings.include_secrets, blake2b(key.encode()).hexdigest()]
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _levels(endpoints: Sequence[Endpoint]) -> Iterator[list[Endpoint]]:
    """Yield the endpoints, those before whose children they are."""
    waiting = list(endpoints)
    while waiting:
        names = {each.name for each in waiting}
        level = [each for each in waiting if each.parent is None or each.parent.endpoint not in names]
        yield level
        waiting = [each for each in waiting if each not in level]


def _rows_of(extract: Extract, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for part in extract.parts:
        with pq.ParquetFile(part.path) as file:
            for batch in file.iter_batches(columns=list(columns)):
                yield from batch.to_pylist()
