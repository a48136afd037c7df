"""Paging: every record once and in order, by the largest pages the endpoint allows, wherever the cursor is."""

from urllib.parse import parse_qs, unquote

import pytest

from segment_dagster.client import Meter, SegmentClient
from segment_dagster.client.errors import CursorError, ShapeError, StalledError
from segment_dagster.emulator import running
from segment_dagster.emulator.layouts import CURSOR_PLACES
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.settings import resolve

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
PAGED = [endpoint for endpoint in CATALOGUE if endpoint.page_size and not endpoint.asked_with]
VERSIONED = [endpoint for endpoint in CATALOGUE if endpoint.versioned]
SOURCES = ROWS["sources"]


def read(client, endpoint, values=None, meter=None):
    return [record for page in client.pages(endpoint, values, meter) for record in page.records]


def served(emulator, name, values=None):
    """The emulator's records as it gives them: without fields that its first request did not ask for."""
    seen = next(seen for seen in emulator.stats.requests if seen.endpoint == name)
    asked = {key: values[0] for key, values in parse_qs(seen.query).items()}
    public = not seen.path.startswith("/v")
    left_out = emulator.world.left_out(name, asked) if public else ()
    records = emulator.world.records(name, values)
    return [{key: value for key, value in record.items() if key not in left_out} for record in records]


@pytest.mark.parametrize("endpoint", PAGED, ids=lambda endpoint: endpoint.name)
def test_small_pages_hold_every_record_once_and_in_order(endpoint, emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "7")
    with SegmentClient(resolve()) as client:
        pages = list(client.pages(endpoint))
    records = [record for page in pages for record in page.records]
    assert records == served(emulator, endpoint.name)
    assert [len(page.records) for page in pages[:-1]] == [7] * (len(pages) - 1)
    assert {page.total_entries for page in pages} == {len(records)}


def test_children_are_paged_to_their_end_for_each_parent(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "170")
    with SegmentClient(resolve()) as client:
        for space in emulator.world.records("spaces"):
            meter = Meter()
            records = read(client, ROWS["segments"], {"spaceId": space["id"]}, meter)
            assert records == served(emulator, "segments", {"spaceId": space["id"]})
            assert meter.requests == -(-len(records) // 170)


def test_one_client_reads_one_list_after_another_from_the_start(client, emulator):
    first, second = read(client, SOURCES), read(client, SOURCES)
    assert first == second == served(emulator, "sources")


@pytest.mark.parametrize("endpoint", PAGED, ids=lambda endpoint: endpoint.name)
def test_the_largest_page_is_asked_for_by_default_but_where_rows_are_large(endpoint, client, emulator):
    read(client, endpoint)
    asked = parse_qs(emulator.stats.requests[0].query)
    assert asked["pagination.count"] == [str(endpoint.page_rows or endpoint.page_size)]


def test_a_page_size_above_the_endpoints_maximum_asks_for_the_maximum(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "1000")
    (space, *_) = emulator.world.records("spaces")
    with SegmentClient(resolve()) as client:
        read(client, ROWS["segments"], {"spaceId": space["id"]})
    asked = parse_qs(emulator.stats.requests[0].query)
    assert asked["pagination.count"] == [str(ROWS["segments"].page_size)]


def test_an_endpoint_without_pages_is_asked_once_without_paging_parameters(client, emulator):
    (page,) = client.pages(ROWS["workspace"])
    assert page.records == emulator.world.records("workspace")
    assert page.total_entries is None
    (seen,) = emulator.stats.requests
    assert "pagination" not in unquote(seen.query)


@pytest.mark.parametrize("place", CURSOR_PLACES)
def test_the_versioned_layout_is_read_wherever_the_cursor_is(place, world, monkeypatch):
    monkeypatch.setenv("SEGMENT_API_LAYOUT", "versioned")
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "30")
    with running(world=world, minute=0.05, cursor_place=place) as emulator:
        settings = resolve(token=emulator.token, base_url=emulator.url)
        with SegmentClient(settings) as client:
            for endpoint in VERSIONED:
                if endpoint.name != "segments":
                    assert read(client, endpoint) == served(emulator, endpoint.name)
        with SegmentClient(resolve(token=emulator.token, base_url=emulator.url, page_size=200)) as client:
            assert read(client, ROWS["segments"]) == served(emulator, "segments")
        asked = [parse_qs(seen.query) for seen in emulator.stats.requests if seen.endpoint == "sources"]
        assert [query["page[size]"] for query in asked] == [["30"], ["30"]]
        assert "page[cursor]" not in asked[0]
        assert "page[cursor]" in asked[1]


