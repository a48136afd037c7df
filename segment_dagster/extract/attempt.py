"""One attempt at reading an endpoint whole: what its threads share and count."""

import threading
import time
from collections.abc import Mapping, Sequence

from segment_dagster.client import Meter
from segment_dagster.client.errors import NotFoundError
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.page_writer import PageWriter
from segment_dagster.extract.times import Params, StreamSlice, Window


class Attempt:
    """One attempt at reading an endpoint, or several that share the response.

    Args:
        writers: Where the pages of each endpoint go; those of the endpoint that is requested first.
        lists: How many lists there are to read.
        meter: Counts the requests, over all attempts.
        window: The time that is read.
        sliced: Whether the lists are those of a slice of parents: the caller logs how far it has come.
    """

    def __init__(
        self, writers: Sequence[PageWriter], lists: int, meter: Meter, window: Window | None, *, sliced: bool = False
    ) -> None:
        self.writers = writers
        self.lists = lists
        self.meter = meter
        self.window = window
        self.began = time.monotonic()
        self.sliced = sliced
        self.cancelled = threading.Event()
        """Nothing more is requested once this is set."""

        self.probed = threading.Event()
        """Whether the first list has its first page, or will have none."""

        self.answered = False
        """Whether any list has its first page."""

        self.lists_read = 0
        """Lists that came whole."""

        self.params_read: list[Params] = []
        """Their parameters. Only for partitioned endpoints."""

        self.unstable = 0
        """Lists that changed while they were read."""

        self.not_found_lists: list[StreamSlice] = []
        """Lists that answered 404."""

        self.not_found_error: NotFoundError | None = None
        """The first such answer."""

        self.still_listed: Sequence[StreamSlice] = ()
        """Lists that answered 404 twice though their parents are still listed."""

        self._totals: dict[str, int | None] = {writer.endpoint.name: 0 for writer in writers}
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint that is requested."""
        return self.writers[0].endpoint

    @property
    def not_found(self) -> int:
        """How many lists answered 404."""
        return len(self.not_found_lists)

    @property
    def lists_done(self) -> int:
        """How many lists came whole or answered 404."""
        return self.lists_read + self.not_found

    @property
    def rows(self) -> int:
        """Rows written so far."""
        return sum(writer.rows for writer in self.writers)

    def total_entries(self, name: str) -> int | None:
        """Return the API's own count of an endpoint's records, added up over lists; `None` if a list had none."""
        return self._totals[name]

    def add_list(self, stream_slice: StreamSlice, totals: Mapping[str, int | None], *, unstable: bool) -> None:
        """Count a list that came whole.

        Args:
            stream_slice: The list.
            totals: By name of endpoint, the API's own count of its records.
            unstable: Whether the list changed while it was read.
        """
        with self._lock:
            self.lists_read += 1
            self.unstable += unstable
            if self.endpoint.partitioned:
                self.params_read.append(stream_slice.params)
            for name, before in self._totals.items():
                total = totals.get(name)
                self._totals[name] = None if before is None or total is None else before + total

    def add_not_found(self, stream_slice: StreamSlice, error: NotFoundError) -> None:
        """Count a list that answered 404."""
        with self._lock:
            self.not_found_lists.append(stream_slice)
            # a traceback holds the answer and the request
            self.not_found_error = self.not_found_error or error.with_traceback(None)

    def discard(self) -> None:
        """Delete what was written."""
        for writer in self.writers:
            writer.discard()
