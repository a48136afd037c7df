from urllib.parse import quote

import pytest
import requests

from segment_dagster.emulator import Emulator, running
from segment_dagster.emulator.layouts import CURSOR_PLACES
from segment_dagster.endpoints import CATALOGUE

V1 = "application/vnd.segment.v1+json"


def pages(api, path, count):
    """All pages of a list in the public layout."""
    cursor, found = None, []
    while True:
        params = {"pagination.count": count} | ({"pagination.cursor": cursor} if cursor else {})
        data = api.json(path, params=params)["data"]
        found.append(data)
        cursor = data["pagination"].get("next")
        if not cursor:
            return found


def error(response):
    (only,) = response.json()["errors"]
    return response.status_code, only["type"], only.get("field")


def test_workspace_is_one_object_without_pagination(api, world):
    assert api.json("/") == {"data": {"workspace": world.records("workspace")[0]}}


def test_audiences_are_listed_by_space_and_have_schedules_only_on_request(api, world):
    for space in world.records("spaces"):
        records = world.records("segments", {"spaceId": space["id"]})
        path = f"/spaces/{space['id']}/audiences"
        found = [record for data in pages(api, path, 200) for record in data["audiences"]]
        assert found == [{k: v for k, v in record.items() if k != "schedules"} for record in records]
        assert api.json(f"{path}?include=schedules&pagination.count=200")["data"]["audiences"] == records[:200]


def test_pages_name_the_pages_beside_them(api):
    first, second, *_, last = pages(api, "/sources", 7)
    assert first["pagination"]["previous"] is None
    assert second["pagination"]["previous"] == first["pagination"]["current"]
    assert second["pagination"]["current"] == first["pagination"]["next"]
    assert last["pagination"]["next"] is None
    assert "next" not in api.json("/sources?pagination.count=40")["data"]["pagination"]


def test_cursors_must_be_percent_encoded(api):
    cursor = api.json("/sources?pagination.count=3")["data"]["pagination"]["next"]
    assert "+" in cursor
    assert "/" in cursor
    assert error(api.get(f"/sources?pagination.count=3&pagination.cursor={cursor}"))[0] == 422
    assert api.get(f"/sources?pagination.count=3&pagination.cursor={quote(cursor, safe='')}").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"pagination.count": "3", "pagination.cursor": "CURSOR"},
        {"pagination": '{"count": 3, "cursor": "CURSOR"}'},
        {"pagination": '{"count": 3.0, "cursor": "CURSOR"}'},
        {"pagination[count]": "3", "pagination[cursor]": "CURSOR"},
    ],
)
def test_pagination_is_read_in_three_forms(api, world, query):
    cursor = api.json("/sources?pagination.count=3")["data"]["pagination"]["next"]
    query = {key: value.replace("CURSOR", cursor) for key, value in query.items()}
    assert api.json("/sources", params=query)["data"]["sources"] == world.records("sources")[3:6]


@pytest.mark.parametrize(
    "query",
    [
        "pagination.count=0",
        "pagination.count=-1",
        "pagination.count=1001",
        "pagination.count=ten",
        "pagination.count=1.5",
        "pagination.count=",
        "pagination[count]=1e2",
        'pagination={"count":"3"}',
        'pagination={"count":true}',
        'pagination={"count":NaN}',
        'pagination={"count":null}',
        "pagination.cursor=abc",
    ],
)
def test_a_bad_count_is_refused(api, query):
    assert error(api.get(f"/sources?{query}")) == (422, "bad-request", "pagination.count")


def test_the_largest_count_is_the_rows(api, world):
    path = f"/spaces/{world.records('spaces')[0]['id']}/audiences"
    assert api.get(f"{path}?pagination.count=200").status_code == 200
    assert error(api.get(f"{path}?pagination.count=201")) == (422, "bad-request", "pagination.count")


@pytest.mark.parametrize("value", ["3", "[]", "{", ""])
def test_pagination_that_is_no_object_is_refused(api, value):
    assert error(api.get("/sources", params={"pagination": value})) == (422, "bad-request", "pagination")


@pytest.mark.parametrize("cursor", ["", "abc", "%%%", "Mw==", "++//eA==", "é"])
def test_a_bad_cursor_is_refused(api, cursor):
    response = api.get("/sources", params={"pagination.count": 3, "pagination.cursor": cursor})
    assert error(response) == (422, "bad-request", "pagination.cursor")


def test_a_cursor_of_another_list_is_refused(api, world):
    one, other = (space["id"] for space in world.records("spaces"))
    cursor = api.json(f"/spaces/{one}/audiences?pagination.count=3")["data"]["pagination"]["next"]
    response = api.get(f"/spaces/{other}/audiences", params={"pagination.count": 3, "pagination.cursor": cursor})
    assert error(response) == (422, "bad-request", "pagination.cursor")


@pytest.mark.parametrize("path", ["/nothing", "/sources/", "/v2/sources", "/spaces/nowhere/audiences", "/v1/spaces"])
def test_an_unknown_path_or_parent_is_not_found(api, path):
    assert error(api.get(path))[:2] == (404, "not-found")


