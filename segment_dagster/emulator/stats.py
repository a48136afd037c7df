"""Counters of what was asked."""

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
    """Name of the endpoint, or `None` for a path that is none's. The first one's where several share the answer."""

    method: str
    path: str
    """The path as it was sent, percent-encoded."""

    query: str
    """The query as it was sent, percent-encoded."""

    accept: str | None
    status: int
    """The status of the answer, or 0 where the connection was reset instead."""

    at: float
    """When the request arrived, in seconds of `time.monotonic`."""


class Stats:
    """Counts requests. Safe to read from any thread while the emulator answers."""

    _KEPT = 50_000

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: deque[Seen] = deque(maxlen=self._KEPT)
        self._by_endpoint: Counter[str] = Counter()
        self._by_status: Counter[int] = Counter()
        self._refused: Counter[str] = Counter()
        self._total = 0
        self._open = 0
        self._most_open = 0
        self._counting = 0

    @property
    def requests(self) -> list[Seen]:
        """The requests in the order of their answers: the last 50,000."""
        with self._lock:
            return list(self._requests)

    @property
    def by_endpoint(self) -> dict[str, int]:
        """How often each endpoint was asked."""
        with self._lock:
            return dict(self._by_endpoint)

    @property
    def by_status(self) -> dict[int, int]:
        """How often each status was answered."""
        with self._lock:
            return dict(self._by_status)

    @property
    def refused(self) -> dict[str, int]:
        """How often each endpoint was answered 429."""
        with self._lock:
            return dict(+self._refused)

    @property
    def total(self) -> int:
        """How many requests were answered."""
        with self._lock:
            return self._total

    @property
    def most_open(self) -> int:
        """The most requests that waited for an answer at once. They overlap where a `slow` fault holds them."""
        with self._lock:
            return self._most_open

    def arrivals(self, endpoint: str) -> list[float]:
        """When the requests of an endpoint that were not refused with 429 arrived, in order: `Seen.at`."""
        return sorted(seen.at for seen in self.requests if seen.endpoint == endpoint and seen.status != 429)

    def utilization(self, endpoint: str, limit: int, minute: float = 60.0) -> float:
        """How much of what a limit allows an endpoint was asked for, from its first request on.

        Whole minutes alone are looked at, so that a last one that is not full does not count: that is right as long
        as nothing else held the requests up. Where all came within one minute, it is the part used of that one.

        Args:
            endpoint: The endpoint's name.
            limit: Requests allowed in a minute.
            minute: Seconds of the minute.

        Returns:
            A number from 0 to 1, or more where a limit was not enforced.
        """
        at = self.arrivals(endpoint)
        if not at:
            return 0.0
        minutes = max(1, int((at[-1] - at[0]) / minute))
        return sum(one - at[0] < minutes * minute for one in at) / (limit * minutes)

    def clear(self) -> None:
        """Start again at zero."""
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
        """Count a request as open for as long as the block runs.

        Yields:
            What `add` is told, so that a request from before `clear` is not counted after it.
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
        """Count an answered request that was opened in this counting."""
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
        """All counters and the requests, as `GET /_emulator/stats` gives them."""
        return {
            "total": self.total,
            "most_open": self.most_open,
            "by_endpoint": self.by_endpoint,
            "refused": self.refused,
            "by_status": {str(status): count for status, count in self.by_status.items()},
            "requests": [asdict(seen) for seen in self.requests],
        }
