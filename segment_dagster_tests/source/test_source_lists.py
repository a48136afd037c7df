"""What is asked for, list by list: parents, parameters, times."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from segment_dagster.endpoints import CATALOGUE, Months, TimeRange
from segment_dagster.endpoints.columns import always, each, one_by_one
from segment_dagster.source.lists import lists_of

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
NOW = datetime(2026, 3, 1, 0, 0, 30, tzinfo=timezone.utc)
BARE = replace(ROWS["sources"], time=None, parameters=(), parent=None)


def test_an_endpoint_that_is_asked_with_nothing_is_one_list():
    assert lists_of(BARE, [{}], NOW) == [{}]


def test_each_record_of_the_parent_makes_a_list():
    assert lists_of(BARE, [{"spaceId": "a"}, {"spaceId": "b"}], NOW) == [{"spaceId": "a"}, {"spaceId": "b"}]


def test_records_that_give_the_same_make_one_list():
    parents = [{"spaceId": "a", "audienceType": "USERS"}] * 3 + [{"spaceId": "a", "audienceType": "LINKED"}]
    assert lists_of(BARE, parents, NOW) == [parents[0], parents[3]]


def test_a_record_that_lacks_what_is_asked_with_makes_none():
    assert lists_of(BARE, [{"modelId": None, "subscriptionId": "s"}, {"modelId": "m", "subscriptionId": "s"}], NOW) == [
        {"modelId": "m", "subscriptionId": "s"}
    ]


def test_no_parents_make_no_lists():
    assert lists_of(replace(BARE, time=Months(count=3)), [], NOW) == []


def test_each_value_of_a_parameter_makes_a_list_and_what_is_always_sent_makes_none():
    endpoint = replace(BARE, parameters=(one_by_one("kind", "A", "B"), always("sortBy", "x")))
    assert lists_of(endpoint, [{"id": "1"}, {"id": "2"}], NOW) == [
        {"id": "1", "kind": "A"},
        {"id": "1", "kind": "B"},
        {"id": "2", "kind": "A"},
        {"id": "2", "kind": "B"},
    ]


@pytest.mark.parametrize(
    ("now", "months"),
    [
        ("2026-03-31T23:59:59", ["2026-01-01", "2026-02-01", "2026-03-01"]),
        ("2026-01-01T00:00:00", ["2025-11-01", "2025-12-01", "2026-01-01"]),
        ("2024-03-30T12:00:00", ["2024-01-01", "2024-02-01", "2024-03-01"]),
    ],
)
def test_months_are_named_by_their_first_days(now, months):
    endpoint = replace(BARE, time=Months(count=3))
    moment = datetime.fromisoformat(now).replace(tzinfo=timezone.utc)
    assert lists_of(endpoint, [{}], moment) == [{"period": month} for month in months]


def test_a_range_is_made_of_whole_days_before_the_present_one():
    endpoint = replace(BARE, time=TimeRange(days=2, granularity="DAY"))
    assert lists_of(endpoint, [{}], NOW) == [
        {"startTime": "2026-02-27T00:00:00Z", "endTime": "2026-03-01T00:00:00Z", "granularity": "DAY"}
    ]


def test_a_range_until_now_has_no_end():
    endpoint = replace(BARE, time=TimeRange(days=1, until_now=True))
    assert lists_of(endpoint, [{}], NOW) == [{"startTime": "2026-02-28T00:00:00Z"}]


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_a_full_read_stays_within_what_segment_allows_at_any_hour(hour):
    now = datetime(2026, 3, 30, hour, 59, 59, tzinfo=timezone.utc)
    for endpoint in CATALOGUE:
        if not isinstance(endpoint.time, TimeRange):
            continue
        (values,) = lists_of(endpoint, [{}], now)
        start = datetime.fromisoformat(values["startTime"].replace("Z", "+00:00"))
        end = datetime.fromisoformat(values.get("endTime", now.isoformat()).replace("Z", "+00:00"))
        for span in endpoint.time.spans:
            if span.granularity == endpoint.time.granularity:
                assert now - start <= span.oldest
                assert end - start <= span.longest


def test_a_parent_in_a_row_is_said_by_what_it_gives():
    parent = each("functions", only=("resourceType", ("SOURCE",)), functionId="id")
    assert (parent.endpoint, parent.only) == ("functions", ("resourceType", ("SOURCE",)))
    assert [(bind.parameter, bind.field) for bind in parent.binds] == [("functionId", "id")]