def test_ids_in_a_path_are_percent_decoded(api, world):
    encoded = "".join(f"%{ord(letter):02X}" for letter in world.records("spaces")[1]["id"])
    audiences = api.json(f"/spaces/{encoded}/audiences?pagination.count=1&include=schedules")["data"]["audiences"]
    assert audiences == world.records("segments", world.lists("segments")[1])[:1]
    assert api.get("/spaces/a%2Fb/audiences").json()["errors"][0]["message"] == "spaces a/b was not found."


def test_only_get_is_answered(api, emulator):
    assert error(api.session.post(f"{emulator.url}/sources"))[0] == 405


@pytest.mark.parametrize(
    ("path", "accept", "answered"),
    [
        ("/sources", V1, V1),
        ("/sources", "*/*", V1),
        ("/sources", None, V1),
        ("/sources", "application/json", "application/json"),
        ("/sources", f"text/html, {V1};q=0.9", V1),
        ("/spaces", "application/vnd.segment.v1alpha+json", "application/vnd.segment.v1alpha+json"),
        ("/v1/sources", V1, "application/json"),
    ],
)
def test_the_media_type_is_the_one_asked_for(api, path, accept, answered):
    response = api.get(path, headers={"Accept": accept})
    assert response.headers["Content-Type"] == answered


@pytest.mark.parametrize("path", ["/sources", "/spaces"])
def test_another_version_is_not_acceptable(api, path):
    assert error(api.get(path, headers={"Accept": "application/vnd.segment.v1beta+json"}))[0] == 406


@pytest.mark.parametrize("authorization", [None, "", "right", "Bearer", "Bearer wrong", "Basic right", "Bearer right2"])
def test_a_wrong_token_is_refused(emulator, authorization):
    headers = {"Authorization": authorization} if authorization is not None else {}
    assert error(requests.get(f"{emulator.url}/sources", headers=headers, timeout=10))[:2] == (401, "unauthorized")


def test_a_success_has_the_rate_limit_headers(api):
    one, two = (api.get("/sources").headers for _ in range(2))
    assert one["X-RateLimit-Reset"].endswith(" GMT")
    assert one["X-RateLimit-Remaining"].isdecimal()
    assert two["X-RateLimit-Consumed"].isdecimal()


@pytest.mark.parametrize("row", [row for row in CATALOGUE if row.versioned], ids=lambda row: row.name)
def test_the_versioned_layout_has_the_same_records(api, world, row):
    cursor, found = "", []
    while True:
        body = api.json(row.versioned.path, params={"page[size]": 200, "page[cursor]": cursor})
        records = body
        for key in row.versioned.selector:
            records = records[key]
        if row.versioned.page_size is None:
            assert "page" not in body
            assert [records] == world.records(row.name)
            return
        found += records
        cursor = body["page"]["next"]
        if cursor == "":
            break
    assert found == world.records(row.name)


@pytest.mark.parametrize("query", ["page[size]=201", "page[size]=0", "page[size]=x"])
def test_a_bad_size_of_the_versioned_layout_is_refused(api, query):
    assert error(api.get(f"/v1/sources?{query}")) == (422, "bad-request", "page[size]")
    assert error(api.get("/v1/sources?page[size]=3&page[cursor]=x")) == (422, "bad-request", "page[cursor]")


@pytest.mark.parametrize("place", CURSOR_PLACES)
def test_the_versioned_cursor_has_four_places(world, place):
    with running(world=world, cursor_place=place) as emulator:
        headers = {"Authorization": f"Bearer {emulator.token}"}
        for path, here in (("/v3/segments", place), ("/v1/sources", place.replace("data.pagination", "page"))):
            found = requests.get(f"{emulator.url}{path}?page[size]=3", headers=headers, timeout=10).json()
            for key in here.split("."):
                found = found[key]
            assert found


def test_an_unknown_cursor_place_is_refused(world):
    with pytest.raises(ValueError, match=r"page\.next"), running(world=world, cursor_place="nowhere"):
        pass


def test_an_empty_workspace_has_empty_lists():
    with running(scale=0) as emulator:
        headers = {"Authorization": f"Bearer {emulator.token}"}
        data = requests.get(f"{emulator.url}/sources", headers=headers, timeout=10).json()["data"]
        assert data["sources"] == []
        assert data["pagination"]["totalEntries"] == 0


def test_requests_are_counted(api, emulator: Emulator):
    api.get("/sources?pagination.count=1")
    api.get("/nothing", headers={"Accept": "text/plain"})
    one, two = emulator.stats.requests
    assert (one.endpoint, one.method, one.path, one.query) == ("sources", "GET", "/sources", "pagination.count=1")
    assert (one.accept, one.status) == ("*/*", 200)
    assert (two.endpoint, two.accept, two.status) == (None, "text/plain", 404)
    assert emulator.stats.by_endpoint == {"sources": 1}
    assert emulator.stats.by_status == {200: 1, 404: 1}
    assert emulator.stats.total == 2
    assert emulator.stats.most_open == 1
