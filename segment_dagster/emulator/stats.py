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
    """Name of the endpoint, or `None` for a path that is none's."""

    method: str
    path: str
    """The path as it was sent, percent-encoded."""

    query: str
    """The query as it was sent, percent-encoded."""

    accept: str | None
    status: int
    """The status of the answer, or 0 where the connection was reset instead."""


class Stats:
    """Counts requests. Safe to read from any thread while the emulator answers."""

    _KEPT = 50_000

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: deque[Seen] = deque(maxlen=self._KEPT)
        self._by_endpoint: Counter[str] = Counter()
        self._by_status: Counter[int] = Counter()
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
    def total(self) -> int:
        """How many requests were answered."""
        with self._lock:
            return self._total

    @property
    def most_open(self) -> int:
        """The most requests that waited for an answer at once. They overlap where a `slow` fault holds them."""
        with self._lock:
            return self._most_open

    def clear(self) -> None:
        """Start again at zero."""
        with self._lock:
            self._requests.clear()
            self._by_endpoint.clear()
            self._by_status.clear()
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
            self._requests.append(seen)

    def to_json(self) -> dict[str, Any]:
        """All counters and the requests, as `GET /_emulator/stats` gives them."""
        return {
            "total": self.total,
            "most_open": self.most_open,
            "by_endpoint": self.by_endpoint,
            "by_status": {str(status): count for status, count in self.by_status.items()},
            "requests": [asdict(seen) for seen in self.requests],
        }
