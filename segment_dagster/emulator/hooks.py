"""Hooks: callbacks that run between two responses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from segment_dagster.endpoints import Endpoint


@dataclass
class _Hook:
    endpoint: str | None
    left: int
    do: Callable[[], object]


class Hooks:
    """Callbacks that run when a given number of requests has arrived, before the last one is answered.

    Each runs once, in the emulator's own thread, so nothing is answered meanwhile. Register from any thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._pending: list[_Hook] = []

    def at(self, number: int, do: Callable[[], object], endpoint: str | None = None) -> None:
        """Register a callback for an upcoming request.

        Args:
            number: Number of the request from now on: 1 for the next.
            do: The callback.
            endpoint: Name of the endpoint whose requests count. `None` for all.
        """
        with self._lock:
            self._pending.append(_Hook(endpoint, number, do))

    def clear(self) -> None:
        """Remove the callbacks that have not run yet."""
        with self._lock:
            self._pending.clear()

    def on_request(self, rows: Sequence[Endpoint]) -> None:
        """Count a request and run the callbacks that are due.

        Args:
            rows: The endpoints that share the response. It counts as one request of each.
        """
        names = {row.name for row in rows}
        with self._lock:
            for hook in self._pending:
                hook.left -= hook.endpoint is None or hook.endpoint in names
            due = [hook for hook in self._pending if hook.left <= 0]
            self._pending = [hook for hook in self._pending if hook.left > 0]
        for hook in due:
            hook.do()
