"""Rows: every value lands in its declared type or is refused by name, and nothing is lost on the way."""

import datetime as dt
import json
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.endpoints import Column, Endpoint
from segment_dagster.endpoints.columns import text as text_column
from segment_dagster.endpoints.columns import unix_moment
from segment_dagster.extract.characters import Replaced
from segment_dagster.extract.errors import ValueTypeError
from segment_dagster.extract.json_text import MAX_DEPTH
from segment_dagster.extract.rows import ARROW_TYPES, rows_of, schema_of
from segment_dagster.extract.undeclared import UNDECLARED

UTC = dt.timezone.utc


def endpoint_of(data_type, *, key=("id",)):
    columns = [Column(field="id", type="text", description="Id.")]
    columns += [Column(field=field, type="text", description="Key.") for field in key if field != "id"]
    columns.append(Column(field="someValue", type=data_type, description="Value."))
    return Endpoint(
        name="things",
        domain="things",
        description="Things.",
        documentation="",
        path="/things",
        selector=("data", "things"),
        media_type="application/json",
        primary_key=key,
        columns=tuple(columns),
    )


def typed(data_type, *values):
    records = [{"id": str(number), "someValue": value} for number, value in enumerate(values)]
    table = rows_of(endpoint_of(data_type), records)
    assert table.schema.field("some_value").type == ARROW_TYPES[data_type]
    assert table["id"].to_pylist() == [record["id"] for record in records]
    return table["some_value"].to_pylist()


def refused(data_type, *values):
    records = [{"id": f"id-{number}", "someValue": value} for number, value in enumerate(values)]
    with pytest.raises(ValueTypeError) as caught:
        rows_of(endpoint_of(data_type), records)
    text = str(caught.value)
    assert text.splitlines() == [text]
    assert text.startswith("things: column some_value of the row with id='id-")
    assert text.endswith("its row in the catalogue needs the new type.")
    return text


