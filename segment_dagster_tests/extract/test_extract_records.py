"""From the API's records to those of the rows: exploded, filled in, never changed."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from segment_dagster.endpoints import CATALOGUE, Column, Exploded
from segment_dagster.endpoints.columns import from_request, param, param_per_value, parent_of, text
from segment_dagster.extract.errors import GrainError
from segment_dagster.extract.records import records_of_rows

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
PLAIN = replace(ROWS["spaces"], columns=(text("id", "x."), text("name", "x.")), primary_key=("id",), references=())


def endpoint(*columns: Column, **changes: Any):
    return replace(PLAIN, columns=(*PLAIN.columns, *columns), **changes)


def test_records_are_rows_where_nothing_is_to_be_done():
    records = [{"id": "1", "new": 2}]
    assert records_of_rows(PLAIN, records, {}) == records


def test_what_the_request_was_asked_with_is_filled_in_where_the_record_lacks_it():
    row = endpoint(
        from_request("spaceId", "x."),
        from_request("audienceId", "x.", by="id"),
        parent=parent_of("spaces", spaceId="id", id="id"),
    )
    found = records_of_rows(row, [{"id": "r"}, {"id": "q", "spaceId": "own"}, {"id": "n", "spaceId": None}], ASKED)
    assert found == [
        {"id": "r", "spaceId": "s", "audienceId": "a"},
        {"id": "q", "spaceId": "own", "audienceId": "a"},
        {"id": "n", "spaceId": "s", "audienceId": "a"},
    ]


ASKED = {"spaceId": "s", "id": "a"}


def test_each_element_of_a_list_is_a_row_and_sums_over_the_list_are_left_out():
    row = endpoint(exploded=Exploded(field="series", without=("total",)))
    record = {"id": "g", "total": 3, "series": [{"time": "t1", "count": 1}, {"time": "t2", "count": 2}]}
    assert records_of_rows(row, [record], {}) == [
        {"id": "g", "time": "t1", "count": 1},
        {"id": "g", "time": "t2", "count": 2},
    ]


def test_bare_elements_get_a_name():
    row = endpoint(exploded=Exploded(field="ids", element="name"))
    assert records_of_rows(row, [{"id": "1", "ids": ["a", "b"]}], {}) == [
        {"id": "1", "name": "a"},
        {"id": "1", "name": "b"},
    ]


def test_an_empty_list_makes_no_row():
    assert records_of_rows(endpoint(exploded=Exploded(field="series")), [{"id": "1", "series": []}], {}) == []


@pytest.mark.parametrize("record", [{"id": "1"}, {"id": "1", "series": None}, {"id": "1", "series": ["x"]}], ids=str)
def test_a_record_without_its_list_is_refused(record):
    with pytest.raises(GrainError, match=r"^spaces: a record has no list 'series', of which each element is a row"):
        records_of_rows(endpoint(exploded=Exploded(field="series")), [record], {})


def test_what_an_object_holds_is_copied_into_a_column_of_its_own():
    row = endpoint(text("sourceId", "x.", source_path=("source", "id")))
    found = records_of_rows(row, [{"id": "1", "source": {"id": "s"}}, {"id": "2"}, {"id": "3", "source": None}], {})
    assert [record["sourceId"] for record in found] == ["s", None, None]
    assert found[0]["source"] == {"id": "s"}


def test_the_apis_records_stay_as_they_are():
    row = endpoint(
        from_request("kind", "x."),
        parameters=(param_per_value("kind", "A"), param("x", "y")),
        exploded=Exploded(field="series"),
    )
    records = [{"id": "1", "series": [{"count": 1}]}]
    before = copy.deepcopy(records)
    assert records_of_rows(row, records, {"kind": "A"}) == [{"id": "1", "count": 1, "kind": "A"}]
    assert records == before
