"""Fingerprints: the same for the same rows however they come, another for any other rows."""

import threading
from datetime import datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract import Extractor
from segment_dagster.extract.fingerprint import ROWS_AT_ONCE, Fingerprint
from segment_dagster.extract.rows import rows_of, schema_of
from segment_dagster.extract.spool import Spool
from segment_dagster.extract.times import Window

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
SOURCES = ROWS["sources"]
MOMENT = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), False),
        pa.field("text", pa.string()),
        pa.field("number", pa.int64()),
        pa.field("share", pa.float64()),
        pa.field("on", pa.bool_()),
        pa.field("day", pa.date32()),
        pa.field("at", pa.timestamp("us", "UTC")),
    ]
)
ROW = {"id": "a", "text": "b", "number": 1, "share": 0.5, "on": True, "day": MOMENT.date(), "at": MOMENT}


def table(*rows, schema=SCHEMA):
    return pa.Table.from_pylist(list(rows), schema=schema)


def of(*tables, schema=SCHEMA, about=""):
    fingerprint = Fingerprint(schema)
    for each in tables:
        fingerprint.add(each)
    return fingerprint.hexdigest(about)


def with_more(name, *rows):
    """Rows with an undeclared column: each is a value of it beside an id."""
    schema = pa.schema([*SCHEMA, pa.field(name, pa.string())])
    return table(*({**ROW, "id": id_, name: value} for id_, value in rows), schema=schema)


texts = st.text(alphabet="ab;-0123456789\0\n", max_size=4)
made_rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": texts,
            "text": st.none() | texts,
            "number": st.none() | st.integers(-9, 9),
            "on": st.none() | st.booleans(),
        }
    ),
    max_size=8,
)


@given(made_rows, st.randoms(use_true_random=False), st.integers(1, 4))
def test_neither_order_nor_pages_matter(rows, random, size):
    mixed = list(rows)
    random.shuffle(mixed)
    pages = [table(*mixed[at : at + size]) for at in range(0, len(mixed), size)]
    assert of(*pages) == of(table(*rows))


@given(made_rows, made_rows)
def test_other_rows_have_another_fingerprint(one, other):
    def pluralize(rows):
        return sorted(repr(sorted(row.items())) for row in rows)

    assert (of(table(*one)) == of(table(*other))) == (pluralize(one) == pluralize(other))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "A"},
        {"text": "B"},
        {"text": None},
        {"text": ""},
        {"text": "-"},
        {"number": 2},
        {"number": None},
        {"number": 0},
        {"share": 0.5000001},
        {"share": None},
        {"on": False},
        {"on": None},
        {"day": MOMENT.date() + timedelta(days=1)},
        {"day": None},
        {"at": MOMENT + timedelta(microseconds=1)},
        {"at": None},
        {"id": "ab", "text": ""},
        {"id": "", "text": "ab"},
        {"id": "a;b", "text": None},
    ],
    ids=str,
)
def test_every_value_counts(change):
    assert of(table({**ROW, **change})) != of(table(ROW))


def test_how_often_a_row_comes_counts():
    once, twice, three = (of(table(*[ROW] * times)) for times in (1, 2, 3))
    assert len({once, twice, three, of(table())}) == 4


def test_names_and_types_of_declared_columns_count():
    renamed = pa.schema([field.with_name("other") if field.name == "text" else field for field in SCHEMA])
    retyped = pa.schema([field.with_type(pa.string()) if field.name == "number" else field for field in SCHEMA])
    longer = pa.schema([*SCHEMA, pa.field("more", pa.string())])
    prints = {
        of(table(ROW)),
        of(table(ROW).rename_columns(renamed.names), schema=renamed),
        of(table({**ROW, "number": "1"}, schema=retyped), schema=retyped),
        of(table(ROW, schema=longer), schema=longer),
    }
    assert len(prints) == 4


def test_an_undeclared_column_counts_where_it_is_not_null():
    plain = table({**ROW, "id": "a"}, {**ROW, "id": "b"})
    assert of(with_more("new", ("a", None), ("b", None))) == of(plain)
    some = of(with_more("new", ("a", "1"), ("b", None)))
    assert some != of(plain)
    assert some == of(with_more("new", ("a", "1")), table({**ROW, "id": "b"}))
    others = [
        with_more("new", ("a", "2"), ("b", None)),
        with_more("other", ("a", "1"), ("b", None)),
        with_more("new", ("a", None), ("b", "1")),
        with_more("new", ("a", "null"), ("b", None)),
    ]
    assert len({some, *map(of, others)}) == 5


