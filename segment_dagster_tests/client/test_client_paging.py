"""Paging: every record once and in order, by the largest pages the endpoint allows, wherever the cursor is."""

from urllib.parse import parse_qs, unquote

import pytest

from segment_dagster.client import Meter, SegmentClient
from segment_dagster.client.errors import (
    BeyondCountError,
    CountError,
    CursorError,
    ShapeError,
    StalledError,
    UnfinishedError,
)
from segment_dagster.config import ApiSettings
from segment_dagster.emulator import running
from segment_dagster.emulator.layouts import CURSOR_PLACES
from segment_dagster.endpoints import CATALOGUE

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
    with SegmentClient(ApiSettings()) as client:
        pages = list(client.pages(endpoint))
    records = [record for page in pages for record in page.records]
    assert records == served(emulator, endpoint.name)
    assert [len(page.records) for page in pages[:-1]] == [7] * (len(pages) - 1)
    assert {page.total_entries for page in pages} == {len(records)}


def test_children_are_paged_to_their_end_for_each_parent(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "170")
    with SegmentClient(ApiSettings()) as client:
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
    assert asked["pagination.count"] == [str(200 if endpoint.name == "destinations" else endpoint.page_size)]


def test_a_page_size_above_the_endpoints_maximum_asks_for_the_maximum(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "1000")
    (space, *_) = emulator.world.records("spaces")
    with SegmentClient(ApiSettings()) as client:
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
        settings = ApiSettings(token=emulator.token, base_url=emulator.url)
        with SegmentClient(settings) as client:
            for endpoint in VERSIONED:
                if endpoint.name != "segments":
                    assert read(client, endpoint) == served(emulator, endpoint.name)
        with SegmentClient(ApiSettings(token=emulator.token, base_url=emulator.url, page_size=200)) as client:
            assert read(client, ROWS["segments"]) == served(emulator, "segments")
        asked = [parse_qs(seen.query) for seen in emulator.stats.requests if seen.endpoint == "sources"]
        assert [query["page[size]"] for query in asked] == [["30"], ["30"]]
        assert "page[cursor]" not in asked[0]
        assert "page[cursor]" in asked[1]


def test_the_largest_page_of_the_versioned_layout_is_asked_for_by_default(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_API_LAYOUT", "versioned")
    with SegmentClient(ApiSettings()) as client:
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


@pytest.mark.parametrize(
    ("written", "total"),
    [
        ("500", 500),
        ('"500"', 500),
        ("500.0", 500),
        ('"500.0"', 500),
        ('" 500 "', 500),
        ("5e2", 500),
        ('"5E2"', 500),
        ('"500."', 500),
        ("0", 0),
        ("-0", 0),
        ("null", None),
    ],
)
def test_a_total_counts_in_any_form_of_a_number(written, total, scripted, client_of):
    api = scripted(b'{"data":{"sources":[],"pagination":{"next":null,"totalEntries":%s}}}' % written.encode())
    (page,) = client_of(api.url).pages(SOURCES)
    assert page.total_entries == total
    assert type(page.total_entries) in (int, type(None))


@pytest.mark.parametrize("layout", ["public", "versioned"])
@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ('{"count":1}', "an object"),
        ("[500]", "a list"),
        ("true", "true or false"),
        ('"many"', "a text"),
        ('""', "a text"),
        ('"1,500"', "a text"),
        ('"0x10"', "a text"),
        ('"\u0665"', "a text"),
        ('"9e99"', "a text"),
        ('"1e-9"', "a text"),
        ("1.5", "a number that no count can be"),
        ("-1", "a number that no count can be"),
        ("1e300", "a number that no count can be"),
        ("9" * 30, "a number that no count can be"),
    ],
)
def test_a_total_that_is_no_number_is_an_error(written, kind, layout, scripted, client_of):
    place = b'{"data":{"sources":[],"pagination":{"totalEntries":%s}}}'
    if layout == "versioned":
        place = b'{"data":[],"page":{"next":"","totalEntries":%s}}'
    api = scripted(place % written.encode())
    with pytest.raises(CountError, match=f"has a totalEntries that is no count: it is {kind}"):
        list(client_of(api.url, layout=layout).pages(SOURCES))
    assert len(api.asked) == 1


