"""Each way in which an answer can differ from the models of the SDK is told."""

from dataclasses import replace
from typing import Any

import pytest

from segment_dagster_tests.facts.facts import EndpointFacts, Facts, load, parse
from segment_dagster_tests.facts.shape import problems, records
from segment_dagster_tests.facts.test_rebuild import HAND, SMALL

ENTRY = {**SMALL["operations"]["list_boxes"]["lists"]["data.boxes"]}
WRITTEN: dict[str, list[str]] = {"time": [], "date": [], "unix_seconds": [], "number_as_text": []}
FACTS: Facts = parse(SMALL, {**HAND, "base_urls": {}, "written_as": WRITTEN})
ABOUT: EndpointFacts = FACTS.endpoints["boxes"]
BOX: dict[str, Any] = {"id": "a", "color": "RED", "if": None, "sizes": ["L"], "what": {"turns": 2}}
LID: dict[str, Any] = {"labels": {"a": "b"}, "any": None}


def _told(record: Any, **beside: Any) -> list[str]:
    return problems({"data": {"boxes": [BOX, record], "pagination": {"next": None}, **beside}}, ABOUT, FACTS)


def test_what_the_models_allow_is_no_problem():
    assert _told({**BOX, "lid": LID}, total=3) == []
    assert _told({**BOX, "lid": None, "what": LID}) == []
    assert problems({"data": {"boxes": []}}, ABOUT, FACTS) == []


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({name: value for name, value in BOX.items() if name != "id"}, "data.boxes[1].id is missing"),
        ({**BOX, "id": None}, "data.boxes[1].id is null"),
        ({**BOX, "id": 3}, "data.boxes[1].id is int, not string"),
        ({**BOX, "weight": 3}, "data.boxes[1].weight is not known to the SDK"),
        ({**BOX, "color": "PINK"}, "data.boxes[1].color is 'PINK', not one of BLUE, RED"),
        ({**BOX, "sizes": ["L", "M"]}, "data.boxes[1].sizes[1] is 'M', not one of L, S"),
        ({**BOX, "sizes": "L"}, "data.boxes[1].sizes is str, not array<string>"),
        ({**BOX, "lid": {"labels": {"a": 1}}}, "data.boxes[1].lid.labels.a is int, not string"),
        ({**BOX, "lid": {}}, "data.boxes[1].lid.labels is missing"),
        ({**BOX, "what": {"turns": True}}, "data.boxes[1].what is none of Lid, Hinge"),
        ("box", "data.boxes[1] is str, not object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_record_that_the_sdk_would_not_read_is_told(record: Any, says: str):
    assert _told(record) == [says]


def test_an_envelope_that_the_sdk_would_not_read_is_told():
    assert problems({"boxes": []}, ABOUT, FACTS) == ["the answer is not an object with `data` alone"]
    assert problems({"data": {"crates": []}}, ABOUT, FACTS) == [
        "data.crates is not known to the SDK",
        "data.boxes is NoneType, not array<object>",
    ]
    assert _told(BOX, pagination={"next": 1}) == ["data.pagination.next is int, not string"]
    required = replace(ABOUT, next_optional=False)
    assert problems({"data": {"boxes": []}}, required, FACTS) == ["data.pagination is NoneType, not object"]


def test_a_record_that_is_all_of_the_data_is_looked_at_too():
    facts = load()
    about = facts.endpoints["warehouse_connection_states"]
    assert problems({"data": {"connectionState": "CONNECTED"}}, about, facts) == []
    assert problems({"data": {}}, about, facts) == ["data.connectionState is missing"]
    assert records({"data": {"connectionState": "CONNECTED"}}, about) == [{"connectionState": "CONNECTED"}]
