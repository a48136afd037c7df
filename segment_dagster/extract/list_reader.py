"""Read one list to its last page, and notice whether it changed meanwhile."""

import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError

from segment_dagster.client import SegmentClient
from segment_dagster.client.errors import NotFoundError
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.attempt import Attempt
from segment_dagster.extract.first_page import FirstPage, is_comparable, rows_moved
from segment_dagster.extract.page_pipeline import PagePipeline
from segment_dagster.extract.times import StreamSlice


class ListReader:
    """Reads lists. Threads share one.

    Args:
        client: Requests the pages.
        pipeline: Processes them.
        stopping: Set once the extractor is closed.
    """

    def __init__(self, client: SegmentClient, pipeline: PagePipeline, stopping: threading.Event) -> None:
        self._client = client
        self._pipeline = pipeline
        self._stopping = stopping

    def read(self, stream_slice: StreamSlice, attempt: Attempt) -> None:
        """Read one list to its end and count it in the attempt.

        Raises:
            SegmentError: It could not be read whole.
            CancelledError: The attempt was cancelled, or the extractor closed.
        """
        try:
            self._read(stream_slice, attempt)
        finally:
            attempt.probed.set()

    def _read(self, stream_slice: StreamSlice, attempt: Attempt) -> None:
        writers = {writer.endpoint.name: writer for writer in attempt.writers}
        endpoints = [writer.endpoint for writer in attempt.writers]
        totals: dict[str, int | None] = {}
        first_pages: dict[str, FirstPage] = {}
        pages = 0
        unstable = False
        self._raise_if_cancelled(attempt)
        try:
            with self._pipeline.open(stream_slice, writers) as process:
                for page in self._client.pages(endpoints, stream_slice.params, attempt.meter, attempt.cancelled):
                    self._raise_if_cancelled(attempt)
                    pages += 1
                    name = page.endpoint.name
                    if name not in totals and is_comparable(page.endpoint):
                        first_pages[name] = FirstPage.of(page.endpoint, page.records, stream_slice.params)
                    before, total = totals.get(name), page.total_entries
                    unstable = unstable or total_changed(page.endpoint, before, total)
                    # a page without the count leaves the one that came before
                    totals[name] = before if total is None else total
                    process(page)
                    attempt.answered = True
                    attempt.probed.set()
            if pages > len(endpoints) and not unstable:
                unstable = self._first_page_changed(stream_slice, first_pages, attempt)
        except NotFoundError as error:
            # a parent may be deleted between its listing and its turn; a feature that is lacking may answer 404 too
            if totals or not (stream_slice.params or attempt.endpoint.feature):
                raise
            attempt.add_not_found(stream_slice, error)
            return
        attempt.add_list(stream_slice, totals, unstable=unstable)

    def _first_page_changed(
        self, stream_slice: StreamSlice, first_pages: Mapping[str, FirstPage], attempt: Attempt
    ) -> bool:
        """Request the first page again, and return whether rows moved from page to page since.

        `totalEntries` does not tell where as many records came as went. It is one request more than the pages; a list
        of one page is not requested again.
        """
        left = set(first_pages)
        if not left:
            return False
        endpoints = [writer.endpoint for writer in attempt.writers]
        try:
            for page in self._client.pages(endpoints, stream_slice.params, attempt.meter, attempt.cancelled):
                name = page.endpoint.name
                if name not in left:
                    continue
                again = FirstPage.of(page.endpoint, page.records, stream_slice.params)
                if rows_moved(page.endpoint, first_pages[name], again):
                    return True
                left.remove(name)
                if not left:
                    break
        except NotFoundError:
            # its parent was deleted meanwhile: the next attempt finds out
            return True
        return False

    def _raise_if_cancelled(self, attempt: Attempt) -> None:
        if attempt.cancelled.is_set() or self._stopping.is_set():
            raise CancelledError


def total_changed(endpoint: Endpoint, before: int | None, after: int | None) -> bool:
    """Return whether `totalEntries` changed between pages in a way that loses rows.

    Args:
        endpoint: Says whether the list is a log: new records are added before its first page, and a row is pushed to a
            later page, where it comes twice at worst.
        before: The count on an earlier page; `None` where it had none.
        after: The count on a later one.
    """
    if before is None or after is None or endpoint.total_is_bound:
        return False
    return after < before if endpoint.time or endpoint.log else after != before