@pytest.mark.parametrize(
    ("data_type", "value", "expected"),
    [
        ("text", "x", "x"),
        ("text", "", ""),
        ("text", "é\u2028🎉\n", "é\u2028🎉\n"),
        ("bool", True, True),
        ("bool", False, False),
        ("bigint", 7, 7),
        ("bigint", -(2**63), -(2**63)),
        ("bigint", 2**63 - 1, 2**63 - 1),
        ("bigint", 3.0, 3),
        ("bigint", "42", 42),
        ("bigint", "0007", 7),
        ("double", 1.5, 1.5),
        ("double", 3, 3.0),
        ("double", -0.1, -0.1),
        ("double", 1e300, 1e300),
        ("json", {"b": [1, None]}, '{"b":[1,null]}'),
        ("json", [], "[]"),
        ("json", {}, "{}"),
        ("json", "text", '"text"'),
        ("json", "", '""'),
        ("json", 0, "0"),
        ("json", False, "false"),
    ],
    ids=repr,
)
def test_a_value_of_its_type_lands_as_it_is(data_type, value, expected):
    (found,) = typed(data_type, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("data_type", ARROW_TYPES)
def test_a_missing_field_and_null_are_null(data_type):
    table = rows_of(endpoint_of(data_type), [{"id": "1"}, {"id": "2", "someValue": None}])
    assert table["some_value"].to_pylist() == [None, None]
    assert table.schema == schema_of(endpoint_of(data_type))


@pytest.mark.parametrize("data_type", ARROW_TYPES)
def test_no_records_are_a_table_of_typed_columns(data_type):
    table = rows_of(endpoint_of(data_type), [])
    assert table.schema == schema_of(endpoint_of(data_type))
    assert table.num_rows == 0


SECRET = "v4lue-nobody-should-read"


@pytest.mark.parametrize(
    ("data_type", "value", "kind"),
    [
        ("text", {"a": SECRET}, "an object"),
        ("text", [SECRET], "a list"),
        ("text", 918273645, "a number"),
        ("text", 91827.3645, "a number"),
        ("text", True, "true or false"),
        ("bool", "true", "a text of 4 characters"),
        ("bool", 1, "a number"),
        ("bool", 0, "a number"),
        ("bool", {}, "an object"),
        ("bool", [], "a list"),
        ("bigint", True, "true or false"),
        ("bigint", 1.5, "a number"),
        ("bigint", 1e300, "a number"),
        ("bigint", 2**63, "a number"),
        ("bigint", SECRET, "a text of 24 characters"),
        ("bigint", "", "a text of 0 characters"),
        ("bigint", "-7 ", "a text of 3 characters"),
        ("bigint", "9" * 30, "a text of 30 characters"),
        ("bigint", "9" * 5000, "a text of 5000 characters"),
        ("bigint", {}, "an object"),
        ("bigint", [1], "a list"),
        ("double", True, "true or false"),
        ("double", "1.5", "a text of 3 characters"),
        ("double", {}, "an object"),
        ("double", [], "a list"),
        ("timestamp", SECRET, "a text of 24 characters"),
        ("timestamp", "", "a text of 0 characters"),
        ("timestamp", "2024-13-01T00:00:00Z", "a text of 20 characters"),
        ("timestamp", "2024-02-30", "a text of 10 characters"),
        ("timestamp", "01.02.2024", "a text of 10 characters"),
        ("timestamp", 1700000000, "a number"),
        ("timestamp", 1.5, "a number"),
        ("timestamp", True, "true or false"),
        ("timestamp", {"a": SECRET}, "an object"),
        ("timestamp", [SECRET], "a list"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_value_of_another_type_is_refused_by_its_kind_and_not_shown(data_type, value, kind):
    text = refused(data_type, value)
    assert f"id='id-0' holds {kind}, which is no {data_type}. Nothing of this endpoint was loaded." in text
    for shown in (SECRET, "9182", "2024", "17000000", "9" * 20):
        assert shown not in text


@pytest.mark.parametrize(
    ("data_type", "good", "bad"),
    [("text", "a", 1), ("bool", True, 1), ("bigint", 1, "x"), ("double", 1.5, "x"), ("timestamp", "2024-01-01", "x")],
)
def test_the_row_of_the_one_bad_value_among_many_is_named(data_type, good, bad):
    assert "id='id-3' holds " in refused(data_type, good, None, good, bad, good)


def test_large_whole_numbers_fit_a_double():
    assert typed("double", 2**60) == [float(2**60)]


@pytest.mark.parametrize("identity", [None, "missing"])
def test_a_row_without_its_key_is_refused(identity):
    record = {"id": None, "someValue": "x"} if identity is None else {"someValue": "x"}
    with pytest.raises(ValueTypeError) as caught:
        rows_of(endpoint_of("text"), [{"id": "1"}, record])
    assert "things: column id of the row with id=None is part of the key and is missing." in str(caught.value)


def test_every_part_of_a_key_is_needed_and_named():
    endpoint = endpoint_of("text", key=("id", "eventName"))
    with pytest.raises(ValueTypeError) as caught:
        rows_of(endpoint, [{"id": "1", "eventName": "e"}, {"id": "2", "someValue": "x"}])
    assert "column event_name of the row with id='2', eventName=None is part of the key" in str(caught.value)


def test_a_long_key_is_cut_and_stays_on_its_line():
    with pytest.raises(ValueTypeError) as caught:
        rows_of(endpoint_of("bool"), [{"id": "a\nb" + "c" * 500, "someValue": 1}])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01T12:34:56Z", (2024, 3, 1, 12, 34, 56)),
        ("2024-03-01T12:34:56.7Z", (2024, 3, 1, 12, 34, 56, 700000)),
        ("2024-03-01T12:34:56.789Z", (2024, 3, 1, 12, 34, 56, 789000)),
        ("2024-03-01T12:34:56.789012Z", (2024, 3, 1, 12, 34, 56, 789012)),
        ("2024-03-01T12:34:56.789012345Z", (2024, 3, 1, 12, 34, 56, 789012)),
        ("2024-03-01T12:34:56", (2024, 3, 1, 12, 34, 56)),
        ("2024-03-01T12:34:56.789", (2024, 3, 1, 12, 34, 56, 789000)),
        ("2024-03-01T12:34:56.789012345", (2024, 3, 1, 12, 34, 56, 789012)),
        ("2024-03-01 12:34:56Z", (2024, 3, 1, 12, 34, 56)),
        ("2024-03-01", (2024, 3, 1)),
        ("2024-03-01T12:34:56+02:00", (2024, 3, 1, 10, 34, 56)),
        ("2024-03-01T12:34:56.5-0130", (2024, 3, 1, 14, 4, 56, 500000)),
        ("2024-03-01T12:34:56.789012345+02:00", (2024, 3, 1, 10, 34, 56, 789012)),
        ("2024-02-29T23:59:59.999999999Z", (2024, 2, 29, 23, 59, 59, 999999)),
        ("1969-12-31T23:59:59.9Z", (1969, 12, 31, 23, 59, 59, 900000)),
        ("0001-01-01T00:00:00Z", (1, 1, 1)),
        ("9999-12-31T23:59:59Z", (9999, 12, 31, 23, 59, 59)),
    ],
)
def test_a_moment_lands_in_utc(text, expected):
    wanted = dt.datetime(*expected).replace(tzinfo=UTC)
    assert typed("timestamp", text) == [wanted]
    # a page of every form, with gaps
    assert typed("timestamp", None, "2024-01-01", text, "2024-01-01T00:00:00Z")[2] == wanted


def test_undeclared_fields_are_one_json_object():
    records: list[dict] = [{"id": "1", "zetaField": {"a": 1}}, {"id": "2", "alphaField": "x", "b": 1}, {"id": "3"}]
    table = rows_of(endpoint_of("text"), records)
    assert table.column_names == ["id", "some_value", UNDECLARED]
    assert table[UNDECLARED].to_pylist() == ['{"zetaField":{"a":1}}', '{"alphaField":"x","b":1}', None]
    assert table.schema.field(UNDECLARED).type == pa.string()


def test_undeclared_fields_that_are_null_everywhere_are_nothing():
    assert rows_of(endpoint_of("text"), [{"id": "1", "new": None}]).column_names == ["id", "some_value"]


@pytest.mark.parametrize("levels", [1, MAX_DEPTH, MAX_DEPTH + 1, 400, 900])
@pytest.mark.parametrize("also", [1, 2**70], ids=["small", "large"])
def test_a_record_nested_very_deep_is_told_of_or_lands(levels, also):
    deep = json.loads("[" * levels + str(also) + "]" * levels)
    if levels <= MAX_DEPTH:
        assert typed("json", deep) == ["[" * levels + str(also) + "]" * levels]
    else:
        with pytest.raises(ValueTypeError) as caught:
            rows_of(endpoint_of("json"), [{"id": "0"}, {"id": "1", "someValue": deep}])
        assert "things: column some_value of the row with id='1' is nested too deep. " in str(caught.value)


@pytest.mark.parametrize(
    "number", [2**63, 2**64, -(2**70), 10**30 + 1, int("9" * 4000)], ids=lambda n: f"{n.bit_length()} bits"
)
@pytest.mark.parametrize("wrapped", [lambda n: n, lambda n: {"a": [n, 1.5, None]}], ids=["bare", "inside"])
def test_whole_numbers_of_any_size_keep_their_digits_in_json(number, wrapped):
    (text,) = typed("json", wrapped(number))
    assert json.loads(text) == wrapped(number)
    assert str(number) in text


def test_a_whole_number_that_python_does_not_write_is_refused_by_name():
    with pytest.raises(ValueTypeError) as caught:
        rows_of(endpoint_of("json"), [{"id": "1", "someValue": {"a": 10**5000}}])
    assert "row with id='1' holds a whole number of more than 4,300 digits. Nothing of this" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, "-0.0"),
        (1e20, "1e+20"),
        (0.1234567890123456789, "0.12345678901234568"),
    ],
    ids=repr,
)
def test_numbers_with_a_fraction_are_written_as_the_doubles_that_they_are(value, text):
    assert typed("json", value) == [text]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 10**400], ids=repr)
