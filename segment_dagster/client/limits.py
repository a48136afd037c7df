"""How many requests a minute: a budget for each endpoint that Segment documents a limit of, and one for the token."""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from operator import attrgetter
from typing import TypeGuard

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from segment_dagster.endpoints import Endpoint

_timestamp = attrgetter("timestamp")


class Budget:
    """So many requests in any minute, shared by all threads.

    Args:
        limit: Requests a minute.
        minute: Seconds of the minute.
    """

    def __init__(self, limit: int, minute: float) -> None:
        self.limit = limit
        self._minute = max(1, round(minute * 1000))
        self._bucket = InMemoryBucket([Rate(limit, self._minute)])
        self._not_before = -inf
        self._most = limit
        self._most_until = -inf

    def take(self, item: RateItem) -> float:
        """Take a place.

        Args:
            item: What the place is taken for; its timestamp is now, in milliseconds.

        Returns:
            Zero where it is taken, else the seconds until it is worth trying again.
        """
        if item.timestamp < self._not_before:
            return (self._not_before - item.timestamp) / 1000
        if item.timestamp < self._most_until and self._since(item.timestamp - self._minute) >= self._most:
            return (self._most_until - item.timestamp) / 1000
        # kept for a minute longer than they count, for `learn`
        self._bucket.leak(item.timestamp - self._minute)
        return 0.0 if self._bucket.put(item) else max(1, self._waiting(item)) / 1000

    def give_back(self, item: RateItem) -> None:
        """Free a place that was taken and not used."""
        self._bucket.items.remove(item)

    def answered(self, item: RateItem, now: int) -> None:
        """Count a request from when its answer came: as long as answers take less than a minute, no minute has more."""
        if item in self._bucket.items:
            self._bucket.items.remove(item)
            item.timestamp = now
            self._bucket.items.append(item)

    def hold(self, until: float) -> None:
        """Let nobody take a place before a time, in milliseconds."""
        self._not_before = max(self._not_before, until)

    def learn(self, remaining: int, sent: int, frees: int) -> None:
        """Leave to others, who use the same token, the places that they have used up.

        Args:
            remaining: Places that were left when the server answered.
            sent: When the request was sent, in milliseconds: every one of ours that the server counted then ended
                within the minute before, or later.
            frees: Until when this is to count, in milliseconds.
        """
        ours = self._since(sent - self._minute)
        others = self.limit - remaining - ours
        self._most, self._most_until = (ours + remaining, frees) if others > 0 else (self.limit, -inf)

    def _since(self, moment: int) -> int:
        return len(self._bucket.items) - bisect_left(self._bucket.items, moment, key=_timestamp)

    def _waiting(self, item: RateItem) -> int:
        waiting = self._bucket.waiting(item)
        assert isinstance(waiting, int)
        return waiting


@dataclass(frozen=True)
class Turn:
    """A request's place in its budgets."""

    waited: float
    """Seconds waited for it."""

    sent: int
    """When it was taken, in milliseconds."""


class Limits:
    """The budgets of one client.

    Args:
        requests_per_minute: Budget of the token as a whole.
        minute: Seconds of a minute; tests have shorter ones.
        closed: Ends all waiting.
    """

    def __init__(self, requests_per_minute: int, minute: float, closed: threading.Event) -> None:
        self.minute = minute
        self._token = Budget(requests_per_minute, minute)
        self._endpoints: dict[str, Budget] = {}
        self._closed = closed
        self._lock = threading.Lock()

    def allowed(self, endpoint: Endpoint) -> int:
        """Requests a minute that an endpoint may be asked, at most."""
        return min(endpoint.requests_per_minute or self._token.limit, self._token.limit)

    def least_seconds(self, endpoint: Endpoint, requests: int) -> float:
        """Seconds that so many requests of an endpoint take at least: the first minute's may go at once."""
        return max(0, -(-requests // self.allowed(endpoint)) - 1) * self.minute

    @contextmanager
    def turn(self, endpoint: Endpoint) -> Iterator["Turn"]:
        """Wait for a place in every budget that a request of the endpoint counts against, and hold it meanwhile.

        Yields:
            What `told` asks for.
        """
        with self._lock:
            budgets = self._budgets(endpoint)
        item, waited = self._take(endpoint, budgets)
        try:
            yield Turn(waited, item.timestamp)
        finally:
            with self._lock:
                for budget in budgets:
                    budget.answered(item, _now())

    def refused(self, endpoint: Endpoint, delay: float) -> None:
        """Learn from a 429: hold everybody back who counts against the same limit.

        Args:
            endpoint: The endpoint that was refused.
            delay: Seconds that the server asks to wait.
        """
        with self._lock:
            self._concerned(endpoint).hold(_now() + delay * 1000)

    def told(
        self, endpoint: Endpoint, turn: "Turn", remaining: str | None, consumed: str | None, reset: float | None
    ) -> None:
        """Learn from the headers of an answer, where they say enough.

        Args:
            endpoint: The endpoint that answered.
            turn: That of the request.
            remaining: `X-RateLimit-Remaining`, as it came.
            consumed: `X-RateLimit-Consumed`, as it came. Both together are the limit that they speak of.
            reset: Seconds until `X-RateLimit-Reset`.
        """
        if not _is_count(remaining):
            return
        limit = int(remaining) + int(consumed) if _is_count(consumed) else None
        if endpoint.requests_per_minute is not None and limit is None:
            # of its own limit or of the token's, nobody can tell
            return
        # a clock that goes wrong must not hold us for longer than the limit could
        seconds = self.minute if reset is None else min(reset, self.minute)
        with self._lock:
            budget = self._concerned(endpoint) if limit == endpoint.requests_per_minute else self._token
            budget.learn(int(remaining), turn.sent, _now() + round(seconds * 1000))

    def _take(self, endpoint: Endpoint, budgets: list[Budget]) -> tuple[RateItem, float]:
        waited = 0.0
        while True:
            with self._lock:
                item = RateItem(endpoint.name, _now())
                wait = self._take_all(budgets, item)
            # who waits for a client that is closed goes on, to be told so by its connection
            if not wait or self._closed.wait(wait):
                return item, waited
            waited += wait

    def _take_all(self, budgets: list[Budget], item: RateItem) -> float:
        taken: list[Budget] = []
        for budget in budgets:
            if wait := budget.take(item):
                for other in taken:
                    other.give_back(item)
                return wait
            taken.append(budget)
        return 0.0

    def _budgets(self, endpoint: Endpoint) -> list[Budget]:
        if endpoint.requests_per_minute is None:
            return [self._token]
        return [self._concerned(endpoint), self._token]

    def _concerned(self, endpoint: Endpoint) -> Budget:
        """What an answer of the endpoint tells about: its own limit where it has one, else the token's."""
        if endpoint.requests_per_minute is None:
            return self._token
        with_limit = self._endpoints.get(endpoint.name)
        if with_limit is None:
            with_limit = self._endpoints[endpoint.name] = Budget(endpoint.requests_per_minute, self.minute)
        return with_limit


def _is_count(text: str | None) -> TypeGuard[str]:
    return text is not None and text.isascii() and text.isdigit() and len(text) < 10


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
