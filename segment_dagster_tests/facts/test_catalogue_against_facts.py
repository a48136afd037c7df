"""The catalogue says what the official SDK says, but for what is allowed with a reason."""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from segment_dagster.client.layout import call_for
from segment_dagster.config import MAX_PAGE_SIZE, Layout, Region
from segment_dagster.endpoints import CATALOGUE, Column, Endpoint, Paging, Parameter
from segment_dagster.endpoints.columns import BETA, V1, flag, param, param_per_value, parent_of
from segment_dagster_tests.facts.allowed import ALLOWED, unexplained
from segment_dagster_tests.facts.compare import Difference, differences
from segment_dagster_tests.facts.facts import HERE, load

FACTS = load()
ROWS = {row.name: row for row in CATALOGUE}


def _lines(rows: Mapping[str, Endpoint]) -> list[str]:
    return unexplained(differences(rows.values(), FACTS), ALLOWED)


def test_catalogue_agrees_with_the_sdk():
    assert FACTS.sdk == "73.2.0"
    assert len(ROWS) == len(FACTS.endpoints) == 71
    assert _lines(ROWS) == []


def test_client_asks_in_the_public_layout_as_the_sdk_does():
    # The SDK knows nothing of the other layout, `versioned`: dltHub's page about Segment describes it.
    for path, group in groupby(sorted(CATALOGUE, key=lambda row: row.path), key=lambda row: row.path):
        rows = list(group)
        call = call_for(rows, Layout.PUBLIC, MAX_PAGE_SIZE)
        assert call
        for row, part in zip(rows, call.lists, strict=True):
            facts = FACTS.endpoints[row.name]
            assert (call.path, call.accept, part.selector) == (facts.path, facts.accept, facts.selector), path
            assert part.page_size is None or part.page_size <= (facts.maximum or 0)
            assert facts.count in (None, part.count_parameter)
            assert facts.next in (None, *part.next_cursor)


def test_every_get_operation_of_the_sdk_is_read_or_left_out_for_a_reason():
    by_hand = json.loads((HERE / "by_hand.json").read_text(encoding="utf-8"))
    assert by_hand["not_read"].keys() == FACTS.other_gets.keys()
    assert all(by_hand["not_read"].values())
    assert not set(FACTS.other_gets.values()) & {row.path for row in CATALOGUE}


def test_base_urls_are_those_of_the_sdks():
    assert dict(FACTS.base_urls) == {region.value: region.base_url for region in Region}


SEGMENTS = ROWS["segments"]


def _with(field: str, **change: Any) -> tuple[Column, ...]:
    return tuple(replace(column, **change) if column.field == field else column for column in SEGMENTS.columns)


@pytest.mark.parametrize(
    ("change", "attribute", "catalogue", "sdk"),
    [
        ({"path": "/spaces/{spaceId}/x"}, "path", "'/spaces/{spaceId}/x'", "'/spaces/{spaceId}/audiences'"),
        ({"media_type": BETA}, "Accept", f"'{BETA}'", f"'{V1}'"),
        ({"selector": ("data", "x")}, "selector", "('data', 'x')", "('data', 'audiences')"),
        ({"page_size": 1000}, "page maximum", "1000", "200"),
        ({"page_size": None}, "page maximum", "nothing", "200"),
        ({"paging": Paging(count="count")}, "count parameter", "'count'", "'pagination.count'"),
        ({"paging": Paging(cursor="cursor")}, "cursor parameter", "'cursor'", "'pagination.cursor'"),
        ({"paging": Paging(answer=("x",))}, "next cursor", "('x', 'next')", "('data', 'pagination', 'next')"),
        ({"paging": Paging(required=False)}, "pagination object in every answer", "False", "True"),
        ({"single": True}, "one record", "True", "False"),
        ({"primary_key": ("key",)}, "primary key", "('key',)", "('id',)"),
        ({"optional_key": ("id",)}, "optional key", "('id',)", "()"),
        ({"requests_per_minute": 25}, "requests a minute", "25", "60"),
        ({"requests_per_minute": None}, "requests a minute", "nothing", "60"),
        ({"feature": "Spaces"}, "feature", "'Spaces'", "'Audience'"),
        (
            {"parent": parent_of("sources", spaceId="id")},
            "parents",
            "{'spaceId': 'sources.id'}",
            "{'spaceId': 'spaces.id'}",
        ),
        ({"columns": _with("name", type="bool")}, "type of name", "'bool'", "'text'"),
        ({"columns": _with("createdAt", type="text")}, "type of createdAt", "'text'", "'timestamp'"),
        ({"columns": _with("createdAt", unix=True)}, "unix seconds of createdAt", "True", "False"),
        (
            {"columns": _with("audienceType", values=("USERS",))},
            "values of audienceType",
            "['USERS']",
            "['ACCOUNTS', 'LINKED', 'USERS']",
        ),
        ({"columns": SEGMENTS.columns[:-1]}, "field schedules", "nothing", "'array<object>'"),
        ({"columns": (*SEGMENTS.columns, flag("hidden", "x."))}, "field hidden", "'bool'", "nothing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_changed_row_is_told_by_what_changed(change: dict[str, Any], attribute: str, catalogue: str, sdk: str):
    assert _lines({**ROWS, "segments": replace(SEGMENTS, **change)}) == [
        f"segments: {attribute} is {catalogue} in the catalogue, {sdk} in the SDK"
    ]


KINDS = ROWS["functions"].parameters[0]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ((), "parameter resourceType is 'not sent' in the catalogue, 'required' in the SDK"),
        ((KINDS, param("sort", "x")), "parameter sort is 'sent' in the catalogue, 'unknown' in the SDK"),
        (
            (param_per_value("resourceType", "X"),),
            "values of parameter resourceType is ['X'] in the catalogue, [] in the SDK",
        ),
    ],
    ids=["not sent", "unknown", "unknown value"],
)
def test_a_parameter_that_the_sdk_does_not_know_is_told(parameters: tuple[Parameter, ...], says: str):
    columns = tuple(replace(column, parameter=None) for column in ROWS["functions"].columns)
    changed = replace(ROWS["functions"], parameters=parameters, columns=columns)
    assert _lines({**ROWS, "functions": changed}) == [f"functions: {says}"]


def test_an_operation_that_is_no_get_is_told():
    posted = replace(FACTS.endpoints["users"], method="POST")
    facts = replace(FACTS, endpoints={**FACTS.endpoints, "users": posted})
    assert unexplained(differences(CATALOGUE, facts), ALLOWED) == [
        "users: method is 'GET' in the catalogue, 'POST' in the SDK"
    ]


def test_a_row_too_many_and_a_row_too_few_are_told():
    rows = {name: row for name, row in ROWS.items() if name != "labels"}
    rows["boxes"] = replace(ROWS["labels"], name="boxes", path="/boxes")
    assert _lines(rows) == [
        "boxes: endpoint is '/boxes' in the catalogue, nothing in the SDK",
        "labels: endpoint is nothing in the catalogue, '/labels' in the SDK",
    ]


def test_an_allowed_difference_must_be_there_as_it_was_allowed():
    found = [Difference("sources", "path", "/here", "/there")]
    assert unexplained(found, {("sources", "path"): ("/here", "why")}) == []
    assert unexplained([], {("sources", "path"): ("/here", "why")}) == [
        "sources: path no longer differs; remove it from ALLOWED"
    ]
    assert unexplained(found, {("sources", "path"): ("/elsewhere", "why")}) == [
        "sources: path is '/here' in the catalogue, '/there' in the SDK",
        "sources: path no longer differs; remove it from ALLOWED",
    ]
