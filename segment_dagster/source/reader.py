"""Reading endpoints whole: many requests at once, each endpoint once, failures held apart."""

import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow.parquet as pq
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector

from segment_dagster.client import ApiError, Meter, SegmentClient
from segment_dagster.endpoints import CATALOGUE, Endpoint
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.redaction import Redact, redactor
from segment_dagster.settings import Settings
from segment_dagster.source.columns import column_name
from segment_dagster.source.rows import rows_of, schema_of
from segment_dagster.source.spool import Part, Spool

PREVIEW_ROWS = 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Everything the API delivered of one endpoint, whole and on disk."""

    endpoint: Endpoint
    parts: Sequence[Part]
    rows: int
    total_entries: int | None
    """The API's own count, added up over parents; `None` where it gives none."""

    requests: int
    seconds: float
    """From the first request to the last page."""

    waited: float
    """Seconds spent waiting before repeated requests, added up over threads."""

    preview: Sequence[Mapping[str, Any]]
    """The first few rows, without secrets whatever the settings say."""


@dataclass(frozen=True)
class Failure:
    """An endpoint that could not be read whole. Nothing of it is left."""

    endpoint: Endpoint
    error: SegmentError


class ParentError(SegmentError):
    """An endpoint could not be asked for because its parent failed."""

    def __init__(self, endpoint: Endpoint, parent: str, reason: SegmentError) -> None:
        self.happened = f"{endpoint.name}: not read, because it is asked for each of {parent}, which failed"
        super().__init__(f"{self.happened}: {reason}")
        self.parent = parent


class SpoolError(SegmentError):
    """What came could not be kept on disk."""

    def __init__(self, endpoint: Endpoint, error: OSError) -> None:
        super().__init__(
            f"{endpoint.name}: the rows could not be kept in {tempfile.gettempdir()} until the last had come "
            f"({error.strerror}). Make room there, or set TMPDIR to another directory."
        )


