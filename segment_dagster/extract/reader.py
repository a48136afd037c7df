"""Reading endpoints whole: many requests at once, each endpoint once, failures held apart."""

import difflib
import logging
import tempfile
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from itertools import chain
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector

from segment_dagster.client import ApiError, Meter, Page, SegmentClient
from segment_dagster.client.errors import FeatureError, NotFoundError
from segment_dagster.config import Settings
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.extract.characters import Replaced, clean
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.completeness import parent_doubtful, parent_incomplete, wrong_total
from segment_dagster.extract.deltas import daily_deltas
from segment_dagster.extract.fingerprint import Fingerprint, as_text
from segment_dagster.extract.first_page import FirstPage, is_comparable, rows_moved
from segment_dagster.extract.keys import KeySet
from segment_dagster.extract.not_found import lists_to_look_up, names_of, parent_values, values_of
from segment_dagster.extract.overrides import apply_overrides
from segment_dagster.extract.progress import EndpointProgress, ReadProgress
from segment_dagster.extract.records import records_of_rows
from segment_dagster.extract.rows import rows_of, schema_of
from segment_dagster.extract.slices import build_slices
from segment_dagster.extract.spool import Spool, SpooledFile
from segment_dagster.extract.temp_dir import TempDir, remove_stale
from segment_dagster.extract.times import StreamSlice, Values, Window, default_window, times_of
from segment_dagster.extract.undeclared import MAX_COLUMNS, UNDECLARED
from segment_dagster.gc_tuning import relaxed_gc
from segment_dagster.redaction import Redact, redactor
from segment_dagster.text import duration, pluralize

TRANSFORM_THREADS = 2
"""Threads in which pages become rows. Python runs one at a time: a second one works while the first writes a file."""

READS = 3
"""How often an endpoint is read whose lists change meanwhile, in all."""

READ_AGAIN = 60.0
"""Seconds that may have gone by for a read to be begun anew."""

MAX_PENDING_PAGES = 4
"""Pages that have come and are not rows yet, beyond which nobody asks for another."""

FEW_NAMES = 12
"""Names that an error lists."""

PREVIEW_ROWS = 5
SLOW = 600
"""Seconds that an endpoint may take before it should be read weekly."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Extract:
    """Everything the API delivered of one endpoint, whole and on disk."""

    endpoint: Endpoint
    parts: Sequence[SpooledFile]
    rows: int
    records: int
    """The API's records: as many as rows, except where a record stands for a list of rows."""

    total_entries: int | None
    """The API's own count of its records, added up over lists; `None` where it gives none."""

    lists: int
    """How many lists were asked for: one for each record of the parent, each value of a parameter, each month."""

    not_found: int
    """How many of them answered 404: their parents were deleted since they were listed, or have nothing there."""

    changed: int
    """How many of them had another `totalEntries` on one page than on another, or another first page in the end: a row
    that moved from a page that was still to come to one that had come already is not there."""

    requests: int
    """Requests sent. Endpoints that share their answers share these."""

    seconds: float
    """From the first request to the last page."""

    waited: float
    """Seconds spent waiting for the budget or before repeated requests, added up over threads."""

    preview: Sequence[Mapping[str, Any]]
    """The first few rows, without secrets whatever the settings say."""

    window: Window | None = None
    """The time that was asked for, in UTC; `None` where the endpoint is not asked for a time."""

    read_at: datetime | None = None
    """When the workspace began to be read, in UTC: what had happened by then was listed."""

    read: Sequence[Values] = ()
    """What the lists were asked with that came whole. Of endpoints that are read in parts alone."""

    fingerprint: str | None = None
    """The same for the same rows of the same time; `None` where the endpoint is read in parts."""

    still_listed: int = 0
    """How many of those that answered 404 did so twice, though their parents are still listed: rows may be missing."""

    still_listed_names: Sequence[str] = ()
    """What the first few of these were asked with."""

    parent_incomplete: str | None = None
    """Why the parent did not come whole, and so not what is asked for each of its records, as a clause."""

    parent_doubtful: str | None = None
    """Why it may not have come whole, as a clause: rows may be missing."""

    repeated: int = 0
    """Rows that came again on a later page, because others were added before them meanwhile. Of endpoints whose rows
    are merged by their key alone: the table has each of them once."""

    unique: bool = False
    """Whether it is known that no key comes twice. Of endpoints whose rows are merged by their key alone."""

    max_undeclared_columns: int = MAX_COLUMNS
    """How many columns undeclared fields may have in a table; `parts` hold them all in `undeclared_fields`."""

    replaced: str = ""
    """Which characters were replaced that no destination would take, and how many; empty where none were."""


