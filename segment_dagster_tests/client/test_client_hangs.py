"""Answers that never come to their end: every attempt is hung up in time, and at once when the client is closed."""

import signal
import subprocess
import sys
import threading

import pytest

from segment_dagster.client import Meter, SegmentClient
from segment_dagster.client.errors import ApiError, OverlongError, UnreachableError
from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import CATALOGUE
from segment_dagster_tests.client.raw_server import serving

pytestmark = pytest.mark.slow

SOURCES = next(row for row in CATALOGUE if row.name == "sources")
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PAGE = b'{"data":{"sources":[]}}'
WHOLE = CHUNKED + b"%x\r\n%s\r\n" % (len(PAGE), PAGE)
DRIPS = {
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "header": (OK + b"X-More: ", b"a"),
    "headers": (OK, b"X: 1\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "continue with headers": (b"HTTP/1.1 100 Continue\r\n", b"X: 1\r\n"),
    "chunk extension": (CHUNKED + b"5;", b"x"),
    "chunk size": (CHUNKED, b"0"),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "trailers": (WHOLE + b"0\r\n", b"X: 1\r\n"),
    "a trailer": (WHOLE + b"0\r\nX: ", b"a"),
    "body to the end of the connection": (OK + b"\r\n" + PAGE, b" "),
    "body with a length": (OK + b"Content-Length: 100000\r\n\r\n" + PAGE, b" "),
    "body of a closed connection": (OK + b"Connection: close\r\nContent-Length: 100000\r\n\r\n", b" "),
    "refusal": (b"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n", b" "),
}
FAST = {"endless headers": "headers", "endless trailers": "trailers", "endless continue": "continue"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    # a deadline of 0.2 s, and a time-out that no machine is too slow for
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "20")
    monkeypatch.setattr("segment_dagster.client.api.TIMEOUTS_PER_ATTEMPT", 0.01)
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")


@pytest.fixture
def unhurried(monkeypatch):
    """A deadline that is not met."""
    monkeypatch.setattr("segment_dagster.client.api.TIMEOUTS_PER_ATTEMPT", 5)


def read(client, meter=None):
    return [record for page in client.pages(SOURCES, meter=meter) for record in page.records]


@pytest.mark.parametrize("name", DRIPS)
def test_an_answer_that_drips_for_ever_is_hung_up(name, client_of):
    with serving(lambda raw, connection: raw.drip(connection, *DRIPS[name])) as raw:
        meter = Meter()
        with pytest.raises(ApiError) as caught:
            read(client_of(raw.url), meter)
        assert meter.requests == 2, "it is tried again"
    # a header block or a status line has a size that http.client does not go beyond
    assert isinstance(caught.value, OverlongError), caught.value
    assert str(caught.value) == (
        "sources: GET /sources had not come to an end after 0.2 s. So did every attempt. "
        "Try again later, or raise RUNTIME__REQUEST_TIMEOUT where the network is slow."
    )


@pytest.mark.parametrize("name", FAST)
def test_an_answer_that_never_ends_at_full_speed_ends_in_an_error(name, client_of):
    drips = serving(lambda raw, connection: raw.drip(connection, *DRIPS[FAST[name]], pause=0))
    with drips as raw, pytest.raises(ApiError) as caught:
        read(client_of(raw.url))
    assert isinstance(caught.value, OverlongError | UnreachableError)


def test_an_answer_that_dripped_once_costs_no_row(client_of, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "50")

    def answer(raw, connection):
        if len(raw.asked) == 1:
            raw.drip(connection, *DRIPS["trailers"])
        connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(PAGE) + PAGE)

    with serving(answer) as raw:
        assert read(client_of(raw.url)) == []


def test_what_comes_in_time_is_read_whole_however_it_is_cut(client_of, unhurried):
    def answer(raw, connection):
        for byte in WHOLE + b"0\r\n\r\n":
            connection.sendall(bytes([byte]))

    with serving(answer) as raw:
        assert read(client_of(raw.url)) == []


def closed_while_it_waits(raw, client):
    """What a thread that reads gets once the client is closed in the middle of its request: an error, or its rows."""
    caught = []

    def run():
        try:
            caught.append(read(client))
        except ApiError as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert raw.waiting.wait(20)
    client.close()
    thread.join(20)
    assert not thread.is_alive()
    return caught[0]


