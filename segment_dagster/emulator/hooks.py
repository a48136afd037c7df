"""Moments: what a test does between two answers."""

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
    """What is to be done once so many requests have arrived, before the last of them is answered.

    It is done once and in the emulator's own thread, so that nothing is answered meanwhile. Set it from any thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._coming: list[_Hook] = []

    def at(self, number: int, do: Callable[[], object], endpoint: str | None = None) -> None:
        """Do something when a request arrives.

        Args:
            number: Which one it is from now on: 1 for the next.
            do: What to do.
            endpoint: Name of the endpoint whose requests count; `None` for those of all.
        """
        with self._lock:
            self._coming.append(_Hook(endpoint, number, do))

    def clear(self) -> None:
        """Do nothing of what has not been done yet."""
        with self._lock:
            self._coming.clear()

    def on_request(self, rows: Sequence[Endpoint]) -> None:
        """Count a request, and do what it is time for.

        Args:
            rows: The endpoints whose lists the answer holds. It is one request of each.
        """
        names = {row.name for row in rows}
        with self._lock:
            for moment in self._coming:
                moment.left -= moment.endpoint is None or moment.endpoint in names
            due = [moment for moment in self._coming if moment.left <= 0]
            self._coming = [moment for moment in self._coming if moment.left > 0]
        for moment in due:
            moment.do()