def records(number, start=0):
    return [{"id": str(start + each)} for each in range(number)]


PUBLIC_END = {"current": "c", "totalEntries": 500}
BROKEN_OFF = {
    # layout, page size, the body: two hundred of five hundred
    "renamed object": ("public", 200, {"data": {"sources": records(200), "paging": {"next": "x"}}}),
    "renamed object, fewer than asked for": ("public", 1000, {"data": {"sources": records(200), "paging": {}}}),
    "renamed object of a short page": ("public", 1000, {"data": {"sources": records(2), "paging": {"next": "x"}}}),
    "renamed object with a count": ("public", 1000, {"data": {"sources": records(2), "paging": {"totalEntries": 500}}}),
    "no object": ("public", 200, {"data": {"sources": records(200)}}),
    "object is null": ("public", 200, {"data": {"sources": records(200), "pagination": None}}),
    "object is a list": ("public", 200, {"data": {"sources": records(200), "pagination": [{"next": "x"}]}}),
    "object is a text": ("public", 200, {"data": {"sources": records(200), "pagination": "next"}}),
    "renamed next": ("public", 200, {"data": {"sources": records(200), "pagination": {"nextCursor": "x"}}}),
    "next with a capital": ("public", 1000, {"data": {"sources": records(2), "pagination": {"Next": "x"}}}),
    "has more": ("public", 1000, {"data": {"sources": records(2), "pagination": {"hasMore": True}}}),
    "has a next": ("public", 1000, {"data": {"sources": records(2), "pagination": {"hasNextPage": True}}}),
    "no next": ("public", 200, {"data": {"sources": records(200), "pagination": PUBLIC_END}}),
    "no next, fewer than asked for": ("public", 1000, {"data": {"sources": records(200), "pagination": PUBLIC_END}}),
    "next is null": ("public", 200, {"data": {"sources": records(200), "pagination": {**PUBLIC_END, "next": None}}}),
    "next is empty": ("public", 200, {"data": {"sources": records(200), "pagination": {**PUBLIC_END, "next": ""}}}),
    "next is a list": ("public", 200, {"data": {"sources": records(200), "pagination": {"next": ["x"]}}}),
    "next is an object": ("public", 200, {"data": {"sources": records(200), "pagination": {"next": {"a": "x"}}}}),
    "next is false": ("public", 200, {"data": {"sources": records(200), "pagination": {"next": False}}}),
    "versioned, nothing": ("versioned", 200, {"data": records(200)}),
    "versioned, renamed object": ("versioned", 200, {"data": records(200), "paging": {"next": "x"}}),
    "versioned, renamed object of a short page": ("versioned", 200, {"data": records(2), "paging": {"next": "x"}}),
    "versioned, renamed next": ("versioned", 200, {"data": records(200), "page": {"next_cursor": "x"}}),
    "versioned, object is a list": ("versioned", 200, {"data": records(200), "page": ["x"]}),
    "versioned, no next": ("versioned", 200, {"data": records(200), "page": {"totalEntries": 500}}),
    "versioned, next is empty": ("versioned", 200, {"data": records(200), "page": {"next": "", "totalEntries": "500"}}),
    "versioned, next at the top is empty": ("versioned", 200, {"data": records(200), "next": "", "totalEntries": 500}),
}


@pytest.mark.parametrize("name", BROKEN_OFF)
def test_a_list_that_breaks_off_is_an_error(name, scripted, client_of):
    layout, page_size, body = BROKEN_OFF[name]
    api = scripted(body)
    with pytest.raises((ShapeError, UnfinishedError)) as caught:
        read(client_of(api.url, layout=layout, page_size=page_size), SOURCES)
    assert str(caught.value).startswith("sources: GET /")
    assert len(str(caught.value).splitlines()) == 1
    assert len(api.asked) == 1