def test_the_largest_page_of_the_versioned_layout_is_asked_for_by_default(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_API_LAYOUT", "versioned")
    with SegmentClient(resolve()) as client:
        read(client, SOURCES)
    assert SOURCES.versioned
    assert parse_qs(emulator.stats.requests[0].query)["page[size]"] == [str(SOURCES.versioned.page_size)]


@pytest.mark.parametrize(
    "place",
    [("page", "next"), ("next",), ("pagination", "next"), ("data", "pagination", "next")],
    ids=lambda place: ".".join(place),
)
def test_each_place_of_the_cursor_is_followed_alone(place, scripted, client_of):
    def body(identity, cursor):
        whole: dict = {"data": {"items": [{"id": identity}]}}
        holder = whole
        for key in place[:-1]:
            holder = holder.setdefault(key, {})
        holder[place[-1]] = cursor
        return whole

    api = scripted(body("a", "one"), body("b", "two"), body("c", ""))
    records = read(client_of(api.url, layout="versioned"), ROWS["segments"])
    assert [record["id"] for record in records] == ["a", "b", "c"]
    assert [parse_qs(path.partition("?")[2]).get("page[cursor]") for path, _ in api.asked] == [None, ["one"], ["two"]]


def test_a_cursor_arrives_as_it_was_given(scripted, client_of):
    cursor = "++//a=b&c d%20é"
    api = scripted(
        {"data": {"sources": [], "pagination": {"next": cursor}}},
        {"data": {"sources": []}},
    )
    read(client_of(api.url), SOURCES)
    assert parse_qs(api.asked[1][0].partition("?")[2])["pagination.cursor"] == [cursor]


def test_an_empty_page_in_the_middle_does_not_end_the_list(scripted, client_of):
    api = scripted(
        {"data": {"sources": [], "pagination": {"next": "one"}}},
        {"data": {"sources": [{"id": "a"}], "pagination": {"next": None}}},
    )
    assert read(client_of(api.url), SOURCES) == [{"id": "a"}]


def test_an_empty_list_is_one_page_of_no_records(client_of):
    with running(scale=0, minute=0.05) as emulator:
        (page,) = client_of(emulator.url, token=emulator.token).pages(SOURCES)
    assert (page.records, page.total_entries) == ([], 0)


def test_a_cursor_may_be_a_number(scripted, client_of):
    api = scripted(
        {"data": {"sources": [], "pagination": {"next": 0}}},
        {"data": {"sources": [{"id": "a"}]}},
    )
    assert read(client_of(api.url), SOURCES) == [{"id": "a"}]
    assert parse_qs(api.asked[1][0].partition("?")[2])["pagination.cursor"] == ["0"]


@pytest.mark.parametrize(
    ("cursor", "kind"), [(["x"], "list"), ({"x": 1}, "dict"), (True, "bool"), (False, "bool"), (1.5, "float")], ids=str
)
def test_a_cursor_that_is_none_is_refused(cursor, kind, scripted, client_of):
    api = scripted({"data": {"sources": [], "pagination": {"next": cursor}}})
    with pytest.raises(ShapeError, match=rf"sources: GET /sources .*the next cursor is a {kind}"):
        read(client_of(api.url), SOURCES)
    assert len(api.asked) == 1


@pytest.mark.parametrize("total", ["12", None, {"count": 1}], ids=str)
def test_a_total_that_is_no_number_counts_as_none(total, scripted, client_of):
    api = scripted({"data": {"sources": [], "pagination": {"totalEntries": total}}})
    (page,) = client_of(api.url).pages(SOURCES)
    assert page.total_entries is None


def test_a_cursor_that_repeats_ends_in_an_error(emulator, monkeypatch):
    from segment_dagster.emulator import Fault

    emulator.faults.add(Fault("repeated-cursor", "sources"))
    with SegmentClient(resolve(page_size=7)) as client, pytest.raises(CursorError) as caught:
        read(client, SOURCES)
    assert str(caught.value).startswith("sources: GET /sources repeats an earlier cursor on page ")
    assert "\n" not in str(caught.value)
    assert emulator.stats.total <= 3


def test_cursors_that_go_in_a_circle_end_in_an_error(scripted, client_of):
    def page(cursor):
        return {"data": {"sources": [{"id": cursor}], "pagination": {"next": cursor}}}

    api = scripted(page("one"), page("two"), page("three"), page("one"))
    with pytest.raises(CursorError, match="on page 4, so the list would never end"):
        read(client_of(api.url), SOURCES)
    assert len(api.asked) == 4


@pytest.mark.parametrize("records", [[], [{"id": "a"}, {"id": "b"}]], ids=["empty", "the same"])
def test_pages_that_bring_nothing_new_for_ever_end_in_an_error(records, scripted, client_of):
    pages = [{"data": {"sources": records, "pagination": {"next": f"{number}"}}} for number in range(200)]
    api = scripted({"data": {"sources": [{"id": "first"}], "pagination": {"next": "x"}}}, *pages)
    with pytest.raises(StalledError) as caught:
        read(client_of(api.url), SOURCES)
    assert str(caught.value) == (
        "sources: GET /sources has brought nothing new for 100 pages, and names a next one all the same. "
        "Nothing of it was loaded. Try again later."
    )
    assert len(api.asked) == 101 + bool(records)


def test_pages_that_are_empty_for_a_while_do_not(scripted, client_of):
    empty = [{"data": {"sources": [], "pagination": {"next": f"{number}"}}} for number in range(99)]
    full = {"data": {"sources": [{"id": "a"}], "pagination": {"next": "one"}}}
    rest = [{"data": {"sources": [], "pagination": {"next": f"{number}"}}} for number in range(100, 199)]
    api = scripted(*empty, full, *rest, {"data": {"sources": [{"id": "b"}]}})
    assert read(client_of(api.url), SOURCES) == [{"id": "a"}, {"id": "b"}]


def test_a_layout_without_the_endpoint_is_no_request(client, emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_API_LAYOUT", "versioned")
    with SegmentClient(resolve()) as versioned:
        assert not versioned.offers(ROWS["spaces"])
        with pytest.raises(ValueError, match="the versioned layout has no endpoint spaces"):
            read(versioned, ROWS["spaces"])
    assert client.offers(ROWS["spaces"])
    assert emulator.stats.total == 0
