"""Values and names that destinations do not take as they come: on DuckDB and on a PostgreSQL server, with history."""

import json
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dlt.destinations.exceptions import DatabaseTransientException

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Fault
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract.fingerprint import Fingerprint
from segment_dagster.extract.json_text import comparable
from segment_dagster.extract.resources import segment_source
from segment_dagster.extract.result import Extract
from segment_dagster.extract.rows import rows_of, schema_of
from segment_dagster.extract.spool import Spool
from segment_dagster.extract.undeclared import UNDECLARED, declared_columns, undeclared_column
from segment_dagster.load import inspect_dataset, load_extracts, resolve_destination
from segment_dagster.load.duckdb_file import raise_memory_limit, set_memory_limit
from segment_dagster.marts.build import build
from segment_dagster_tests.destinations.engines import postgres_server
from segment_dagster_tests.variants import often

pytestmark = [pytest.mark.server, pytest.mark.slow]

SOURCES = next(endpoint for endpoint in CATALOGUE if endpoint.name == "sources")
MOST_UNDECLARED = 400
"""The most that the setting allows."""

DECLARED = declared_columns(SOURCES)
LOAD_ID = "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID"
ROW_ID = "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID"


@pytest.fixture(scope="module")
def server():
    with postgres_server() as address:
        yield address


@pytest.fixture(params=often(["duckdb", "postgres"], 1))
def destination(request, monkeypatch):
    """The settings point at an engine, and at a dataset that no other test has."""
    if request.param == "postgres":
        monkeypatch.setenv("SEGMENT_DESTINATION", "postgres")
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", request.getfixturevalue("server"))
        monkeypatch.setenv("SEGMENT_DATASET", f"test_{abs(hash(request.node.name))}")
    return request.param


@pytest.fixture
def load(tmp_path):
    """Load records as sources, with their history or without."""
    spools = iter(range(99))

    def loaded(*records, history=True, page=100, **more):
        fingerprint = Fingerprint(schema_of(SOURCES))
        spool = Spool(tmp_path / f"spool{next(spools)}", schema_of(SOURCES), fingerprint)
        for start in range(0, len(records), page):
            spool.write(rows_of(SOURCES, records[start : start + page]))
        rows = len(records)
        given: dict[str, Any] = {
            **{"endpoint": SOURCES, "parts": spool.close(), "rows": rows, "records": rows, "total_entries": rows},
            **{"lists": 1, "not_found": 0, "unstable": 0, "requests": 1, "seconds": 0.1, "waited": 0.0, "preview": ()},
            **{"fingerprint": fingerprint.hexdigest(), **more},
        }
        extract = Extract(**given)
        return load_extracts([extract], resolve_destination(DestinationSettings()), history=history, now=utc_now())

    return loaded


def source(number, **fields):
    return {"id": str(number), "slug": f"s{number}", "workspaceId": "w", "name": f"n{number}", **fields}


def held(table="sources"):
    """By id, what each row holds; JSON as its text."""
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        return {row["id"]: row for row in tables.rows(table, list(tables.columns(table)))}


def changes():
    destination = resolve_destination(DestinationSettings())
    build(destination, CATALOGUE, ApiSettings())
    with inspect_dataset(destination) as tables:
        columns = ["record_key", "field", "old_value", "new_value"]
        return sorted(tuple(row.values()) for row in tables.rows("changes", columns))


NAMES = ["xmin", "ctid", "tableoid", "rowid", "_PARTITIONTIME", "_dlt_id", "valid_from", "validTo", "", "名字", "年龄"]
NAMES += ["ipAddress", "ip_address", "x" * 80, "x" * 81, "٣" * 40, "💥", "select", "a__b", "a\0b"]


