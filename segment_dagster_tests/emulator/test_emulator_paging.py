"""Pages of endpoints that are paged in a way of their own."""

import json

import pytest

from segment_dagster.emulator import Fault
from segment_dagster.endpoints import CATALOGUE

ROWS = {row.name: row for row in CATALOGUE}


def error(response):
    (only,) = response.json()["errors"]
    return response.status_code, only.get("field")


def longest(world, name):
    return max(world.lists(name), key=lambda values: len(world.records(name, values)))


@pytest.mark.parametrize(
    ("name", "count"),
    [("segments", 200), ("tracking_plan_rules", 200), ("reverse_etl_syncs", 10), ("space_filters", 10)],
)
def test_a_page_has_a_documented_size_where_none_is_asked_for(ask, world, name, count):
    row, values = ROWS[name], longest(world, name)
    assert len(world.records(name, values)) > count
    assert len(ask(row, values).json()["data"][row.selector[-1]]) == count


def test_count_and_cursor_may_be_bare(ask, world):
    row, values = ROWS["reverse_etl_syncs"], longest(world, "reverse_etl_syncs")
    records = world.records(row.name, values)
    first = ask(row, values, count=7).json()["data"]
    assert first["syncStatuses"] == records[:7]
    cursor = first["pagination"]["next"]
    assert ask(row, values, count=7, cursor=cursor).json()["data"]["syncStatuses"] == records[7:14]
    assert ask(row, values, cursor=cursor).json()["data"]["syncStatuses"] == records[7:17]
    assert error(ask(row, values, cursor="abc")) == (422, "cursor")
    # the object that other endpoints take is not read here
    assert len(ask(row, values, pagination__count=3).json()["data"]["syncStatuses"]) == 10


@pytest.mark.parametrize(
    "query",
    [
        {"pagination.count": 10, "pagination.cursor": 10},
        {"pagination[count]": 10, "pagination[cursor]": 10},
        {"pagination": json.dumps({"count": 10, "cursor": 10})},
        {"pagination": json.dumps({"count": 10, "cursor": "10"})},
    ],
)
def test_cursors_of_space_filters_are_offsets(ask, world, query):
    row, values = ROWS["space_filters"], world.lists("space_filters")[0]
    data = ask(row, values, **query).json()["data"]
    assert data["filters"] == world.records(row.name, values)[10:20]
    assert data["pagination"] == {"current": 10, "next": 20, "totalEntries": 25}


def test_the_last_page_of_space_filters_names_no_next_one(ask, world):
    row, values = ROWS["space_filters"], world.lists("space_filters")[0]
    data = ask(row, values, pagination__count=10, pagination__cursor=20).json()["data"]
    assert data["pagination"] == {"current": 20, "totalEntries": 25}
    for cursor in ("-1", "1.5", "abc", "", "++//eA=="):
        assert error(ask(row, values, pagination__count=10, pagination__cursor=cursor)) == (422, "pagination.cursor")


@pytest.mark.parametrize("name", ["space_traits", "space_entity_properties"])
def test_pages_that_lead_forward_only_have_no_previous_one(ask, world, name):
    row, values = ROWS[name], longest(world, name)
    pagination = ask(row, values, pagination__count=1).json()["data"]["pagination"]
    again = ask(row, values, pagination__count=1, pagination__cursor=pagination["next"]).json()["data"]["pagination"]
    assert set(pagination) == set(again) == {"current", "next", "totalEntries"}


def test_a_total_may_be_an_upper_bound(ask, world):
    for name in ("space_traits", "space_entity_properties"):
        row, values = ROWS[name], longest(world, name)
        more = ask(row, values).json()["data"]["pagination"]["totalEntries"] - len(world.records(name, values))
        assert (0 < more < 10) is row.total_is_bound


def test_regulations_of_a_source_have_one_page_and_no_pagination(ask, world):
    row, values = ROWS["source_regulations"], longest(world, "source_regulations")
    records = world.records(row.name, values)
    assert ask(row, values, pagination__count=1).json() == {"data": {"regulations": records[:1]}}
    assert ask(row, values).json() == {"data": {"regulations": records}}
    assert error(ask(row, values, pagination__count=1001)) == (422, "pagination.count")


def test_an_optional_pagination_object_is_left_out_of_some_answers(ask, emulator, world):
    row = ROWS["audience_activations"]
    told = {"pagination" in ask(row, values).json()["data"] for values in world.lists(row.name)[:20]}
    assert told == {True, False}
    values = longest(world, row.name)
    assert "next" in ask(row, values, pagination__count=1).json()["data"]["pagination"]
    emulator.faults.add(Fault("wrong-total", row.name))
    assert all("pagination" in ask(row, values).json()["data"] for values in world.lists(row.name)[:20])


def test_a_required_pagination_object_is_always_there(ask, world):
    row = ROWS["audience_references"]
    assert all("pagination" in ask(row, values).json()["data"] for values in world.lists(row.name)[:20])


def test_a_cursor_is_for_the_time_it_was_given_for(ask, world):
    row = ROWS["usage_mtu_per_source_daily"]
    cursor = ask(row, {}, pagination__count=5).json()["data"]["pagination"]["next"]
    assert ask(row, {}, pagination__count=5, pagination__cursor=cursor).status_code == 200
    other = ask(row, {}, period="2024-02-01", pagination__count=5, pagination__cursor=cursor)
    assert error(other) == (422, "pagination.cursor")
