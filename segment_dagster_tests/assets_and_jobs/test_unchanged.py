"""A run that finds the rows of before: nothing is written, and all is checked and materialized all the same."""

import os
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
import pytest

from segment_dagster.definitions import defs
from segment_dagster.emulator import Edit, Fault

pytestmark = pytest.mark.slow

NAMES = {"workspace", "sources", "destinations", "warehouses", "spaces", "segments"}
SCRIPT = Path(__file__).parents[2] / "segment_pipeline.py"
REPORT = dg.AssetKey("report")
DATA_VERSION = "dagster/data_version"


@pytest.fixture
def ids(world):
    return [record["id"] for record in world.records("sources")]


@pytest.fixture
def downstream(code_location, fresh):
    """Asks Dagster whether an asset below `segment/sources` is to run; that asset has just run."""

    def asks(condition):
        @dg.asset(key=REPORT, deps=[dg.AssetKey(["segment", "sources"])], automation_condition=condition)
        def report():
            pass

        definitions = dg.Definitions.merge(code_location, dg.Definitions([report]))
        selection = dg.AssetSelection.assets(REPORT)
        assert dg.materialize([report], instance=fresh).success
        cursor = None

        def requested():
            nonlocal cursor
            result = dg.evaluate_automation_conditions(definitions, fresh, asset_selection=selection, cursor=cursor)
            cursor = result.cursor
            if result.total_requested:
                assert dg.materialize([report], instance=fresh).success
            return result.total_requested

        assert requested() == 0, "there is nothing before the first evaluation"
        return requested

    return asks


def version(event):
    return event.tags[DATA_VERSION]


def test_the_second_run_writes_nothing_and_says_so(sync, fresh, emulator):
    first = sync(instance=fresh)
    assert set(first.materialized) == NAMES
    before = Path("segment.duckdb").read_bytes()
    second = sync(instance=fresh)
    assert second.success
    assert Path("segment.duckdb").read_bytes() == before
    assert set(second.materialized) == set(second.unchanged) == NAMES
    assert second.observed == {}
    for name, materialization in second.materialized.items():
        old = {key: value.value for key, value in first.materialized[name].metadata.items()}
        new = {key: value.value for key, value in materialization.metadata.items()}
        assert (old["segment/rows_unchanged"], new["segment/rows_unchanged"]) == (False, True)
        for told in ("dagster/row_count", "segment/rows_delivered", "dagster/table_name", "segment/requests"):
            assert new[told] == old[told]
        assert version(materialization) == version(first.materialized[name])
        assert "rows_loaded" in old and "rows_loaded" not in new


def test_what_is_unchanged_is_checked_all_the_same(sync, fresh):
    first, second = sync(instance=fresh), sync(instance=fresh)
    assert set(second.checks) == set(first.checks) and len(second.checks) == 24
    assert second.failed_checks == {}
    assert second.checks["segments", "row_count"].metadata["found"].value == 2400


def test_a_check_fails_though_the_rows_are_unchanged(sync, fresh, emulator):
    sync("workspace", "sources", instance=fresh)
    emulator.faults.add(Fault("wrong-total", "sources"))
    second = sync("workspace", "sources", instance=fresh)
    assert set(second.unchanged) == {"workspace", "sources"}
    assert set(second.failed_checks) == {("sources", "row_count")}
    assert second.failed_checks["sources", "row_count"].description == "40 rows found, but total_entries 41."


def test_what_changed_is_loaded_and_the_rest_left_alone(sync, fresh, emulator, ids, duck):
    first = sync(instance=fresh)
    emulator.edits.add(Edit("sources", "modify", ids[0], fields={"name": "Renamed"}))
    second = sync(instance=fresh)
    assert (set(second.written), set(second.unchanged)) == ({"sources"}, NAMES - {"sources"})
    assert version(second.materialized["sources"]) != version(first.materialized["sources"])
    assert second.materialized["sources"].metadata["segment/rows_unchanged"].value is False
    assert duck.records("sources")[ids[0]]["name"] == "Renamed"
    assert second.success and not second.failed_checks


BY_VERSION = dg.AutomationCondition.eager().replace(
    dg.AutomationCondition.any_deps_updated(),
    dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed()),
)
"""The one in docs/assets.md."""


@pytest.mark.long
def test_whoever_looks_at_data_versions_runs_on_change_alone(sync, fresh, emulator, ids, downstream):
    first = sync("sources", instance=fresh)
    requested = downstream(BY_VERSION)
    before = Path("segment.duckdb").read_bytes()
    for _ in range(2):
        second = sync("sources", instance=fresh)
        assert set(second.materialized) == set(second.unchanged) == {"sources"}
        assert version(second.materialized["sources"]) == version(first.materialized["sources"])
        assert requested() == 0
    assert Path("segment.duckdb").read_bytes() == before
    for name in ("Renamed", "Renamed again"):
        emulator.edits.replace([Edit("sources", "modify", ids[0], fields={"name": name})])
        sync("sources", instance=fresh)
        assert requested() == 1
        # the same rows once more
        sync("sources", instance=fresh)
        assert requested() == 0


