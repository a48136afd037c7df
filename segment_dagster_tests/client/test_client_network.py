"""The way to the API: no proxy for this machine itself; a proxy or certificate that cannot be used is told as such."""

import ssl
from pathlib import Path

import pytest

from segment_dagster.client import SegmentClient
from segment_dagster.client.errors import ApiError, CertificateError, ProxyFailedError
from segment_dagster.config import ApiSettings
from segment_dagster.config.network import is_loopback
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.errors import SettingError
from segment_dagster.extract.extractor import Extractor
from segment_dagster_tests.client.raw_server import serving

SOURCES = next(row for row in CATALOGUE if row.name == "sources")
EMPTY: dict = {"data": {"sources": []}}
API = "https://api.segment.invalid"
PASSWORD = "Pass" + "w0rd"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for scheme in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_PROXY".upper(), raising=False)
    for setting in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(setting, raising=False)
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")


def read(client):
    return [record for page in client.pages(SOURCES) for record in page.records]


def reading(url):
    return SegmentClient(ApiSettings(token="a-token-of-mine", base_url=url))


def refuse(raw, connection):
    connection.sendall(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("setting", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("exempt", [None, "", "example.com"])
def test_what_is_on_this_machine_is_asked_without_a_proxy(setting, host, exempt, scripted, client_of, monkeypatch):
    api = scripted(EMPTY)
    with serving(refuse) as proxy:
        monkeypatch.setenv(setting, proxy.url)
        if exempt is not None:
            monkeypatch.setenv("NO_PROXY", exempt)
        assert read(client_of(api.url.replace("127.0.0.1", host))) == []
        assert proxy.asked == []
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080",
        "http://LOCALHOST/",
        "http://api.localhost",
        "https://localhost.",
        "http://127.0.0.1",
        "https://127.8.9.10:443/path",
        "https://127.1",
        "http://[::1]:80",
        "https://[::ffff:127.0.0.1]",
    ],
)
def test_addresses_of_this_machine(url):
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url", ["https://api.segmentapis.com", "https://127.0.0.1.example.com", "https://localhost.example.com"]
)
@pytest.mark.parametrize("more", ["", "/127.0.0.1", "?localhost"])
def test_addresses_of_others(url, more):
    assert not is_loopback(url + more)