@dataclass(frozen=True)
class Failure:
    """An endpoint that could not be read whole. Nothing of it is left."""

    endpoint: Endpoint
    error: SegmentError


class UnavailableError(SegmentError):
    """The workspace does not have the endpoint: its plan lacks the feature.

    Args:
        endpoint: The endpoint, or one whose parent is not available.
        reason: Why, as a clause.
    """

    def __init__(self, endpoint: Endpoint, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"{endpoint.name}: not available, because {reason}. Have the feature added to the plan, leave the asset "
            "out of the selection, or set SEGMENT_ON_UNAVAILABLE=skip."
        )


class ParentError(SegmentError):
    """An endpoint could not be read because another failed."""

    def __init__(
        self, endpoint: Endpoint, parent: str, reason: SegmentError, because: str = "it is asked for each of"
    ) -> None:
        self.happened = f"{endpoint.name}: not read, because {because} {parent}, which failed"
        super().__init__(f"{self.happened}: {reason}")
        self.parent = parent


class SpoolError(SegmentError):
    """What came could not be kept on disk."""

    def __init__(self, endpoint: Endpoint, error: OSError) -> None:
        super().__init__(
            f"{endpoint.name}: the rows could not be kept in {tempfile.gettempdir()} until the last had come "
            f"({error.strerror}). Make room there, or set TMPDIR to another directory."
        )


