"""What each status of a response leads to."""

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from segment_dagster.client.context import RequestContext
from segment_dagster.client.envelope import codes_of, errors_in, message_of
from segment_dagster.client.errors import (
    MAX_QUOTE,
    ApiError,
    FeatureError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    RedirectError,
    ServerError,
    TokenError,
)
from segment_dagster.client.retry_after import retry_after_seconds
from segment_dagster.config import ApiSettings, Layout
from segment_dagster.endpoints import Endpoint
from segment_dagster.foreign_text import foreign_text


class Action(Enum):
    """What the client does about a status."""

    REFUSE = "raise the error at once"
    RETRY = "send the request again after `Retry-After`, else after a backoff; raise the error in the end"
    RATE_LIMIT = (
        "the same, but `msBeforeNext` and `X-RateLimit-Reset` say how long too, and all who share the limit wait"
    )


@dataclass(frozen=True)
class Refusal:
    """A response that holds no records, as its status says."""

    context: RequestContext
    status: int
    headers: Mapping[str, str]
    errors: list[dict[str, Any]]
    """The errors in the error envelope."""

    message: str
    """What they say, fit for an error."""

    delay: float | None
    """Seconds that the server asks to wait."""

    layout: Layout
    show: Callable[[Any, int], str]

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint."""
        return self.context.endpoint

    @property
    def place(self) -> tuple[str, str]:
        """The endpoint's name and the path, with which every error begins."""
        return self.endpoint.name, self.context.path


def _redirect(refusal: Refusal) -> ApiError:
    location = refusal.headers.get("Location")
    return RedirectError(*refusal.place, None if location is None else _host(location, refusal.show))


def _token(refusal: Refusal) -> ApiError:
    return TokenError(*refusal.place, refusal.message)


def _forbidden(refusal: Refusal) -> ApiError:
    error = FeatureError if _lacks_feature(refusal) else ForbiddenError
    return error(refusal.endpoint, refusal.context.path, refusal.message)


def _not_found(refusal: Refusal) -> ApiError:
    # words alone do not decide: the reader tells a missing feature by how many lists answer 404
    if refusal.endpoint.feature is not None and _FEATURE_CODE.search(codes_of(refusal.errors)):
        return FeatureError(refusal.endpoint, refusal.context.path, refusal.message, refusal.status)
    return NotFoundError(*refusal.place, refusal.layout, refusal.message)


def _invalid(refusal: Refusal) -> ApiError:
    return InvalidRequestError(*refusal.place, refusal.status, refusal.message)


def _rate_limited(refusal: Refusal) -> ApiError:
    return RateLimitedError(*refusal.place, refusal.message, refusal.delay)


def _server_error(refusal: Refusal) -> ApiError:
    error = ServerError(*refusal.place, refusal.status, refusal.message)
    error.delay = refusal.delay
    return error


TABLE: tuple[tuple[Container[int], Action, Callable[[Refusal], ApiError]], ...] = (
    # with and without a Location: a redirect is not followed, the token would go with it
    (range(300, 400), Action.REFUSE, _redirect),
    ((401,), Action.REFUSE, _token),
    ((403,), Action.REFUSE, _forbidden),
    ((404,), Action.REFUSE, _not_found),
    ((408,), Action.RETRY, _server_error),
    ((429,), Action.RATE_LIMIT, _rate_limited),
    (range(400, 500), Action.REFUSE, _invalid),
    (range(500, 1000), Action.RETRY, _server_error),
)
"""Statuses, what is done about them, and the error; the first row that has a status counts. Lower ones hold records."""


def error_of(
    context: RequestContext, status: int, headers: Mapping[str, str], body: Any, settings: ApiSettings, now: datetime
) -> ApiError | None:
    """Return the error for a status, or `None` if the response should hold records.

    Args:
        context: The request.
        status: The status.
        headers: Headers of the response.
        body: Its parsed body, `None` where it is no JSON.
        settings: The token, which no error shows, and the layout.
        now: The current time, in UTC.
    """
    for statuses, action, make in TABLE:
        if status in statuses:
            show = partial(foreign_text, secret=settings.token)
            errors = errors_in(body)
            delay = None
            if action is not Action.REFUSE:
                delay = retry_after_seconds(headers, body, rate_limit=action is Action.RATE_LIMIT, now=now)
            message = message_of(errors, show)
            return make(Refusal(context, status, headers, errors, message, delay, settings.layout, show))
    return None


_FEATURE_CODE = re.compile(r"\b(features?|entitlements?|not enabled|upgrade)\b")
_PERMISSION_CODE = re.compile(r"\b(permissions?|roles?|scopes?|privileges?)\b")
"""What the envelope's codes name. `forbidden`, `access-denied` and `not-found` name neither: they repeat the status."""

_FEATURE_WORDS = re.compile(r"\b(features?|(?<!tracking )plan|not enabled|upgrade|subscription)\b", re.IGNORECASE)
_PERMISSION_WORDS = re.compile(
    r"\b(permissions?|roles?|scopes?|privileges?|access|authori[sz]ed|unauthori[sz]ed|allowed|denied|read.only|token)\b",
    re.IGNORECASE,
)


def _lacks_feature(refusal: Refusal) -> bool:
    """Return whether a 403 means the workspace's plan and not the token: by the envelope's codes, else by its words.

    Segment documents neither a status nor a code for a missing feature.
    """
    if refusal.endpoint.feature is None:
        return False
    codes = codes_of(refusal.errors)
    if _FEATURE_CODE.search(codes):
        return True
    if _PERMISSION_CODE.search(codes):
        return False
    return bool(_FEATURE_WORDS.search(refusal.message)) or not _PERMISSION_WORDS.search(refusal.message)


_HOST = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)")


def _host(location: str, show: Callable[[Any, int], str]) -> str:
    """Return the host of an address, without a user and a password; nothing where it has none."""
    try:
        urlsplit(location)
    except ValueError:
        return ""
    # a token may hold what ends a host
    match = _HOST.match(show(location, MAX_QUOTE))
    return match[1].rpartition("@")[2] if match else ""