def beside(number, **fields):
    return {"data": {"sources": records(number), **fields}}


def inside(number, **fields):
    return beside(number, pagination=fields)


def above(number, **fields):
    return {**beside(number), **fields}


ONLY_ENTRY = [{"next": "x", "totalEntries": 500}]
HINTS = {
    # layout, the body, what the error says
    "another name and another next": ("public", beside(100, paging={"nextCursor": "x"}), "'paging'"),
    "next in words": ("public", beside(2, page_info={"has_next_page": True}), "'page_info'"),
    "a text that is true": ("public", beside(2, pageInfo={"hasMore": "true"}), "'pageInfo'"),
    "deeper": ("public", beside(2, meta={"paging": {"cursors": {"after": "x"}}}), "'cursors'"),
    "a link": ("public", beside(2, _links={"next": {"href": "/sources?cursor=x"}}), "'_links'"),
    "beside the records": ("public", beside(2, nextCursor="x"), "'nextCursor'"),
    "beside the records, with hyphens": ("public", beside(2, **{"next-page-token": "x"}), "'next-page-token'"),
    "at the top": ("public", above(2, pagination={"next": "x", "totalEntries": 500}), "'pagination'"),
    "at the top, a count": ("public", above(2, pagination={"totalEntries": 500}), "2 records came.* counts 500"),
    "at the top, a next": ("public", above(2, next="x"), "'next'"),
    "at the top, a total": ("public", above(2, total="500"), "a 'total' counts 500"),
    "at the top, beside an empty one": ("public", {**inside(2), "paging": {"next": "x"}}, "'paging'"),
    "at the top, beside the current": ("public", {**inside(2, current="c"), "paging": {"next": "x"}}, "'paging'"),
    "a list of one": ("public", beside(2, pagination=ONLY_ENTRY), "'pagination'"),
    "a list of one, renamed": ("public", beside(2, paging=ONLY_ENTRY), "'paging'"),
    "a list of one, a count": ("public", beside(2, pagination=[{"totalEntries": "500"}]), "counts 500"),
    "a count as a text": ("public", beside(2, paging={"totalEntries": "500"}), "counts 500"),
    "a count as a fraction": ("public", beside(2, paging={"totalEntries": 500.0}), "counts 500"),
    "after": ("public", inside(200, current="c", after="x"), "a 'after'"),
    "cursor": ("public", inside(200, cursor="x", total=500), "a 'cursor'"),
    "cursor of a short page": ("public", inside(2, cursor="x"), "a 'cursor'"),
    "cursor and a count": ("public", inside(2, cursor="x", totalEntries=500), "a 'cursor'"),
    "next is an object": ("public", inside(2, nextPage={"cursor": "x"}), "a 'nextPage'"),
    "next is null, but there is more": ("public", inside(2, next=None, hasMore=True), "a 'hasMore'"),
    **{
        f"{name} counts": ("public", inside(2, current="c", **{name: 500}), f"a '{name}' counts 500")
        for name in (
            "total_entries",
            "totalentries",
            "total",
            "totalCount",
            "total-records",
            "TotalSources",
            "countOfAll",
        )
    },
    "versioned, after": ("versioned", {"data": records(2), "page": {"after": "x"}}, "a 'after'"),
    "versioned, renamed": ("versioned", {"data": records(2), "paging": {"nextCursor": "x"}}, "'paging'"),
    "versioned, a list of one": ("versioned", {"data": records(2), "page": [{"next": "x"}]}, "'page'"),
    "versioned, a count": ("versioned", {"data": records(2), "page": {"total_entries": "500"}}, "counts 500"),
    "versioned, beside the records": ("versioned", {"data": records(2), "next_cursor": "x"}, "'next_cursor'"),
}


@pytest.mark.parametrize("name", HINTS)
def test_a_next_page_that_is_told_in_other_words_is_an_error(name, scripted, client_of):
    layout, body, says = HINTS[name]
    api = scripted(body)
    with pytest.raises(UnfinishedError, match=f"breaks off: .*{says}"):
        read(client_of(api.url, layout=layout), SOURCES)
    assert len(api.asked) == 1