class NestingError(SegmentError):
    """A record is nested deeper than can be looked through for secrets."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(f"{endpoint.name}: a record is nested too deep to be read. Nothing of it was loaded.")


@dataclass
class _Progress:
    """What the threads of one endpoint share."""

    spool: Spool
    redact: Redact
    redact_preview: Redact
    meter: Meter = field(default_factory=Meter)
    failed: threading.Event = field(default_factory=threading.Event)
    preview: list[dict[str, Any]] = field(default_factory=list)


class WorkspaceReader:
    """Reads endpoints of one workspace. What was read once is kept until the reader is closed.

    Args:
        settings: Token, address, layout, concurrency.
        catalogue: The endpoints that can be read.
        collector: Shows progress: one counter an endpoint, in rows.
    """

    def __init__(
        self, settings: Settings, catalogue: Sequence[Endpoint] = CATALOGUE, collector: Collector = NULL_COLLECTOR
    ) -> None:
        self.settings = settings
        self.client = SegmentClient(settings)
        self._catalogue = {endpoint.name: endpoint for endpoint in catalogue}
        self._collector = collector
        self._directory: Path | None = None
        self._delete: Callable[[], object] = _nothing
        self._stopping = threading.Event()
        self._requests = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="segment")
        self._lock = threading.Lock()
        self._reads: dict[str, Future[Delivery]] = {}

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
        self._requests.shutdown(wait=True)
        self._delete()

    def offered(self) -> list[Endpoint]:
        """The endpoints that the layout in use has."""
        return [endpoint for endpoint in self._catalogue.values() if self.client.offers(endpoint)]

    def endpoint(self, name: str) -> Endpoint:
        """The row of an endpoint.

        Raises:
            SettingError: The catalogue or the layout in use has none of this name.
        """
        offered = {endpoint.name: endpoint for endpoint in self.offered()}
        if name not in offered:
            problem = f"names {name!r}, which the {self.settings.layout!r} layout does not have"
            raise SettingError("endpoints", problem, f"Legal values: {', '.join(offered)}.")
        return offered[name]

    def read(self, endpoint: Endpoint) -> Delivery:
        """Read an endpoint whole, or wait for the thread that is already reading it.

        Raises:
            SegmentError: It could not be read whole.
        """
        with self._lock:
            future = self._reads.get(endpoint.name)
            mine = future is None
            if future is None:
                future = self._reads[endpoint.name] = Future()
        if mine:
            try:
                future.set_result(self._read(endpoint))
            except BaseException as failure:
                # whoever waits for this endpoint must not wait for ever
                future.set_exception(failure)
                raise
        return future.result()

    def read_all(self, endpoints: Iterable[Endpoint]) -> tuple[list[Delivery], list[Failure]]:
        """Read endpoints side by side.

        Returns:
            What was delivered and what failed, each in the order asked for.
        """
        wanted = list(endpoints)
        if not wanted:
            return [], []
        deliveries, failures = [], []
        with ThreadPoolExecutor(len(wanted), thread_name_prefix="segment-endpoint") as threads:
            reads = {endpoint.name: threads.submit(self.read, endpoint) for endpoint in wanted}
            try:
                for endpoint in wanted:
                    try:
                        deliveries.append(reads[endpoint.name].result())
                    except SegmentError as error:
                        failures.append(Failure(endpoint, error))
            except BaseException:
                # an interrupt must not wait for threads that wait for another attempt
                self._stop()
                raise
        return deliveries, failures

    def _stop(self) -> None:
        # what is queued finds the flag: futures that a pool cancels on its way down never end for those who wait
        self._stopping.set()
        self.client.close()

    def _place(self, endpoint: Endpoint) -> Path:
        with self._lock:
            if self._directory is None:
                self._directory = Path(tempfile.mkdtemp(prefix="segment_dagster_"))
                # also where nobody closes the reader
                self._delete = weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        return self._directory / endpoint.name

    def _read(self, endpoint: Endpoint) -> Delivery:
        try:
            return self._read_whole(endpoint)
        except OSError as error:
            raise SpoolError(endpoint, error) from error

    def _read_whole(self, endpoint: Endpoint) -> Delivery:
        if self._stopping.is_set():
            raise CancelledError
        parents = self._parents(endpoint)
        started = time.monotonic()
        progress = _Progress(
            spool=Spool(self._place(endpoint), schema_of(endpoint)),
            redact=redactor(endpoint, self.settings),
            redact_preview=redactor(endpoint, replace(self.settings, include_secrets=False)),
        )
        lists = [self._requests.submit(self._read_list, endpoint, values, progress) for values in parents]
        try:
            for done in as_completed(lists):
                done.result()
        except BaseException:
            progress.failed.set()
            for unfinished in lists:
                unfinished.cancel()
            wait(lists)
            progress.spool.discard()
            raise
        parts = progress.spool.close()
        totals = [done.result() for done in lists]
        delivery = Delivery(
            endpoint=endpoint,
            parts=parts,
            rows=sum(part.rows for part in parts),
            total_entries=None if None in totals else sum(total or 0 for total in totals),
            requests=progress.meter.requests,
            seconds=time.monotonic() - started,
            waited=progress.meter.waited,
            preview=progress.preview,
        )
        logger.info(
            "%s: %s rows in %s requests, %.1f s",
            endpoint.name,
            f"{delivery.rows:,}",
            delivery.requests,
            delivery.seconds,
        )
        return delivery

    def _parents(self, endpoint: Endpoint) -> list[dict[str, str]]:
        """What fills the path's placeholders, for each list of the endpoint."""
        parent = endpoint.parent
        if parent is None or self.settings.layout == "versioned":
            return [{}]
        try:
            delivery = self.read(self.endpoint(parent.endpoint))
        except SegmentError as reason:
            raise ParentError(endpoint, parent.endpoint, reason) from reason
        column = column_name(parent.field)
        values = [pq.read_table(part.path, columns=[column])[column].to_pylist() for part in delivery.parts]
        # a list that changes while it is read may hold a record twice
        return [{parent.placeholder: value} for value in dict.fromkeys(chain.from_iterable(values))]

    def _read_list(self, endpoint: Endpoint, values: Mapping[str, str], progress: _Progress) -> int | None:
        """Read one list to its end; returns the API's own count of it."""
        total = None
        self._raise_if_stopped(progress)
        for page in self.client.pages(endpoint, values, progress.meter):
            self._raise_if_stopped(progress)
            total = page.total_entries
            try:
                rows = [progress.redact(record) for record in page.records]
                preview = [progress.redact_preview(record) for record in page.records[:PREVIEW_ROWS]]
            except RecursionError as error:
                raise NestingError(endpoint) from error
            progress.spool.write(rows_of(endpoint, rows))
            with self._lock:
                progress.preview += preview[: PREVIEW_ROWS - len(progress.preview)]
                self._collector.update(endpoint.name, inc=len(page.records))
        return total

    def _raise_if_stopped(self, progress: _Progress) -> None:
        if progress.failed.is_set() or self._stopping.is_set():
            raise CancelledError


def told_once(failures: Sequence[Failure]) -> list[str]:
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
