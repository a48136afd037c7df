"""Rate limits of the API."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from math import ceil, inf
from threading import Lock
from typing import Any

from segment_dagster.emulator.errors import ApiError, error_response
from segment_dagster.endpoints import Endpoint

TOKEN_LIMIT = 1000
"""Requests per minute and token. Segment documents no number, but calls 600 lower than the usual."""

MINUTE = 60.0


@dataclass
class _Window:
    limit: int
    arrivals: deque[float] = field(default_factory=deque)

    def slide(self, until: float) -> None:
        while self.arrivals and self.arrivals[0] <= until:
            self.arrivals.popleft()

    @property
    def remaining(self) -> int:
        return max(0, self.limit - len(self.arrivals))

    @property
    def first(self) -> float:
        """Arrival of the request that must leave the window before the next one fits."""
        return self.arrivals[max(0, len(self.arrivals) - self.limit)]


class Limits:
    """A sliding window of one minute for each documented limit, and one for all requests.

    Refused requests do not count. Safe to change from any thread while the emulator runs.

    Args:
        enforced: Whether to refuse requests above a limit.
        minute: Length of the limits' minute in seconds.
        token_limit: Requests per minute for the token. Defaults to `TOKEN_LIMIT`.
        elapsed: A monotonic clock, in seconds.

    Raises:
        ValueError: The minute or the limit is not above zero.
    """

    def __init__(
        self,
        *,
        enforced: bool = False,
        minute: float = MINUTE,
        token_limit: int | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = Lock()
        self._elapsed = elapsed
        self.enforced, self.minute, self.token_limit = False, MINUTE, TOKEN_LIMIT
        self.set(enforced=enforced, minute=minute, token_limit=token_limit)

    def set(self, *, enforced: bool | None = None, minute: float | None = None, token_limit: int | None = None) -> None:
        """Change the given settings and restart counting.

        Args:
            enforced: Whether to refuse requests above a limit.
            minute: Length of the limits' minute in seconds.
            token_limit: Requests per minute for the token.

        Raises:
            ValueError: The minute or the limit is not above zero.
        """
        if minute is not None and not 0 < minute < inf:
            raise ValueError("minute must be a number of seconds above 0")
        if token_limit is not None and token_limit < 1:
            raise ValueError("token_limit must be 1 or more")
        with self._lock:
            self.enforced = self.enforced if enforced is None else enforced
            self.minute = self.minute if minute is None else minute
            self.token_limit = self.token_limit if token_limit is None else token_limit
            self._all = _Window(self.token_limit)
            self._windows: dict[str, _Window] = {}

    def arrive(self, rows: Sequence[Endpoint]) -> dict[str, str]:
        """Count a request.

        Args:
            rows: The endpoints that share the response; none for an unknown path. They count as one.

        Returns:
            The rate limit headers for the limit with the fewest requests left.

        Raises:
            ApiError: A limit is exceeded and limits are enforced: status 429.
        """
        with self._lock:
            now = self._elapsed()
            windows = self._windows_of(rows)
            for window in windows:
                window.slide(now - self.minute)
            if self.enforced and (full := [window for window in windows if not window.remaining]):
                raise self._refused(max(window.first for window in full) + self.minute - now)
            for window in windows:
                window.arrivals.append(now)
            nearest = min(windows, key=lambda window: window.remaining)
            return {
                "X-RateLimit-Remaining": str(nearest.remaining),
                "X-RateLimit-Consumed": str(len(nearest.arrivals)),
                "X-RateLimit-Reset": _date(nearest.arrivals[0] + self.minute - now),
            }

    def to_json(self) -> dict[str, Any]:
        """Return the body of `GET /_emulator/limits`."""
        with self._lock:
            return {"enforced": self.enforced, "minute": self.minute, "token_limit": self.token_limit}

    def _windows_of(self, rows: Sequence[Endpoint]) -> list[_Window]:
        limits = [row.requests_per_minute for row in rows if row.requests_per_minute]
        if not limits:
            return [self._all]
        return [self._windows.setdefault(rows[0].name, _Window(min(limits))), self._all]

    def _refused(self, wait: float) -> ApiError:
        headers = {"Retry-After": str(max(1, ceil(wait))), "X-RateLimit-Remaining": "0"}
        data = None
        if self.minute < MINUTE:
            # whole seconds are too coarse for a short minute
            headers["X-RateLimit-Reset"] = _date(wait)
            data = {"msBeforeNext": ceil(wait * 1000)}
        return ApiError(
            error_response(429, "too-many-requests", "You have made too many requests.", data=data, headers=headers)
        )


def _date(seconds: float) -> str:
    return formatdate(ceil(time.time() + seconds), usegmt=True)
