"""Request statistics."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any


@dataclass(frozen=True)
class Seen:
    """One request."""

    endpoint: str | None
    """Name of the endpoint, or `None` for an unknown path. The first one if several share the response."""

    method: str
    path: str
    """The path as sent, percent-encoded."""

    query: str
    """The query as sent, percent-encoded."""

    accept: str | None
    status: int
    """The status of the response, or 0 if the connection was reset."""

    at: float
    """When the request arrived, in seconds of `time.monotonic`."""


class Stats:
    """Request counters. Safe to read from any thread while the emulator runs."""

    _MAX_REQUESTS = 50_000

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: deque[Seen] = deque(maxlen=self._MAX_REQUESTS)
        self._by_endpoint: Counter[str] = Counter()
        self._by_status: Counter[int] = Counter()
        self._refused: Counter[str] = Counter()
        self._total = 0
        self._open = 0
        self._most_open = 0
        self._counting = 0

    @property
    def requests(self) -> list[Seen]:
        """The last 50,000 requests, in the order of their responses."""
        with self._lock:
            return list(self._requests)

    @property
    def by_endpoint(self) -> dict[str, int]:
        """Number of requests per endpoint."""
        with self._lock:
            return dict(self._by_endpoint)

    @property
    def by_status(self) -> dict[int, int]:
        """Number of responses per status."""
        with self._lock:
            return dict(self._by_status)

    @property
    def refused(self) -> dict[str, int]:
        """Number of 429 responses per endpoint."""
        with self._lock:
            return dict(+self._refused)

    @property
    def total(self) -> int:
        """Number of answered requests."""
        with self._lock:
            return self._total

    @property
    def most_open(self) -> int:
        """Maximum number of concurrent requests. They overlap when a `slow` fault delays them."""
        with self._lock:
            return self._most_open

    def arrivals(self, endpoint: str) -> list[float]:
        """Return the sorted arrival times of an endpoint's requests, without 429 responses: `Seen.at`."""
        return sorted(seen.at for seen in self.requests if seen.endpoint == endpoint and seen.status != 429)

    def utilization(self, endpoint: str, limit: int, minute: float = 60.0) -> float:
        """Return which part of a rate limit was used, from the endpoint's first request on.

        Only full minutes count, so an incomplete last one is ignored. That is right as long as nothing else delayed the
        requests. If all came within one minute, it is the used part of that minute.

        Args:
            endpoint: The endpoint's name.
            limit: Requests per minute.
            minute: Length of the minute in seconds.

        Returns:
            A number from 0 to 1, or more if the limit was not enforced.
        """
        at = self.arrivals(endpoint)
        if not at:
            return 0.0
        minutes = max(1, int((at[-1] - at[0]) / minute))
        return sum(one - at[0] < minutes * minute for one in at) / (limit * minutes)

    def clear(self) -> None:
        """Reset all counters."""
        with self._lock:
            self._requests.clear()
            self._by_endpoint.clear()
            self._by_status.clear()
            self._refused.clear()
            self._total = 0
            self._most_open = self._open
            self._counting += 1

    @contextmanager
    def open(self) -> Iterator[int]:
        """Count a request as open while the block runs.

        Yields:
            A token for `add`, so that a request from before `clear` is not counted after it.
        """
        with self._lock:
            self._open += 1
            counting = self._counting
            self._most_open = max(self._most_open, self._open)
        try:
            yield counting
        finally:
            with self._lock:
                self._open -= 1

    def add(self, seen: Seen, counting: int) -> None:
        """Count an answered request, unless `clear` was called since it opened."""
        with self._lock:
            if counting != self._counting:
                return
            self._total += 1
            self._by_status[seen.status] += 1
            if seen.endpoint:
                self._by_endpoint[seen.endpoint] += 1
                self._refused[seen.endpoint] += seen.status == 429
            self._requests.append(seen)

    def to_json(self) -> dict[str, Any]:
        """Return the body of `GET /_emulator/stats`: all counters and the requests."""
        return {
            "total": self.total,
            "most_open": self.most_open,
            "by_endpoint": self.by_endpoint,
            "refused": self.refused,
            "by_status": {str(status): count for status, count in self.by_status.items()},
            "requests": [asdict(seen) for seen in self.requests],
        }
