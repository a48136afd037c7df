"""Read what takes long in slices of parents: each slice is loaded and recorded as it comes, the next run goes on."""

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta

from segment_dagster.config import Layout
from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.extract.disposition import parent_columns
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.failures import Failure
from segment_dagster.extract.parent_records import without_rows
from segment_dagster.extract.result import Coverage, Extract, ParentKey
from segment_dagster.load import DatasetInspector, Destination, LoadResult, inspect_dataset
from segment_dagster.load.lock import destination_lock
from segment_dagster.load.parent_state import (
    ParentState,
    delete_rows,
    forget_parents,
    parent_states,
    record_parents,
    rows_of_others,
)
from segment_dagster.text import duration

SLICE_MINUTES = 0.5
"""Minutes of reading that a slice takes at the documented rate. A kill repeats at most one slice, and loading one takes
one or two seconds, in which the rate allows the next requests."""

LoadSlices = Callable[[Sequence[Extract], Callable[[LoadResult, DatasetInspector], None]], LoadResult]
"""Loads slices of several endpoints, and calls back while the destination is locked."""

OnSlice = Callable[[Extract], None]
"""Is told the sum of an endpoint's slices so far."""

logger = logging.getLogger(__name__)


class SlicedRead:
    """The slices of one endpoint in one run.

    Args:
        endpoint: The endpoint.
        fingerprints: The parents that are listed, each with the fingerprint of its record.
        states: What is known of the parents that were listed before.
        now: When the run began, in UTC.
        max_age: How long ago a parent may have been read.
        gone: How many parents were listed before and are no more.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        fingerprints: Mapping[ParentKey, str],
        states: Mapping[ParentKey, ParentState],
        *,
        now: datetime,
        max_age: timedelta,
        gone: int = 0,
    ) -> None:
        self.endpoint = endpoint
        self.fingerprints = fingerprints
        self.states = {key: states.get(key, ParentState()) for key in fingerprints}
        self.waiting = deque(due_parents(endpoint, fingerprints, self.states, now - max_age))
        """The parents that are due and were not taken yet, oldest first."""

        self.unlisted = {key: state for key, state in self.states.items() if key not in states}
        """Parents that are listed for the first time, and not recorded yet."""

        self.sum: Extract | None = None
        """What was read so far; `None` before the first slice."""

        self._gone = gone
        self._due = len(self.waiting)
        self._read = 0

    @property
    def any_read(self) -> bool:
        """Return whether the children of any parent were ever read."""
        return any(state.read_at for state in self.states.values())

    def take(self, count: int) -> list[ParentKey]:
        """Return the next parents to read."""
        return [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]

    def add(self, extract: Extract, states: Mapping[ParentKey, ParentState]) -> Extract:
        """Count a slice that was loaded, and return the sum so far."""
        self.states.update(states)
        self.unlisted = {}
        self._read += len(states)
        self.sum = replace(sum_of(self.sum, extract) if self.sum else extract, coverage=self.coverage())
        return self.sum

    def total(self, now: datetime) -> Extract:
        """Return what was read; an extract without rows if nothing was due."""
        nothing = Extract(
            endpoint=self.endpoint,
            parts=(),
            rows=0,
            records=0,
            total_entries=None,
            lists=0,
            not_found=0,
            unstable=0,
            requests=0,
            seconds=0.0,
            waited=0.0,
            preview=(),
            read_at=now,
            parents=(),
        )
        return replace(self.sum or nothing, coverage=self.coverage())

    def coverage(self) -> Coverage:
        """Return how far the table has come."""
        read = [state.read_at for state in self.states.values() if state.read_at]
        return Coverage(
            parents=len(self.states),
            due=self._due,
            read=self._read,
            never_read=len(self.states) - len(read),
            oldest=min(read, default=None),
            gone=self._gone,
        )


def due_parents(
    endpoint: Endpoint,
    fingerprints: Mapping[ParentKey, str],
    states: Mapping[ParentKey, ParentState],
    oldest: datetime,
) -> list[ParentKey]:
    """Return the parents whose children are to be read, oldest first: never read, changed since, or read too long ago.

    Args:
        endpoint: Says whether children change with the record of their parent only; age does not count then.
        fingerprints: The parents that are listed, each with the fingerprint of its record.
        states: What is known of them.
        oldest: Parents that were read by then are read again.
    """
    never = [key for key in fingerprints if states[key].read_at is None]
    read = [(state.read_at, key) for key in fingerprints if (state := states[key]).read_at is not None]
    due = [
        (read_at, key)
        for read_at, key in read
        if states[key].fingerprint != fingerprints[key] or (endpoint.changes_with_parent is None and read_at <= oldest)
    ]
    return [*never, *(key for _, key in sorted(due))]


def plan_slices(endpoints: Sequence[Endpoint], extractor: Extractor, destination: Destination) -> list[SlicedRead]:
    """Return the slices of the endpoints that are read in slices, and delete the rows of parents that are gone.

    An endpoint whose parent cannot be read is left out: reading it whole tells why.

    Raises:
        LoadError: The destination cannot be read, or others held it longer than `lock_timeout`.
    """
    candidates = [endpoint for endpoint in endpoints if sliceable(endpoint, extractor, destination)]
    if not candidates:
        return []
    parents = {endpoint.parent.endpoint for endpoint in candidates if endpoint.parent}
    extractor.extract_all([extractor.endpoint(name) for name in sorted(parents)])
    reads = []
    for endpoint in candidates:
        try:
            fingerprints = extractor.parents_of(endpoint)
        except SegmentError:
            continue
        limits = extractor.client.limits
        if limits.least_seconds(endpoint, len(fingerprints)) > extractor.settings.slow_whole_seconds:
            reads.append(_plan(endpoint, fingerprints, extractor, destination))
    return reads


def sliceable(endpoint: Endpoint, extractor: Extractor, destination: Destination) -> bool:
    """Return whether an endpoint can be read in slices of parents into a destination.

    Its rows must name their parent, and the destination must replace a part of a table.
    """
    return (
        endpoint.slow
        and endpoint.time is None
        and bool(parent_columns(endpoint))
        and not any(parameter.fan_out for parameter in endpoint.parameters)
        and extractor.settings.layout is Layout.PUBLIC
        and destination.capabilities.merge == "delete-insert"
    )


def _plan(
    endpoint: Endpoint, fingerprints: Mapping[ParentKey, str], extractor: Extractor, destination: Destination
) -> SlicedRead:
    with destination_lock(destination), inspect_dataset(destination) as tables:
        states = parent_states(tables, endpoint)
        gone: set[ParentKey] = set()
        if tables.columns(endpoint.name) and _listed_whole(endpoint, extractor):
            gone = {*rows_of_others(tables, endpoint, fingerprints), *(states.keys() - fingerprints.keys())}
            forget_parents(tables, endpoint, gone)
    read = SlicedRead(
        endpoint,
        fingerprints,
        states,
        now=extractor.now,
        max_age=timedelta(days=extractor.settings.slow_max_age),
        gone=len(gone),
    )
    logger.info(
        "%s: %s of %s parents are due, which take %s or more; %s are gone",
        endpoint.name,
        f"{len(read.waiting):,}",
        f"{len(fingerprints):,}",
        duration(extractor.client.limits.least_seconds(endpoint, len(read.waiting))),
        f"{len(gone):,}",
    )
    return read


def _listed_whole(endpoint: Endpoint, extractor: Extractor) -> bool:
    """Return whether a parent that is not listed is gone: it may be missing from a list that changed meanwhile."""
    assert endpoint.parent is not None
    parent = extractor.extract(extractor.endpoint(endpoint.parent.endpoint))
    return not (parent.unstable or parent.still_listed or parent.parent_incomplete or parent.parent_doubtful)


def read_slices(
    reads: Sequence[SlicedRead],
    extractor: Extractor,
    destination: Destination,
    load: LoadSlices,
    on_slice: OnSlice,
) -> list[Failure]:
    """Read and load slices of several endpoints side by side, until nothing is due or the time is up.

    Args:
        reads: The endpoints. They hold afterwards what was read.
        extractor: Reads the workspace.
        destination: The destination.
        load: Loads slices.
        on_slice: Is told of each slice that was loaded.

    Returns:
        A failure for each endpoint that could not be read, or whose table could not be loaded. The slices that were
        loaded before stay.

    Raises:
        LoadError: The whole destination failed.
    """
    run = _Run(reads, extractor, destination, load, on_slice)
    with ThreadPoolExecutor(max(1, len(reads)), thread_name_prefix="segment-slices") as threads:
        try:
            run.start(threads)
        except BaseException:
            # the threads must not wait for their turn
            extractor.stop()
            raise
    return run.failures


class _Run:
    def __init__(
        self,
        reads: Sequence[SlicedRead],
        extractor: Extractor,
        destination: Destination,
        load: LoadSlices,
        on_slice: OnSlice,
    ) -> None:
        self.failures: list[Failure] = []
        self._reads = {read.endpoint.name: read for read in reads}
        self._extractor, self._destination = extractor, destination
        self._load, self._on_slice = load, on_slice
        self._began = self._logged = time.monotonic()

    def start(self, threads: ThreadPoolExecutor) -> None:
        pending = {future: read for read in self._reads.values() if (future := self._submit(read, threads))}
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            came: list[tuple[SlicedRead, Extract, datetime]] = []
            for future in done:
                read = pending.pop(future)
                try:
                    came.append((read, *future.result()))
                except SegmentError as error:
                    self.failures.append(Failure(read.endpoint, error))
            for read in self._load_all(came) if came else ():
                if future := self._submit(read, threads):
                    pending[future] = read

    def _submit(self, read: SlicedRead, threads: ThreadPoolExecutor) -> "Future[tuple[Extract, datetime]] | None":
        minutes = self._extractor.settings.slow_max_minutes
        limits = self._extractor.client.limits
        if read.sum and minutes and time.monotonic() - self._began >= minutes * limits.minute:
            return None
        parents = read.take(max(1, int(limits.allowed(read.endpoint) * SLICE_MINUTES)))
        return threads.submit(self._read, read, parents) if parents else None

    def _read(self, read: SlicedRead, parents: Sequence[ParentKey]) -> tuple[Extract, datetime]:
        # what changes from now on may be missing
        began = self._extractor.now + timedelta(seconds=time.monotonic() - self._began)
        return self._extractor.extract_slice(read.endpoint, parents, may_be_gone=read.any_read), began

    def _load_all(self, came: Sequence[tuple[SlicedRead, Extract, datetime]]) -> list[SlicedRead]:
        """Load slices, one of each endpoint, and return the endpoints to go on with."""
        states = {
            read.endpoint.name: {key: ParentState(read.fingerprints[key], began) for key in extract.parents or ()}
            for read, extract, began in came
        }
        # before dlt takes the files
        empty = {read.endpoint.name: without_rows(extract) for read, extract, _ in came}
        self._forget_if_not_atomic([read for read, _, _ in came], states)

        def record(result: LoadResult, tables: DatasetInspector) -> None:
            for extract in result.extracts:
                name = extract.endpoint.name
                delete_rows(tables, extract.endpoint, empty[name])
                record_parents(tables, extract.endpoint, {**self._reads[name].unlisted, **states[name]})

        result = self._load([extract for _, extract, _ in came], record)
        self.failures += result.failures
        loaded = {extract.endpoint.name: extract for extract in result.extracts}
        go_on = []
        for read, extract, _ in came:
            name = read.endpoint.name
            if name in loaded:
                self._on_slice(read.add(extract, states[name]))
                go_on.append(read)
            for directory in {part.path.parent for part in extract.parts}:
                # a run may read thousands of slices
                shutil.rmtree(directory, ignore_errors=True)
        self._log_progress(go_on)
        return go_on

    def _forget_if_not_atomic(
        self, reads: Sequence[SlicedRead], states: Mapping[str, Mapping[ParentKey, ParentState]]
    ) -> None:
        """Record parents as never read before their rows are replaced, where a kill can leave a part of the rows."""
        if not any(read.any_read for read in reads):
            return
        with destination_lock(self._destination), inspect_dataset(self._destination) as tables:
            if tables.replaces_at_once:
                return
            for read in reads:
                record_parents(tables, read.endpoint, dict.fromkeys(states[read.endpoint.name], ParentState()))

    def _log_progress(self, reads: Sequence[SlicedRead]) -> None:
        now = time.monotonic()
        if now - self._logged < self._extractor.settings.progress:
            return
        self._logged = now
        for read in reads:
            coverage = read.coverage()
            logger.info(
                "%s: %s of %s due parents read, the others take %s or more",
                read.endpoint.name,
                f"{coverage.read:,}",
                f"{coverage.due:,}",
                duration(self._extractor.client.limits.least_seconds(read.endpoint, coverage.left)),
            )


def sum_of(one: Extract, other: Extract) -> Extract:
    """Return two slices of one endpoint as one extract, without its files."""
    totals = (one.total_entries, other.total_entries)
    return replace(
        one,
        parts=(),
        rows=one.rows + other.rows,
        records=one.records + other.records,
        total_entries=None if None in totals else sum(total or 0 for total in totals),
        lists=one.lists + other.lists,
        not_found=one.not_found + other.not_found,
        unstable=one.unstable + other.unstable,
        requests=one.requests + other.requests,
        seconds=one.seconds + other.seconds,
        waited=one.waited + other.waited,
        preview=one.preview or other.preview,
        parents=[*(one.parents or ()), *(other.parents or ())],
        still_listed=one.still_listed + other.still_listed,
        still_listed_names=one.still_listed_names or other.still_listed_names,
        replaced=one.replaced or other.replaced,
    )
