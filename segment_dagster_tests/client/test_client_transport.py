"""Which failures of the network another attempt may overcome."""

import pytest
import requests
import urllib3.exceptions

from segment_dagster.client.context import RequestContext
from segment_dagster.client.errors import ProxyFailedError, UnreachableError
from segment_dagster.client.meter import Meter
from segment_dagster.client.transport_errors import transport_error
from segment_dagster.endpoints import CATALOGUE

URL = "https://api.example.com"
SOURCES = next(endpoint for endpoint in CATALOGUE if endpoint.name == "sources")


def error(failure):
    context = RequestContext(SOURCES, f"{URL}/sources", "/sources", "application/json", Meter())
    return transport_error(failure, context, URL, "api.example.com")


@pytest.mark.parametrize(
    "failure",
    [
        requests.ConnectionError(),
        requests.ConnectTimeout(),
        requests.ReadTimeout(),
        requests.exceptions.SSLError(),
        requests.exceptions.ChunkedEncodingError(),
        urllib3.exceptions.ProtocolError(),
        urllib3.exceptions.DecodeError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_of_the_network_is_tried_again(failure):
    made = error(failure)
    assert type(made) is UnreachableError
    assert made.retryable
    assert f"got no whole answer from api.example.com ({type(failure).__name__})" in str(made)


@pytest.mark.parametrize(
    "failure",
    [requests.exceptions.InvalidURL(), requests.exceptions.InvalidHeader(), requests.TooManyRedirects()],
    ids=lambda failure: type(failure).__name__,
)
def test_a_request_that_cannot_be_sent_is_not(failure):
    made = error(failure)
    assert type(made) is UnreachableError
    assert not made.retryable


@pytest.mark.parametrize(
    ("status", "retryable"), [(None, True), (403, False), (407, False), (408, True), (429, True), (502, True)], ids=str
)
def test_a_proxy_that_refuses_is_not_asked_again(status, retryable):
    cause = OSError(f"Tunnel connection failed: {status} No") if status else OSError("gone")
    made = error(requests.exceptions.ProxyError(cause))
    assert type(made) is ProxyFailedError
    assert made.retryable is retryable
    assert (f"({status})" in str(made)) is (status is not None and status < 500)
