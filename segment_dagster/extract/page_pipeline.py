"""Pages become rows in threads of their own, while the next page is requested."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from segment_dagster.client import Page
from segment_dagster.errors import SegmentError
from segment_dagster.extract.page_writer import PageWriter
from segment_dagster.extract.times import StreamSlice

TRANSFORM_THREADS = 2
"""Threads in which pages become rows. Python runs one at a time: a second one works while the first writes a file."""

MAX_PENDING_PAGES = 4
"""Pages that wait to become rows, at most; with more, no list requests its next page."""


class PagePipeline:
    """Threads that process pages. All lists share them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(TRANSFORM_THREADS, thread_name_prefix="segment-rows")
        self._pending = threading.Semaphore(MAX_PENDING_PAGES)

    @contextmanager
    def open(self, stream_slice: StreamSlice, writers: Mapping[str, PageWriter]) -> Iterator[Callable[[Page], None]]:
        """Process the pages of one list, one after the other: a list holds two at most.

        Args:
            stream_slice: The list.
            writers: By name of endpoint, where its pages go.

        Yields:
            A function that takes a page, and waits for the one before it.
        """
        under_way: list[Future[None]] = []

        def submit(page: Page) -> None:
            if under_way:
                under_way.pop().result()
            writer = writers[page.endpoint.name]
            self._pending.acquire()
            future = self._threads.submit(_process, page, stream_slice, writer, shared=len(writers) > 1)
            future.add_done_callback(lambda _: self._pending.release())
            under_way.append(future)

        try:
            yield submit
        finally:
            wait(under_way)
        for future in under_way:
            future.result()

    def close(self) -> None:
        """Process what was submitted, then end the threads."""
        self._threads.shutdown(wait=True)


def _process(page: Page, stream_slice: StreamSlice, writer: PageWriter, *, shared: bool) -> None:
    """Process a page. Where endpoints share the response, the failure of one is kept for later."""
    if writer.failure:
        return
    try:
        writer.process_page(page.records, stream_slice)
    except SegmentError as error:
        if not shared:
            raise
        writer.failure = error
