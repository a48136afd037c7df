"""The marts as assets: materializations, checks, what is missing."""

import subprocess
import sys

import dagster as dg
import pytest

from segment_dagster import (
    DestinationResource,
    SegmentResource,
    SegmentTranslator,
    build_segment_health_defs,
)
from segment_dagster.config import DefinitionSettings, DestinationSettings, HealthSettings
from segment_dagster.load import inspect_dataset, resolve_destination
from segment_dagster_tests.marts import planted_truth as truth
from segment_dagster_tests.marts.conftest import load
from segment_dagster_tests.variants import often

pytestmark = [pytest.mark.slow, pytest.mark.server]

SOURCES = dg.AssetKey(["segment", "health_sources"])
RETRIES = DefinitionSettings(step_retries=2, step_retry_seconds=0.01)
TABLES = ("sources", "events_volume", "destinations", "users", "audit_events")


@pytest.fixture
def file(tmp_path):
    return str(tmp_path / "planted.duckdb")


@pytest.fixture
def run(file, monkeypatch):
    """Run the job, or a part of it."""
    monkeypatch.setenv("SEGMENT_NOW", truth.NOW.isoformat())

    def execute(*names, checks=(), **given):
        defs = build_segment_health_defs(
            destination=DestinationResource(database=file),
            workspace=SegmentResource(preview=given.pop("preview", None)),
            **given,
        )
        keys = [dg.AssetKey(["segment", name]) for name in names]
        selection = dg.AssetSelection.assets(*keys) if keys else dg.AssetSelection.checks(*checks)
        job = dg.Definitions(
            assets=defs.assets, jobs=[dg.define_asset_job("some", selection, executor_def=dg.in_process_executor)]
        ).resolve_job_def("some")
        return job.execute_in_process(raise_on_error=False)

    return execute


def failure(result):
    (event,) = (event for event in result.all_events if event.is_step_failure)
    return event.step_failure_data.user_failure_data.description


def test_a_mart_is_materialized_with_its_check_and_lineage(planted, file, run):
    load(planted, DestinationSettings(database=file), TABLES)
    result = run("health_sources")
    (made,) = result.asset_materializations_for_node("segment_marts")
    assert made.metadata["dagster/row_count"].value == len(truth.HEALTH_SOURCES)
    assert made.metadata["segment/missing_tables"].value == ["warehouses", "warehouse_connected_sources"]
    lineage = made.metadata["dagster/column_lineage"].value.deps_by_column
    assert dg.TableColumnDep(dg.AssetKey(["segment", "events_volume"]), "count") in lineage["events_7d"]
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
    assert check.metadata["segment/errors"].value == len(truth.DEAD_SOURCES)
    silent = len(truth.SILENT_SOURCES | {"src_never"})
    assert check.metadata["segment/errors"].value + check.metadata["segment/warnings"].value == silent
    assert (check.description or "").startswith(f"{silent} rows: ")
    shown = check.metadata["segment/offenders"].value
    assert all(truth.HEALTH_SOURCES[source_id].name in shown for source_id in truth.SILENT_SOURCES)
    query = check.metadata["segment/rows_sql"].value.removeprefix("```sql\n").removesuffix("\n```")
    destination = resolve_destination(DestinationSettings(database=file))
    with inspect_dataset(destination) as tables:
        assert {row["source_id"] for row in tables.query(query)} == truth.SILENT_SOURCES | {"src_never"}
        # null, as it is not known
        assert {row["warehouses"] for row in tables.rows("health_sources", ["warehouses"])} == {None}


def test_the_same_rows_are_not_written_again_and_a_check_runs_alone(planted, file, run):
    load(planted, DestinationSettings(database=file), TABLES)
    first, again = (run("health_sources").asset_materializations_for_node("segment_marts")[0] for _ in range(2))
    assert not first.metadata["segment/rows_unchanged"].value and again.metadata["segment/rows_unchanged"].value
    assert first.tags == again.tags
    alone = run(checks=[dg.AssetCheckKey(SOURCES, "sources_send_events")])
    assert not alone.asset_materializations_for_node("segment_marts")
    (check,) = alone.get_asset_check_evaluations()
    assert not check.passed


