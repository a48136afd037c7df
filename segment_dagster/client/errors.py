"""The errors of the API, each with the remedy a person can act on."""

from collections.abc import Iterable

from segment_dagster.config import HOW_TO_MAKE_ONE, Layout
from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.foreign_text import printable
from segment_dagster.text import duration

MAX_QUOTE = 300
"""Characters of the API's own message that an error repeats."""


LONG_DELAY = 3600.0
"""Seconds beyond which a 429 that says when to come back is told with its time."""

MAX_DELAY = 366 * 24 * 3600.0


class ApiError(SegmentError):
    """A request did not bring a page of records.

    Texts that others wrote come here by way of `foreign_text`.

    Args:
        endpoint: Name of the endpoint.
        path: The path of the request, without its query; after the method if that is not GET.
        what: What happened.
        remedy: What to do, where there is something to do.
        said: What the API's error envelope says.
    """

    def __init__(self, endpoint: str, path: str, what: str, remedy: str = "", said: str = "") -> None:
        quote = f' Segment says: "{said.rstrip(".")}".' if said else ""
        self.endpoint = endpoint
        self.remedy = remedy
        request = path if path.startswith("POST ") else f"GET {path}"
        self.happened = _line(f"{endpoint}: {request} {what}")
        """What happened, without a remedy."""

        self.told = _line(f"{self.happened}.{quote}")
        """What happened, with what Segment says of it."""

        super().__init__(_line(f"{self.told} {remedy}"))


def _line(text: str) -> str:
    return printable(" ".join(text.split()))


class TokenError(ApiError):
    """401: the token is not, or no longer, a valid one."""

    def __init__(self, endpoint: str, path: str, said: str) -> None:
        remedy = f"Check SEGMENT_API_TOKEN and SEGMENT_REGION. {HOW_TO_MAKE_ONE}."
        super().__init__(endpoint, path, "was refused: the token is not valid (401)", remedy, said)


class ForbiddenError(ApiError):
    """403: the token may not, or the workspace's plan does not include it."""

    def __init__(self, endpoint: Endpoint, path: str, said: str) -> None:
        feature = f", or the workspace's plan lacks the feature {endpoint.feature!r}" if endpoint.feature else ""
        super().__init__(
            endpoint.name,
            path,
            f"was refused (403): the token lacks the permission {endpoint.permission!r}{feature}",
            "Give the token that role in the Segment app, or leave this asset out of the selection.",
            said,
        )


class FeatureError(ApiError):
    """403 or 404 for an endpoint that needs a feature: the workspace's plan does not include it."""

    def __init__(self, endpoint: Endpoint, path: str, said: str, status: int = 403) -> None:
        doubt = "" if said else f", or the token lacks the permission {endpoint.permission!r}: Segment gives no reason"
        what = f"was refused ({status}): the workspace's plan lacks the feature {endpoint.feature!r}{doubt}"
        super().__init__(endpoint.name, path, what, said=said)


class NotFoundError(ApiError):
    """404: there is nothing at the path."""

    def __init__(self, endpoint: str, path: str, layout: Layout, said: str) -> None:
        remedy = f"The path is that of the {layout!r} layout: check SEGMENT_API_LAYOUT and SEGMENT_BASE_URL."
        super().__init__(endpoint, path, "found nothing (404)", remedy, said)


class InvalidRequestError(ApiError):
    """Another 4xx, such as 422: the API does not accept the request."""

    def __init__(self, endpoint: str, path: str, status: int, said: str) -> None:
        remedy = "If SEGMENT_PAGE_SIZE is set, try without it."
        super().__init__(endpoint, path, f"was not accepted ({status})", remedy, said)


class PathError(ApiError):
    """A value in the path is `.` or `..`, which no client can request."""

    def __init__(self, endpoint: str, path: str) -> None:
        super().__init__(endpoint, path, "cannot be asked for: a part of the path is '.' or '..'")


class RedirectError(ApiError):
    """3xx: the API is somewhere else. The token is not sent there."""

    def __init__(self, endpoint: str, path: str, host: str | None) -> None:
        remedy = "Set SEGMENT_BASE_URL to the API's own address if that is the right one."
        where = "without an address" if host is None else f"to {host or 'another path'}"
        super().__init__(endpoint, path, f"was sent on {where}", remedy)


class TransientError(ApiError):
    """A failure that another attempt may overcome."""

    retryable = True
    delay: float | None = None
    """Seconds that the server asks to wait before the next attempt, where it says so."""


class RateLimitedError(TransientError):
    """429: too many requests."""

    def __init__(self, endpoint: str, path: str, said: str, delay: float | None = None) -> None:
        remedy = "So did every attempt. Lower SEGMENT_REQUESTS_PER_MINUTE, or raise SEGMENT_RETRY_SECONDS."
        what = "met the rate limit (429)"
        if delay is not None and delay > LONG_DELAY:
            what += f", to come back in {duration(min(delay, MAX_DELAY))}"
            remedy = "Run it again then. Whatever else uses the token counts against the same limit."
        super().__init__(endpoint, path, what, remedy, said)
        self.delay = delay


class ServerError(TransientError):
    """5xx: the API is failing."""

    def __init__(self, endpoint: str, path: str, status: int, said: str) -> None:
        remedy = "So did every attempt. Try again later; status.segment.com tells of outages."
        super().__init__(endpoint, path, f"failed ({status})", remedy, said)


