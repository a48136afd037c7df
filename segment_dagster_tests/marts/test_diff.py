"""Differences: all of them, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_dagster.extract.json_text import loads
from segment_dagster.extract.versions import as_json, row_version
from segment_dagster.marts.diff import ADDED, CHANGED, REMOVED, Difference, differences

pytestmark = pytest.mark.slow

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=3) | st.sampled_from(["a", "b", "a.b", ""])
LEAVES = (
    st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "1"])
)
LISTED = st.recursive(LEAVES | st.none(), lambda inner: st.lists(inner, max_size=2), max_leaves=3)
VALUES = st.dictionaries(
    NAMES,
    st.recursive(LEAVES | st.lists(LISTED, max_size=2), lambda inner: st.dictionaries(NAMES, inner, max_size=3)),
    max_size=4,
)
"""What a row counts: nothing is null but in a list."""


def applied(old, found):
    """The record after these differences."""
    for difference in found:
        if not difference.path:
            return difference.new
    new = loads(as_json(old))
    for difference in found:
        *way, last = difference.path
        holder = new
        for name in way:
            holder = holder[name]
        if difference.new is None:
            del holder[last]
        else:
            holder[last] = difference.new
    return new


@given(VALUES | st.none(), VALUES | st.none())
def test_the_differences_applied_to_the_old_give_the_new(old, new):
    assert as_json(applied(old, list(differences(old, new)))) == as_json(new)


@given(VALUES | st.none(), VALUES | st.none())
def test_turned_round_they_lead_back(old, new):
    back = [Difference(each.path, each.new, each.old) for each in differences(old, new)]
    assert as_json(applied(new, back)) == as_json(old)


@given(VALUES | st.none())
def test_equal_records_have_none(record):
    assert list(differences(record, record and loads(as_json(record)))) == []


@given(VALUES, VALUES)
def test_there_are_differences_where_the_versions_differ_and_nowhere_else(old, new):
    assert bool(list(differences(old, new))) == (row_version(old) != row_version(new))


@given(VALUES, VALUES)
def test_no_place_is_told_of_twice(old, new):
    paths = [each.path for each in differences(old, new)]
    assert len(set(paths)) == len(paths)
    assert not any(one != other and one[: len(other)] == other for one in paths for other in paths)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"settings": {"region": "us"}}, {"settings": {"region": "eu"}}, [("settings.region", "us", "eu")]),
        ({"a": {"b": {"c": 1, "d": 1}}}, {"a": {"b": {"c": 2, "d": 1}}}, [("a.b.c", 1, 2)]),
        ({"a": {"b": 1}}, {"a": {"c": 1}}, [("a.b", 1, None), ("a.c", None, 1)]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, [("a", [1, {"b": 2}], [1, {"b": 3}])]),
        ({"a": {"b": 1}}, {"a": [1]}, [("a", {"b": 1}, [1])]),
        ({"a": {}}, {}, [("a", {}, None)]),
        ({"a": {}}, {"a": {"b": {"c": 1}}}, [("a.b", None, {"c": 1})]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": {"b.c": 1}}, {"a": {"b.c": 2}}, [('a."b.c"', 1, 2)]),
        ({"a": {"": 1}}, {"a": {"": 2}}, [('a.""', 1, 2)]),
        ({"a": {"write-key": 1}}, {"a": {"write-key": 2}}, [("a.write-key", 1, 2)]),
        ({}, {}, []),
    ],
)
def test_a_change_is_told_field_by_field(old, new, expected):
    found = list(differences(old, new))
    assert [(each.field, each.old, each.new) for each in found] == expected
    assert {each.kind for each in found} <= {CHANGED}


def test_a_record_that_came_or_went_is_one_difference():
    (added,) = differences(None, {"a": 1})
    assert (added.kind, added.field, added.old, added.new) == (ADDED, None, None, {"a": 1})
    (removed,) = differences({"a": 1}, None)
    assert (removed.kind, removed.field, removed.old, removed.new) == (REMOVED, None, {"a": 1}, None)


def test_a_record_of_nothing_came_and_went_all_the_same():
    (added,) = differences(None, {})
    assert added.kind == ADDED
    (removed,) = differences({}, None)
    assert removed.kind == REMOVED
