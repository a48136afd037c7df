"""The client: pages of records of any endpoint in the catalogue."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.common.jsonpath import TJsonPath, compile_path
from dlt.sources.helpers.requests import Response
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.client import PageData, RESTClient
from requests.exceptions import ProxyError, RequestException  # noqa: TID251 - dlt does not hand it on
from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.nap import sleep_using_event
from urllib3.exceptions import HTTPError

from segment_dagster.client.answer import MAX_PATH, Repairs, check_answer
from segment_dagster.client.deadline import TIMEOUTS_PER_ATTEMPT, Deadlines
from segment_dagster.client.errors import (
    ApiError,
    CertificateError,
    OverlongError,
    PathError,
    ProxyFailedError,
    RateLimitedError,
    UnreachableError,
)
from segment_dagster.client.layout import Part, at, call_for, offers
from segment_dagster.client.limits import Limits
from segment_dagster.client.paging import CursorPaginator
from segment_dagster.client.retry import (
    Patience,
    is_transient,
    is_untrusted,
    seconds_until,
    status_of_proxy,
    wait_as_told,
)
from segment_dagster.client.session import RetryingSession
from segment_dagster.config import Settings
from segment_dagster.endpoints import Endpoint
from segment_dagster.foreign_text import foreign_text
from segment_dagster.network import proxy_setting

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection.

How long to wait for an answer and between attempts say dlt's own settings `RUNTIME__REQUEST_TIMEOUT`,
`RUNTIME__REQUEST_BACKOFF_FACTOR` and `RUNTIME__REQUEST_MAX_RETRY_DELAY`.
"""

_DOTS = frozenset((".", ".."))
"""Path segments that urllib3 resolves, encoded or not: what was asked for would be another list."""

logger = logging.getLogger(__name__)


@dataclass
class Meter:
    """Counts what an endpoint costs. Threads may share one."""

    requests: int = 0
    """HTTP requests sent, repeated ones included."""

    waited: float = 0.0
    """Seconds spent waiting for the budget or before a repeated request, added up over threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, requests: int = 0, waited: float = 0.0) -> None:
        """Add to the counts."""
        with self._lock:
            self.requests += requests
            self.waited += waited


@dataclass(frozen=True)
class Page:
    """One page of an endpoint's records, as the API gave them."""

    endpoint: Endpoint
    records: list[dict[str, Any]]
    total_entries: int | None
    """How many records the whole list holds, where the API says so."""


