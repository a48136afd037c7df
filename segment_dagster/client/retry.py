"""Decide whether a failed request is sent again, and after how long."""

import random
import time
from collections.abc import Callable
from typing import TypeGuard

from segment_dagster.client.errors import ApiError, RateLimitedError, TransientError

LIMITED_ATTEMPTS = 3
"""Attempts that a 429 gets beyond those that a user has set: a limit per minute that names no time outlives a few."""

MAX_LIMITED = 100
"""Times that one request may be told by a 429 when to come back."""

MAX_BACKOFF = 30.0
"""Seconds of the longest wait where the server names none: the end of an outage should be noticed soon."""


class RetryBudget:
    """The time, or the attempts, that one request has.

    Time decides, not the number of failures. A 429 that names a time is no failure, as the server that answers so
    works; it is waited for within bounds of its own. If a user has set `RUNTIME__REQUEST_MAX_ATTEMPTS`, the number of
    failures decides and no time does.

    Args:
        backoff: Seconds of the first backoff.
        max_wait: Seconds that no wait exceeds.
        seconds: How long failure may follow failure, counted from the first.
        limited_seconds: How long the request may wait in all because a 429 said so.
        attempts: Failures that end the request, if a user has set them.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self,
        *,
        backoff: float,
        max_wait: float,
        seconds: float,
        limited_seconds: float,
        attempts: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.attempt = 0
        """The attempt that failed last."""

        self._backoff = backoff
        self._max_wait = max_wait
        self._seconds = seconds
        self._limited_seconds = limited_seconds
        self._attempts = attempts
        self._clock = clock
        self._failing_since: float | None = None
        self._failures = 0
        self._limited = 0
        self._limited_waited = 0.0

    def next_wait(self, failure: ApiError) -> float | None:
        """Count a failed attempt.

        Returns:
            Seconds to wait before the next attempt, or `None` if there is to be none.
        """
        self.attempt += 1
        if not failure.retryable:
            return None
        wait = wait_retry_after(failure, self.attempt, self._backoff, self._max_wait)
        if names_time(failure):
            self._failing_since = None
            return wait if self._may_wait_for_limit(failure, wait) else None
        self._failures += 1
        if self._attempts is not None:
            return wait if not self._stop_after_attempts(failure, self._attempts) else None
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = now
        left = self._failing_since + self._seconds - now
        # the last attempt comes when the time is over, not before
        return min(wait, left) if left > 0 else None

    def _stop_after_attempts(self, failure: ApiError, attempts: int) -> bool:
        more = LIMITED_ATTEMPTS if isinstance(failure, RateLimitedError) else 0
        return self._failures >= attempts + more

    def _may_wait_for_limit(self, failure: RateLimitedError, wait: float) -> bool:
        self._limited += 1
        self._limited_waited += wait
        longest = max(failure.delay or 0.0, self._limited_waited)
        return longest <= self._limited_seconds and self._limited <= MAX_LIMITED


def names_time(failure: ApiError) -> TypeGuard[RateLimitedError]:
    """Return whether a failure is a 429 that says when to come back. To say "at once" is to say nothing."""
    return isinstance(failure, RateLimitedError) and bool(failure.delay)


def wait_retry_after(failure: ApiError, attempt: int, backoff: float, max_wait: float) -> float:
    """Return the seconds that the server asks to wait; if it does not say, an exponential backoff with jitter.

    Args:
        failure: The failure.
        attempt: The number of the attempt that failed, from 1.
        backoff: Seconds of the first backoff.
        max_wait: Seconds that are not exceeded.
    """
    # jitter spreads the threads that failed together; no secret depends on it
    if isinstance(failure, TransientError) and failure.delay:
        return min(max_wait, failure.delay + random.uniform(0, 0.1))  # noqa: S311
    # an exponent that no float has, after a thousand attempts
    seconds = backoff * 2.0 ** min(64, attempt - 1)
    return min(max_wait, MAX_BACKOFF, seconds) * random.uniform(0.5, 1)  # noqa: S311