def test_a_number_that_no_double_holds_is_refused(value):
    assert "a number" in refused("double", 1.5, value)


def cleaned(data_type, value):
    replaced = Replaced()
    table = rows_of(endpoint_of(data_type), [{"id": "1", "someValue": value}], replaced)
    return table["some_value"].to_pylist()[0], replaced.nul, replaced.surrogates


@pytest.mark.parametrize(
    ("data_type", "value", "expected", "nul", "surrogates"),
    [
        ("text", "a\0b\0", "a\\u0000b\\u0000", 2, 0),
        ("text", "\ud83d", "\ufffd", 0, 1),
        ("text", "x\udc00\ud83dy\0", "x\ufffd\ufffdy\\u0000", 1, 2),
        # two halves that belong together
        ("text", "\ud83d\ude00", "😀", 0, 0),
        ("text", "\\u0000", "\\u0000", 0, 0),
        ("json", "\0", '"\\\\u0000"', 1, 0),
        ("json", {"a": ["\0", "\ud83d"]}, '{"a":["\\\\u0000","\ufffd"]}', 1, 1),
        ("json", {"a\0": 1}, '{"a\\\\u0000":1}', 1, 0),
        (
            "json",
            dict(zip("\ud83d\ud83e\ufffd", (1, 2, 3), strict=True)),
            '{"\ufffd":3,"\ufffd 2":1,"\ufffd 3":2}',
            0,
            2,
        ),
        ("json", {"a": "\0", "n": 2**70}, '{"a":"\\\\u0000","n":1180591620717411303424}', 1, 0),
        ("json", {"a": "\\u0000", "b": "x\\\\u0000"}, '{"a":"\\\\u0000","b":"x\\\\\\\\u0000"}', 0, 0),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_characters_that_no_destination_takes_become_visible_and_are_counted(
    data_type, value, expected, nul, surrogates
):
    assert cleaned(data_type, value) == (expected, nul, surrogates)


def test_the_names_of_undeclared_fields_are_cleaned_too():
    replaced = Replaced()
    table = rows_of(endpoint_of("text"), [{"id": "1", "a\0": 1, "\ud83d": "x\0"}], replaced)
    assert json.loads(table[UNDECLARED][0].as_py()) == {"a\\u0000": 1, "\ufffd": "x\\u0000"}
    assert (replaced.nul, replaced.surrogates) == (2, 1)
    assert str(replaced) == "U+0000 by \\u0000 (2 times) and half of a surrogate pair by U+FFFD (1 times)"


def test_half_of_a_surrogate_pair_does_not_hide_a_value_of_another_type():
    with pytest.raises(ValueTypeError, match="row with id='2' holds a number, which is no text"):
        rows_of(endpoint_of("text"), [{"id": "1", "someValue": "\ud83d"}, {"id": "2", "someValue": 5}])


def unix(value):
    columns = (text_column("id", "Id."), unix_moment("periodStart", "Start."))
    return rows_of(replace(endpoint_of("text"), columns=columns), [{"id": "1", "periodStart": value}])


@pytest.mark.parametrize("value", [1_790_000_000_000, 253_402_300_800, -62_135_596_801, 10**17])
def test_a_unix_time_outside_of_the_years_1_to_9999_is_refused(value):
    with pytest.raises(ValueTypeError) as caught:
        unix(value)
    assert "things: column period_start of the row with id='1' holds a " in str(caught.value)


@pytest.mark.parametrize("value", [-62_135_596_800, 0, 253_402_300_799])
def test_a_unix_time_within_them_lands(value):
    (found,) = unix(value)["period_start"].to_pylist()
    assert int(found.timestamp()) == value


@pytest.mark.parametrize(
    "value",
    [
        *("0000-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "10000-01-01T00:00:00Z", "+58718-01-01T00:00:00Z"),
        *("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+02:00", "-0001-01-01T00:00:00Z"),
        *("2016-12-31T23:59:60Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+00:60"),
        *("2024-01-01T00:00:00.5-24:00", "2024-01-01T00:00:00-99:99", "٢٠٢٤-01-01"),
    ],
)
def test_a_time_that_there_is_not_is_refused_and_no_other_lands(value):
    refused("timestamp", "2024-01-01", value)


@pytest.mark.parametrize("value", ["0000-01-01", "0000-00-00", "10000-01-01", "2024-02-30", "2024-01-01T00:00:00Z"])
def test_a_date_that_there_is_not_is_refused(value):
    refused("date", "2024-01-01", value)


whole_numbers = st.integers(-(10**40), 10**40)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), whole_numbers, st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@pytest.mark.slow
@property_settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(st.lists(json_values, max_size=5))
def test_json_columns_hold_any_json_as_it_was(values):
    found = typed("json", *values)
    assert [None if text is None else json.loads(text) for text in found] == values


@property_settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(st.lists(st.one_of(st.none(), texts), max_size=5))
def test_text_columns_hold_any_text_as_it_was(values):
    assert typed("text", *values) == values


@property_settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_any_moment_of_any_zone_lands_in_utc(moment, offset):
    zoned = moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=offset)))
    assert typed("timestamp", zoned.isoformat()) == [zoned.astimezone(UTC)]


@property_settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(json_values, st.sampled_from(sorted(ARROW_TYPES)))
def test_any_value_lands_or_is_refused_in_one_line(value, data_type):
    try:
        typed(data_type, value)
    except ValueTypeError as error:
        assert str(error).splitlines() == [str(error)]
