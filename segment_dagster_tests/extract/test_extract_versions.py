"""The version of a row: what counts for it, and what does not."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.columns import count, nested, text, timestamp, volatile
from segment_dagster.extract.json_text import MAX_DEPTH
from segment_dagster.extract.undeclared import UNDECLARED
from segment_dagster.extract.versions import counted_values, row_version

ROW = replace(
    CATALOGUE[0],
    primary_key=("id",),
    columns=(
        text("id", "x."),
        text("label", "x."),
        timestamp("updatedAt", "x."),
        nested("held", "x."),
        nested("schedules", "x.", volatile_paths=("nextExecution",)),
        volatile(count("size", "x.")),
        volatile(nested("samples", "x.")),
    ),
)
NOON = datetime(2024, 3, 1, 12, tzinfo=timezone.utc)
BASE = {"id": "a", "label": "1", "updated_at": NOON, "held": '{"a": 1, "b": [1, 2]}'}


def version(row):
    return row_version(counted_values(ROW)(row))


ALIKE = {
    "columns in another order": dict(reversed(BASE.items())),
    "members in another order": {**BASE, "held": '{"b":[1,2],"a":1}'},
    "a column that is null": {**BASE, "new": None},
    "a member that is null": {**BASE, "held": '{"a": 1, "b": [1, 2], "c": null}'},
    "a member that changes by itself, where there is nothing else": {**BASE, "schedules": None},
    "a size": {**BASE, "size": 7},
    "samples": {**BASE, "samples": '["x"]'},
    "the same moment elsewhere": {**BASE, "updated_at": NOON.astimezone(timezone(timedelta(hours=5)))},
    "the columns of the history": {**BASE, "row_version": "x", "valid_from": NOON, "valid_to": NOON},
    "the columns of dlt": {**BASE, "_dlt_load_id": "1", "_dlt_id": "x"},
}
DIFFERENT = {
    "another value": {**BASE, "label": "2"},
    "no value": {**BASE, "label": None},
    "another moment": {**BASE, "updated_at": NOON + timedelta(microseconds=1)},
    "another member": {**BASE, "held": '{"a": 2, "b": [1, 2]}'},
    "a member that is gone": {**BASE, "held": '{"a": 1}'},
    "true in place of 1": {**BASE, "held": '{"a": true, "b": [1, 2]}'},
    "a text in place of a number": {**BASE, "held": '{"a": "1", "b": [1, 2]}'},
    "a list in another order": {**BASE, "held": '{"a": 1, "b": [2, 1]}'},
    "a null in a list": {**BASE, "held": '{"a": 1, "b": [1, 2, null]}'},
    "a new column": {**BASE, "new": '"x"'},
    "another key": {**BASE, "id": "b"},
}


@pytest.mark.parametrize("row", ALIKE.values(), ids=ALIKE)
def test_what_does_not_count_makes_no_version(row):
    assert version(row) == version(BASE)


@pytest.mark.parametrize("row", DIFFERENT.values(), ids=DIFFERENT)
def test_what_counts_makes_one(row):
    assert version(row) != version(BASE)


def test_what_changes_by_itself_inside_a_column_does_not_count_and_the_rest_of_it_does():
    def schedules(strategy, at):
        held = [{"strategy": strategy, "nextExecution": at, "config": {"nextExecution": at, "days": [1]}}]
        return {**BASE, "schedules": orjson.dumps(held).decode()}

    assert version(schedules("PERIODIC", 1)) == version(schedules("PERIODIC", 2))
    assert version(schedules("PERIODIC", 1)) != version(schedules("SPECIFIC_DAYS", 1))


def test_a_field_may_come_to_be_declared_without_a_new_version():
    undeclared = replace(ROW, columns=tuple(column for column in ROW.columns if column.field != "label"))
    assert row_version(counted_values(undeclared)({**BASE, "label": '"1"'})) == version(BASE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1e20", "100000000000000000000"),
        ("1e+16", "10000000000000000"),
        ("1.5e300", f"15{'0' * 299}"),
        ("-0.0", "0.0"),
        ("1e-7", "0.0000001"),
        ("5e-324", f"0.{'0' * 323}5"),
        (f"{2**70}", f"{2**70}"),
    ],
)
def test_a_number_is_the_same_however_a_destination_spells_it(one, other):
    held = '{{"a": [{0}, {{"b": {0}, "c": null}}]}}'
    assert version({**BASE, "held": held.format(one)}) == version({**BASE, "held": held.format(other)})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{2**64 + 1}", f"{2**64 + 2}"),
        ("1e20", "100000000000000000001"),
        ("123456789012345678901234567890", "123456789012345678901234567891"),
        ("1", "1.0"),
        ("9007199254740993", "9007199254740992"),
        ("1e20", "-1e20"),
        ("1e20", '"1e20"'),
    ],
)
def test_numbers_that_differ_in_any_digit_make_two_versions(one, other):
    assert version({**BASE, "held": one}) != version({**BASE, "held": other})


def test_an_undeclared_field_counts_the_same_with_a_column_of_its_own_and_without():
    columns = {"beta_tier": '"x"', "undeclared_valid_to": '{"a": 1}'}
    rest = {UNDECLARED: '{"betaTier": "x", "validTo": {"a": 1, "b": null}}'}
    both = {"beta_tier": '"x"', UNDECLARED: '{"validTo": {"a": 1}}'}
    parsed = {UNDECLARED: {"betaTier": "x", "validTo": {"a": 1}}}
    assert len({version({**BASE, **more}) for more in (columns, rest, both, parsed)}) == 1
    assert version({**BASE, **columns}) != version(BASE)


def test_a_value_as_deep_as_a_row_may_hold_has_a_version():
    deep = {**BASE, "held": "[" * MAX_DEPTH + "]" * MAX_DEPTH}
    wide = {**BASE, "held": "[" * MAX_DEPTH + str(2**70) + "]" * MAX_DEPTH}
    assert len({version(BASE), version(deep), version(wide)}) == 3


def test_the_version_of_a_row_is_the_same_tomorrow():
    """Another one would make a new version of every row of every table."""
    assert version(BASE) == "7025461488c073de51949360506dbd85"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def shuffled(value, draw):
    if isinstance(value, dict):
        return {name: shuffled(value[name], draw) for name in draw(st.permutations(list(value)))}
    return [shuffled(held, draw) for held in value] if isinstance(value, list) else value


@given(st.dictionaries(st.sampled_from(["held", "new", "other"]), JSON), st.data())
def test_no_order_of_columns_or_members_counts(held, data):
    row = {"id": "a", **{name: orjson.dumps(value).decode() for name, value in held.items()}}
    other = {"id": "a", **shuffled(held, data.draw)}
    assert version(row) == version({name: orjson.dumps(v).decode() if name != "id" else v for name, v in other.items()})
