"""The budgets of one process."""

import threading
import time
from collections.abc import Sequence

from segment_dagster.client.budgets.budget import Answer, Budget, Learned
from segment_dagster.client.budgets.window import SlidingWindow, take_all


class MemoryStore:
    """Counts the requests of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[str, SlidingWindow] = {}

    def open(self) -> None:
        """Do nothing: it always works."""

    def take(self, budgets: Sequence[Budget], *, check: bool = True) -> Answer:
        """Count a request in every budget, if all of them allow it."""
        with self._lock:
            return take_all([self._window(each) for each in budgets], budgets, monotonic(), check=check)

    def answered(self, budgets: Sequence[Budget], taken: int, learned: Learned | None) -> None:
        """Count a request from its answer on."""
        with self._lock:
            now = monotonic()
            if learned:
                self._window(learned.budget).shrink(learned.remaining, taken, now + learned.reset)
            for budget in budgets:
                self._window(budget).answer(taken, now)

    def block(self, budget: Budget, duration: int) -> None:
        """Allow no request for so many microseconds."""
        with self._lock:
            self._window(budget).block(monotonic() + duration)

    def _window(self, budget: Budget) -> SlidingWindow:
        window = self._windows.get(budget.key)
        if window is None:
            window = self._windows[budget.key] = SlidingWindow(budget.minute)
        return window


def monotonic() -> int:
    """Return the time since this machine was started, in microseconds. It is the same in all of its processes."""
    return time.monotonic_ns() // 1000