def test_two_undeclared_columns_are_told_apart():
    schema = pa.schema([*SCHEMA, pa.field("one", pa.string()), pa.field("two", pa.string())])
    rows = [("1", None), (None, "1"), ("1", "1"), ("1;two;1;1", None)]
    prints = {of(table({**ROW, "one": one, "two": two}, schema=schema)) for one, two in rows}
    assert len(prints) == 4


def test_what_it_is_about_counts():
    assert of(table(ROW), about="2026-03-01") != of(table(ROW)) != of(table(ROW), about="2026-03-02")


def test_many_rows_come_to_the_same_in_pieces_and_side_by_side():
    rows = [{**ROW, "id": str(number)} for number in range(2 * ROWS_AT_ONCE + 17)]
    whole = of(table(*rows))
    fingerprint = Fingerprint(SCHEMA)
    threads = [threading.Thread(target=fingerprint.add, args=[table(*rows[at::4])]) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fingerprint.hexdigest() == whole


def test_slices_of_a_table_are_taken_for_what_they_hold():
    rows = table(*({**ROW, "id": str(number)} for number in range(10)))
    assert of(rows.slice(3, 4)) == of(pa.Table.from_pylist(rows.slice(3, 4).to_pylist(), schema=SCHEMA))


def test_members_of_an_object_have_no_order():
    one = {"id": "s", "settings": {"a": 1, "b": {"c": 2, "d": [3, 4]}}}
    other = {"settings": {"b": {"d": [3, 4], "c": 2}, "a": 1}, "id": "s"}
    turned = {"id": "s", "settings": {"a": 1, "b": {"c": 2, "d": [4, 3]}}}
    first, second, third = (of(rows_of(SOURCES, [each]), schema=schema_of(SOURCES)) for each in (one, other, turned))
    assert first == second != third


def test_a_spool_hands_on_every_row(tmp_path):
    pages = [table(*({**ROW, "id": f"{page}-{row}"} for row in range(10))) for page in range(7)]
    fingerprint = Fingerprint(SCHEMA)
    spool = Spool(tmp_path / "spool", SCHEMA, fingerprint)
    for page in pages:
        spool.write(page)
    spool.write(with_more("new", ("x", "1")))
    spool.close()
    assert fingerprint.hexdigest() == of(*pages, with_more("new", ("x", "1")))


def read(name, **settings):
    with Extractor(ApiSettings(**settings)) as extractor:
        return extractor.extract(extractor.endpoint(name)).fingerprint


@pytest.mark.slow
def test_reading_again_gives_the_same_whatever_the_pages(emulator):
    first = read("segments")
    assert first and len(first) == 32
    assert read("segments") == read("segments", page_size=7, concurrency=3) == first


def test_what_somebody_changes_gives_another(emulator, world):
    first = read("sources")
    ids = [record["id"] for record in world.records("sources")]
    edits = [
        Edit("sources", "modify", ids[0], fields={"name": "Renamed"}),
        Edit("sources", "delete", ids[1]),
        Edit("sources", "create", "a-new-one"),
    ]
    prints = set()
    for edit in edits:
        emulator.edits.replace([edit])
        prints.add(read("sources"))
    emulator.edits.clear()
    assert len({first, *prints}) == 4
    assert read("sources") == first


def test_undeclared_fields_with_values_give_another(emulator):
    first = read("sources")
    emulator.faults.add(Fault("extra-field", "sources"))
    assert read("sources") != first


def test_secrets_that_land_otherwise_give_another(emulator, monkeypatch):
    mask_secrets, shown = read("sources"), read("sources", include_secrets=True)
    monkeypatch.setenv("SEGMENT_FINGERPRINT_KEY", "one")
    one = read("sources")
    monkeypatch.setenv("SEGMENT_FINGERPRINT_KEY", "two")
    assert len({mask_secrets, shown, one, read("sources")}) == 4


def test_an_endpoint_that_is_read_in_parts_has_none(emulator):
    assert read("usage_api_calls_daily") is None
    assert read("usage_api_calls_daily_delta") is None


def test_the_time_that_was_asked_for_counts(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_NOW", MOMENT.isoformat())
    emulator.clock.set(MOMENT)
    trail = ROWS["audit_events"]
    prints = []
    for days in (1, 1, 2):
        with Extractor(ApiSettings()) as extractor:
            prints.append(extractor.extract(trail, Window(MOMENT - timedelta(days=days))).fingerprint)
    assert prints[0] == prints[1] != prints[2]
