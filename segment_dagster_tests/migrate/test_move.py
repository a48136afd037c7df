"""From one destination to another: the same assets, and every table the same."""

import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from segment_dagster.emulator import Fault, World, running
from segment_dagster.migrate.__main__ import main
from segment_dagster_tests.destinations.engines import extensions

pytestmark = [pytest.mark.server, pytest.mark.slow]

SCRIPT = Path(__file__).resolve().parents[2] / "segment_pipeline.py"
NAMES = ["sources", "users", "labels", "suppressions", "audit_events", "usage_mtu_daily"]
NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)


@pytest.fixture
def loaded(emulator, monkeypatch, tmp_path):
    """A few tables in DuckDB, and a directory to move them into."""
    extensions("delta")
    emulator.clock.set(NOW)
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
    subprocess.run([sys.executable, str(SCRIPT), *NAMES], check=True, capture_output=True, timeout=100)
    yield tmp_path / "lake"
    emulator.clock.set(None)


@pytest.fixture
def moved(capsys):
    """Move; the exit status, what was said of each table, and all that was printed."""

    def move(*arguments):
        capsys.readouterr()
        status = main(list(arguments))
        out, err = capsys.readouterr()
        tables = {line.split()[0]: line.split(maxsplit=3)[1:] for line in out.splitlines() if line[:1].islower()}
        return status, {name: row for name, row in tables.items() if name in NAMES}, out + err

    return move


def change(sql):
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(sql)


def test_the_token_of_another_workspace_moves_nothing(loaded, moved, monkeypatch):
    with running(world=World(0, seed=8), minute=0.05) as other:
        monkeypatch.setenv("SEGMENT_BASE_URL", other.url)
        status, _, text = moved("duckdb", "filesystem:delta")
    assert status == 1
    assert text.startswith("error: The dataset 'segment_data' of duckdb in ") and len(text.splitlines()) == 1
    assert not loaded.exists()


def test_every_table_is_the_same_elsewhere(loaded, moved):
    status, tables, text = moved("duckdb", "filesystem:delta")
    assert status == 0
    assert set(tables) == set(NAMES)
    for old, new, said in tables.values():
        assert old == new and said == "equal"
    assert "6 tables, " in text and ": 6 equal, 0 not; 0 left" in text
    assert (loaded / "segment_data" / "users" / "_delta_log").is_dir()


@pytest.mark.long
def test_what_segment_no_longer_gives_is_told_and_stays_where_it_was(loaded, moved):
    change(
        "INSERT INTO segment_data.audit_events BY NAME "
        "SELECT * REPLACE ('old' AS id, TIMESTAMPTZ '2025-06-01 00:00:00+00' AS timestamp) "
        "FROM segment_data.audit_events LIMIT 1"
    )
    status, tables, text = moved("duckdb", "filesystem:delta")
    assert status == 0
    assert tables["audit_events"][2] == "equal, and 1 rows that Segment no longer gives"
    assert "0 not; 1 left" in text


@pytest.mark.long
def test_a_table_that_differs_is_told(loaded, moved):
    change("UPDATE segment_data.users SET name = 'somebody else' WHERE id = (SELECT min(id) FROM segment_data.users)")
    change("DELETE FROM segment_data.labels WHERE key = (SELECT min(key) FROM segment_data.labels)")
    status, tables, _ = moved("duckdb", "filesystem:delta")
    assert status == 1
    assert {name for name, row in tables.items() if row[2] == "differs"} == {"users", "labels"}


@pytest.mark.long
def test_what_does_not_land_is_told(loaded, moved, emulator):
    emulator.faults.add(Fault("forbidden", "users"))
    status, tables, _ = moved("duckdb", "filesystem:delta")
    assert status == 1
    assert tables["users"][2] == "did not land"
    assert tables["labels"][2] == "equal"


def test_nothing_to_move_is_an_error(emulator, moved):
    status, _, text = moved("duckdb", "filesystem")
    assert (status, text) == (1, "error: duckdb holds no table of the dataset 'segment_data': nothing to move.\n")


def test_a_destination_that_is_none_is_an_error(loaded, moved):
    status, _, text = moved("duckdb", "nowhere")
    assert status == 1
    assert text.startswith("error: SEGMENT_DESTINATION is 'nowhere', which is no destination.")


@pytest.mark.long
def test_the_settings_are_as_they_were(loaded, moved, monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", "duckdb")
    moved("duckdb", "filesystem:delta")

    assert os.environ["SEGMENT_DESTINATION"] == "duckdb" and "SEGMENT_TABLE_FORMAT" not in os.environ
