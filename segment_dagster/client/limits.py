"""How many requests a minute: one budget per endpoint with a documented limit, and one for the token."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeGuard

from segment_dagster.client.budgets import SECOND, TOKEN, Budget, Learned, SharedBudgets, Take
from segment_dagster.endpoints import Endpoint

RESERVE = 50
"""Runs leave a fiftieth of the token's budget to sensors: 12 of 600 requests, of which one takes 2 to 8 a minute."""


@dataclass
class Slot:
    """One request's place in its budgets."""

    waited: float = 0.0
    """Seconds spent waiting for it."""

    take: Take | None = None
    """What came of taking it; `None` if the client was closed while it was waited for."""

    learned: Learned | None = None
    """What the answer said of a budget."""


class _Line:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.changes = 0
        """How often the first began or ended to wait by the clock: if it did not, the others did not wait either."""


class Limits:
    """The budgets as one client keeps to them. Threads may share them.

    Args:
        requests_per_minute: The most requests a minute that this client lets the token make.
        minute: Seconds of a minute; tests have shorter ones.
        closed: Ends all waiting once set.
        owner: Whose budgets they are: see `owner_of`.
        budgets: The budgets that are shared with everybody who uses the token.
        patient: Whether this client can wait for a minute. It leaves a part of the token's budget to those that cannot.
    """

    def __init__(
        self,
        requests_per_minute: int,
        minute: float,
        closed: threading.Event,
        *,
        owner: str,
        budgets: SharedBudgets,
        patient: bool = False,
    ) -> None:
        self.minute = minute
        self._closed = closed
        self._owner = owner
        self._budgets = budgets
        self._requests_per_minute = requests_per_minute
        left = requests_per_minute // RESERVE if patient else 0
        self._token = self._budget(TOKEN, requests_per_minute - left)
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)
        """Who waits for a budget: the first by the clock, the others for the first. None overtakes."""

    def allowed(self, endpoint: Endpoint) -> int:
        """Return the most requests a minute that an endpoint may be sent."""
        return min(endpoint.requests_per_minute or self._requests_per_minute, self._requests_per_minute)

    def least_seconds(self, endpoint: Endpoint, requests: int) -> float:
        """Return the least seconds that so many requests of an endpoint take: the first minute's may go at once."""
        return max(0, -(-requests // self.allowed(endpoint)) - 1) * self.minute

    @contextmanager
    def slot(self, endpoint: Endpoint) -> Iterator[Slot]:
        """Wait until every budget of an endpoint allows one more request, and count it until its answer has come.

        Yields:
            The slot, for `update_from_headers`.
        """
        budgets = self._budgets_of(endpoint)
        slot = self._wait_for_slot(budgets)
        try:
            yield slot
        finally:
            if slot.take:
                self._budgets.answered(budgets, slot.take, slot.learned)

    def on_429(self, endpoint: Endpoint, delay: float) -> None:
        """Block everybody who counts against the limit that was met.

        Args:
            endpoint: The endpoint that answered 429.
            delay: Seconds until it is asked again.
        """
        self._budgets.block(self._own_budget(endpoint), delay)

    def update_from_headers(
        self, endpoint: Endpoint, slot: Slot, remaining: str | None, consumed: str | None, reset: float | None
    ) -> None:
        """Let the slot say what the headers of its answer say of a budget, where they say enough.

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
        budget = self._own_budget(endpoint) if limit == endpoint.requests_per_minute else self._token
        slot.learned = Learned(budget, int(remaining), round(seconds * SECOND))

    def _wait_for_slot(self, budgets: list[Budget]) -> Slot:
        slot = Slot()
        *own, token = budgets
        with self._in_line(own[0], slot) if own else nullcontext():
            while not slot.take and not self._closed.is_set():
                with self._in_line(token, slot):
                    full = self._take(budgets, slot, wait_for=token)
                # an endpoint that has used up its own limit does not keep the others from the token's
                if full:
                    self._wait(full, slot, own[0])
        # on a closed client the request goes on: its connection raises the error
        return slot

    def _take(self, budgets: list[Budget], slot: Slot, wait_for: Budget) -> float:
        """Take a request from its budgets, waiting as long as one of them is full.

        Returns:
            Zero if it was taken or the client is closed, else the seconds to wait for another budget.
        """
        while not self._closed.is_set():
            take = self._budgets.take(budgets)
            if not take.wait:
                slot.take = take
                break
            if budgets[take.full] is not wait_for:
                return take.wait
            self._wait(take.wait, slot, wait_for)
        return 0.0

    def _wait(self, seconds: float, slot: Slot, budget: Budget) -> None:
        line, started = self._lines[budget.name], time.monotonic()
        line.changes += 1
        self._closed.wait(seconds)
        line.changes += 1
        slot.waited += time.monotonic() - started

    @contextmanager
    def _in_line(self, budget: Budget, slot: Slot) -> Iterator[None]:
        """Wait for those who came before and wait for the same budget."""
        line = self._lines[budget.name]
        if not line.lock.acquire(blocking=False):
            changes, started = line.changes, time.monotonic()
            line.lock.acquire()
            if line.changes != changes:
                slot.waited += time.monotonic() - started
        try:
            yield
        finally:
            line.lock.release()

    def _budgets_of(self, endpoint: Endpoint) -> list[Budget]:
        own = self._own_budget(endpoint)
        return [self._token] if own is self._token else [own, self._token]

    def _own_budget(self, endpoint: Endpoint) -> Budget:
        """Return the budget of the endpoint's own limit, or the token's if it has none."""
        if endpoint.requests_per_minute is None:
            return self._token
        return self._budget(endpoint.name, endpoint.requests_per_minute)

    def _budget(self, name: str, limit: int) -> Budget:
        return Budget(self._owner, name, limit, max(1000, round(self.minute * SECOND)))


def _is_count(text: str | None) -> TypeGuard[str]:
    return text is not None and text.isascii() and text.isdigit() and len(text) < 10