def test_fields_of_any_name_land_beside_each_other(destination, load):
    fields = {field: {"held": number} for number, field in enumerate(NAMES)}
    load(source(1, **fields), source(2))
    load(source(1, **fields), source(2), source(3, **{"xmin": [None]}))
    for table in ("sources", "sources_history"):
        row = held(table)["1"]
        found = [json.loads(value) for name, value in row.items() if name not in DECLARED and _is_json(value)]
        assert sorted(value["held"] for value in found) == list(range(len(NAMES)))
    assert held()["3"][undeclared_column("xmin", DECLARED)] == "[null]"
    assert len(held()) == 3


def test_as_many_columns_as_may_be_made_at_all_land(destination, load):
    fields = {f"field{number}": f"{number:04}" * 50 for number in range(MOST_UNDECLARED + 1)}
    load(source(1, **fields), history=False, max_undeclared_columns=MOST_UNDECLARED)
    row = held()["1"]
    assert len(row) == len(DECLARED) + MOST_UNDECLARED + 1
    assert json.loads(row["field0"]) == "0000" * 50


def test_a_field_that_is_a_number_on_one_page_and_an_object_on_another_is_one_column(destination, load):
    load(source(1, tier=1), source(2, tier={"a": [1]}), source(3, tier=None), source(4), page=1)
    found = {key: row["tier"] and json.loads(row["tier"]) for key, row in held().items()}
    assert found == {"1": 1, "2": {"a": [1]}, "3": None, "4": None}


def _is_json(value):
    return isinstance(value, str) and value.startswith("{")


def test_texts_with_zero_characters_land_as_something_that_can_be_seen(destination, load):
    record = source(1, settings={"a\0": ["\0", "\ud83d"]}, new={"b": "\0"}) | {"name": "x\0y"}
    load(record)
    row = held()["1"]
    assert row["name"] == "x\\u0000y"
    assert json.loads(row["settings"]) == {"a\\u0000": ["\\u0000", "\ufffd"]}
    assert json.loads(row["new"]) == {"b": "\\u0000"}


NUMBERS = [1e20, 1e300, 5e-324, -0.0, 1.0, 10**16, 2**64, -(10**40) - 1, 0.1234567890123456789, 1e-7]


def test_any_number_can_have_a_history_and_makes_no_change_that_is_none(destination, load):
    numbers = {f"n{place}": number for place, number in enumerate(NUMBERS)}
    load(source(1, settings={"a": 1, **numbers}, tier="1"))
    load(source(1, settings={"a": 2, **numbers, "n7": -(10**40)}, tier="2"))
    assert changes() == [
        ("1", "settings.a", "1", "2"),
        ("1", "settings.n7", str(-(10**40) - 1), str(-(10**40))),
        ("1", "tier", '"1"', '"2"'),
    ]
    landed = json.loads(held()["1"]["settings"])
    assert comparable(landed) == comparable({"a": 2, **numbers, "n7": -(10**40)})
    # a last row in which nothing else changes
    assert load(source(1, settings={"a": 2, **numbers, "n7": -(10**40)}, tier="2")).packages == []


def test_a_field_that_gets_a_column_is_no_change(destination, load):
    fields = {"alpha": 1, "beta": {"c": [2**70]}, "zulu": None}
    load(source(1, **fields), max_undeclared_columns=1)
    row = held()["1"]
    assert (row["alpha"], json.loads(row[UNDECLARED])) == ("1", {"beta": {"c": [2**70]}})
    load(source(1, **fields), source(2), max_undeclared_columns=5)
    assert json.loads(held()["1"]["beta"]) == {"c": [2**70]}
    assert changes() == [("2", None, None, changes()[0][3])]


def test_a_table_keeps_to_the_limit_over_runs_and_keeps_the_columns_that_it_has(destination, load):
    for run in (3, 2, 1):
        load(source(1, **{f"field{run}": run, "zulu": 1}), history=False, max_undeclared_columns=2)
        assert (held()["1"]["field3"], held()["1"]["zulu"]) == ("3" if run == 3 else None, "1")
    row = held()["1"]
    assert {name for name in row if name not in DECLARED} == {"field3", "zulu", UNDECLARED}
    assert json.loads(row[UNDECLARED]) == {"field1": 1}


