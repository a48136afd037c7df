"""Send a request until its response can be read: within the rate limits, against a deadline, with retries."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from dlt.sources.helpers.requests import Response

from segment_dagster.client.body import read_body
from segment_dagster.client.context import RequestContext
from segment_dagster.client.deadline import Attempt, Deadlines
from segment_dagster.client.errors import ApiError, OverlongError, RateLimitedError, UnreachableError
from segment_dagster.client.layout import ListRequest, Query
from segment_dagster.client.limits import Limits
from segment_dagster.client.meter import Meter
from segment_dagster.client.response import check_response
from segment_dagster.client.retry import RetryBudget
from segment_dagster.client.retry_after import seconds_until
from segment_dagster.client.session import ApiSession
from segment_dagster.client.transport_errors import TRANSPORT_ERRORS, transport_error
from segment_dagster.config import ApiSettings

logger = logging.getLogger(__name__)


class Sender:
    """Sends the requests of one client. Threads may share one.

    Args:
        settings: The address, the token and the layout.
        session: The connections.
        limits: The budgets of requests a minute.
        deadlines: Those of the attempts.
        retry_budget: Makes the budget of retries, anew for each request.
        sent: Counts all requests of the client.
        clock: Returns the current time, in UTC.
    """

    def __init__(
        self,
        settings: ApiSettings,
        session: ApiSession,
        limits: Limits,
        deadlines: Deadlines,
        retry_budget: Callable[[], RetryBudget],
        sent: Meter,
        clock: Callable[[], datetime],
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._host = urlsplit(settings.base_url).netloc
        self._session = session
        self._limits = limits
        self._deadlines = deadlines
        self._retry_budget = retry_budget
        self._sent = sent

    def fetch(self, context: RequestContext, query: Query, lists: Sequence[ListRequest]) -> Any:
        """Return the parsed body of a response that has the records of every list.

        What writes is sent again after a 429 only: after any other failure it may be done.

        Args:
            context: The address, and who wants it.
            query: The query.
            lists: The lists that it requests.

        Raises:
            ApiError: No attempt brought one.
            CancelledError: It was cancelled.
        """
        budget, closed = self._retry_budget(), self._deadlines.closed
        while True:
            try:
                # no name for the body: it would be held while the next attempt is waited for
                return check_response(*self._attempt(context, query), context, lists, self._settings, self._clock())
            except ApiError as failure:
                wait = budget.next_wait(failure)
                if wait is None or closed.is_set() or _may_be_done(context, failure):
                    raise
                context.meter.add(waited=wait)
                if isinstance(failure, RateLimitedError):
                    self._limits.on_429(context.endpoint, wait)
                logger.warning("%s; attempt %d, next in %.1f s", failure.happened, budget.attempt, wait)
            closed.wait(wait)

    def _attempt(self, context: RequestContext, query: Query) -> tuple[Response, bytes]:
        """Send the request once, when the budgets allow it, and read the response."""
        with self._limits.slot(context.endpoint) as slot:
            context.meter.add(waited=slot.waited)
            if context.cancelled is not None and context.cancelled.is_set():
                raise CancelledError
            context.meter.add(requests=1)
            self._sent.add(requests=1)
            response, content = self._exchange(context, query)
            if response.status_code < 400:
                self._limits.update_from_headers(
                    context.endpoint,
                    slot,
                    response.headers.get("X-RateLimit-Remaining"),
                    response.headers.get("X-RateLimit-Consumed"),
                    seconds_until(response.headers.get("X-RateLimit-Reset", ""), self._clock()),
                )
            return response, content

    def _exchange(self, context: RequestContext, query: Query) -> tuple[Response, bytes]:
        """Send the request and read the response, unless the deadline comes first."""
        headers = {"Accept": context.accept}
        method = "GET"
        if context.body is not None:
            method, headers["Content-Type"] = "POST", context.accept
        with self._deadlines.attempt() as attempt:
            try:
                # the block gives the connection back, also if its response has not been read to the end
                with self._session.request(
                    method, context.url, params=query, data=context.body, headers=headers, stream=True
                ) as response:
                    is_redirect = 300 <= response.status_code < 400
                    content = b"" if is_redirect else read_body(response, context.endpoint, context.path)
            except Exception as failure:
                # half a response looks like many things: the end of the attempt explains them
                self._raise_if_hung_up(attempt, context)
                if isinstance(failure, TRANSPORT_ERRORS):
                    raise transport_error(failure, context, self._settings.network.proxy_setting, self._host) from None
                raise
            # or like a whole one
            self._raise_if_hung_up(attempt, context)
            return response, content

    def _raise_if_hung_up(self, attempt: Attempt, context: RequestContext) -> None:
        endpoint, path = context.endpoint.name, context.path
        if attempt.expired:
            raise OverlongError(endpoint, path, self._deadlines.seconds) from None
        if attempt.hung_up:
            raise UnreachableError(endpoint, path, self._host, "the client was closed") from None


def _may_be_done(context: RequestContext, failure: ApiError) -> bool:
    return context.body is not None and not isinstance(failure, RateLimitedError)
