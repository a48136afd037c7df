"""Features of the workspace's plan. The API refuses requests that need a missing one."""

from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any

from starlette.responses import Response

from segment_dagster.emulator.errors import ApiError, error_response
from segment_dagster.endpoints import Endpoint

GATE_STATUSES = (403, 404)
"""Possible statuses for a missing feature. Segment documents none."""


class Features:
    """The features that the workspace lacks. Safe to change from any thread while the emulator runs.

    Args:
        catalogue: The endpoints, which name all known features.
        without: The missing features.
        status: The status of refused requests: one of `GATE_STATUSES`.

    Raises:
        ValueError: Unknown feature or status. The message lists the known ones.
    """

    def __init__(self, catalogue: Iterable[Endpoint], without: Iterable[str] = (), status: int = 403) -> None:
        self._lock = Lock()
        self._known = list(dict.fromkeys(row.feature for row in catalogue if row.feature))
        self._without: tuple[str, ...] = ()
        self._status = status
        self.set(without, status)

    @property
    def without(self) -> tuple[str, ...]:
        """The missing features."""
        return self._without

    def set(self, without: Iterable[str] = (), status: int | None = None) -> None:
        """Replace the missing features.

        Args:
            without: The features.
            status: The status of refused requests. Unchanged if omitted.

        Raises:
            ValueError: Unknown feature or status. The message lists the known ones.
        """
        missing = tuple(dict.fromkeys(without))
        if unknown := [name for name in missing if name not in self._known]:
            raise ValueError(f"unknown feature {unknown[0]!r}; the features are {', '.join(self._known)}")
        if status is not None and status not in GATE_STATUSES:
            raise ValueError(f"unknown status {status}; a missing feature is answered with 403 or 404")
        with self._lock:
            self._without, self._status = missing, status or self._status

    def check(self, rows: Sequence[Endpoint]) -> None:
        """Refuse a request for endpoints that need a missing feature.

        Raises:
            ApiError: An endpoint needs a missing feature.
        """
        with self._lock:
            for row in rows:
                if row.feature in self._without:
                    raise ApiError(feature_missing(row, self._status))

    def to_json(self) -> dict[str, Any]:
        """Return the body of `GET /_emulator/features`."""
        with self._lock:
            return {"without": list(self._without), "status": self._status}


def feature_missing(row: Endpoint, status: int = 403) -> Response:
    """Build the response for an endpoint whose feature is missing."""
    kind = "forbidden" if status == 403 else "not-found"
    return error_response(status, kind, f"The feature {row.feature or row.name} is not enabled for the workspace.")
