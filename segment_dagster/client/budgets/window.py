"""The sliding window of one budget."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from segment_dagster.client.budgets.budget import MARGIN, Answer, Budget


class SlidingWindow:
    """When the requests of the last two minutes were taken and answered.

    Redis and PostgreSQL do the same in their own languages. All times are microseconds and never decrease from call to
    call.

    Args:
        minute: Length of the minute.
    """

    def __init__(self, minute: int) -> None:
        self.minute = minute
        self.in_flight = array("q")
        """When each request was taken that has not been answered; oldest first."""

        self.answered = array("q")
        """When each other request was answered; oldest first. Kept two minutes, for `shrink`."""

        self.blocked_until = 0
        self.shrunk_to = 0
        self.shrunk_until = 0

    def wait(self, limit: int, now: int) -> int:
        """Return how long to wait until it is worth trying to take a request; zero if it can be taken."""
        if now < self.blocked_until:
            return self.blocked_until - now
        self._forget(now)
        counted = bisect_right(self.answered, now - self.minute - MARGIN)
        count = len(self.in_flight) + len(self.answered) - counted
        if now < self.shrunk_until and self.shrunk_to < limit and count >= self.shrunk_to:
            return self.shrunk_until - now
        if count < limit:
            return 0
        # answered ones leave the window first: each of the others stays for a minute after an answer yet to come
        leaves = counted + count - limit
        free = (self.answered[leaves] if leaves < len(self.answered) else now) + self.minute + MARGIN
        return (min(free, self.in_flight[0] + 2 * self.minute) if self.in_flight else free) - now

    def take(self, now: int) -> None:
        """Count a request that is about to be sent."""
        self.in_flight.append(now)

    def answer(self, taken: int, now: int) -> None:
        """Count a request from its answer on: the server may have counted it at any time up to then.

        Args:
            taken: When it was taken.
            now: When the answer came.
        """
        index = bisect_left(self.in_flight, taken)
        if index < len(self.in_flight) and self.in_flight[index] == taken:
            del self.in_flight[index]
        self.answered.append(now)

    def block(self, until: int) -> None:
        """Allow no request before a time."""
        self.blocked_until = max(self.blocked_until, until)

    def shrink(self, remaining: int, sent: int, until: int) -> None:
        """Subtract what others than those who share the window consumed.

        Args:
            remaining: Requests that the server still allowed when it answered.
            sent: When that request was sent: each of ours that the server counted then was answered within the minute
                before, or later.
            until: When the server counts anew.
        """
        ours = len(self.in_flight) + len(self.answered) - bisect_left(self.answered, sent - self.minute)
        self.shrunk_to, self.shrunk_until = ours + remaining, until

    def _forget(self, now: int) -> None:
        del self.in_flight[: bisect_right(self.in_flight, now - 2 * self.minute)]
        del self.answered[: bisect_left(self.answered, now - 2 * self.minute)]


def take_all(windows: Sequence[SlidingWindow], budgets: Sequence[Budget], now: int, *, check: bool) -> Answer:
    """Take a request from every window or from none.

    Args:
        windows: The windows.
        budgets: Their budgets.
        now: The current time.
        check: Whether the budgets have to allow it.
    """
    waits = [window.wait(budget.limit, now) for window, budget in zip(windows, budgets, strict=True)]
    longest = max(waits)
    if longest and check:
        return Answer(now, longest, waits.index(longest))
    for window in windows:
        window.take(now)
    return Answer(now)