def test_another_machine_is_asked_through_the_proxy(monkeypatch):
    with serving(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with reading(API) as client, pytest.raises(ProxyFailedError) as caught:
            read(client)
        assert len(proxy.asked) == 2, "it is tried again"
        assert b"a-token-of-mine" not in b"".join(proxy.asked)
    assert str(caught.value) == (
        "sources: GET /sources was not let through by the proxy that HTTPS_PROXY names, or did not reach it. "
        "Check HTTPS_PROXY, or name the API's host in NO_PROXY."
    )


@pytest.mark.parametrize("status", [400, 403, 407])
def test_a_proxy_that_refuses_is_told_at_once(status, monkeypatch):
    def answer(raw, connection):
        connection.sendall(b"HTTP/1.1 %d \x1b[31mno a-token-of-mine\r\nContent-Length: 0\r\n\r\n" % status)

    with serving(answer) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with reading(API) as client, pytest.raises(ProxyFailedError) as caught:
            read(client)
        assert len(proxy.asked) == 1
    assert f"was refused by the proxy that ALL_PROXY names ({status})" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert caught.value.__suppress_context__ and caught.value.__cause__ is None


def test_a_proxy_where_nobody_listens_is_told(monkeypatch):
    with serving(refuse) as proxy:
        pass
    monkeypatch.setenv("https_proxy", proxy.url)
    with reading(API) as client, pytest.raises(ProxyFailedError, match="that https_proxy names"):
        read(client)


@pytest.mark.parametrize(
    ("proxy", "problem"),
    [
        ("http://", "is no address of a proxy"),
        ("http:///path", "is no address of a proxy"),
        ("http://proxy:0", "is no address of a proxy"),
        ("http://proxy:99999", "is no address of a proxy"),
        ("http://proxy:port", "is no address of a proxy"),
        ("http://[::1", "is no address of a proxy"),
        ("http://a..b:3128", "is no address of a proxy"),
        (f"http://{'a' * 70}.example:3128", "is no address of a proxy"),
        ("ftp://proxy:21", "has a scheme that no proxy has"),
        ("proxy.example:3128:1", "is no address of a proxy"),
        (f"http://user:{PASSWORD}\u20ac@proxy:3128", "has a user name or a password that no header can hold"),
        (f"http://user:{PASSWORD}%E2%82%AC@proxy:3128", "has a user name or a password that no header can hold"),
        (f"http://user:{PASSWORD}%0d%0aX:y@proxy:3128", "has a user name or a password with a character"),
        (f"http://user:{PASSWORD} @proxy:3128", "holds a space, a line break or another character"),
        (f"http://user:{PASSWORD}\n@proxy:3128", "holds a space, a line break or another character"),
        (f"socks5://user:{PASSWORD}@proxy:1080", "needs the package PySocks"),
    ],
)
@pytest.mark.parametrize("setting", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_an_address_that_is_no_proxys_is_told_as_the_setting_it_is(setting, proxy, problem, monkeypatch):
    monkeypatch.setattr("segment_dagster.config.network.importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv(setting, proxy)
    with pytest.raises(SettingError) as caught:
        ApiSettings(token="a-token-of-mine", base_url=API)
    assert str(caught.value).startswith(f"{setting} {problem}" if "PySocks" not in problem else f"{setting} is a SOCKS")
    assert problem in str(caught.value)
    assert PASSWORD not in str(caught.value)
    # where no proxy is used it does not count
    assert ApiSettings(token="a-token-of-mine", base_url="http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "api.segment.invalid")
    assert ApiSettings(token="a-token-of-mine", base_url=API)


@pytest.mark.parametrize(
    "proxy",
    ["http://proxy:3128", "proxy:3128", "https://proxy", f"http://user:{PASSWORD}%40@[::1]:3128", "http://10.0.0.1"],
)
def test_an_address_of_a_proxy_is_taken(proxy, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert ApiSettings(token="a-token-of-mine", base_url=API)


@pytest.mark.parametrize("setting", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_are_not_there_are_told_as_the_setting_they_are(setting, tmp_path, monkeypatch):
    missing, empty = tmp_path / "missing\x1b[31m.pem", tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path, problem in [(missing, "which does not exist"), (empty, "which holds no certificates")]:
        monkeypatch.setenv(setting, str(path))
        with pytest.raises(SettingError) as caught:
            ApiSettings(token="a-token-of-mine", base_url=API)
        text = str(caught.value)
        assert text.startswith(f"{setting} names ")
        assert problem in text
        assert text.isprintable()
        # without TLS none are needed
        assert ApiSettings(token="a-token-of-mine", base_url="http://127.0.0.1:1")
    monkeypatch.setenv(setting, str(tmp_path))
    assert ApiSettings(token="a-token-of-mine", base_url=API)


def test_certificates_that_go_while_it_runs_are_told_as_the_setting_they_are(tmp_path, monkeypatch):
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(ssl_bundle())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with Extractor(ApiSettings(token="a-token-of-mine", base_url="https://127.0.0.1:1")) as extractor:
        bundle.unlink()
        extracts, (failure,) = extractor.extract_all([SOURCES])
    assert extracts == []
    assert str(failure.error).startswith("REQUESTS_CA_BUNDLE names ")


def ssl_bundle():
    import certifi

    return Path(certifi.where()).read_bytes()


def test_a_certificate_that_is_not_trusted_is_told_at_once(tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(lambda raw, connection: None, context) as server:
        url = server.url.replace("http:", "https:")
        with reading(url) as client, pytest.raises(CertificateError) as caught:
            read(client)
        assert server.asked == [], "the token is not sent"
    assert isinstance(caught.value, ApiError)
    assert "set REQUESTS_CA_BUNDLE to a file with its certificate" in str(caught.value)


def test_an_answer_in_tls_that_drips_is_hung_up(tmp_path, monkeypatch):
    from segment_dagster.client.errors import OverlongError

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setattr("segment_dagster.client.api.TIMEOUTS_PER_ATTEMPT", 0.01)

    def answer(raw, connection):
        raw.drip(connection, b"HTTP/1.1 200 OK\r\nX: ", b"a")

    with serving(answer, context) as server:
        url = server.url.replace("http:", "https:")
        with reading(url) as client, pytest.raises(OverlongError):
            read(client)


def make_certificate(key_file, certificate_file):
    """A certificate of 127.0.0.1, signed by itself."""
    from datetime import datetime, timedelta, timezone
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