class BodyError(TransientError):
    """The response is not JSON, or it ends too early."""

    def __init__(self, endpoint: str, path: str, content_type: str, size: int) -> None:
        remedy = (
            "So did every attempt. If SEGMENT_BASE_URL is set, check that it is the API and not a web page or a proxy."
        )
        what = f"answered {size:,} bytes of {content_type or 'no content type'} that are not JSON"
        super().__init__(endpoint, path, what, remedy)


class OverlongError(TransientError):
    """The response does not end, though more of it may still come."""

    def __init__(self, endpoint: str, path: str, seconds: float) -> None:
        remedy = "So did every attempt. Try again later, or raise RUNTIME__REQUEST_TIMEOUT where the network is slow."
        super().__init__(endpoint, path, f"had not come to an end after {seconds:,.1f} s", remedy)


class OversizeError(ApiError):
    """The response is larger than any page of records."""

    def __init__(self, endpoint: str, path: str, most: str) -> None:
        remedy = "Nothing of it was loaded. Lower SEGMENT_PAGE_SIZE, and check SEGMENT_BASE_URL where that is set."
        super().__init__(endpoint, path, f"answered more than the {most} that are read of one page", remedy)


class DepthError(ApiError):
    """The response is nested deeper than any record."""

    def __init__(self, endpoint: str, path: str) -> None:
        remedy = "Nothing of it was loaded. Check SEGMENT_BASE_URL where that is set."
        super().__init__(endpoint, path, "answered JSON that is nested too deep to be read", remedy)


class UnreachableError(TransientError):
    """No whole response came: refused, reset, timed out or cut short, on every attempt."""

    def __init__(self, endpoint: str, path: str, host: str, kind: str, *, retryable: bool = True) -> None:
        remedy = "Nor did any other attempt. Check the network, SEGMENT_REGION and SEGMENT_BASE_URL."
        super().__init__(endpoint, path, f"got no whole answer from {host} ({kind})", remedy)
        self.retryable = retryable


class ProxyFailedError(TransientError):
    """No response came, because of the proxy."""

    def __init__(self, endpoint: str, path: str, setting: str, status: int | None) -> None:
        proxy = f"the proxy that {setting} names"
        what = (
            f"was refused by {proxy} ({status})" if status else f"was not let through by {proxy}, or did not reach it"
        )
        super().__init__(endpoint, path, what, f"Check {setting}, or name the API's host in NO_PROXY.")
        self.retryable = status in (None, 408, 429)


class CertificateError(ApiError):
    """The server's certificate is not trusted. The token was not sent."""

    def __init__(self, endpoint: str, path: str, host: str) -> None:
        remedy = (
            "Check SEGMENT_BASE_URL. If a proxy or a firewall answers in the API's place, set REQUESTS_CA_BUNDLE to a "
            "file with its certificate."
        )
        super().__init__(endpoint, path, f"met a certificate that is not trusted for {host}", remedy)


class ShapeError(ApiError):
    """The response is JSON but holds no records where they should be."""

    def __init__(self, endpoint: str, path: str, selector: Iterable[str], problem: str) -> None:
        remedy = "Nothing of it was loaded. Check SEGMENT_API_LAYOUT; if that is right, the API has changed."
        super().__init__(endpoint, path, f"has no records at {'.'.join(selector)!r}: {problem}", remedy)


class CountError(ApiError):
    """The response's own count of its records is no number: whether all came cannot be checked."""

    def __init__(self, endpoint: str, path: str, kind: str) -> None:
        remedy = "Nothing of it was loaded. Check SEGMENT_API_LAYOUT; if that is right, the API has changed."
        super().__init__(endpoint, path, f"has a totalEntries that is no count: it is {kind}", remedy)


class UnfinishedError(ApiError):
    """The response names no next page though there is more."""

    def __init__(self, endpoint: str, path: str, problem: str) -> None:
        remedy = "Nothing of it was loaded. Check SEGMENT_API_LAYOUT; if that is right, the API has changed."
        super().__init__(endpoint, path, f"breaks off: {problem}", remedy)


class BeyondCountError(ApiError):
    """Pages go on after as many records as the list holds."""

    def __init__(self, endpoint: str, path: str, received: int, total: int) -> None:
        what = f"goes on after {received:,} records, though it counts {total:,} itself"
        super().__init__(endpoint, path, what, "Nothing of it was loaded. Try again later.")


class CursorError(ApiError):
    """The cursor of the next page was used before."""

    def __init__(self, endpoint: str, path: str, page: int) -> None:
        what = f"repeats an earlier cursor on page {page}, so the list would never end"
        super().__init__(endpoint, path, what, "Nothing of it was loaded. Try again later.")


class StalledError(ApiError):
    """Every page names a next one, and none brings anything new."""

    def __init__(self, endpoint: str, path: str, pages: int) -> None:
        what = f"has brought nothing new for {pages} pages, and names a next one all the same"
        super().__init__(endpoint, path, what, "Nothing of it was loaded. Try again later.")


REFUSALS = (
    TokenError,
    ForbiddenError,
    FeatureError,
    NotFoundError,
    InvalidRequestError,
    PathError,
    RedirectError,
    RateLimitedError,
    CertificateError,
)
"""Errors after which a request that writes has done nothing. After any other, it may have."""
