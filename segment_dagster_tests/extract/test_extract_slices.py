"""What is asked for, list by list: parents, parameters, times."""

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.columns import param, param_per_value, parent_of
from segment_dagster.extract.slices import build_slices
from segment_dagster.extract.times import StreamSlice, Window

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
NO_TIME = [StreamSlice({})]
WINDOW = Window(datetime(2026, 3, 1, tzinfo=timezone.utc))
BARE = replace(ROWS["sources"], time=None, parameters=(), parent=None)


def test_an_endpoint_that_is_asked_with_nothing_is_one_list():
    assert build_slices(BARE, [{}], NO_TIME) == [StreamSlice({})]


def test_each_record_of_the_parent_makes_a_list():
    assert build_slices(BARE, [{"spaceId": "a"}, {"spaceId": "b"}], NO_TIME) == [
        StreamSlice({"spaceId": "a"}),
        StreamSlice({"spaceId": "b"}),
    ]


def test_records_that_give_the_same_make_one_list():
    parents = [{"spaceId": "a", "audienceType": "USERS"}] * 3 + [{"spaceId": "a", "audienceType": "LINKED"}]
    assert build_slices(BARE, parents, NO_TIME) == [StreamSlice(parents[0]), StreamSlice(parents[3])]


def test_a_record_that_lacks_what_is_asked_with_makes_none():
    parents: list[dict[str, Any]] = [{"modelId": None, "subscriptionId": "s"}, {"modelId": "m", "subscriptionId": "s"}]
    assert build_slices(BARE, parents, NO_TIME) == [StreamSlice({"modelId": "m", "subscriptionId": "s"})]


def test_no_parents_make_no_lists():
    assert build_slices(BARE, [], [StreamSlice({"period": "2026-03-01"})]) == []


def test_each_value_of_a_parameter_makes_a_list_and_what_is_always_sent_makes_none():
    endpoint = replace(BARE, parameters=(param_per_value("kind", "A", "B"), param("sortBy", "x")))
    assert build_slices(endpoint, [{"id": "1"}, {"id": "2"}], NO_TIME) == [
        StreamSlice({"id": "1", "kind": "A"}),
        StreamSlice({"id": "1", "kind": "B"}),
        StreamSlice({"id": "2", "kind": "A"}),
        StreamSlice({"id": "2", "kind": "B"}),
    ]


def test_each_time_makes_a_list_of_its_own_and_keeps_what_counts():
    times = [StreamSlice({"period": "2026-02-01"}), StreamSlice({"period": "2026-03-01"}, WINDOW)]
    assert build_slices(BARE, [{"id": "1"}, {"id": "2"}], times) == [
        StreamSlice({"id": "1", "period": "2026-02-01"}),
        StreamSlice({"id": "1", "period": "2026-03-01"}, WINDOW),
        StreamSlice({"id": "2", "period": "2026-02-01"}),
        StreamSlice({"id": "2", "period": "2026-03-01"}, WINDOW),
    ]


def test_a_parent_in_a_row_is_said_by_what_it_gives():
    parent = parent_of("functions", only=("resourceType", ("SOURCE",)), functionId="id")
    assert (parent.endpoint, parent.only) == ("functions", ("resourceType", ("SOURCE",)))
    assert [(bind.parameter, bind.field) for bind in parent.binds] == [("functionId", "id")]