def test_a_count_of_another_name_on_the_last_page_is_an_error(scripted, client_of):
    api = scripted(inside(2, next="x"), beside(2, paging={"total": 500}))
    with pytest.raises(UnfinishedError, match="4 records came, and a 'total' counts 500"):
        read(client_of(api.url), SOURCES)


NO_HINTS = {
    "the page's own count": ("public", beside(2, count=2, paging={"count": 200, "limit": 200, "size": 200, "page": 1})),
    "a count that is reached": ("public", inside(2, cursor="x", after="y", total=2)),
    "a count that is surpassed": ("public", inside(2, total_entries=1)),
    "numbers of pages": ("public", inside(2, totalPages=40, perPage=200)),
    "no count": ("public", inside(2, total="many", totalCount=None, total_entries=True)),
    "the other way": ("public", inside(2, current="c", previous="p", before="b", startCursor="s", prevCursor="p")),
    "nothing next": ("public", inside(2, nextCursor=None, nextPage="", hasMore=False, has_next="false", after=None)),
    "nothing next, at the top": ("public", above(2, paging={"next": None, "totalEntries": 2}, next="", hasMore=False)),
    "an empty object": ("public", beside(2, paging={}, pagination=[], links={"next": {"href": None}})),
    "what the records are of": ("public", beside(2, space={"id": "s", "nextRun": "x", "next": "y", "total": 500})),
    "what is about something else": ("public", beside(2, warehouse={"nextSync": "x", "after": "y", "total": 500})),
    "another list's records": ("public", beside(2, warehouses=[{"id": "w", "next": "x", "totalEntries": 500}])),
    "another list's pages": (
        "public",
        beside(2, warehouses=records(2), warehousesPagination={"next": "x", "totalEntries": 500}, pagination={}),
    ),
    "help": ("public", above(2, links={"more": "https://example.com/docs"}, meta={"requestId": "r", "retryAfter": 3})),
    "records with such names": (
        "public",
        {"data": {"sources": [{"id": "0", "next": "x", "pagination": {"next": "y"}}]}},
    ),
    "documented": ("public", {**inside(2, current="c", totalEntries=2), "paging": {"next": "x"}}),
    "versioned, told": ("versioned", {"data": records(2), "next": "", "meta": {"total": 500}}),
    "versioned, the record's page": ("versioned", {"data": records(2), "workspace": {"id": "w", "next": "x"}}),
}


@pytest.mark.parametrize("name", NO_HINTS)
def test_what_tells_of_no_next_page_ends_the_list(name, scripted, client_of):
    layout, body = NO_HINTS[name]
    api = scripted(body)
    found = read(client_of(api.url, layout=layout), SOURCES)
    assert [record["id"] for record in found] == [str(each) for each in range(len(found))]
    assert found
    assert len(api.asked) == 1


def test_an_answer_that_repeats_the_cursor_it_was_asked_with_ends_the_list(scripted, client_of):
    api = scripted(inside(2, next="x"), beside(2, pagination={"cursor": "x"}))
    assert len(read(client_of(api.url), SOURCES)) == 4


@pytest.mark.parametrize("name", ["credential_warehouses", "credential_sources"])
def test_one_of_two_lists_of_an_answer_ends_whatever_is_said_of_the_other(name, scripted, client_of):
    endpoint = ROWS[name]
    body = {
        "data": {
            "warehouses": records(2),
            "sources": records(2),
            "warehousesPagination": {"next": "x", "totalEntries": 500},
            "sourcesPagination": {"next": "x", "totalEntries": 500},
        }
    }
    for told in ({}, {"current": "c"}, {"current": "c", "totalEntries": 2}, {"next": None}, None):
        body["data"][endpoint.paging.answer[-1]] = told
        assert len(read(client_of(scripted(body).url), endpoint, {"credentialId": "c"})) == 2


def test_a_bound_is_no_count(scripted, client_of):
    api = scripted({"data": {"traits": records(2), "pagination": {"total": 500}}})
    assert len(read(client_of(api.url), ROWS["space_traits"], {"spaceId": "s"})) == 2


