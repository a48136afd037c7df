"""From versions to what became of the records: what took the place of what, and when."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.columns import count, nested, text, volatile
from segment_dagster.marts.records import record_changes

ROW = replace(
    CATALOGUE[0],
    primary_key=("id", "part"),
    optional_key=("part",),
    columns=(
        text("id", "x."),
        text("part", "x."),
        text("displayName", "x."),
        text("slug", "x."),
        nested("held", "x."),
        volatile(count("size", "x.")),
    ),
)
LOADS = [datetime(2024, 3, day, 6, tzinfo=timezone.utc) for day in range(1, 10)]
BEGINNING = LOADS[0] + timedelta(minutes=1)
"""When the first load had ended."""


def version(id, start, end=None, part=None, **columns):
    return {
        "id": id,
        "part": part,
        "display_name": None,
        "slug": None,
        "held": None,
        "size": None,
        **columns,
        "row_version": "any",
        "valid_from": LOADS[start],
        "valid_to": None if end is None else LOADS[end],
    }


def changes(*versions, copied=()):
    return list(record_changes(ROW, versions, BEGINNING, copied))


def told(*versions, **more):
    return [
        (each.difference.kind, each.key[0], each.difference.field, each.seen_at) for each in changes(*versions, **more)
    ]


def test_what_was_there_from_the_beginning_and_stands_is_no_change():
    assert told(version("a", 0), version("b", 0)) == []


def test_what_came_later_was_added():
    (change,) = changes(version("a", 2, slug="x"))
    assert (change.difference.kind, change.seen_at, change.after) == ("added", LOADS[2], BEGINNING)
    assert change.difference.new == {"id": "a", "slug": "x"}


def test_what_ended_and_was_not_replaced_was_removed():
    (change,) = changes(version("a", 0, 3, slug="x"))
    assert (change.difference.kind, change.seen_at, change.after) == ("removed", LOADS[3], LOADS[0])
    assert change.difference.old == {"id": "a", "slug": "x"}


def test_what_took_the_place_of_another_is_told_field_by_field():
    found = changes(
        version("a", 0, 3, slug="x", held='{"k": 1, "l": 1}'), version("a", 3, slug="y", held='{"k": 2, "l": 1}')
    )
    assert [(each.difference.field, each.difference.old, each.difference.new) for each in found] == [
        ("held.k", 1, 2),
        ("slug", "x", "y"),
    ]
    assert {(each.seen_at, each.after) for each in found} == {(LOADS[3], LOADS[0])}


def test_each_version_is_compared_with_the_one_before_it():
    assert told(version("a", 0, 2, slug="x"), version("a", 2, 5, slug="y"), version("a", 5, slug="x")) == [
        ("changed", "a", "slug", LOADS[2]),
        ("changed", "a", "slug", LOADS[5]),
    ]


def test_what_went_and_came_back_did_both():
    found = changes(version("a", 0, 2), version("a", 4))
    assert {(each.difference.kind, each.seen_at, each.after) for each in found} == {
        ("removed", LOADS[2], LOADS[0]),
        # it was not there after it had gone, so what brought it back happened later
        ("added", LOADS[4], LOADS[2]),
    }


def test_a_new_version_for_the_sake_of_what_does_not_count_is_no_change():
    """A column that came to be declared volatile makes new versions once."""
    assert told(version("a", 0, 2, size=1), version("a", 2, size=2)) == []


def test_records_are_told_apart_by_their_whole_key():
    assert told(
        version("a", 0, 2, part="p"), version("a", 2, part="q"), version("b", 0), version("b", 2, part="p")
    ) == [
        ("removed", "a", None, LOADS[2]),
        ("added", "a", None, LOADS[2]),
        ("added", "b", None, LOADS[2]),
    ]


def test_copies_are_not_told_of_and_their_coming_and_going_is():
    rows = [version("a", 0, 2, slug="x", held="1"), version("a", 2, slug="y", held="2"), version("b", 2, slug="z")]
    assert told(*rows, copied={"slug"}) == [("changed", "a", "held", LOADS[2]), ("added", "b", None, LOADS[2])]


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"display_name": "Mine", "slug": "mine"}, "Mine"),
        ({"slug": "mine"}, "mine"),
        ({"display_name": "", "slug": "mine"}, "mine"),
        ({}, None),
    ],
)
def test_a_record_is_called_by_what_it_has(columns, name):
    (change,) = changes(version("a", 1, **columns))
    assert change.name == name


def test_a_record_is_called_what_it_is_called_now():
    (change,) = changes(version("a", 0, 2, display_name="Old"), version("a", 2, display_name="New"))
    assert change.name == "New"