@pytest.mark.parametrize("setting", often([ROW_ID, LOAD_ID], 1))
def test_dlts_settings_that_add_columns_of_its_own_do_not_stop_a_history(destination, load, setting, monkeypatch):
    monkeypatch.setenv(setting, "true")
    load(source(1), source(2))
    load(source(1, tier=1), source(2))
    assert sorted(held("sources_history")) == ["1", "2"]
    assert changes() == [("1", "tier", None, "1")]


def test_what_a_script_of_ones_own_loads_keeps_to_the_limit_too(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_MAX_UNDECLARED_COLUMNS", "1")
    pipeline = dlt.pipeline("own", destination=dlt.destinations.duckdb("own.duckdb"), dataset_name="own_data")
    emulator.faults.add(Fault("extra-field", "sources"))
    pipeline.run(segment_source(endpoints=["sources"], history=True), loader_file_format="parquet")
    with duckdb.connect("own.duckdb") as connection:
        for table in ("sources", "sources_history"):
            sql = f"SELECT DISTINCT beta_limits->>'daily', {UNDECLARED} FROM own_data.{table}"
            assert connection.execute(sql).fetchall() == [("10", '{"betaTier":"gold"}')]


LARGE = {
    "one text of 30 MB": lambda row: {"settings": {"a": "x" * 30_000_000}} if row == 3 else {},
    "1,600 fields of each record": lambda row: {f"extraField{number}": row for number in range(1_600)},
    "300 fields of one record": lambda row: {f"extraField{number}": 1 for number in range(300)} if row == 3 else {},
}


@pytest.mark.long
@pytest.mark.parametrize("fields", LARGE.values(), ids=LARGE)
def test_what_is_large_loads_into_duckdb_twice(load, fields):
    for run in range(2):
        load(*(source(row, name=str(run)) | fields(row) for row in range(10)))
        assert {row["name"] for row in held().values()} == {str(run)}


@pytest.mark.long
def test_a_table_that_has_more_columns_than_may_be_made_now_is_still_loaded(load):
    fields = {f"extraField{number}": 1 for number in range(300)}
    load(source(1, **fields), max_undeclared_columns=300, history=False)
    for run in range(2):
        load(source(1, name=str(run), **fields, beyond=run), history=False)
        row = held()["1"]
        assert (row["name"], row["extra_field299"], row[UNDECLARED]) == (str(run), "1", f'{{"beyond":{run}}}')


@pytest.mark.long
def test_large_rows_can_be_looked_at_with_little_memory(load):
    load(source(1, settings={"a": "x" * 9_000_000}), history=False)
    destination = resolve_destination(DestinationSettings())
    with inspect_dataset(destination) as tables:
        assert destination.file
        set_memory_limit(destination.file, 16 * 2**20)
        assert len(held()["1"]["settings"]) == 9_000_008
        set_memory_limit(destination.file, 16 * 2**20)
        assert tables.digest("sources")


def test_duckdb_gets_no_more_memory_for_another_failure_and_none_without_end(load):
    load(source(1), history=False)
    destination = resolve_destination(DestinationSettings())
    assert destination.file
    full = DatabaseTransientException(duckdb.OutOfMemoryException("full"))
    assert not raise_memory_limit(Path("nothing.duckdb"), full)
    with inspect_dataset(destination):
        assert not raise_memory_limit(destination.file, DatabaseTransientException(duckdb.BinderException("other")))
        more = [raise_memory_limit(destination.file, full) for _ in range(9)]
        assert more == [True] * 4 + [False] * 5


def test_duckdb_gets_no_more_memory_than_dlts_own_setting_says(load, monkeypatch):
    load(source(1), history=False)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG", '{"memory_limit": "200MiB"}')
    destination = resolve_destination(DestinationSettings())
    assert destination.file
    with inspect_dataset(destination):
        assert not raise_memory_limit(destination.file, DatabaseTransientException(duckdb.OutOfMemoryException("full")))
