"""An HTTP session that asks again after a passing fault."""

from collections.abc import Callable
from typing import Any

from dlt.sources.helpers.requests import Response, Session
from tenacity import Retrying


class RetryingSession(Session):
    """A session of dlt's requests helper whose every `send` is tried as often as told.

    Args:
        timeout: Seconds to wait for a connection, and for an answer.
        retrying: When to try again and when to stop.
        on_request: Called before every try.
    """

    def __init__(self, timeout: tuple[float, float], retrying: Retrying, on_request: Callable[[], None]) -> None:
        super().__init__(timeout=timeout, raise_for_status=False)
        self._retrying = retrying
        self._on_request = on_request

    def send(self, request: Any, **kwargs: Any) -> Response:
        """Send a prepared request until an answer passes the response hooks."""
        send_once = super().send

        def attempt() -> Response:
            self._on_request()
            response: Response = send_once(request, **kwargs)  # type: ignore[no-untyped-call] # dlt leaves it untyped
            return response

        # a copy: following a redirect sends again from within
        return self._retrying.copy()(attempt)
