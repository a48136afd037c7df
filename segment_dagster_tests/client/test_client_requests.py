"""What a request looks like: address, token, media type, ids."""

import json
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import orjson
import pytest

from segment_dagster.client import Meter, SegmentClient
from segment_dagster.client.errors import RedirectError
from segment_dagster.client.layout import call_for
from segment_dagster.config import ApiSettings, Layout, Region
from segment_dagster.endpoints import CATALOGUE

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
EMPTY: dict = {"data": {"sources": []}}


def values_of(emulator, endpoint):
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=getattr(endpoint.time, "days", 0))
    time = {"period": f"{today:%Y-%m-01}", "startTime": start.isoformat(), "endTime": today.isoformat()}
    time["granularity"] = "DAY"
    asked = {name: value for name, value in time.items() if name in endpoint.asked_with}
    return {**emulator.world.lists(endpoint.name)[0], **asked}


@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_every_endpoint_is_asked_for_by_its_media_type_and_path(endpoint, client, emulator):
    values = values_of(emulator, endpoint)
    next(client.pages(endpoint, values))
    (seen,) = emulator.stats.requests
    first = next(row.name for row in CATALOGUE if row.path == endpoint.path)
    assert (seen.endpoint, seen.method, seen.status) == (first, "GET", 200)
    assert seen.accept == endpoint.media_type
    assert seen.path == endpoint.path.format(**{name: quote(value, safe="") for name, value in values.items()})


@pytest.mark.parametrize("endpoint", [row for row in CATALOGUE if row.versioned], ids=lambda endpoint: endpoint.name)
def test_the_versioned_layout_has_its_own_paths_and_plain_json(endpoint, emulator):
    with SegmentClient(ApiSettings(layout="versioned")) as client:
        next(client.pages(endpoint))
    (seen,) = emulator.stats.requests
    assert (seen.path, seen.accept, seen.status) == (endpoint.versioned.path, "application/json", 200)


def test_the_token_travels_as_bearer_and_in_no_address(scripted, client_of):
    api = scripted(EMPTY)
    list(client_of(api.url, token="the-very-token").pages(ROWS["sources"]))
    ((path, headers),) = api.asked
    assert headers["Authorization"] == "Bearer the-very-token"
    assert "the-very-token" not in path


def test_a_base_url_with_a_path_keeps_it(scripted, client_of):
    api = scripted(EMPTY)
    list(client_of(f"{api.url}/proxy/segment/").pages(ROWS["sources"]))
    assert api.asked[0][0].startswith("/proxy/segment/sources?")


@pytest.mark.parametrize(
    ("identity", "path"),
    [
        ("a/b", "/spaces/a%2Fb/audiences"),
        ("a?b#c", "/spaces/a%3Fb%23c/audiences"),
        ("100% é", "/spaces/100%25%20%C3%A9/audiences"),
        ("{spaceId}", "/spaces/%7BspaceId%7D/audiences"),
    ],
    ids=["slash", "query and fragment", "percent, space, accent", "braces"],
)
def test_an_id_fills_its_place_in_the_path_whole(identity, path, scripted, client_of):
    api = scripted({"data": {"audiences": []}})
    list(client_of(api.url).pages(ROWS["segments"], {"spaceId": identity}))
    assert api.asked[0][0].partition("?")[0] == path


@pytest.mark.parametrize("status", [301, 303, 307, 308])
def test_a_redirect_is_refused_at_once(status, scripted, reply, client_of):
    elsewhere = scripted(EMPTY)
    address = elsewhere.url.replace("127.0.0.1", "localhost")
    api = scripted(reply(b"", status, {"Location": f"{address}/sources?part=of-the-query"}))
    with pytest.raises(RedirectError) as caught:
        list(client_of(api.url).pages(ROWS["sources"]))
    assert str(caught.value).startswith(f"sources: GET /sources was sent on to {address.removeprefix('http://')}.")
    assert "SEGMENT_BASE_URL" in str(caught.value)
    assert "of-the-query" not in str(caught.value)
    assert len(api.asked) == 1
    assert elsewhere.asked == []


def test_a_redirect_within_the_api_is_told(scripted, reply, client_of):
    with pytest.raises(RedirectError, match=r"was sent on to another path\."):
        list(client_of(scripted(reply(b"", 302, {"Location": "/login"})).url).pages(ROWS["sources"]))


@pytest.mark.parametrize("status", [300, 302, 304, 399])
def test_a_redirect_to_nowhere_is_no_page_whatever_it_holds(status, scripted, reply, client_of):
    body = b"" if status == 304 else orjson.dumps(EMPTY)
    with pytest.raises(RedirectError, match=r"sources: GET /sources was sent on without an address\."):
        list(client_of(scripted(reply(body, status)).url).pages(ROWS["sources"]))


def test_threads_share_a_client_and_a_meter(client, emulator):
    meter, counts = Meter(), []

    def read():
        counts.append(sum(len(page.records) for page in client.pages(ROWS["destinations"], meter=meter)))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [len(emulator.world.records("destinations"))] * 8
    assert meter.requests == emulator.stats.total


def test_pages_without_a_meter_are_read_all_the_same(client):
    assert sum(len(page.records) for page in client.pages(ROWS["warehouses"])) == 3


def test_each_region_has_its_own_address():
    assert ApiSettings(token="t", region="eu").base_url == Region.EU.base_url != Region.US.base_url


def test_the_calls_of_a_layout_that_lacks_the_endpoint():
    endpoint = replace(ROWS["sources"], versioned=None)
    assert call_for([endpoint], Layout.VERSIONED, 10) is None
    call = call_for([endpoint], Layout.PUBLIC, 10)
    assert call and [part.page_size for part in call.lists] == [10]


def test_records_are_what_json_says(scripted, client_of):
    record = {"id": "é\u2028🎉", "n": 2**53 + 1, "f": 0.1, "deep": [{"a": [None, True, {}]}]}
    api = scripted(json.loads(json.dumps({"data": {"sources": [record]}})))
    (page,) = client_of(api.url).pages(ROWS["sources"])
    assert page.records == [record]
