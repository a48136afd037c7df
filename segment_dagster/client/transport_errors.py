"""Translate what requests and urllib3 raise when no whole response comes."""

from dlt.sources.helpers import requests
from requests.exceptions import ProxyError  # noqa: TID251 - dlt does not hand it on
from urllib3.exceptions import HTTPError

from segment_dagster._compat.requests_errors import is_untrusted, proxy_status
from segment_dagster.client.context import RequestContext
from segment_dagster.client.errors import ApiError, CertificateError, ProxyFailedError, UnreachableError

TRANSPORT_ERRORS: tuple[type[Exception], ...] = (requests.RequestException, HTTPError)
"""All that requests and urllib3 raise."""

_RETRYABLE: tuple[type[Exception], ...] = (
    requests.ConnectionError,
    requests.Timeout,
    requests.ChunkedEncodingError,
    HTTPError,
)
"""No connection, a time-out, a body cut short or not compressed as it says. Others, as for an address, come again."""


def transport_error(failure: Exception, context: RequestContext, proxy_setting: str, host: str) -> ApiError:
    """Return the error for a request that got no whole response.

    It has no cause: what others raise repeats addresses with cursors, and heads of responses.

    Args:
        failure: One of `TRANSPORT_ERRORS`.
        context: The request.
        proxy_setting: The setting that the proxy comes from.
        host: Its host.
    """
    endpoint, path = context.endpoint.name, context.path
    if is_untrusted(failure):
        return CertificateError(endpoint, path, host)
    if isinstance(failure, ProxyError):
        return ProxyFailedError(endpoint, path, proxy_setting, proxy_status(failure))
    kind = type(failure).__name__
    return UnreachableError(endpoint, path, host, kind, retryable=isinstance(failure, _RETRYABLE))