def test_eager_assets_downstream_run_with_every_materialization(sync, fresh, emulator, downstream):
    sync("sources", instance=fresh)
    requested = downstream(dg.AutomationCondition.eager())
    assert set(sync("sources", instance=fresh).unchanged) == {"sources"}
    assert requested() == 1


def test_the_condition_is_the_one_that_the_page_shows():
    page = (Path(__file__).parents[2] / "docs" / "assets.md").read_text()
    shown = re.search(r"automation_condition=(dg\.AutomationCondition.*?\n    \)),\n", page, re.DOTALL)
    assert shown is not None
    tested = re.search(r"^BY_VERSION = (.*?^\))$", Path(__file__).read_text(), re.DOTALL | re.MULTILINE)
    assert tested is not None
    assert shown[1].split() == tested[1].split()


def test_what_dagster_has_not_seen_is_materialized_though_nothing_is_written(sync, fresh, emulator):
    with dg.DagsterInstance.ephemeral() as another:
        sync("sources", instance=another)
    before = Path("segment.duckdb").read_bytes()
    outcome = sync("sources", instance=fresh)
    assert set(outcome.unchanged) == {"sources"}
    assert Path("segment.duckdb").read_bytes() == before


@pytest.mark.long
def test_what_the_script_loaded_in_between_is_materialized(sync, fresh, emulator, ids, downstream):
    sync("sources", instance=fresh)
    requested = downstream(BY_VERSION)
    emulator.edits.add(Edit("sources", "modify", ids[0], fields={"name": "Renamed"}))
    subprocess.run([sys.executable, SCRIPT, "sources"], env=os.environ, check=True, capture_output=True, timeout=60)
    outcome = sync("sources", instance=fresh)
    assert set(outcome.unchanged) == {"sources"}
    assert requested() == 1, "whoever looks at data versions runs as well"


@pytest.mark.long
def test_everything_is_loaded_where_that_is_asked_for(sync, fresh, monkeypatch):
    first = sync("sources", instance=fresh)
    monkeypatch.setenv("SEGMENT_ALWAYS_LOAD", "true")
    second = sync("sources", instance=fresh)
    assert set(second.written) == {"sources"}
    assert second.materialized["sources"].metadata["rows_loaded"].value == 40
    assert version(second.materialized["sources"]) == version(first.materialized["sources"])


def test_a_table_that_somebody_changed_is_mended(sync, fresh, duck, expected):
    sync("sources", instance=fresh)
    duck.change("UPDATE segment_data.sources SET name = 'Mine'")
    second = sync("sources", instance=fresh)
    assert set(second.written) == {"sources"}
    assert duck.records("sources") == expected("sources")


@pytest.mark.long
def test_with_history_nothing_is_written_either(fresh, emulator, outcome_of, monkeypatch):
    now = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
    monkeypatch.setenv("SEGMENT_HISTORY", "true")
    monkeypatch.setenv("SEGMENT_NOW", now.isoformat())
    emulator.clock.set(now)
    emulator.edits.quiet_audit = True
    names = ("workspace", "sources", "audit_events", "changes")
    job = defs().resolve_job_def("segment_sync")

    def run():
        keys = [dg.AssetKey(["segment", name]) for name in names]
        return outcome_of(job.execute_in_process(instance=fresh, asset_selection=keys, raise_on_error=False))

    assert set(run().written) == set(names)
    # the trail was read from its beginning, and is read from its latest row on from now on
    run()
    before = Path("segment.duckdb").read_bytes()
    again = run()
    assert Path("segment.duckdb").read_bytes() == before
    assert set(again.materialized) == set(again.unchanged) == set(names)
    assert again.unchanged["sources"].metadata["segment/history_current"].value == 40
    assert ("sources", "history") in again.checks and not again.failed_checks
    emulator.edits.add(
        Edit("sources", "modify", emulator.world.records("sources")[0]["id"], fields={"name": "New"}, at=now)
    )
    changed = run()
    assert (set(changed.written), set(changed.unchanged)) == (set(names) - {"workspace"}, {"workspace"})
    assert changed.materialized["changes"].metadata["dagster/row_count"].value == 1
    assert set(run().unchanged) >= {"workspace", "sources", "changes"}


@pytest.mark.long
def test_what_is_read_in_parts_says_nothing_of_being_unchanged(code_location, fresh, emulator):
    job = code_location.resolve_job_def("segment_usage_sync")
    month = f"{emulator.clock.now():%Y-%m}-01"
    keys = [dg.AssetKey(["segment", "usage_api_calls_daily"])]
    for _ in range(2):
        result = job.execute_in_process(instance=fresh, partition_key=month, asset_selection=keys)
        (event,) = result.get_asset_materialization_events()
        assert "segment/rows_unchanged" not in event.materialization.metadata


@pytest.mark.parametrize("setting", ["SEGMENT_ALWAYS_LOAD", "SEGMENT_LOCK_TIMEOUT"])
def test_a_setting_that_cannot_be_used_is_told_before_anything_is_asked(setting, sync, emulator, monkeypatch):
    monkeypatch.setenv(setting, "soon")
    outcome = sync("sources")
    assert outcome.error.startswith(f"{setting} is 'soon'. Legal values: ")
    assert emulator.stats.requests == []
    assert list(Path.cwd().iterdir()) == []
