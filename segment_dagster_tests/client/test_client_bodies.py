"""Bodies: large ones within a bound, and none that never ends."""

import gzip
import json

import pytest

from segment_dagster.client import Meter, body
from segment_dagster.client.errors import BodyError, OverlongError, OversizeError, RedirectError
from segment_dagster.emulator import Fault
from segment_dagster.endpoints import CATALOGUE

pytestmark = pytest.mark.slow

SOURCES = next(row for row in CATALOGUE if row.name == "sources")
PAGE = {"data": {"sources": [{"id": "one"}], "pagination": {"next": None}}}


def read(client, meter=None):
    return [record for page in client.pages(SOURCES, meter=meter) for record in page.records]


@pytest.fixture
def small(monkeypatch):
    """A bound that a test gets to."""
    monkeypatch.setattr(body, "MAX_BYTES", 1_000_000)


def test_a_large_page_is_read(client, emulator):
    emulator.faults.add(Fault("large", "sources", value=20))
    assert read(client) == emulator.world.records("sources")


def test_a_page_that_is_too_large_is_an_error_and_not_read_to_its_end(client, emulator, small):
    emulator.faults.add(Fault("large", "sources", value=5))
    meter = Meter()
    with pytest.raises(OversizeError) as caught:
        read(client, meter)
    assert str(caught.value) == (
        "sources: GET /sources answered more than the 1,000,000 bytes that are read of one page. "
        "Nothing of it was loaded. Lower SEGMENT_PAGE_SIZE, and check SEGMENT_BASE_URL where that is set."
    )
    assert meter.requests == 1
    emulator.faults.clear()
    assert read(client) == emulator.world.records("sources")


def test_a_small_body_that_unpacks_to_a_large_one_is_too_large(client_of, scripted, reply, small):
    packed = gzip.compress(b" " * 50_000_000)
    assert len(packed) < 100_000
    api = scripted(reply(packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(OversizeError):
        read(client_of(api.url))


def test_a_body_that_is_packed_is_unpacked(client_of, scripted, reply):
    api = scripted(reply(gzip.compress(json.dumps(PAGE).encode()), headers={"Content-Encoding": "gzip"}))
    assert read(client_of(api.url)) == [{"id": "one"}]


def test_an_answer_that_never_ends_is_given_up(client_of, emulator, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "0.05")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    emulator.faults.add(Fault("endless", "sources"))
    meter = Meter()
    with pytest.raises(OverlongError) as caught:
        read(client_of(emulator.url, token=emulator.token), meter)
    assert str(caught.value).startswith(
        "sources: GET /sources had not come to an end after 0.2 s. So did every attempt."
    )
    assert meter.requests == 2


def test_an_answer_that_did_not_end_once_costs_no_row(client_of, emulator, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "0.05")
    emulator.faults.add(Fault("endless", "sources", times=1))
    assert read(client_of(emulator.url, token=emulator.token)) == emulator.world.records("sources")


def test_answers_that_are_not_read_to_their_end_use_up_no_connection(client_of, scripted, reply, small):
    # one connection, for which every further request would wait
    away = reply(b"x" * 100_000, 302, {"Location": "http://[elsewhere"})
    api = scripted(away, reply(b"x" * 2_000_000), reply(b"no"), PAGE)
    client = client_of(api.url, concurrency=1)
    with pytest.raises(RedirectError, match="was sent on to another path"):
        read(client)
    with pytest.raises(OversizeError):
        read(client)
    assert read(client) == [{"id": "one"}]
    assert len(api.asked) == 4


def test_a_body_of_another_kind_tells_its_size(client_of, scripted, reply):
    api = scripted(reply(b"<html>", headers={"Content-Type": "text/html"}))
    with pytest.raises(BodyError, match="answered 6 bytes of text/html that are not JSON"):
        read(client_of(api.url))