def test_a_log_may_grow_while_it_is_read_whatever_its_count_is_called(scripted, client_of):
    first = {"data": {"events": records(2), "pagination": {"next": "x"}}}
    asked_with = {"startTime": "2026-01-01T00:00:00Z"}
    api = scripted(first, {"data": {"events": records(2, 2), "pagination": {"total": 40}}})
    assert len(read(client_of(api.url), ROWS["audit_events"], asked_with)) == 4
    api = scripted(first, {"data": {"events": records(2, 2), "pagination": {"total": 4000}}})
    with pytest.raises(UnfinishedError, match="4 records came, and a 'total' counts 4,000"):
        read(client_of(api.url), ROWS["audit_events"], asked_with)


@pytest.mark.parametrize("paging", [{"nextCursor": "x"}, {"total_entries": "500"}, [{"next": "x"}]], ids=str)
def test_a_list_that_may_lack_its_object_breaks_off_where_another_tells_of_more(paging, scripted, client_of):
    for body in (
        {"data": {"events": records(2), "paging": paging}},
        {"data": {"events": records(2)}, "paging": paging},
    ):
        with pytest.raises(UnfinishedError, match="breaks off"):
            read(client_of(scripted(body).url), ROWS["audit_events"], {"startTime": "2026-01-01T00:00:00Z"})


@pytest.mark.parametrize("where", ["paging", "Pagination"])
def test_a_list_that_may_lack_its_object_breaks_off_where_that_has_another_name(where, scripted, client_of):
    api = scripted({"data": {"events": records(2), where: {"next": "x"}}})
    with pytest.raises(UnfinishedError, match=f"breaks off: what tells of the next page is in '{where}'"):
        read(client_of(api.url), ROWS["audit_events"], {"startTime": "2026-01-01T00:00:00Z"})


ENDED = {
    "full, as many as counted": ("public", 2, [{"data": {"sources": records(2), "pagination": {"totalEntries": 2}}}]),
    "full, without a count": ("public", 2, [{"data": {"sources": records(2), "pagination": {"current": "c"}}}]),
    "full, more than counted": ("public", 2, [{"data": {"sources": records(2), "pagination": {"totalEntries": 1}}}]),
    "short, though it counts more": (
        "public",
        5,
        [{"data": {"sources": records(2), "pagination": {"totalEntries": 3, "previous": None}}}],
    ),
    "full, though it counts one more": (
        "public",
        2,
        [{"data": {"sources": records(2), "pagination": {"totalEntries": 3, "next": None}}}],
    ),
    "one more came meanwhile": (
        "public",
        2,
        [
            {"data": {"sources": records(2), "pagination": {"totalEntries": 4, "next": "x"}}},
            {"data": {"sources": records(2, 2), "pagination": {"totalEntries": 5, "next": None}}},
        ],
    ),
    "an empty page after all": (
        "public",
        2,
        [
            {"data": {"sources": records(2), "pagination": {"totalEntries": 2, "next": "x"}}},
            {"data": {"sources": [], "pagination": {"totalEntries": 2, "next": "y"}}},
            {"data": {"sources": [], "pagination": {"totalEntries": 2, "next": None}}},
        ],
    ),
    "fewer meanwhile": (
        "public",
        2,
        [
            {"data": {"sources": records(2), "pagination": {"totalEntries": 6, "next": "x"}}},
            {"data": {"sources": records(2, 2), "pagination": {"totalEntries": 3, "next": "y"}}},
            {"data": {"sources": records(1, 4), "pagination": {"totalEntries": 3, "next": None}}},
        ],
    ),
    "another list's object": ("public", 5, [{"data": {"sources": records(2), "more": {"next": None, "current": "c"}}}]),
    "versioned, at the top, absent at the end": (
        "versioned",
        2,
        [{"data": records(2), "next": "x"}, {"data": records(2, 2)}],
    ),
    "versioned, full": ("versioned", 2, [{"data": records(2), "page": {"next": ""}}]),
    "versioned, short": ("versioned", 5, [{"data": records(2)}]),
}


