"""Threads that read lists: how many, a probe of the first list, progress in the log, cancellation."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from math import ceil

from segment_dagster.client import SegmentClient
from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.attempt import Attempt
from segment_dagster.extract.times import StreamSlice
from segment_dagster.text import duration, pluralize

SLOW = 600
"""Seconds that an endpoint may take before it should be read weekly."""

SECONDS_PER_RESPONSE = 3
"""How long a response is expected to take, at worst, where a limit of its own decides how many threads are useful."""

ReadList = Callable[[StreamSlice], None]

logger = logging.getLogger(__name__)


class Scheduler:
    """Runs the reads of lists in threads. All endpoints share it.

    Args:
        settings: Say how many requests may be under way.
        client: Knows the limits; is closed to cancel what waits.
    """

    def __init__(self, settings: ApiSettings, client: SegmentClient) -> None:
        self._settings = settings
        self._client = client
        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="segment")
        self.stopping = threading.Event()
        """Set once everything is to end."""

    def run(self, attempt: Attempt, lists: Sequence[StreamSlice], read: ReadList) -> None:
        """Read the lists of an attempt: the first one, then the others side by side.

        What fails for every list fails once this way, and not once per thread.

        Args:
            attempt: Is cancelled when a list fails.
            lists: The lists.
            read: Reads one of them, and sets `attempt.probed` once it has its first page.

        Raises:
            SegmentError: A list could not be read.
        """
        endpoint = attempt.endpoint
        if (len(lists) > 1 or endpoint.parent) and not attempt.sliced:
            self._log_forecast(endpoint, len(lists))
        with self._threads_for(endpoint, len(lists)) as threads:
            pending = {threads.submit(read, stream_slice) for stream_slice in lists[:1]}
            try:
                if len(lists) > 1:
                    attempt.probed.wait()
                    for future in () if attempt.answered else pending:
                        future.result()
                    pending |= {threads.submit(read, stream_slice) for stream_slice in lists[1:]}
                while pending:
                    done, pending = wait(pending, self._settings.progress, FIRST_EXCEPTION)
                    for future in done:
                        future.result()
                    if pending:
                        _log_progress(attempt)
            except BaseException as failure:
                attempt.cancelled.set()
                if not isinstance(failure, Exception):
                    # an interrupt does not wait for answers that are under way
                    self.stop()
                for future in pending:
                    future.cancel()
                wait(pending)
                raise

    def run_all(self, endpoint: Endpoint, lists: Sequence[StreamSlice], attempt: Attempt, read: ReadList) -> None:
        """Read lists of another endpoint on behalf of an attempt, side by side from the first on.

        Args:
            endpoint: The endpoint that is requested.
            lists: Its lists.
            attempt: Is cancelled when a list fails.
            read: Reads one of them.

        Raises:
            SegmentError: A list could not be read.
        """
        with self._threads_for(endpoint, len(lists)) as threads:
            futures = [threads.submit(read, stream_slice) for stream_slice in lists]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                attempt.cancelled.set()
                raise

    def stop(self) -> None:
        """Cancel what is under way and what is queued."""
        # what is queued finds the flag: futures that a pool cancels on its way down never end for those who wait
        self.stopping.set()
        self._client.close()

    def close(self) -> None:
        """Cancel everything and wait for the threads to end."""
        self.stop()
        self._threads.shutdown(wait=True)

    @contextmanager
    def _threads_for(self, endpoint: Endpoint, lists: int) -> Iterator[ThreadPoolExecutor]:
        """Give an endpoint with a limit of its own threads of its own: waiting, they would keep the others'."""
        if endpoint.requests_per_minute is None:
            yield self._threads
            return
        # as many as use up the limit while each waits for its response
        useful = ceil(endpoint.requests_per_minute / self._settings.minute * SECONDS_PER_RESPONSE)
        count = max(1, min(lists, max(2, useful), self._settings.concurrency))
        with ThreadPoolExecutor(count, thread_name_prefix=f"segment-{endpoint.name}") as threads:
            yield threads

    def _log_forecast(self, endpoint: Endpoint, lists: int) -> None:
        limits = self._client.limits
        seconds = limits.least_seconds(endpoint, lists)
        takes = f", which take {duration(seconds)} or more" if seconds else ""
        allowed = f"{limits.allowed(endpoint):,}"
        logger.info("%s: %s or more at %s a minute%s", endpoint.name, pluralize(lists, "request"), allowed, takes)
        if seconds > SLOW and not endpoint.slow:
            logger.warning("%s: takes long in this workspace: name it in SEGMENT_SLOW to read it weekly", endpoint.name)


def _log_progress(attempt: Attempt) -> None:
    logger.info(
        "%s: %s of %s done, %s in %s, %s waited over all threads",
        attempt.endpoint.name,
        f"{attempt.lists_done:,}",
        pluralize(attempt.lists, "list"),
        pluralize(attempt.rows, "row"),
        pluralize(attempt.meter.requests, "request"),
        duration(attempt.meter.waited),
    )