def test_a_missing_table_is_named_and_the_other_marts_are_made(planted, file, run):
    load(planted, DestinationSettings(database=file), ("users", "audit_events"))
    result = run("health_sources", "access_review", "changes_weekly")
    assert not result.success
    assert failure(result) == (
        "health_sources: the dataset segment_data has no table sources. Materialize segment/sources first."
    )
    made = {each.asset_key.path[-1] for each in result.asset_materializations_for_node("segment_marts")}
    assert made == {"access_review", "changes_weekly"}


@pytest.mark.parametrize("name", ["health_sources", "report"])
def test_a_locked_file_is_tried_again(planted, file, run, monkeypatch, name):
    load(planted, DestinationSettings(database=file), TABLES)
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.01")
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    command = [sys.executable, "-c", hold, file]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline()
        result = run(name, settings=RETRIES)
        holder.kill()
    assert "is locked by" in failure(result)
    assert [event.event_type_value for event in result.all_events].count("STEP_UP_FOR_RETRY") == 2


def test_a_missing_table_is_not_tried_again(planted, file, run):
    load(planted, DestinationSettings(database=file), ("sources",))
    result = run("health_sources", settings=RETRIES)
    assert not result.success
    assert "STEP_UP_FOR_RETRY" not in [event.event_type_value for event in result.all_events]


def test_a_check_of_a_mart_that_was_not_made_says_so(planted, file, run):
    load(planted, DestinationSettings(database=file), ("users",))
    result = run(checks=[dg.AssetCheckKey(SOURCES, "sources_send_events")])
    assert failure(result) == (
        "sources_send_events: the dataset segment_data has no table health_sources. "
        "Materialize segment/health_sources first."
    )


@pytest.mark.parametrize(("preview", "shown"), often([("on", True), ("off", False), ("masked", False)], 2))
def test_people_are_masked_where_rows_are(planted, file, run, preview, shown):
    load(planted, DestinationSettings(database=file), ("users", "audit_events"))
    result = run("access_review", preview=preview, thresholds=HealthSettings(inactive_days=1))
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    said = f"{check.description} {check.metadata.get('segment/offenders')}"
    assert ("dora@planted.example" in said) is shown
    assert ("segment/offenders" in check.metadata) is (preview != "off")


def test_keys_follow_the_translator(planted, file, run):
    class Prefixed(SegmentTranslator):
        def get_asset_spec(self, data):
            spec = super().get_asset_spec(data)
            return spec.replace_attributes(key=spec.key.with_prefix("prod"))

    defs = build_segment_health_defs(translator=Prefixed(), destination=DestinationResource(database=file))
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert dg.AssetKey(["prod", "segment", "users"]) in {
        dep.asset_key for dep in specs["prod/segment/access_review"].deps
    }

    job = dg.Definitions(assets=defs.assets).resolve_implicit_global_asset_job_def()
    key = dg.AssetKey(["prod", "segment", "health_sources"])
    said = failure(job.execute_in_process(asset_selection=[key], raise_on_error=False))
    assert said.endswith("has no table sources. Materialize prod/segment/sources first.")


def test_plain_files_are_refused_where_they_hold_no_series(planted, tmp_path, run, monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", "filesystem")
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "files"))
    load(planted, DestinationSettings(), ("users", "sources"))
    defs = build_segment_health_defs(workspace=SegmentResource())
    job = dg.Definitions(assets=defs.assets).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        asset_selection=[SOURCES, dg.AssetKey(["segment", "access_review"])], raise_on_error=False
    )
    assert "has no table events_volume. Plain files hold no time series: set SEGMENT_TABLE_FORMAT" in failure(result)
    (made,) = result.asset_materializations_for_node("segment_marts")
    assert made.asset_key.path[-1] == "access_review"
