"""The client: pages of records of any endpoint in the catalogue."""

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.client import RESTClient
from requests.exceptions import RequestException  # noqa: TID251 - dlt does not hand it on
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_when_event_set
from tenacity.nap import sleep_using_event

from segment_dagster.client.answer import check_answer
from segment_dagster.client.errors import ApiError, UnreachableError
from segment_dagster.client.layout import Call, at, call_for, offers
from segment_dagster.client.paging import CursorPaginator
from segment_dagster.client.retry import TRANSIENT, stop_by_failure, wait_as_told
from segment_dagster.client.session import Connections, RetryingSession
from segment_dagster.endpoints import Endpoint
from segment_dagster.settings import Settings

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection.

How long to wait for an answer, and how often to try, say dlt's own settings `RUNTIME__REQUEST_TIMEOUT`,
`RUNTIME__REQUEST_MAX_ATTEMPTS`, `RUNTIME__REQUEST_BACKOFF_FACTOR` and `RUNTIME__REQUEST_MAX_RETRY_DELAY`.
"""

logger = logging.getLogger(__name__)


@dataclass
class Meter:
    """Counts what an endpoint costs. Threads may share one."""

    requests: int = 0
    """HTTP requests sent, repeated ones included."""

    waited: float = 0.0
    """Seconds spent waiting before a repeated request, added up over threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, requests: int = 0, waited: float = 0.0) -> None:
        """Add to the counts."""
        with self._lock:
            self.requests += requests
            self.waited += waited


@dataclass(frozen=True)
class Page:
    """One page of an endpoint's records, as the API gave them."""

    records: list[dict[str, Any]]
    total_entries: int | None
    """How many records the whole list holds, where the API says so."""


class SegmentClient:
    """Speaks to one workspace's Public API. Threads may share one; each gets a connection of its own.

    Use it as a context manager, or call `close`: it wakes every thread that waits for another attempt.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._retries = resolve_configuration(RuntimeConfiguration())
        self._connections = Connections()
        self._local = threading.local()
        self._sessions: list[RetryingSession] = []

    def __enter__(self) -> "SegmentClient":
        """Use the client for a while."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Hang up all connections, in the middle of a request too, and end all waiting for another attempt."""
        self._connections.close()
        for session in self._sessions:
            session.close()

    def offers(self, endpoint: Endpoint) -> bool:
        """Whether the layout in use has the endpoint."""
        return offers(self.settings.layout, endpoint)

    def pages(
        self, endpoint: Endpoint, values: Mapping[str, str] | None = None, meter: Meter | None = None
    ) -> Iterator[Page]:
        """All pages of one list, in the API's order.

        Args:
            endpoint: The row of the endpoint.
            values: What fills the placeholders of its path.
            meter: Counts the requests.

        Yields:
            At least one page; its records may be none.

        Raises:
            ApiError: The list could not be read whole.
            ValueError: The layout in use does not have the endpoint.
        """
        call = self._call(endpoint)
        if call is None:
            raise ValueError(f"the {self.settings.layout} layout has no endpoint {endpoint.name}")
        path = call.path_for(values or {})
        meter = meter or Meter()
        client = self._rest_client()
        self._local.meter = meter
        self._local.asking = f"{endpoint.name}: GET {path}"
        pages = client.paginate(
            path,
            headers={"Accept": call.accept},
            params={},
            paginator=CursorPaginator(endpoint.name, path, call),
            data_selector=".".join(call.selector),
            hooks={"response": [check_answer(endpoint, call, self.settings)]},
        )
        try:
            for page in pages:
                body = page.response.json()
                records = at(body, call.selector)
                total = next((total for place in call.total if (total := at(body, place)) is not None), None)
                yield Page([records] if endpoint.single else records, total if isinstance(total, int) else None)
        except RequestException as failure:
            host = urlsplit(self.settings.base_url).netloc
            raise UnreachableError(endpoint.name, path, host, type(failure).__name__) from failure

    def _call(self, endpoint: Endpoint) -> Call | None:
        return call_for(endpoint, self.settings.layout, self.settings.page_size)

    def _rest_client(self) -> RESTClient:
        client: RESTClient | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = RESTClient(
                self.settings.base_url, auth=BearerTokenAuth(self.settings.token), session=self._session()
            )
        return client

    def _session(self) -> RetryingSession:
        retrying = Retrying(
            retry=retry_if_exception_type(TRANSIENT),
            wait=wait_as_told(self._retries.request_backoff_factor, self._retries.request_max_retry_delay),
            stop=stop_by_failure(self._retries.request_max_attempts) | stop_when_event_set(self._connections.closed),
            sleep=sleep_using_event(self._connections.closed),
            before_sleep=self._log_wait,
            reraise=True,
        )
        timeout = (CONNECT_TIMEOUT, self._retries.request_timeout)
        session = RetryingSession(timeout, retrying, lambda: self._local.meter.add(requests=1), self._connections)
        self._sessions.append(session)
        return session

    def _log_wait(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        self._local.meter.add(waited=wait)
        # requests' own errors carry the address and its query: the type says enough
        said = failure.happened if isinstance(failure, ApiError) else f"{self._local.asking} {type(failure).__name__}"
        logger.warning("%s; attempt %d, next in %.1f s", said, state.attempt_number, wait)
