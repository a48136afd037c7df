"""When to ask again, and how long to wait before it."""

import random
import re
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any

from dlt.sources.helpers.requests import Response
from dlt.sources.helpers.requests.retry import DEFAULT_RETRY_EXCEPTIONS
from requests.exceptions import ProxyError  # noqa: TID251 - dlt does not hand it on
from tenacity import RetryCallState
from tenacity.wait import wait_base
from urllib3.exceptions import HTTPError

from segment_dagster.client.errors import RateLimitedError, TransientError

NO_ANSWER: tuple[type[Exception], ...] = (*DEFAULT_RETRY_EXCEPTIONS, HTTPError)
"""No whole answer came: no connection, a time-out, a body cut short or not compressed as it says."""

TRANSIENT: tuple[type[Exception], ...] = (TransientError, *NO_ANSWER)
"""What another attempt may mend: no whole answer, 429, 5xx, a body that is no JSON."""

_REFUSED_BY_PROXY = re.compile(r"Tunnel connection failed: (4\d\d)\b")

LIMITED_ATTEMPTS = 3
"""Attempts that a 429 gets beyond those that a user has set: a limit per minute that tells no time outlives a few."""

MAX_LIMITED = 100
"""How often one request may be told by a 429 when to come back."""

MAX_BACKOFF = 30.0
"""Seconds of the longest wait where the server says nothing: an outage that is over is to be seen soon."""


def is_transient(failure: BaseException) -> bool:
    """Return whether another attempt may mend a failure."""
    if not isinstance(failure, TRANSIENT) or is_untrusted(failure):
        return False
    return status_of_proxy(failure) in (None, "408", "429")


def is_untrusted(failure: BaseException) -> bool:
    """Return whether whoever answered has a certificate that is not trusted."""
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(failure))


def status_of_proxy(failure: BaseException) -> str | None:
    """Return the status, 400 to 499, with which a proxy refused to go on to the API."""
    if not isinstance(failure, ProxyError):
        return None
    found = (_REFUSED_BY_PROXY.search(str(each)) for each in _causes(failure) if isinstance(each, OSError))
    return next((match[1] for match in found if match), None)


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """Yield an error and those in it: requests and urllib3 wrap each other's."""
    waiting, seen = [failure], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = (*each.args, getattr(each, "reason", None), getattr(each, "original_error", None))
        waiting += [cause for cause in (*inner, each.__cause__) if isinstance(cause, BaseException)]


class Patience:
    """Decides how long one request is tried again: by time, and not by the number of its failures.

    A 429 that says when to come back is no failure: whoever answers so works. It is waited for, within bounds of its
    own. Where a user has set `RUNTIME__REQUEST_MAX_ATTEMPTS`, that many failures end the request, and no time does.

    Args:
        seconds: How long failure may follow failure, counted from the first.
        limited_seconds: How long the request may wait in all because a 429 said so.
        attempts: Failures that end the request, where a user says so.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self,
        seconds: float,
        limited_seconds: float,
        attempts: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._limited_seconds = limited_seconds
        self._attempts = attempts
        self._clock = clock
        self._failing_since: float | None = None
        self._failures = 0
        self._limited = 0
        self._limited_waited = 0.0

    def wait(self, state: RetryCallState, wait: wait_base) -> float:
        """Return the seconds until the next attempt: the last one comes when the time is over, not before."""
        failure = _failure_of(state)
        seconds = wait(state)
        if is_told(failure):
            self._limited += 1
            self._limited_waited += seconds
            self._failing_since = None
            return seconds
        self._failures += 1
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = now
        if self._attempts is not None:
            return seconds
        return min(seconds, max(0.0, self._failing_since + self._seconds - now))

    def stop(self, state: RetryCallState) -> bool:
        """Return whether there is to be no further attempt. `wait` has been asked about the failure before."""
        failure = _failure_of(state)
        if is_told(failure):
            asked = failure.delay if isinstance(failure, TransientError) and failure.delay else 0.0
            over = max(asked, self._limited_waited) > self._limited_seconds
            return over or self._limited > MAX_LIMITED
        if self._attempts is not None:
            more = LIMITED_ATTEMPTS if isinstance(failure, RateLimitedError) else 0
            return self._failures >= self._attempts + more
        since = self._failing_since
        return since is not None and self._clock() - since >= self._seconds


def is_told(failure: BaseException | None) -> bool:
    """Return whether a failure is a 429 that says when to come back. To say at once is to say nothing."""
    return isinstance(failure, RateLimitedError) and bool(failure.delay)


def _failure_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


class wait_as_told(wait_base):
    """Wait as long as the server asks; where it does not say, back off exponentially with jitter.

    Args:
        factor: Seconds of the first backoff.
        longest: Seconds that no wait exceeds.
    """

    def __init__(self, factor: float, longest: float) -> None:
        self.factor = factor
        self.longest = longest

    def __call__(self, retry_state: RetryCallState) -> float:
        """Seconds until the next attempt."""
        failure = _failure_of(retry_state)
        # randomness spreads the threads that were refused together; no secret depends on it
        if isinstance(failure, TransientError) and failure.delay:
            return min(self.longest, failure.delay + random.uniform(0, 0.1))  # noqa: S311
        # an exponent that no float has, after a thousand attempts
        backoff = self.factor * 2.0 ** min(64, retry_state.attempt_number - 1)
        return min(self.longest, MAX_BACKOFF, backoff) * random.uniform(0.5, 1)  # noqa: S311


def told_delay(response: Response, body: Any) -> float | None:
    """Seconds that the server asks to wait: by `Retry-After`, `msBeforeNext` or `X-RateLimit-Reset`, in this order.

    Args:
        response: The refusal.
        body: Its parsed body; the error envelope of a 429 may hold `errors[].data.msBeforeNext` in milliseconds.

    Returns:
        Seconds from now, never negative, or `None` where the server does not say.
    """
    after = response.headers.get("Retry-After", "").strip()
    if after.isascii() and after.isdigit():
        # no seconds at all would use up every attempt at once
        return float(after) or None
    if after and (delay := seconds_until(after)) is not None:
        return delay
    if response.status_code != 429:
        return None
    if (milliseconds := _milliseconds_before_next(body)) is not None:
        return milliseconds / 1000
    return seconds_until(response.headers.get("X-RateLimit-Reset", ""))


def seconds_until(date: str) -> float | None:
    """Seconds from now to a date as RFC 5322 writes it, never negative; `None` where it is none."""
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        # RFC 5322 writes UTC as -0000 where nothing is said about the zone
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - time.time())


def _milliseconds_before_next(body: Any) -> float | None:
    errors = body.get("errors") if isinstance(body, dict) else None
    for error in errors if isinstance(errors, list) else ():
        data = error.get("data") if isinstance(error, dict) else None
        told = data.get("msBeforeNext") if isinstance(data, dict) else None
        if isinstance(told, int | float) and not isinstance(told, bool) and told >= 0:
            return float(told)
    return None
