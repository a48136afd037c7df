"""Translate what requests and urllib3 raise when no whole response comes."""

import re
import ssl
from collections.abc import Iterator

from dlt.sources.helpers.requests.retry import DEFAULT_RETRY_EXCEPTIONS
from requests.exceptions import ProxyError, RequestException  # noqa: TID251 - dlt does not hand it on
from urllib3.exceptions import HTTPError

from segment_dagster.client.context import RequestContext
from segment_dagster.client.errors import ApiError, CertificateError, ProxyFailedError, UnreachableError
from segment_dagster.network import proxy_setting

TRANSPORT_ERRORS: tuple[type[Exception], ...] = (RequestException, HTTPError)
"""All that requests and urllib3 raise."""

_RETRYABLE: tuple[type[Exception], ...] = (*DEFAULT_RETRY_EXCEPTIONS, HTTPError)
"""No connection, a time-out, a body cut short or not compressed as it says. Others, as for an address, come again."""

_REFUSED_BY_PROXY = re.compile(r"Tunnel connection failed: (4\d\d)\b")


def transport_error(failure: Exception, context: RequestContext, base_url: str, host: str) -> ApiError:
    """Return the error for a request that got no whole response.

    It has no cause: what others raise repeats addresses with cursors, and heads of responses.

    Args:
        failure: One of `TRANSPORT_ERRORS`.
        context: The request.
        base_url: The address of the API.
        host: Its host.
    """
    endpoint, path = context.endpoint.name, context.path
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(failure)):
        return CertificateError(endpoint, path, host)
    if isinstance(failure, ProxyError):
        return ProxyFailedError(endpoint, path, proxy_setting(base_url), _proxy_status(failure))
    kind = type(failure).__name__
    return UnreachableError(endpoint, path, host, kind, retryable=isinstance(failure, _RETRYABLE))


def _proxy_status(failure: Exception) -> int | None:
    """Return the status, 400 to 499, with which a proxy refused to connect to the API."""
    found = (_REFUSED_BY_PROXY.search(str(each)) for each in _causes(failure) if isinstance(each, OSError))
    return next((int(match[1]) for match in found if match), None)


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
