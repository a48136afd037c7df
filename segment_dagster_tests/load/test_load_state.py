"""What a table holds already is left alone, and nothing else is taken for that, whatever happened to the table."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dlt
import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.emulator import Edit, Fault
from segment_dagster.extract import Extractor
from segment_dagster.extract.resources import segment_source
from segment_dagster.extract.times import Window
from segment_dagster.load import (
    inspect_dataset,
    load,
    load_extracts,
    load_state,
    preflight,
    resolve_destination,
    unchanged,
)
from segment_dagster.load.load_state import LOAD_STATE_TABLE, TYPES
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

NAMES = ("workspace", "sources", "warehouses")
NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)

KILLED = """
import os, signal
from segment_dagster.load import load, resolve_destination
from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.extract.resources import segment_source
load(segment_source(endpoints=["sources"]), resolve_destination(DestinationSettings()), utc_now())
os.kill(os.getpid(), signal.SIGKILL)
"""
"""A run that dies once the rows are there, and before it has kept that in mind."""


def read(*names, destination=None, history=False, always=False, **settings):
    """Read these endpoints and load what is new of them."""
    destination = destination or resolve_destination(DestinationSettings(always_load=always))
    with Extractor(ApiSettings(history=history, **settings)) as extractor:
        endpoints = [extractor.endpoint(name) for name in names or NAMES]
        extracts, failures = extractor.extract_all(
            endpoints, preflight(destination, endpoints, now=ApiSettings().now).windows
        )
        assert failures == []
        return load_extracts(extracts, destination, history=history, now=ApiSettings().now)


def loaded(outcome):
    """The tables that a load package brought rows into."""
    if not outcome.packages:
        return set()
    jobs = [job for package in outcome.packages[-1].load_packages for job in package.jobs["completed_jobs"]]
    names = {job.job_file_info.table_name for job in jobs}
    return {name for name in names if not name.startswith("_dlt")}


def query(sql, file="segment.duckdb"):
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def change(*statements):
    with duckdb.connect("segment.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def names(table="sources"):
    return {id_: name for id_, name in query(f"SELECT id, name FROM segment_data.{table}")}


@pytest.fixture
def ids(world):
    return [record["id"] for record in world.records("sources")]


@pytest.fixture
def quiet_time(emulator, monkeypatch):
    """The clock stands still: nothing new is in the audit trail."""
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    emulator.clock.set(NOW)


def test_the_second_time_nothing_is_written(emulator):
    first = read()
    assert loaded(first) == set(NAMES) and first.unchanged == frozenset()
    before = Path("segment.duckdb").read_bytes()
    second = read()
    assert (second.packages, second.unchanged) == ([], frozenset(NAMES))
    assert Path("segment.duckdb").read_bytes() == before
    assert [path.name for path in Path.cwd().iterdir()] == ["segment.duckdb"]


def test_what_came_otherwise_is_loaded_and_nothing_else(emulator, ids):
    read()
    emulator.edits.add(Edit("sources", "modify", ids[0], fields={"name": "Renamed"}))
    second = read()
    assert (loaded(second), second.unchanged) == ({"sources"}, frozenset({"workspace", "warehouses"}))
    assert names()[ids[0]] == "Renamed"
    assert read().packages == []


@pytest.mark.long
def test_a_change_there_and_back_is_loaded_both_times(emulator, ids):
    read()
    before = names()
    emulator.edits.add(Edit("sources", "delete", ids[0]))
    assert loaded(read()) == {"sources"}
    emulator.edits.clear()
    assert loaded(read()) == {"sources"}
    assert names() == before


@pytest.mark.long
def test_everything_is_loaded_where_that_is_asked_for(emulator):
    read()
    assert loaded(read(always=True)) == set(NAMES)
    assert read().packages == []


@pytest.mark.parametrize(
    "meanwhile",
    often(
        [
            "DROP TABLE segment_data.sources",
            "DELETE FROM segment_data.sources",
            "DELETE FROM segment_data.sources WHERE name = (SELECT min(name) FROM segment_data.sources)",
            "UPDATE segment_data.sources SET name = 'Mine' WHERE name = (SELECT min(name) FROM segment_data.sources)",
            "UPDATE segment_data.sources SET settings = NULL",
            "UPDATE segment_data.sources SET enabled = NOT enabled",
            "INSERT INTO segment_data.sources (id) VALUES ('mine')",
            "INSERT INTO segment_data.sources SELECT * FROM segment_data.sources LIMIT 1",
            "ALTER TABLE segment_data.sources DROP slug",
            "ALTER TABLE segment_data.sources RENAME slug TO mine",
            "ALTER TABLE segment_data.sources ADD mine INTEGER",
            "ALTER TABLE segment_data.sources ALTER enabled TYPE VARCHAR",
            f"DROP TABLE segment_data.{LOAD_STATE_TABLE}",
            f"DELETE FROM segment_data.{LOAD_STATE_TABLE} WHERE table_name = 'sources'",
            f"UPDATE segment_data.{LOAD_STATE_TABLE} SET rows = rows + 1",
            f"ALTER TABLE segment_data.{LOAD_STATE_TABLE} DROP digest",
            "DROP TABLE segment_data._dlt_version",
            "DROP SCHEMA segment_data CASCADE",
        ],
        2,
    ),
)
def test_whatever_somebody_did_to_the_table_is_mended(emulator, meanwhile):
    read("sources")
    columns = ", ".join(f'"{name}"' for (name, *_) in query("DESCRIBE segment_data.sources"))
    before = query(f"SELECT {columns} FROM segment_data.sources ORDER BY ALL")
    change(meanwhile)
    assert loaded(read("sources")) == {"sources"}
    after = query(f"SELECT {columns} FROM segment_data.sources ORDER BY ALL")
    # a column of another type is for the check to find
    assert after == before or "TYPE" in meanwhile
    assert read("sources").packages == []


def test_a_row_in_the_place_of_another_is_seen(emulator):
    read("sources")
    before = names()
    change(
        "DELETE FROM segment_data.sources WHERE name = (SELECT min(name) FROM segment_data.sources)",
        "INSERT INTO segment_data.sources (id) VALUES ('mine')",
    )
    assert loaded(read("sources")) == {"sources"}
    assert names() == before


@pytest.mark.long
def test_rows_that_were_only_moved_are_not_written_again(emulator):
    read("sources")
    change(
        "CREATE TABLE moved AS SELECT * FROM segment_data.sources ORDER BY id DESC",
        "DELETE FROM segment_data.sources",
        "INSERT INTO segment_data.sources SELECT * FROM moved",
    )
    assert read("sources").packages == []


@pytest.mark.long
def test_another_file_or_dataset_is_not_taken_for_this_one(emulator, monkeypatch, tmp_path):
    read()
    assert loaded(read(destination=resolve_destination(DestinationSettings(dataset="another")))) == set(NAMES)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "another.duckdb"))
    assert loaded(read()) == set(NAMES)
    assert read().packages == []


@pytest.mark.long
def test_a_script_that_keeps_nothing_in_mind_is_no_harm(emulator, ids):
    read("sources")
    emulator.edits.add(Edit("sources", "delete", ids[0]), Edit("sources", "create", "a-new-one"))
    load(segment_source(endpoints=["sources"]), resolve_destination(DestinationSettings()), now=ApiSettings().now)
    assert "a-new-one" in names()
    emulator.edits.clear()
    assert loaded(read("sources")) == {"sources"}, "as many rows, the ones that this project loaded last, but not there"
    assert "a-new-one" not in names()


@pytest.mark.long
def test_a_run_that_dies_before_it_remembers_is_no_harm(emulator, ids):
    read("sources")
    before = names()
    emulator.edits.add(Edit("sources", "modify", ids[0], fields={"name": "Renamed"}))
    killed = subprocess.run([sys.executable, "-c", KILLED], env=os.environ, capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert names()[ids[0]] == "Renamed"
    assert loaded(read("sources")) == {"sources"}, "it is not known whether all of it arrived"
    emulator.edits.clear()
    assert loaded(read("sources")) == {"sources"}
    assert names() == before


@pytest.mark.long
def test_a_run_that_dies_and_rows_that_came_back_are_no_harm(emulator, ids):
    read("sources")
    before = names()
    emulator.edits.add(Edit("sources", "modify", ids[0], fields={"name": "Renamed"}))
    subprocess.run([sys.executable, "-c", KILLED], env=os.environ, capture_output=True, timeout=60)
    emulator.edits.clear()
    assert loaded(read("sources")) == {"sources"}, "they are those that are remembered, but the table has the others"
    assert names() == before


def test_a_load_that_fails_changes_nothing_that_is_remembered(emulator, ids, monkeypatch):
    read("sources", "warehouses")
    emulator.edits.add(Edit("sources", "modify", ids[0], fields={"name": "Renamed"}))
    change("ALTER TABLE segment_data.sources ALTER enabled TYPE VARCHAR[] USING [enabled::VARCHAR]")
    (failure,) = read("sources", "warehouses").failures
    assert "dlt failed at the step" in str(failure.error)
    change("ALTER TABLE segment_data.sources ALTER enabled TYPE BOOLEAN USING enabled[1]::BOOLEAN")
    second = read("sources", "warehouses")
    assert (loaded(second), second.unchanged) == ({"sources"}, frozenset({"warehouses"}))
    assert names()[ids[0]] == "Renamed"


@pytest.mark.long
def test_secrets_that_are_to_land_otherwise_are_a_change(emulator, monkeypatch):
    read("sources")
    assert loaded(read("sources", include_secrets=True)) == {"sources"}
    assert loaded(read("sources")) == {"sources"}
    monkeypatch.setenv("SEGMENT_FINGERPRINT_KEY", "a-key")
    assert loaded(read("sources")) == {"sources"}
    assert read("sources").packages == []


@pytest.mark.long
def test_undeclared_fields_are_loaded_when_they_come_and_when_they_go(emulator):
    read("sources")
    emulator.faults.add(Fault("extra-field", "sources"))
    assert loaded(read("sources")) == {"sources"}
    assert read("sources").packages == []
    emulator.faults.clear()
    assert loaded(read("sources")) == {"sources"}
    assert read("sources").packages == []


def test_a_table_without_rows_is_remembered_too(emulator):
    emulator.edits.add(*(Edit("warehouses", "delete", record["id"]) for record in emulator.world.records("warehouses")))
    assert loaded(read("warehouses")) == {"warehouses"}
    assert read("warehouses").packages == []
    change("DROP TABLE segment_data.warehouses")
    assert loaded(read("warehouses")) == {"warehouses"}


def test_a_destination_that_cannot_tell_is_always_loaded(emulator):
    destination = resolve_destination(DestinationSettings())
    destination = replace(destination, capabilities=replace(destination.capabilities, digest=None))
    for _ in range(2):
        assert loaded(read("sources", destination=destination)) == {"sources"}
    assert query("SELECT count(*) FROM duckdb_tables() WHERE table_name = '_segment_tables'") == [(0,)]


@pytest.mark.long
def test_the_audit_trail_is_left_alone_while_nothing_happens(emulator, quiet_time):
    read("audit_events")
    before = Path("segment.duckdb").read_bytes()
    # from another time on than the first one: the rows themselves are looked at
    for _ in range(2):
        assert read("audit_events").unchanged == {"audit_events"}
    assert Path("segment.duckdb").read_bytes() == before
    emulator.edits.add(Edit("sources", "delete", emulator.world.records("sources")[0]["id"], at=NOW))
    assert loaded(read("audit_events")) == {"audit_events"}


LATEST = "WHERE timestamp = (SELECT max(timestamp) FROM segment_data.audit_events)"
OTHERWISE = {
    "nothing": "SELECT 1",
    "a value": f"UPDATE segment_data.audit_events SET actor = 'somebody else' {LATEST}",
    "a row": f"DELETE FROM segment_data.audit_events {LATEST}",
    "one row more": "INSERT INTO segment_data.audit_events BY NAME SELECT * REPLACE ('another' AS id) "
    f"FROM segment_data.audit_events {LATEST}",
    "a column": "ALTER TABLE segment_data.audit_events DROP COLUMN actor_email",
}


@pytest.mark.parametrize("other", OTHERWISE)
def test_the_hour_that_is_read_again_is_looked_at_row_by_row(emulator, quiet_time, other):
    emulator.edits.add(
        *(Edit("sources", "delete", record["id"], at=NOW) for record in emulator.world.records("sources")[:3])
    )
    read("audit_events")
    change(OTHERWISE[other])
    with Extractor(ApiSettings()) as extractor:
        extract = extractor.extract(extractor.endpoint("audit_events"), Window(NOW - timedelta(hours=1)))
        with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
            assert unchanged(tables, [extract], history=False) == ({"audit_events"} if other == "nothing" else set())


def test_more_rows_than_are_worth_it_are_not_looked_at(emulator, quiet_time, monkeypatch):
    read("audit_events")
    monkeypatch.setattr(load_state, "LOOKED_AT", 0)
    assert loaded(read("audit_events")) == {"audit_events"}


@pytest.mark.long
def test_an_event_that_is_missing_from_the_trail_is_read_again(emulator, quiet_time):
    emulator.edits.add(
        *(Edit("sources", "delete", record["id"], at=NOW) for record in emulator.world.records("sources")[:3])
    )
    for _ in range(2):
        read("audit_events")
    assert read("audit_events").packages == []
    (before,) = query("SELECT count(*) FROM segment_data.audit_events")
    latest = "SELECT max(timestamp) FROM segment_data.audit_events"
    change(
        "DELETE FROM segment_data.audit_events WHERE id = (SELECT max(id) FROM segment_data.audit_events "
        f"WHERE timestamp = ({latest}))"
    )
    assert loaded(read("audit_events")) == {"audit_events"}
    assert query("SELECT count(*) FROM segment_data.audit_events") == [before]


def test_what_is_read_in_parts_is_loaded_every_time(emulator, quiet_time):
    for _ in range(2):
        outcome = read("usage_api_calls_daily", "sources")
        assert "usage_api_calls_daily" in loaded(outcome)
    assert outcome.unchanged == {"sources"}


@pytest.mark.long
def test_with_history_neither_is_written_where_nothing_changed(emulator, ids):
    assert loaded(read("sources", history=True)) == {"sources", "sources_history"}
    before = Path("segment.duckdb").read_bytes()
    assert read("sources", history=True).packages == []
    assert Path("segment.duckdb").read_bytes() == before
    emulator.edits.add(Edit("sources", "modify", ids[0], fields={"name": "Renamed"}))
    assert loaded(read("sources", history=True)) == {"sources", "sources_history"}
    assert query("SELECT count(*), count(valid_to) FROM segment_data.sources_history") == [(41, 1)]


def test_history_that_is_turned_on_later_begins_though_the_table_is_unchanged(emulator):
    read("sources")
    assert loaded(read("sources", history=True)) == {"sources", "sources_history"}
    assert read("sources", history=True).packages == []


@pytest.mark.long
def test_history_that_was_off_for_a_while_catches_up(emulator, ids):
    read("sources", history=True)
    emulator.edits.add(Edit("sources", "modify", ids[0], fields={"name": "Renamed"}))
    assert loaded(read("sources")) == {"sources"}
    assert loaded(read("sources", history=True)) == {"sources", "sources_history"}, "the table holds it, but not this"
    assert query(f"SELECT name FROM segment_data.sources_history WHERE id = '{ids[0]}' AND valid_to IS NULL") == [
        ("Renamed",)
    ]


@pytest.mark.parametrize(
    "meanwhile",
    ["DROP TABLE segment_data.sources_history", "UPDATE segment_data.sources_history SET name = 'Mine'"],
)
def test_a_history_that_somebody_changed_is_loaded_again(emulator, meanwhile):
    read("sources", history=True)
    change(meanwhile)
    assert loaded(read("sources", history=True)) == {"sources", "sources_history"}


def test_a_run_without_anything_to_load_can_still_be_found_by_the_pipelines_name(emulator, monkeypatch, tmp_path):
    read("sources")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "another home"))
    assert read("sources").packages == []
    assert len(dlt.pipeline("segment_pipeline").dataset()["sources"].fetchall()) == 40


def test_what_is_remembered_can_be_read(emulator):
    read("sources")
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        (row,) = tables.rows(LOAD_STATE_TABLE, [name for name in TYPES if name != "loaded_at"])
    assert (row["table_name"], row["rows"], len(row["fingerprint"]), len(row["digest"])) == ("sources", 40, 32, 32)
    ((age,),) = query(f"SELECT now() - loaded_at < INTERVAL 1 HOUR FROM segment_data.{LOAD_STATE_TABLE}")
    assert age