class SegmentClient:
    """Speaks to one workspace's Public API. Threads may share one, and share its connections and its budgets.

    Use it as a context manager, or call `close`: it wakes every thread that waits.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._retries = resolve_configuration(RuntimeConfiguration())
        self.sent = Meter()
        """All that was sent by this client."""

        self._deadlines = Deadlines(TIMEOUTS_PER_ATTEMPT * self._retries.request_timeout)
        self.limits = Limits(settings.requests_per_minute, settings.minute, self._deadlines.closed)
        self._local = threading.local()
        self._host = urlsplit(settings.base_url).netloc
        self._session = self._open_session()
        self._client = RESTClient(settings.base_url, auth=BearerTokenAuth(settings.token), session=self._session)

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
        """Whether the layout in use has the endpoint."""
        return offers(self.settings.layout, endpoint)

    def pages(
        self,
        endpoints: Endpoint | Sequence[Endpoint],
        values: Mapping[str, str] | None = None,
        meter: Meter | None = None,
        given_up: threading.Event | None = None,
    ) -> Iterator[Page]:
        """All pages of one list, in the API's order; of several lists where endpoints share their answers.

        Args:
            endpoints: The row of the endpoint, or those of several with the same path.
            values: The request's own parameters: what fills the placeholders of the path, and the query.
            meter: Counts the requests.
            given_up: Once set, nothing more is asked: a request that waits for its turn is not sent.

        Yields:
            At least one page of each endpoint; its records may be none.

        Raises:
            ApiError: The list could not be read whole.
            CancelledError: It was given up.
            ValueError: The layout in use does not have the endpoint.
        """
        endpoints = (endpoints,) if isinstance(endpoints, Endpoint) else endpoints
        call = call_for(endpoints, self.settings.layout, self.settings.page_size)
        if call is None:
            raise ValueError(f"the {self.settings.layout} layout has no endpoint {endpoints[0].name}")
        path = call.path_for(values or {})
        shown = foreign_text(path, MAX_PATH, self.settings.token)
        if _DOTS.intersection(path.split("/")):
            raise PathError(endpoints[0].name, shown)
        paginator = CursorPaginator(shown, call, partial(foreign_text, secret=self.settings.token))
        self._local.asking = _Asking(endpoints[0], shown, meter or Meter(), given_up)
        repairs = Repairs()
        check = check_answer(call, self.settings, self._deadlines.answered, repairs)
        answers = self._client.paginate(
            path,
            stream=True,
            headers={"Accept": call.accept},
            params=dict(call.query_for(values or {})),
            paginator=paginator,
            data_selector=_selector(call.parts[0].selector),
            hooks={"response": [partial(self._learn, endpoints[0]), check]},
        )
        try:
            for answer in answers:
                body = answer.response.json()
                totals = paginator.totals
                pages = [_page(body, part, totals[part.endpoint.name]) for part in paginator.answered]
                # they are held here, and in dlt's frames, until the next answer has come
                _forget(answer, body, paginator.answered)
                del body
                while pages:
                    yield pages.pop(0)
        except (RequestException, HTTPError) as failure:
            # the cause repeats what others wrote: addresses with cursors, heads of answers
            raise self._unanswered(failure, endpoints[0].name, shown) from None
        finally:
            if said := str(repairs):
                logger.warning("%s: GET %s: %s", endpoints[0].name, shown, said)

    def _unanswered(self, failure: Exception, endpoint: str, path: str) -> ApiError:
        """Return the error for a request that got no whole answer."""
        if is_untrusted(failure):
            return CertificateError(endpoint, path, self._host)
        if isinstance(failure, ProxyError):
            return ProxyFailedError(endpoint, path, proxy_setting(self.settings.base_url), status_of_proxy(failure))
        return UnreachableError(endpoint, path, self._host, type(failure).__name__)

    def _open_session(self) -> RetryingSession:
        timeout = (CONNECT_TIMEOUT, self._retries.request_timeout)
        return RetryingSession(timeout, self._retrying, self._turn, self._deadlines, self.settings.concurrency)

    def _retrying(self) -> Retrying:
        """Return when a request is tried again: made anew for each, as it counts that one's failures."""
        settings, wait = (
            self.settings,
            wait_as_told(self._retries.request_backoff_factor, self._retries.request_max_retry_delay),
        )
        patience = Patience(settings.retry_seconds, settings.rate_limit_seconds, settings.attempts)
        return Retrying(
            retry=retry_if_exception(is_transient),
            wait=lambda state: patience.wait(state, wait),
            stop=lambda state: self._deadlines.closed.is_set() or patience.stop(state),
            sleep=sleep_using_event(self._deadlines.closed),
            before_sleep=self._log_wait,
            reraise=True,
        )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One try of what this thread is asking: within the budget, and counted."""
        asking: _Asking = self._local.asking
        with self.limits.slot(asking.endpoint) as turn:
            self._local.turn = turn
            asking.meter.add(waited=turn.waited)
            if asking.given_up is not None and asking.given_up.is_set():
                raise CancelledError
            asking.meter.add(requests=1)
            self.sent.add(requests=1)
            with self._within_deadline(asking):
                yield

    @contextmanager
    def _within_deadline(self, asking: "_Asking") -> Iterator[None]:
        """End the attempt when its time is over, however its answer goes on or seems to have ended."""
        name, path = asking.endpoint.name, asking.path
        with self._deadlines.attempt() as attempt:
            try:
                yield
            except Exception:
                # half an answer looks like many things
                if attempt.hung_up and not attempt.expired:
                    raise UnreachableError(name, path, self._host, "the client was closed") from None
                raise
            finally:
                if attempt.expired:
                    raise OverlongError(name, path, self._deadlines.seconds) from None

    def _learn(self, endpoint: Endpoint, response: Response, *_: Any, **__: Any) -> None:
        if response.status_code < 400:
            reset = seconds_until(response.headers.get("X-RateLimit-Reset", ""))
            self.limits.update_from_headers(
                endpoint,
                self._local.turn,
                response.headers.get("X-RateLimit-Remaining"),
                response.headers.get("X-RateLimit-Consumed"),
                reset,
            )

    def _log_wait(self, state: RetryCallState) -> None:
        asking: _Asking = self._local.asking
        failure = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        asking.meter.add(waited=wait)
        if isinstance(failure, RateLimitedError):
            self.limits.on_429(asking.endpoint, wait)
        # requests' own errors carry the address and its query: the type says enough
        what = f"{asking.endpoint.name}: GET {asking.path}"
        said = failure.happened if isinstance(failure, ApiError) else f"{what} {type(failure).__name__}"
        logger.warning("%s; attempt %d, next in %.1f s", said, state.attempt_number, wait)


@dataclass(frozen=True)
class _Asking:
    """What a thread is asking for."""

    endpoint: Endpoint
    path: str
    meter: Meter
    given_up: threading.Event | None


@lru_cache(maxsize=256)
def _selector(place: tuple[str, ...]) -> TJsonPath:
    # dlt would build the parser of a path anew for every page: 1 ms
    return compile_path(".".join(place))


def _forget(answer: PageData[Any], body: Any, parts: Sequence[Part]) -> None:
    """Let go of an answer's records, of which the pages have lists of their own."""
    answer.clear()
    for part in parts:
        if not part.endpoint.single:
            at(body, part.selector).clear()


def _page(body: Any, part: Part, total: int | None) -> Page:
    endpoint, found = part.endpoint, at(body, part.selector)
    records = [found] if endpoint.single else list(found)
    if endpoint.wrapped:
        records = [{endpoint.wrapped: record} for record in records]
    return Page(endpoint, records, total)