@pytest.fixture
def patient(monkeypatch, unhurried):
    """Waits of an hour: what ends before is hung up."""
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "3600")
    monkeypatch.setattr("segment_dagster.client.api.CONNECT_TIMEOUT", 3600.0)


@pytest.mark.parametrize(
    "name", ["status line", "headers", "trailers", "body to the end of the connection", "body of a closed connection"]
)
def test_closing_the_client_hangs_up_whatever_it_waits_for(name, client_of, patient):
    with serving(lambda raw, connection: raw.drip(connection, *DRIPS[name], pause=0.05)) as raw:
        got = closed_while_it_waits(raw, client_of(raw.url))
    # all of the page had come, but for what says that it had
    whole = name in ("trailers", "body to the end of the connection")
    assert isinstance(got, UnreachableError) or (whole and got == [])


PROXY_DRIPS = {
    "no answer": (b"", b""),
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n"),
    "silent handshake": (b"HTTP/1.1 200 OK\r\n\r\n", b""),
    "handshake": (b"\x16\x03\x03\x3f\x00\x02\x00\x3e\x00", b"\0"),
}


def answering(name, pause):
    def answer(raw, connection):
        if name == "handshake":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            # the client's part of it
            connection.recv(65536)
        raw.drip(connection, *PROXY_DRIPS[name], pause=pause)

    return answer


@pytest.fixture
def proxied(monkeypatch):
    """Makes a client that speaks to the API through a proxy."""
    clients = []

    def make(raw):
        monkeypatch.setenv("HTTPS_PROXY", raw.url)
        client = SegmentClient(ApiSettings(token="a-token-of-mine", base_url="https://api.segment.invalid"))
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.mark.parametrize("name", PROXY_DRIPS)
def test_a_proxy_that_drips_for_ever_is_hung_up(name, proxied):
    with serving(answering(name, 0.005)) as raw:
        meter = Meter()
        with pytest.raises(OverlongError):
            read(proxied(raw), meter)
        assert meter.requests == 2
        assert {head[:31] for head in raw.asked if head} <= {b"CONNECT api.segment.invalid:443"}


@pytest.mark.parametrize("name", PROXY_DRIPS)
def test_closing_the_client_hangs_up_the_proxy(name, proxied, patient):
    with serving(answering(name, 0.05)) as raw:
        assert isinstance(closed_while_it_waits(raw, proxied(raw)), ApiError)


def test_the_thread_that_hangs_up_ends(client_of, monkeypatch, unhurried):
    monkeypatch.setattr("segment_dagster.client.deadline.IDLE", 0.01)
    names = {"segment-deadlines"}
    with serving(lambda raw, connection: connection.sendall(OK + b"Content-Length: 23\r\n\r\n" + PAGE)) as raw:
        client = client_of(raw.url)
        assert read(client) == []
        for thread in [each for each in threading.enumerate() if each.name in names]:
            thread.join(20)
        assert not names.intersection(thread.name for thread in threading.enumerate())
        # and begins anew
        assert read(client) == []


INTERRUPTED = """
import signal, sys
import segment_dagster.client.api as api
from segment_dagster.config import ApiSettings
from segment_dagster.extract.extractor import Extractor

api.CONNECT_TIMEOUT = 3600.0
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with Extractor(ApiSettings(token="a-token-of-mine", base_url="https://api.segment.invalid")) as extractor:
    read = {"one": extractor.extract, "all": lambda endpoint: extractor.extract_all([endpoint])}[sys.argv[1]]
    read(extractor.endpoint("sources"))
"""


@pytest.mark.parametrize("how", ["one", "all"])
def test_a_signal_does_not_wait_for_a_proxy(how, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "3600")
    with serving(answering("silent handshake", 0.05)) as raw:
        monkeypatch.setenv("HTTPS_PROXY", raw.url)
        # what is read is deleted, so that it ends by itself and not at once
        with subprocess.Popen([sys.executable, "-c", INTERRUPTED, how]) as process:
            try:
                assert raw.waiting.wait(30)
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 143
            finally:
                process.kill()
