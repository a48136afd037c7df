"""The rate-limit headers of an answer."""

import time
from email.utils import formatdate

from segment_dagster.endpoints import Endpoint

_UNSTATED = 1000
"""Requests a minute where Segment states no limit, but calls 600 lower than the usual."""


class Limits:
    """Counts the requests of the current minute. Nothing is refused: `429` is a fault."""

    def __init__(self) -> None:
        self._minute = 0
        self._consumed: dict[str, int] = {}

    def headers(self, row: Endpoint) -> dict[str, str]:
        """Count a request of an endpoint and give the headers of its answer."""
        minute = int(time.time() // 60)
        if minute != self._minute:
            self._minute, self._consumed = minute, {}
        consumed = self._consumed[row.name] = self._consumed.get(row.name, 0) + 1
        return {
            "X-RateLimit-Remaining": str(max(0, (row.requests_per_minute or _UNSTATED) - consumed)),
            "X-RateLimit-Consumed": str(consumed),
            "X-RateLimit-Reset": formatdate((minute + 1) * 60, usegmt=True),
        }