@pytest.mark.parametrize("name", ENDED)
def test_a_list_that_is_at_its_end_is_none_that_breaks_off(name, scripted, client_of):
    layout, page_size, bodies = ENDED[name]
    api = scripted(*bodies)
    found = read(client_of(api.url, layout=layout, page_size=page_size), SOURCES)
    assert len(api.asked) == len(bodies)
    assert found == records(len(found))


def alternating(total, names=("a", "b"), key="sources"):
    """Pages that come again and again, each with a cursor of its own."""
    for number in range(4000):
        record = {"id": names[number % len(names)], "timestamp": "2026-01-01T00:00:00Z"}
        told = {"next": f"c{number}", **({} if total is None else {"totalEntries": total})}
        yield {"data": {key: [record, {**record, "id": record["id"] * 2}], "pagination": told}}


@pytest.mark.parametrize("total", [4, "4", 5, 1, 0])
def test_pages_that_go_on_beyond_the_count_end_in_an_error(total, scripted, client_of):
    api = scripted(*alternating(total))
    with pytest.raises(BeyondCountError) as caught:
        read(client_of(api.url), SOURCES)
    assert len(api.asked) == {5: 4, 4: 3, "4": 3}.get(total, 2)
    assert f"though it counts {total} itself. Nothing of it was loaded. Try again later." in str(caught.value)


@pytest.mark.parametrize(
    "endpoint", [SOURCES, ROWS["delivery_overview_successfully_received"]], ids=lambda row: row.name
)
def test_a_page_that_names_itself_as_the_next_one_is_not_read_twice(endpoint, scripted, client_of):
    def body(following):
        held = {endpoint.selector[-1]: records(12), "pagination": {"next": following, "totalEntries": 12}}
        return {"data": held}

    api = scripted(body("the cursor of this page"), body(None))
    with pytest.raises(BeyondCountError):
        read(client_of(api.url), endpoint, {"sourceId": "s", "startTime": "2026-01-01T00:00:00Z"})
    assert len(api.asked) == 2


@pytest.mark.parametrize("names", ["ab", "abc", "abcdefghij"])
@pytest.mark.parametrize("total", [None, 10**6])
def test_pages_that_come_again_in_turns_end_in_an_error(total, names, scripted, client_of):
    api = scripted(*alternating(total, names))
    with pytest.raises(StalledError):
        read(client_of(api.url), SOURCES)
    assert len(api.asked) == len(names) + 100


def test_a_log_that_grows_may_go_beyond_its_count_but_not_for_ever(scripted, client_of):
    def events(number):
        told = {"next": f"c{number}", "totalEntries": 100}
        return {"data": {"events": records(200, 200 * number), "pagination": told}}

    asked_with = {"startTime": "2026-01-01T00:00:00Z"}
    last = {"data": {"events": records(3, 600), "pagination": {"next": None, "totalEntries": 100}}}
    api = scripted(events(0), events(1), events(2), last)
    assert read(client_of(api.url), ROWS["audit_events"], asked_with) == records(603)
    api = scripted(*map(events, range(100)))
    with pytest.raises(BeyondCountError, match=r"goes on after 1,400 records, though it counts 100 itself"):
        read(client_of(api.url), ROWS["audit_events"], asked_with)


def test_a_cursor_that_repeats_ends_in_an_error(emulator, monkeypatch):
    from segment_dagster.emulator import Fault

    emulator.faults.add(Fault("repeated-cursor", "sources"))
    with SegmentClient(ApiSettings(page_size=7)) as client, pytest.raises(CursorError) as caught:
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
    with SegmentClient(ApiSettings()) as versioned:
        assert not versioned.offers(ROWS["spaces"])
        with pytest.raises(ValueError, match="the versioned layout has no endpoint spaces"):
            read(versioned, ROWS["spaces"])
    assert client.offers(ROWS["spaces"])
    assert emulator.stats.total == 0
