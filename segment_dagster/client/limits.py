"""How many requests a minute: one budget per endpoint with a documented limit, and one for the token."""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import TypeGuard

from segment_dagster.endpoints import Endpoint


class Budget:
    """A sliding window: at most `limit` requests in any minute, shared by all threads.

    All times are milliseconds and never decrease from call to call. Calls are not locked here.

    Args:
        limit: Requests a minute.
        minute: Seconds of the minute.
    """

    def __init__(self, limit: int, minute: float) -> None:
        self.limit = limit
        self._minute = max(1, round(minute * 1000))
        self._times: list[int] = []
        """When each request was sent, or answered if it has been; oldest first. Kept two minutes, for `shrink`."""

        self._blocked_until = -inf
        self._shrunk_to = limit
        self._shrunk_until = -inf

    def take(self, now: int) -> float:
        """Count a request that is about to be sent, if the budget allows it.

        Returns:
            Zero if the request may be sent, else the seconds until it is worth trying again.
        """
        if now < self._blocked_until:
            return (self._blocked_until - now) / 1000
        if now < self._shrunk_until and self._count_since(now - self._minute) >= self._shrunk_to:
            return (self._shrunk_until - now) / 1000
        del self._times[: bisect_left(self._times, now - 2 * self._minute)]
        if self._count_since(now - self._minute) >= self.limit:
            return (self._times[-self.limit] + self._minute + 1 - now) / 1000
        self._times.append(now)
        return 0.0

    def give_back(self, taken: int) -> None:
        """Uncount a request that is not sent.

        Args:
            taken: When it was taken.
        """
        self._times.remove(taken)

    def answered(self, taken: int, now: int) -> None:
        """Count a request from its answer on: the server may have counted it at any time up to then.

        Args:
            taken: When it was taken.
            now: When the answer came.
        """
        index = bisect_left(self._times, taken)
        # an answer that took more than two minutes is counted no more
        if index < len(self._times) and self._times[index] == taken:
            del self._times[index]
            self._times.append(now)

    def block(self, until: float) -> None:
        """Allow no request before a time."""
        self._blocked_until = max(self._blocked_until, until)

    def shrink(self, remaining: int, sent: int, until: int) -> None:
        """Subtract what other clients of the token consumed.

        Args:
            remaining: Requests that the server still allowed when it answered.
            sent: When that request was sent: each of ours that the server counted then was answered within the minute
                before, or later.
            until: When the server counts anew.
        """
        ours = self._count_since(sent - self._minute)
        others = self.limit - remaining - ours
        self._shrunk_to, self._shrunk_until = (ours + remaining, until) if others > 0 else (self.limit, -inf)

    def _count_since(self, start: int) -> int:
        return len(self._times) - bisect_left(self._times, start)


@dataclass(frozen=True)
class Slot:
    """One request's place in its budgets."""

    waited: float
    """Seconds spent waiting for it."""

    taken: int
    """When it was taken, in milliseconds."""


class Limits:
    """The budgets of one client. Threads may share them.

    Args:
        requests_per_minute: Budget of the token as a whole.
        minute: Seconds of a minute; tests have shorter ones.
        closed: Ends all waiting once set.
    """

    def __init__(self, requests_per_minute: int, minute: float, closed: threading.Event) -> None:
        self.minute = minute
        self._closed = closed
        self._token = Budget(requests_per_minute, minute)
        self._endpoints: dict[str, Budget] = {}
        self._lock = threading.Lock()

    def allowed(self, endpoint: Endpoint) -> int:
        """Return the most requests a minute that an endpoint may be sent."""
        return min(endpoint.requests_per_minute or self._token.limit, self._token.limit)

    def least_seconds(self, endpoint: Endpoint, requests: int) -> float:
        """Return the least seconds that so many requests of an endpoint take: the first minute's may go at once."""
        return max(0, -(-requests // self.allowed(endpoint)) - 1) * self.minute

    @contextmanager
    def slot(self, endpoint: Endpoint) -> Iterator[Slot]:
        """Wait until every budget of an endpoint allows one more request, and count it until its answer has come.

        Yields:
            The slot, for `update_from_headers`.
        """
        with self._lock:
            budgets = self._budgets(endpoint)
        slot = self._wait_for_slot(budgets)
        try:
            yield slot
        finally:
            with self._lock:
                now = _now()
                for budget in budgets:
                    budget.answered(slot.taken, now)

    def on_429(self, endpoint: Endpoint, delay: float) -> None:
        """Block everybody who counts against the limit that was met.

        Args:
            endpoint: The endpoint that answered 429.
            delay: Seconds until it is asked again.
        """
        with self._lock:
            self._own_budget(endpoint).block(_now() + delay * 1000)

    def update_from_headers(
        self, endpoint: Endpoint, slot: Slot, remaining: str | None, consumed: str | None, reset: float | None
    ) -> None:
        """Shrink the budget that the headers of an answer describe, where they say enough.

        Args:
            endpoint: The endpoint that answered.
            slot: The slot of the request.
            remaining: `X-RateLimit-Remaining`, as it came.
            consumed: `X-RateLimit-Consumed`, as it came. The sum of both is the limit that they describe.
            reset: Seconds until `X-RateLimit-Reset`.
        """
        if not _is_count(remaining):
            return
        limit = int(remaining) + int(consumed) if _is_count(consumed) else None
        if endpoint.requests_per_minute is not None and limit is None:
            # the numbers may be of the endpoint's limit or of the token's
            return
        # a server whose clock is wrong must not block longer than the limit could
        seconds = self.minute if reset is None else min(reset, self.minute)
        with self._lock:
            budget = self._own_budget(endpoint) if limit == endpoint.requests_per_minute else self._token
            budget.shrink(int(remaining), slot.taken, _now() + round(seconds * 1000))

    def _wait_for_slot(self, budgets: list[Budget]) -> Slot:
        waited = 0.0
        while True:
            with self._lock:
                now = _now()
                wait = _take_all(budgets, now)
            # on a closed client the request goes on: its connection raises the error
            if not wait or self._closed.wait(wait):
                return Slot(waited, now)
            waited += wait

    def _budgets(self, endpoint: Endpoint) -> list[Budget]:
        if endpoint.requests_per_minute is None:
            return [self._token]
        return [self._own_budget(endpoint), self._token]

    def _own_budget(self, endpoint: Endpoint) -> Budget:
        """Return the budget of the endpoint's own limit, or the token's if it has none."""
        if endpoint.requests_per_minute is None:
            return self._token
        budget = self._endpoints.get(endpoint.name)
        if budget is None:
            budget = self._endpoints[endpoint.name] = Budget(endpoint.requests_per_minute, self.minute)
        return budget


def _take_all(budgets: list[Budget], now: int) -> float:
    """Take from every budget or from none. Return the seconds to wait, zero if taken."""
    for number, budget in enumerate(budgets):
        if wait := budget.take(now):
            for taken in budgets[:number]:
                taken.give_back(now)
            return wait
    return 0.0


def _is_count(text: str | None) -> TypeGuard[str]:
    return text is not None and text.isascii() and text.isdigit() and len(text) < 10


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