class UnexpectedError(SegmentError):
    """Something that nobody thought of went wrong. Its type says what: its message could hold a value."""

    def __init__(self, endpoint: Endpoint, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        super().__init__(
            f"{endpoint.name}: reading it failed with {type(error).__name__}{where}, a fault of segment_dagster's own. "
            "Nothing of this endpoint was loaded."
        )


class NestingError(SegmentError):
    """A record is nested deeper than can be looked through for secrets."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(f"{endpoint.name}: a record is nested too deep to be read. Nothing of it was loaded.")


@dataclass
class _Progress:
    """What the threads of one endpoint share."""

    endpoint: Endpoint
    spool: Spool
    fingerprint: Fingerprint | None
    redact: Redact
    redact_preview: Redact
    preview: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    records: int = 0
    total: int | None = 0
    """The API's own count of the lists read so far; `None` once it gave none of a list."""

    failure: SegmentError | None = None
    """Why this endpoint failed, where others that share its answers may still succeed."""

    keys: KeySet | None = None
    """The keys of the rows so far, where rows are merged by them."""

    replaced: Replaced = field(default_factory=Replaced)
    """The characters of the rows so far that no destination would take."""


@dataclass
class _Reading:
    """What the threads share that read one endpoint, or several with the same answers."""

    parts: Sequence[_Progress]
    lists: int
    meter: Meter = field(default_factory=Meter)
    failed: threading.Event = field(default_factory=threading.Event)
    window: Window | None = None
    read: int = 0
    """Lists that came whole."""

    values: list[Values] = field(default_factory=list)
    """What they were asked with, where that is needed later."""

    not_found_lists: list[StreamSlice] = field(default_factory=list)
    """Lists that answered 404."""

    still_listed: Sequence[StreamSlice] = ()
    """Those of them whose parents are still listed."""

    not_found_error: NotFoundError | None = None
    """The first of them."""

    begun: threading.Event = field(default_factory=threading.Event)
    """Whether the first list has its first page, or will have none."""

    answered: bool = False
    """Whether any list has its first page."""

    changed: int = 0
    """Lists that changed while they were read."""

    @property
    def not_found(self) -> int:
        """How many lists answered 404."""
        return len(self.not_found_lists)


class WorkspaceReader:
    """Reads endpoints of one workspace. What was read once is kept until the reader is closed.

    Args:
        settings: Token, address, layout, concurrency.
        catalogue: The endpoints that can be read.
        collector: Shows progress: one counter an endpoint, in rows.
        now: The present, in UTC, for endpoints that are asked for a time; where it is left out, that of the settings,
            and where they have none, the clock's.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Sequence[Endpoint] = TABLES,
        collector: Collector = NULL_COLLECTOR,
        now: datetime | None = None,
    ) -> None:
        self.settings = settings
        self.now = now or settings.now or datetime.now(timezone.utc)
        self.client = SegmentClient(settings)
        self._catalogue = {endpoint.name: self._as_chosen(endpoint) for endpoint in catalogue}
        self._windows: dict[str, Window] = {}
        self._collector = collector
        self._directory: Path | None = None
        self._delete: Callable[[], object] = _nothing
        self._stopping = threading.Event()
        self._workers = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="segment")
        # apart from those that ask: the next page is under way while this one becomes rows
        self._makers = ThreadPoolExecutor(TRANSFORM_THREADS, thread_name_prefix="segment-rows")
        self._waiting = threading.Semaphore(MAX_PENDING_PAGES)
        self._lock = threading.Lock()
        self._reads: dict[str, Future[Extract]] = {}
        self._readings: dict[str, _Reading] = {}

    def __enter__(self) -> "WorkspaceReader":
        """Use the reader for a while."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End what is under way and delete what was read."""
        self._stop()
        self._workers.shutdown(wait=True)
        self._makers.shutdown(wait=True)
        self._delete()

    def know(self, endpoints: Iterable[Endpoint]) -> None:
        """Add endpoints to those that can be read."""
        with self._lock:
            self._catalogue.update({endpoint.name: self._as_chosen(endpoint) for endpoint in endpoints})

    def cover(self, windows: Mapping[str, Window]) -> None:
        """Say which time endpoints are to be read for, by their names, before they are read."""
        with self._lock:
            self._windows.update(windows)

    def offered(self, *, slow: bool = True) -> list[Endpoint]:
        """The endpoints that the layout in use has, with the slow ones or without."""
        endpoints = self._catalogue.values()
        return [each for each in endpoints if self.client.offers(each) and (slow or not each.slow)]

    def endpoint(self, name: str) -> Endpoint:
        """The row of an endpoint.

        Raises:
            SettingError: The catalogue or the layout in use has none of this name.
        """
        offered = {endpoint.name: endpoint for endpoint in self.offered()}
        if name not in offered:
            problem = f"names {name[:80]!r}, which the {self.settings.layout!r} layout does not have"
            raise SettingError("endpoints", problem, _legal_names(name, list(offered)))
        return offered[name]

    def progress(self, endpoints: Sequence[Endpoint]) -> ReadProgress:
        """Tell how far the read of endpoints has come, while other threads read them."""
        with self._lock:
            reads, readings = dict(self._reads), dict(self._readings)
        meters = {id(reading.meter): reading.meter for reading in readings.values()}
        under_way = [
            EndpointProgress(
                name=name,
                lists=reading.lists,
                done=reading.read + reading.not_found,
                seconds_left=self._seconds_left(name, reading),
            )
            for name, reading in readings.items()
            if name in reads and not reads[name].done()
        ]
        return ReadProgress(
            rows=sum(part.rows for reading in readings.values() for part in reading.parts),
            requests=sum(meter.requests for meter in meters.values()),
            endpoints=len(endpoints),
            done=sum(each.name in reads and reads[each.name].done() for each in endpoints),
            under_way=tuple(sorted(under_way, key=lambda each: each.seconds_left, reverse=True)),
        )

    def read(self, endpoint: Endpoint) -> Extract:
        """Read an endpoint whole, or wait for the thread that is already reading it.

        Endpoints that share its answers are read with it.

        Raises:
            SegmentError: It could not be read whole.
        """
        with self._lock:
            endpoint = self._catalogue.get(endpoint.name, endpoint)
            together = self._together(endpoint)
            mine = endpoint.name not in self._reads
            if mine:
                self._reads.update({each.name: Future() for each in together})
            futures = {each.name: self._reads[each.name] for each in together}
        if mine:
            try:
                outcomes = self._read(together)
            except BaseException as failure:
                # whoever waits for these endpoints must not wait for ever
                for each in together:
                    futures[each.name].set_exception(_of(each, endpoint, failure))
                raise
            for name, outcome in outcomes.items():
                if isinstance(outcome, SegmentError):
                    futures[name].set_exception(outcome)
                else:
                    futures[name].set_result(outcome)
        return futures[endpoint.name].result()

    def read_all(self, endpoints: Iterable[Endpoint]) -> tuple[list[Extract], list[Failure]]:
        """Read endpoints side by side.

        Returns:
            What was delivered and what failed, each in the order asked for.
        """
        wanted = list({endpoint.name: endpoint for endpoint in endpoints}.values())
        if not wanted:
            return [], []
        extracts, failures = [], []
        with relaxed_gc(), ThreadPoolExecutor(len(wanted), thread_name_prefix="segment-endpoint") as threads:
            reads = {endpoint.name: threads.submit(self.read, endpoint) for endpoint in wanted}
            try:
                for endpoint in wanted:
                    try:
                        extracts.append(reads[endpoint.name].result())
                    except SegmentError as error:
                        failures.append(Failure(endpoint, error))
            except BaseException:
                # an interrupt must not wait for threads that wait for another attempt
                self._stop()
                raise
        _release()
        return extracts, failures

    def _seconds_left(self, name: str, reading: _Reading) -> float:
        left = max(0, reading.lists - reading.read - reading.not_found)
        return self.client.limits.least_seconds(self._catalogue[name], left)

    def _as_chosen(self, endpoint: Endpoint) -> Endpoint:
        return apply_overrides(endpoint, self.settings.granularity, self.settings.group_by)

    def _stop(self) -> None:
        # what is queued finds the flag: futures that a pool cancels on its way down never end for those who wait
        self._stopping.set()
        self.client.close()

    def _place(self, endpoint: Endpoint) -> Path:
        with self._lock:
            if self._directory is None:
                remove_stale(self._catalogue)
                home = TempDir()
                self._directory = home.path
                # also where nobody closes the reader
                self._delete = weakref.finalize(self, home.delete)
        return self._directory / endpoint.name

    def _together(self, endpoint: Endpoint) -> list[Endpoint]:
        """The endpoint and those that share its answers."""
        if self.settings.layout == "versioned":
            return [endpoint]
        others = [each for each in self._catalogue.values() if each != endpoint and _asked_alike(each, endpoint)]
        return [endpoint, *others]

    def _read(self, together: Sequence[Endpoint]) -> dict[str, Extract | SegmentError]:
        try:
            return self._read_whole(together)
        except (SegmentError, CancelledError):
            raise
        except OSError as error:
            raise SpoolError(together[0], error) from error
        except Exception as error:
            # whatever is wrong with one endpoint is no reason to lose the others
            raise UnexpectedError(together[0], error) from error

    def _read_whole(self, together: Sequence[Endpoint]) -> dict[str, Extract | SegmentError]:
        if self._stopping.is_set():
            raise CancelledError
        endpoint = together[0]
        if endpoint.derived_from:
            return {endpoint.name: self._derive(endpoint, endpoint.derived_from)}
        window = self._windows.get(endpoint.name) or default_window(endpoint, self.now)
        lists = self._lists(endpoint, window)
        started, meter = time.monotonic(), Meter()
        for further in reversed(range(READS)):
            reading = self._read_once(together, lists, window, meter)
            seconds = time.monotonic() - started
            if not (reading.changed and further and seconds <= READ_AGAIN):
                break
            logger.warning("%s: %s: it is read again", endpoint.name, _changed(reading.changed))
            self._discard(reading)
        return {part.endpoint.name: self._outcome(part, reading, seconds) for part in reading.parts}

    def _read_once(
        self, together: Sequence[Endpoint], lists: Sequence[StreamSlice], window: Window | None, meter: Meter
    ) -> _Reading:
        endpoint = together[0]
        reading = _Reading([self._progress(each) for each in together], len(lists), meter, window=window)
        with self._lock:
            self._readings[endpoint.name] = reading
        try:
            self._read_lists(endpoint, lists, reading)
            if reading.not_found and not reading.read and endpoint.feature:
                raise self._nothing_found(endpoint, reading)
            if reading.not_found and not reading.changed and not endpoint.may_have_none:
                self._ask_again(endpoint, reading)
            if reading.still_listed and not reading.read:
                raise self._nothing_found(endpoint, reading)
        except FeatureError as error:
            self._discard(reading)
            if reading.read:
                raise
            raise UnavailableError(endpoint, error.happened.partition(": ")[2]) from error
        except BaseException:
            self._discard(reading)
            raise
        return reading

    def _discard(self, reading: _Reading) -> None:
        for part in reading.parts:
            part.spool.discard()

    def _progress(self, endpoint: Endpoint) -> _Progress:
        fingerprint = None if endpoint.partitioned else Fingerprint(schema_of(endpoint))
        return _Progress(
            endpoint,
            spool=Spool(self._place(endpoint), schema_of(endpoint), fingerprint),
            fingerprint=fingerprint,
            redact=redactor(endpoint, self.settings),
            redact_preview=redactor(endpoint, replace(self.settings, include_secrets=False)),
            keys=KeySet(endpoint) if endpoint.incremental else None,
        )

    def _derive(self, endpoint: Endpoint, base: str) -> Extract:
        """Work out an endpoint's rows from those of another."""
        try:
            extract = self.read(self.endpoint(base))
        except SegmentError as reason:
            raise ParentError(endpoint, base, reason, "it is worked out from") from reason
        assert endpoint.time is not None and endpoint.timestamp is not None
        period, moment = column_name(endpoint.time.column), column_name(endpoint.timestamp)
        key = [column_name(field) for field in endpoint.primary_key]
        rows = list(
            daily_deltas(
                chain.from_iterable(pq.read_table(part.path).to_pylist() for part in extract.parts),
                series=[name for name in key if name not in (period, moment)],
                period=period,
                moment=moment,
                counts=[column_name(field) for field in endpoint.measure],
            )
        )
        spool = Spool(self._place(endpoint), schema_of(endpoint))
        spool.write(pa.Table.from_pylist(rows, schema=schema_of(endpoint)))
        names = {column.field: column_name(column.field) for column in endpoint.columns}
        preview = [{field: _shown(row[name]) for field, name in names.items()} for row in rows[:PREVIEW_ROWS]]
        wrong = wrong_total(extract)
        return replace(
            extract,
            endpoint=endpoint,
            parts=spool.close(),
            rows=len(rows),
            records=len(rows),
            total_entries=None,
            parent_incomplete=f"{base}, which it is worked out from, {wrong}" if wrong else extract.parent_incomplete,
            preview=preview,
        )

    def _read_lists(self, endpoint: Endpoint, lists: Sequence[StreamSlice], reading: _Reading) -> None:
        if len(lists) > 1 or endpoint.parent:
            self._forecast(endpoint, len(lists))
        with self._workers_for(endpoint, len(lists)) as workers:
            pending = {workers.submit(self._read_list, stream_slice, reading) for stream_slice in lists[:1]}
            try:
                # what fails for every list should fail once and not once for each thread
                if len(lists) > 1:
                    reading.begun.wait()
                    for future in () if reading.answered else pending:
                        future.result()
                    pending |= {workers.submit(self._read_list, stream_slice, reading) for stream_slice in lists[1:]}
                while pending:
                    done, pending = wait(pending, self.settings.progress, FIRST_EXCEPTION)
                    for future in done:
                        future.result()
                    if pending:
                        self._log_progress(endpoint, reading)
            except BaseException as failure:
                reading.failed.set()
                if not isinstance(failure, Exception):
                    # an interrupt does not wait for answers that are under way
                    self._stop()
                for future in pending:
                    future.cancel()
                wait(pending)
                raise

    def _ask_again(self, endpoint: Endpoint, reading: _Reading) -> None:
        """Ask once more for the lists that answered 404 though what they are asked with is still listed."""
        listed, others = self._look_up(endpoint, reading)
        if not listed or not reading.read:
            reading.still_listed = listed
            return
        logger.info("%s: %s answered 404: still listed, asked for again", endpoint.name, pluralize(len(listed), "list"))
        reading.not_found_lists = [*others]
        self._read_lists(endpoint, listed, reading)
        reading.still_listed = reading.not_found_lists[len(others) :]

    def _look_up(self, endpoint: Endpoint, reading: _Reading) -> tuple[list[StreamSlice], list[StreamSlice]]:
        """Look up the parents of lists that answered 404.

        Returns:
            The lists whose parents are still listed, and the others. One that has no parent is always listed.
        """
        missing, parent = reading.not_found_lists, endpoint.parent
        if parent is None:
            return missing, []
        source = self.endpoint(parent.endpoint)
        lists = lists_to_look_up(source, self.read(source).parts, parent, self._lists(source, None), missing)
        found: set[tuple[str, ...]] = set()

        def look(stream_slice: StreamSlice) -> None:
            self._raise_if_stopped(reading)
            # where the list of parents is gone itself, they are too
            with suppress(NotFoundError):
                for page in self.client.pages(source, stream_slice.values, reading.meter, reading.failed):
                    rows = records_of_rows(source, page.records, stream_slice.values)
                    found.update(tuple(map(str, values.values())) for values in values_of(rows, parent, str))

        with self._workers_for(source, len(lists)) as workers:
            under_way = [workers.submit(look, stream_slice) for stream_slice in lists]
            try:
                for future in under_way:
                    future.result()
            except BaseException:
                reading.failed.set()
                raise
        listed = [stream_slice for stream_slice in missing if parent_values(stream_slice, parent) in found]
        return listed, [stream_slice for stream_slice in missing if parent_values(stream_slice, parent) not in found]

    @contextmanager
    def _workers_for(self, endpoint: Endpoint, lists: int) -> Iterator[ThreadPoolExecutor]:
        """Threads of its own for an endpoint with a limit of its own: waiting, they would keep the others'."""
        if endpoint.requests_per_minute is None:
            yield self._workers
            return
        # as many as use up the budget while each waits for answers that take three seconds
        useful = ceil(endpoint.requests_per_minute / self.settings.minute * 3)
        most = max(1, min(lists, max(2, useful), self.settings.concurrency))
        with ThreadPoolExecutor(most, thread_name_prefix=f"segment-{endpoint.name}") as workers:
            yield workers

    def _outcome(self, part: _Progress, reading: _Reading, seconds: float) -> Extract | SegmentError:
        if part.failure:
            part.spool.discard()
            return part.failure
        name = part.endpoint.name
        # the fingerprint is whole once the parts are
        parts = part.spool.close()
        parent = self._parent_extract(part.endpoint)
        unique = part.keys is not None and part.keys.all_unique()
        extract = Extract(
            endpoint=part.endpoint,
            parts=parts,
            rows=part.rows,
            records=part.records,
            total_entries=part.total,
            lists=reading.lists,
            not_found=reading.not_found,
            still_listed=len(reading.still_listed),
            still_listed_names=tuple(names_of(reading.still_listed)),
            changed=reading.changed,
            requests=reading.meter.requests,
            seconds=seconds,
            waited=reading.meter.waited,
            preview=part.preview,
            window=reading.window,
            read_at=self.now,
            read=reading.values,
            fingerprint=part.fingerprint.hexdigest(self._about(reading.window, parts)) if part.fingerprint else None,
            parent_incomplete=parent_incomplete(parent) if parent else None,
            parent_doubtful=parent_doubtful(parent) if parent else None,
            repeated=part.keys.repeated(each.path for each in parts) if part.keys and not unique else 0,
            unique=unique,
            max_undeclared_columns=self.settings.max_undeclared_columns,
            replaced=str(part.replaced),
        )
        said = f"{name}: {pluralize(extract.rows, 'row')} in {pluralize(extract.requests, 'request')}, {seconds:.1f} s"
        logger.info(said)
        if extract.not_found > extract.still_listed:
            logger.warning(
                "%s: %s of %s answered 404 and gave no rows: deleted since they were listed, or with nothing there",
                name,
                f"{extract.not_found - extract.still_listed:,}",
                pluralize(extract.lists, "list"),
            )
        if extract.still_listed:
            logger.warning(
                "%s: %s answered 404 twice though still listed: rows may be missing",
                name,
                pluralize(extract.still_listed, "list"),
            )
        for reason in filter(None, (extract.parent_incomplete, extract.parent_doubtful)):
            logger.warning("%s: %s: rows may be missing", name, reason)
        if extract.changed:
            logger.warning("%s: %s: rows may be missing. Load it again", name, _changed(extract.changed))
        if extract.replaced:
            logger.warning("%s: replaced %s, which not every destination takes", name, extract.replaced)
        return extract

    def _about(self, window: Window | None, parts: Sequence[SpooledFile]) -> str:
        """What a fingerprint is about besides the rows: the time, and how many columns undeclared fields may have."""
        if any(UNDECLARED in part.columns for part in parts):
            return f"{as_text(window)} {self.settings.max_undeclared_columns}"
        return as_text(window)

    def _nothing_found(self, endpoint: Endpoint, reading: _Reading) -> SegmentError:
        error = reading.not_found_error
        assert error is not None
        if endpoint.feature is None:
            return error
        return UnavailableError(
            endpoint,
            f"{pluralize(reading.not_found, 'list')} of {reading.lists:,} answered 404: the workspace's plan lacks the "
            f"feature {endpoint.feature!r}, there is nothing, or SEGMENT_BASE_URL is not the API's",
        )

    def _lists(self, endpoint: Endpoint, window: Window | None) -> list[StreamSlice]:
        """What to ask for, list by list."""
        if self.settings.layout == "versioned":
            return [StreamSlice({})]
        # before the parents are asked for: a time that cannot be read should cost no request
        times = times_of(endpoint, window, self.now, self.settings.concurrency)
        return build_slices(endpoint, self._parents(endpoint), times)

    def _parents(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        """What each record of the parent gives to the requests."""
        parent = endpoint.parent
        if parent is None:
            return [{}]
        try:
            extract = self.read(self.endpoint(parent.endpoint))
        except UnavailableError as error:
            raise UnavailableError(endpoint, f"it is asked for each of {parent.endpoint}: {error.reason}") from error
        except SegmentError as reason:
            raise ParentError(endpoint, parent.endpoint, reason) from reason
        fields = [bind.field for bind in parent.binds] + ([parent.only[0]] if parent.only else [])
        wanted = sorted({column_name(field) for field in fields})
        rows = chain.from_iterable(pq.read_table(part.path, columns=wanted).to_pylist() for part in extract.parts)
        return values_of(rows, parent, column_name)

    def _parent_extract(self, endpoint: Endpoint) -> Extract | None:
        """What the endpoint was asked for each of, which has been read by then."""
        if endpoint.parent is None or self.settings.layout == "versioned":
            return None
        return self.read(self.endpoint(endpoint.parent.endpoint))

    def _forecast(self, endpoint: Endpoint, lists: int) -> None:
        limits = self.client.limits
        seconds = limits.least_seconds(endpoint, lists)
        takes = f", which take {duration(seconds)} or more" if seconds else ""
        allowed = f"{limits.allowed(endpoint):,}"
        logger.info("%s: %s or more at %s a minute%s", endpoint.name, pluralize(lists, "request"), allowed, takes)
        if seconds > SLOW and not endpoint.slow:
            logger.warning("%s: takes long in this workspace: name it in SEGMENT_SLOW to read it weekly", endpoint.name)

    def _log_progress(self, endpoint: Endpoint, reading: _Reading) -> None:
        logger.info(
            "%s: %s of %s done, %s in %s, %s waited over all threads",
            endpoint.name,
            f"{reading.read + reading.not_found:,}",
            pluralize(reading.lists, "list"),
            pluralize(sum(part.rows for part in reading.parts), "row"),
            pluralize(reading.meter.requests, "request"),
            duration(reading.meter.waited),
        )

    def _read_list(self, stream_slice: StreamSlice, reading: _Reading) -> None:
        """Read one list to its end."""
        try:
            self._read_pages(stream_slice, reading)
        finally:
            reading.begun.set()

    def _read_pages(self, stream_slice: StreamSlice, reading: _Reading) -> None:
        values = stream_slice.values
        totals: dict[str, int | None] = {}
        first: dict[str, FirstPage] = {}
        pages = 0
        changed = False
        parts = {part.endpoint.name: part for part in reading.parts}
        endpoints = [part.endpoint for part in reading.parts]
        self._raise_if_stopped(reading)
        try:
            with self._page_pipeline(stream_slice, parts) as take:
                for page in self.client.pages(endpoints, values, reading.meter, reading.failed):
                    self._raise_if_stopped(reading)
                    pages += 1
                    if page.endpoint.name not in totals and is_comparable(page.endpoint):
                        first[page.endpoint.name] = FirstPage.of(page.endpoint, page.records, values)
                    before, total = totals.get(page.endpoint.name), page.total_entries
                    changed = changed or _differ(page.endpoint, before, total)
                    # a page that does not tell the count leaves the one that was told
                    totals[page.endpoint.name] = before if total is None else total
                    take(page)
                    reading.answered = True
                    reading.begun.set()
            if pages > len(endpoints) and not changed:
                changed = self._first_page_differs(stream_slice, endpoints, first, reading)
        except NotFoundError as error:
            # a parent may be deleted between its listing and its turn; a feature that is lacking may answer 404 too
            if totals or not (values or endpoints[0].feature):
                raise
            with self._lock:
                reading.not_found_lists.append(stream_slice)
                # a traceback holds the answer and the request
                reading.not_found_error = reading.not_found_error or error.with_traceback(None)
            return
        with self._lock:
            reading.read += 1
            reading.changed += changed
            if endpoints[0].partitioned:
                reading.values.append(values)
            for name, part in parts.items():
                total = totals.get(name)
                part.total = None if part.total is None or total is None else part.total + total

    def _first_page_differs(
        self,
        stream_slice: StreamSlice,
        endpoints: Sequence[Endpoint],
        first: Mapping[str, FirstPage],
        reading: _Reading,
    ) -> bool:
        """Ask for the first page again, and return whether rows have moved from page to page since.

        `totalEntries` does not tell where as many records came as went. One request more than the pages; a list of one
        page is not asked for again.
        """
        left = set(first)
        pages = self.client.pages(endpoints, stream_slice.values, reading.meter, reading.failed) if left else iter(())
        try:
            for page in pages:
                name = page.endpoint.name
                if name not in left:
                    continue
                if rows_moved(
                    page.endpoint, first[name], FirstPage.of(page.endpoint, page.records, stream_slice.values)
                ):
                    return True
                left.remove(name)
                if not left:
                    break
        except NotFoundError:
            # its parent was deleted meanwhile: the next read finds out
            return True
        return False

    @contextmanager
    def _page_pipeline(
        self, stream_slice: StreamSlice, parts: Mapping[str, _Progress]
    ) -> Iterator[Callable[[Page], None]]:
        """Let a list's pages become rows, one after the other, while the next one is asked for.

        A page waits for the one before it: a list holds two at most.
        """
        under_way: list[Future[None]] = []

        def take(page: Page) -> None:
            if under_way:
                under_way.pop().result()
            part = parts[page.endpoint.name]
            self._waiting.acquire()
            taken = self._makers.submit(self._process_page, page, stream_slice, part, alone=len(parts) == 1)
            taken.add_done_callback(lambda _: self._waiting.release())
            under_way.append(taken)

        try:
            yield take
        finally:
            wait(under_way)
        for future in under_way:
            future.result()

    def _process_page(self, page: Page, stream_slice: StreamSlice, part: _Progress, *, alone: bool) -> None:
        """Turn a page into rows on disk."""
        if part.failure:
            return
        endpoint = part.endpoint
        try:
            records = records_of_rows(endpoint, page.records, stream_slice.values)
            try:
                rows = [part.redact(record) for record in records]
                # what Dagster keeps has to be text that can be written, too
                preview = [clean(part.redact_preview(record), Replaced()) for record in records[:PREVIEW_ROWS]]
            except RecursionError as error:
                raise NestingError(endpoint) from error
            table = _within(endpoint, rows_of(endpoint, rows, part.replaced), stream_slice.window)
            part.spool.write(table)
            if part.keys:
                part.keys.add(table)
        except SegmentError as error:
            if alone:
                raise
            part.failure = error
            return
        with self._lock:
            part.rows += table.num_rows
            part.records += len(page.records)
            part.preview += preview[: PREVIEW_ROWS - len(part.preview)]
            self._collector.update(endpoint.name, inc=table.num_rows)

    def _raise_if_stopped(self, reading: _Reading) -> None:
        if reading.failed.is_set() or self._stopping.is_set():
            raise CancelledError


def _legal_names(name: str, legal: list[str]) -> str:
    """Say which names there are: those that look like the one that is none, or all where they are few."""
    close = difflib.get_close_matches(name.lower().rpartition("/")[2], legal)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    if len(legal) <= FEW_NAMES:
        return f"Legal values: {', '.join(legal)}."
    return f"`python segment_pipeline.py --list` shows the {len(legal)} that there are."


def _release() -> None:
    """Give back the memory that Arrow and the C library keep for what they may be asked for next: 100 MB and more."""
    for pool in (pa.default_memory_pool(), pa.system_memory_pool()):
        pool.release_unused()


def _asked_alike(one: Endpoint, other: Endpoint) -> bool:
    """Whether two endpoints are lists of one answer."""

    def stream_slice(endpoint: Endpoint) -> tuple[object, ...]:
        return (
            endpoint.path,
            endpoint.media_type,
            endpoint.parent,
            endpoint.parameters,
            endpoint.time,
            endpoint.derived_from,
        )

    return stream_slice(one) == stream_slice(other)


def _differ(endpoint: Endpoint, before: int | None, after: int | None) -> bool:
    """Whether what two pages of a list say of its length tells that rows have moved from page to page."""
    if before is None or after is None or endpoint.total_is_bound:
        return False
    # what happens comes on top, and moves a row to a page that is still to come, at worst: it is there twice then
    return after < before if endpoint.time or endpoint.log else after != before


def _changed(lists: int) -> str:
    return f"{pluralize(lists, 'list')} changed while being read"


def _within(endpoint: Endpoint, table: pa.Table, window: Window | None) -> pa.Table:
    """The rows whose time is within a window, and those that name none: they are not to be lost without a word."""
    if window is None or endpoint.time is None:
        return table
    moments = table.column(column_name(endpoint.time.column))
    kept = pc.greater_equal(moments, pa.scalar(window.start, moments.type))
    if window.end is not None:
        kept = pc.and_(kept, pc.less(moments, pa.scalar(window.end, moments.type)))
    return table.filter(pc.or_kleene(kept, pc.is_null(moments)))


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _of(endpoint: Endpoint, stream_slice: Endpoint, failure: BaseException) -> BaseException:
    """The failure of `asked` as it concerns an endpoint that shares its answers."""
    if endpoint == stream_slice or not isinstance(failure, SegmentError):
        return failure
    if isinstance(failure, UnavailableError):
        return UnavailableError(endpoint, failure.reason)
    return ParentError(endpoint, stream_slice.name, failure, "its rows come in the answers of")


def format_failures(failures: Sequence[Failure]) -> list[str]:
    """A line for each failure. What is to be done, and why a parent failed, is said in the first that has it only."""
    failed = {failure.endpoint.name for failure in failures}
    said: set[str] = set()
    lines = []
    for error in (failure.error for failure in failures):
        again = isinstance(error, ParentError) and error.parent in failed
        if isinstance(error, ApiError) and error.remedy:
            again = error.remedy in said
            said.add(error.remedy)
        lines.append(f"{error.happened}." if again and isinstance(error, ApiError | ParentError) else str(error))
    return lines


def _nothing() -> None:
    """What there is to delete before anything has been read."""
