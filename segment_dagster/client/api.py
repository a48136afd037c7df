"""The client: pages of records of any endpoint in the catalogue, and requests that write."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import orjson

from segment_dagster.client.budgets import PROCESS, owner_of
from segment_dagster.client.context import RequestContext
from segment_dagster.client.deadline import TIMEOUTS_PER_ATTEMPT, Deadlines
from segment_dagster.client.errors import PathError
from segment_dagster.client.layout import Call, call_for, get_path, offers
from segment_dagster.client.limits import Limits
from segment_dagster.client.meter import Meter
from segment_dagster.client.page import Page, Resume
from segment_dagster.client.paging import paginate
from segment_dagster.client.retry import RetryBudget
from segment_dagster.client.sender import Sender
from segment_dagster.client.session import ApiSession
from segment_dagster.config import ApiSettings, TokenMissingError
from segment_dagster.config.clock import utc_now
from segment_dagster.endpoints import Endpoint
from segment_dagster.foreign_text import foreign_text

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection."""

PATIENCE = 60.0
"""Seconds for which a run can wait for the rate limits, and a sensor cannot: Dagster ends its tick then."""

MAX_PATH = 200
"""Characters of a request's path that an error shows."""

_DOTS = frozenset((".", ".."))
"""Path segments that urllib3 resolves, encoded or not: the request would be for another list."""

logger = logging.getLogger(__name__)


class SegmentClient:
    """Reads one workspace's Public API. Threads may share a client, its connections and its budgets.

    Use it as a context manager, or call `close`, which wakes every thread that waits.

    Args:
        settings: Token, address, layout, budgets.
        clock: Returns the current time, in UTC, to which the times in headers are compared.

    Raises:
        SettingError: There is no token, or `budget_url` leads to what does not work.
    """

    def __init__(self, settings: ApiSettings, clock: Callable[[], datetime] = utc_now) -> None:
        if settings.token is None:
            raise TokenMissingError
        self.settings = settings
        self.sent = Meter()
        """All that was sent by this client."""

        self._deadlines = Deadlines(TIMEOUTS_PER_ATTEMPT * settings.request_timeout)
        self.limits = Limits(
            settings.requests_per_minute,
            settings.minute,
            self._deadlines.closed,
            owner=owner_of(settings.token, settings.base_url),
            budgets=PROCESS.budgets(settings.budget_url),
            patient=settings.rate_limit_seconds >= PATIENCE,
        )
        """The budgets of requests a minute."""

        timeout = (CONNECT_TIMEOUT, settings.request_timeout)
        self._session = ApiSession(settings.token, timeout, settings.concurrency, settings.network)
        retry_budget = partial(
            RetryBudget,
            backoff=settings.request_backoff_factor,
            max_wait=settings.request_max_retry_delay,
            seconds=settings.retry_seconds,
            limited_seconds=settings.rate_limit_seconds,
            attempts=settings.request_max_attempts,
        )
        self._sender = Sender(settings, self._session, self.limits, self._deadlines, retry_budget, self.sent, clock)

    def __enter__(self) -> "SegmentClient":
        """Use the client for a while."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Hang up all connections, in the middle of a request too, and end all waiting."""
        self._deadlines.close()
        self._session.close()

    def offers(self, endpoint: Endpoint) -> bool:
        """Return whether the layout in use has the endpoint."""
        return offers(self.settings.layout, endpoint)

    def pages(
        self,
        endpoints: Endpoint | Sequence[Endpoint],
        values: Mapping[str, str] | None = None,
        meter: Meter | None = None,
        cancelled: threading.Event | None = None,
        resume: Resume | None = None,
    ) -> Iterator[Page]:
        """Yield all pages of one list, in the API's order, or of several lists that share their responses.

        Args:
            endpoints: The row of the endpoint, or those of several with the same path.
            values: The request's own parameters: what fills the placeholders of the path, and the query.
            meter: Counts the requests.
            cancelled: Once set, nothing more is sent, not even a request that waits for its slot.
            resume: Where to begin in place of the first page, if it is one list: `Page.next` of an earlier one.

        Yields:
            At least one page of each endpoint; its records may be none.

        Raises:
            ApiError: The list could not be read whole.
            CancelledError: It was cancelled.
            ValueError: The layout in use does not have the endpoint.
        """
        endpoints = (endpoints,) if isinstance(endpoints, Endpoint) else endpoints
        call = self._call(endpoints)
        values = values or {}
        context = self._context(endpoints[0], call, values, meter=meter or Meter(), cancelled=cancelled)
        try:
            yield from paginate(call, values, partial(self._sender.fetch, context), context.path, self._show, resume)
        finally:
            if repaired := str(context.repairs):
                logger.warning("%s: GET %s: %s", endpoints[0].name, context.path, repaired)

    def post(self, endpoint: Endpoint, values: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request that writes, and return the record of its answer.

        It is sent again after a 429 only. After an error that is none of `REFUSALS`, it may be done all the same.

        Args:
            endpoint: The row of the request.
            values: What fills the placeholders of the path.
            body: What to send.

        Raises:
            ApiError: No answer came that has the record.
            ValueError: The layout in use does not have the endpoint.
        """
        call = self._call((endpoint,))
        context = self._context(endpoint, call, values, body=orjson.dumps(body))
        (request,) = call.lists
        answer = self._sender.fetch(context, {}, call.lists)
        record: dict[str, Any] = get_path(answer, request.selector)
        return record

    def _call(self, endpoints: Sequence[Endpoint]) -> Call:
        call = call_for(endpoints, self.settings.layout, self.settings.page_size)
        if call is None:
            raise ValueError(f"the {self.settings.layout} layout has no endpoint {endpoints[0].name}")
        return call

    def _context(
        self,
        endpoint: Endpoint,
        call: Call,
        values: Mapping[str, str],
        *,
        meter: Meter | None = None,
        cancelled: threading.Event | None = None,
        body: bytes | None = None,
    ) -> RequestContext:
        path = call.path_for(values)
        shown = self._show(urlsplit(self.settings.base_url).path + path, MAX_PATH)
        if body is not None:
            shown = f"POST {shown}"
        if _DOTS.intersection(path.split("/")):
            raise PathError(endpoint.name, shown)
        url = f"{self.settings.base_url}{path}"
        return RequestContext(endpoint, url, shown, call.accept, meter or Meter(), cancelled, body)

    def _show(self, text: Any, limit: int) -> str:
        return foreign_text(text, limit, self.settings.token)
