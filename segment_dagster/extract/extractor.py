"""Read endpoints of a workspace, each once: the way into this package."""

import difflib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import TracebackType

import pyarrow as pa
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector

from segment_dagster.client import SegmentClient
from segment_dagster.config import ApiSettings, Layout
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.extract.attempt import Attempt
from segment_dagster.extract.endpoint_reader import EndpointReader, Outcomes
from segment_dagster.extract.errors import SpoolError, UnexpectedError
from segment_dagster.extract.failures import Failure, translate_failure
from segment_dagster.extract.overrides import apply_overrides
from segment_dagster.extract.page_pipeline import PagePipeline
from segment_dagster.extract.parent_records import fingerprints
from segment_dagster.extract.parents import Parents
from segment_dagster.extract.progress import EndpointProgress, ReadProgress
from segment_dagster.extract.result import Extract, ParentKey, ReusedRows
from segment_dagster.extract.scheduler import Scheduler
from segment_dagster.extract.spool_directory import SpoolDirectory
from segment_dagster.extract.times import Window, default_window
from segment_dagster.gc_tuning import relaxed_gc

MAX_NAMES = 12
"""Names that an error lists."""

ReadKey = tuple[str, Window | None]
"""An endpoint's name and the time that is read."""


class Extractor:
    """Reads endpoints of one workspace. What was read is kept, by endpoint and window, until the extractor is closed.

    Args:
        settings: Token, address, layout, concurrency.
        catalogue: The endpoints that can be read, and those above them.
        collector: Shows progress: one counter per endpoint, in rows.
        now: The present, in UTC; that of the settings if it is left out.
    """

    def __init__(
        self,
        settings: ApiSettings,
        catalogue: Sequence[Endpoint] = TABLES,
        collector: Collector = NULL_COLLECTOR,
        now: datetime | None = None,
    ) -> None:
        self.settings = settings
        self.now = now or settings.now
        self.client = SegmentClient(settings)
        self._catalogue = {
            endpoint.name: apply_overrides(endpoint, settings.granularity, settings.group_by) for endpoint in catalogue
        }
        self._spools = SpoolDirectory(self._catalogue)
        self._scheduler = Scheduler(settings, self.client)
        self._pipeline = PagePipeline()
        self._reader = EndpointReader(
            settings,
            self.now,
            self.client,
            self._scheduler,
            self._pipeline,
            self._spools,
            _row_counter(collector),
        )
        self._lock = threading.Lock()
        self._reads: dict[ReadKey, Future[Extract]] = {}
        self._attempts: dict[ReadKey, Attempt] = {}

    def __enter__(self) -> "Extractor":
        """Use the extractor for a while."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Cancel what is under way and delete what was read."""
        self._scheduler.close()
        self._pipeline.close()
        self._spools.delete()

    def available(self, *, slow: bool = True) -> list[Endpoint]:
        """Return the endpoints that the layout in use has.

        Args:
            slow: Whether those that take long at the rate that Segment allows are included.
        """
        endpoints = self._catalogue.values()
        return [each for each in endpoints if self.client.offers(each) and (slow or not each.slow)]

    def endpoint(self, name: str) -> Endpoint:
        """Return the catalogue's row of an endpoint.

        Raises:
            SettingError: The catalogue or the layout in use has none of this name.
        """
        available = {endpoint.name: endpoint for endpoint in self.available()}
        if name not in available:
            problem = f"names {name[:80]!r}, which the {self.settings.layout!r} layout does not have"
            raise SettingError("endpoints", problem, _suggest(name, list(available)))
        return available[name]

    def progress(self, endpoints: Sequence[Endpoint]) -> ReadProgress:
        """Return how far the read of endpoints has come, while other threads read them."""
        with self._lock:
            reads, attempts = dict(self._reads), dict(self._attempts)
        pending = {key for key, read in reads.items() if not read.done()}
        done = {name for name, _ in reads} - {name for name, _ in pending}
        under_way = [
            EndpointProgress(
                name=name,
                lists=attempt.lists,
                done=attempt.lists_done,
                seconds_left=self.client.limits.least_seconds(
                    attempt.endpoint, max(0, attempt.lists - attempt.lists_done)
                ),
            )
            for (name, window), attempt in attempts.items()
            if (name, window) in pending
        ]
        return ReadProgress(
            rows=sum(attempt.rows for attempt in attempts.values()),
            requests=sum(attempt.meter.requests for attempt in attempts.values()),
            endpoints=len(endpoints),
            done=sum(endpoint.name in done for endpoint in endpoints),
            under_way=tuple(sorted(under_way, key=lambda each: each.seconds_left, reverse=True)),
        )

    def extract(self, endpoint: Endpoint, window: Window | None = None) -> Extract:
        """Read an endpoint whole, wait for the thread that is already reading it, or return what was read.

        Endpoints that share the response are read with it. Parents are read with their default window.

        Args:
            endpoint: The endpoint.
            window: The time to read; the endpoint's default if it is left out.

        Raises:
            SegmentError: It could not be read whole.
            ValueError: The endpoint takes no window.
        """
        _check_window(endpoint, window)
        endpoint = self._catalogue.get(endpoint.name, endpoint)
        window = window or default_window(endpoint, self.now)
        key = (endpoint.name, window)
        with self._lock:
            if mine := key not in self._reads:
                sharing = self._sharing_response(endpoint)
                together = [each for each in sharing if (each.name, window) not in self._reads]
                futures = {each.name: Future[Extract]() for each in together}
                self._reads.update({(name, window): future for name, future in futures.items()})
            read = self._reads[key]
        if mine:
            try:
                outcomes = self._read(together, window)
            except BaseException as failure:
                # whoever waits for these endpoints must not wait for ever
                for each in together:
                    futures[each.name].set_exception(translate_failure(failure, endpoint, each))
                raise
            for name, outcome in outcomes.items():
                if isinstance(outcome, SegmentError):
                    futures[name].set_exception(outcome)
                else:
                    futures[name].set_result(outcome)
        return read.result()

    def forget(self, endpoints: Iterable[Endpoint]) -> None:
        """Forget reads, so that the next call makes them again: those of these endpoints, and those that failed.

        Args:
            endpoints: The endpoints.
        """
        names = {endpoint.name for endpoint in endpoints}
        with self._lock:
            ended = [key for key, read in self._reads.items() if read.done() and (key[0] in names or read.exception())]
            for key in ended:
                del self._reads[key]

    def extract_all(
        self, endpoints: Iterable[Endpoint], windows: Mapping[str, Window] | None = None
    ) -> tuple[list[Extract], list[Failure]]:
        """Read endpoints side by side.

        Args:
            endpoints: The endpoints.
            windows: The times to read, by name; the default of those that are left out.

        Returns:
            What was read and what failed, each in the order of `endpoints`.

        Raises:
            ValueError: A window is of an endpoint that takes none, or that is not among `endpoints`.
        """
        wanted = {endpoint.name: endpoint for endpoint in endpoints}
        windows = windows or {}
        for name, window in windows.items():
            if name not in wanted:
                raise ValueError(f"{name}: there is a window for it, but it is not among the endpoints to read")
            _check_window(wanted[name], window)
        if not wanted:
            return [], []
        extracts, failures = [], []
        with relaxed_gc(), ThreadPoolExecutor(len(wanted), thread_name_prefix="segment-endpoint") as threads:
            reads = {name: threads.submit(self.extract, each, windows.get(name)) for name, each in wanted.items()}
            try:
                for name, endpoint in wanted.items():
                    try:
                        extracts.append(reads[name].result())
                    except SegmentError as error:
                        failures.append(Failure(endpoint, error))
            except BaseException:
                # an interrupt must not wait for threads that wait for another attempt
                self._scheduler.stop()
                raise
        _release_memory()
        return extracts, failures

    def parents_of(self, endpoint: Endpoint) -> dict[ParentKey, str]:
        """Return the fingerprint of each record of an endpoint's parent, by what it gives to the requests.

        Raises:
            SegmentError: The parent could not be read whole.
            ValueError: The endpoint has no parent.
        """
        extract = Parents(lambda name: self.extract(self.endpoint(name))).extract_of(endpoint)
        if extract is None or endpoint.parent is None:
            raise ValueError(f"{endpoint.name}: it has no parent")
        return fingerprints(extract, endpoint.parent)

    def extract_slice(self, endpoint: Endpoint, parents: Sequence[ParentKey], *, may_be_gone: bool = False) -> Extract:
        """Read an endpoint for some records of its parent. Unlike others, this read is not kept for later ones.

        Args:
            endpoint: The endpoint, which takes no time.
            parents: What these records give to the requests.
            may_be_gone: Whether it is no failure if all lists answer 404.

        Raises:
            SegmentError: It could not be read whole.
        """
        outcome = self._read([endpoint], None, parents, may_be_gone=may_be_gone)[endpoint.name]
        if isinstance(outcome, SegmentError):
            raise outcome
        return outcome

    def extract_changed(self, endpoint: Endpoint, parents: Sequence[ParentKey], reused: ReusedRows) -> None:
        """Read an endpoint for some records of its parent, and take the rows of the others from its table.

        This read is kept as any other: `extract` returns it, or raises why it failed.

        Args:
            endpoint: The endpoint, which takes no time and was not read yet.
            parents: What the records give to the requests whose lists are read.
            reused: The rows of the others.
        """
        future = Future[Extract]()
        with self._lock:
            if self._reads.setdefault((endpoint.name, None), future) is not future:
                return
        try:
            outcome = self._read([endpoint], None, parents, may_be_gone=True, reused=reused)[endpoint.name]
        except BaseException as failure:
            # whoever waits for this endpoint must not wait for ever
            future.set_exception(failure)
            if not isinstance(failure, SegmentError):
                raise
            return
        if isinstance(outcome, SegmentError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def new_directory(self, endpoint: Endpoint) -> Path:
        """Return a path that does not exist yet, for rows of an endpoint; it is deleted when the extractor is closed.

        Raises:
            SpoolError: The directory above it cannot be made.
        """
        try:
            return self._spools.path_for(endpoint.name)
        except OSError as error:
            raise SpoolError(endpoint, error) from error

    def stop(self) -> None:
        """Cancel what is under way, without waiting for it."""
        self._scheduler.stop()

    def _sharing_response(self, endpoint: Endpoint) -> list[Endpoint]:
        """Return the endpoint and those that are lists of the same response."""
        if self.settings.layout is Layout.VERSIONED:
            return [endpoint]
        request = _request_of(endpoint)
        return [
            endpoint,
            *(each for each in self._catalogue.values() if each != endpoint and _request_of(each) == request),
        ]

    def _read(
        self,
        together: Sequence[Endpoint],
        window: Window | None,
        only: Sequence[ParentKey] | None = None,
        *,
        may_be_gone: bool = False,
        reused: ReusedRows | None = None,
    ) -> Outcomes:
        endpoint = together[0]

        def extract(name: str) -> Extract:
            # what is computed from another endpoint is of the same time
            return self.extract(self.endpoint(name), window if name == endpoint.derived_from else None)

        def on_attempt(attempt: Attempt) -> None:
            with self._lock:
                self._attempts[endpoint.name, window] = attempt

        try:
            if self._scheduler.stopping.is_set():
                raise CancelledError
            return self._reader.read(
                together, window, Parents(extract), on_attempt, only, may_be_gone=may_be_gone, reused=reused
            )
        except (SegmentError, CancelledError):
            raise
        except OSError as error:
            raise SpoolError(endpoint, error) from error
        except Exception as error:
            # whatever is wrong with one endpoint is no reason to lose the others
            raise UnexpectedError(endpoint, error) from error


def _check_window(endpoint: Endpoint, window: Window | None) -> None:
    if window is not None and endpoint.time is None:
        raise ValueError(f"{endpoint.name}: there is a window for it, but it takes none: it has no time")


def _row_counter(collector: Collector) -> Callable[[str, int], None]:
    """Return a function that counts an endpoint's rows. Threads share it; a collector is not made for that."""
    lock = threading.Lock()

    def count(name: str, rows: int) -> None:
        with lock:
            collector.update(name, inc=rows)

    return count


def _suggest(name: str, legal: list[str]) -> str:
    """Return the names that look like one that is none, or all where they are few."""
    close = difflib.get_close_matches(name.lower().rpartition("/")[2], legal)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    if len(legal) <= MAX_NAMES:
        return f"Legal values: {', '.join(legal)}."
    return f"`python segment_pipeline.py --list` shows the {len(legal)} that there are."


def _release_memory() -> None:
    """Give back the memory that Arrow and the C library keep for reuse: 100 MB and more."""
    for pool in (pa.default_memory_pool(), pa.system_memory_pool()):
        pool.release_unused()


def _request_of(endpoint: Endpoint) -> tuple[object, ...]:
    """Return what decides the requests of an endpoint. Those of which it is the same share the response."""
    return (
        endpoint.path,
        endpoint.media_type,
        endpoint.parent,
        endpoint.parameters,
        endpoint.time,
        endpoint.derived_from,
    )
