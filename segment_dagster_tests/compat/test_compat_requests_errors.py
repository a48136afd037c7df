"""What `_compat/requests_errors.py` takes for granted of the errors of requests, urllib3 and http.client."""

import ssl

import pytest
import requests

from segment_dagster._compat.requests_errors import is_untrusted, proxy_status
from segment_dagster_tests.client.raw_server import serving

BREAKS = "see segment_dagster/_compat/requests_errors.py"


def failure_of(url, **options):
    with pytest.raises(requests.RequestException) as caught:
        requests.get(url, timeout=20, **options)
    return caught.value


@pytest.mark.parametrize("status", [403, 407])
def test_a_proxy_that_refuses_is_found_with_its_status(status):
    def refuse(_, connection):
        connection.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)

    with serving(refuse) as raw:
        failure = failure_of("https://api.segment.invalid", proxies={"https": raw.url})
    assert proxy_status(failure) == status, f"the status of a proxy is nowhere in {failure!r}: {BREAKS}"
    assert not is_untrusted(failure)


def test_an_untrusted_certificate_is_found_within_the_error(tmp_path):
    from segment_dagster_tests.client.test_client_network import make_certificate

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(lambda raw, connection: None, context) as raw:
        failure = failure_of(raw.url.replace("http:", "https:"))
    assert is_untrusted(failure), f"no SSLCertVerificationError is within {failure!r}: {BREAKS}"
    assert proxy_status(failure) is None


def test_a_connection_that_is_refused_is_neither():
    failure = failure_of("http://127.0.0.1:1")
    assert not is_untrusted(failure)
    assert proxy_status(failure) is None
