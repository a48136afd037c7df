"""Where the destination refuses a table it fails alone, and its schema check tells; nothing quotes its rows."""

import dagster as dg
import pytest

from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.definitions import defs
from segment_dagster.emulator import Edit
from segment_dagster.extract.resources import segment_source
from segment_dagster.load import load, resolve_destination

pytestmark = pytest.mark.slow

PLANTED = "a" + "-planted-" * 2 + "secret"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Let dlt try once what it would try five times, a second apart."""
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")


def test_a_table_that_was_retyped_fails_alone_and_its_schema_check_tells(sync, emulator, world, duck, tmp_path):
    load(segment_source(endpoints=["sources", "warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())
    duck.change("ALTER TABLE segment_data.sources ALTER name TYPE INTEGER USING 1")
    emulator.edits.add(Edit("sources", "modify", world.records("sources")[0]["id"], {"name": PLANTED}))
    storage = tmp_path / "dagster"
    storage.mkdir()
    with dg.DagsterInstance.local_temp(str(storage)) as instance:
        outcome = sync("sources", "warehouses", "workspace", instance=instance)
        logged = str([entry.to_json() for entry in instance.all_logs(outcome.result.run_id)])
    assert not outcome.success and set(outcome.materialized) == {"warehouses", "workspace"}
    (error,) = outcome.errors
    assert error.startswith("1 of 3 endpoints failed.\nsources: not loaded, and its table keeps the rows that it had: ")
    assert outcome.failure_metadata.keys() == {"sources"}
    check = outcome.failed_checks["sources", "schema"]
    assert check.description == "retyped: name (text, found bigint)."
    assert {table for table, _ in outcome.failed_checks} == {"sources"}
    assert "Could not convert string '***'" in error and "Could not convert string" in logged and PLANTED not in logged
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "segment.duckdb"]
    assert [path for path in files if PLANTED.encode() in path.read_bytes()] == []


def test_what_is_derived_fails_alone_and_what_failed_before_is_told_too(
    emulator, duck, one_instance, outcome_of, monkeypatch
):
    monkeypatch.setenv("SEGMENT_HISTORY", "true")
    load(segment_source(endpoints=["warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())
    duck.change("CREATE VIEW segment_data.changes AS SELECT 1 AS x", "ALTER TABLE segment_data.warehouses DROP id")
    job = defs().resolve_job_def("segment_sync")
    selected = [dg.AssetKey(["segment", name]) for name in ("sources", "warehouses", "changes")]
    outcome = outcome_of(job.execute_in_process(instance=one_instance, asset_selection=selected, raise_on_error=False))
    assert set(outcome.materialized) == {"sources"}
    (error,) = outcome.errors
    assert "\nwarehouses: not loaded, " in error and "\nchanges: dlt failed at the step " in error
    assert outcome.failure_metadata.keys() == {"warehouses", "changes"}
