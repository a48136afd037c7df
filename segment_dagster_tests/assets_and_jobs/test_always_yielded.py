"""What was read whole is materialized, changed or not: nothing below it is skipped, and no backfill fails."""

import dagster as dg
import pytest

from segment_dagster.emulator import Fault
from segment_dagster_tests.assets_and_jobs.backfills import backfills

pytestmark = pytest.mark.slow

SOURCES = dg.AssetKey(["segment", "sources"])
REPORT = dg.AssetKey("report")
WITH_WEEKLY = ("warehouses", "warehouse_selective_syncs")
DATA_VERSION = "dagster/data_version"


def names_of(outcome):
    return set(outcome.materialized)


@pytest.fixture
def with_report(code_location, fresh, outcome_of):
    """Run a job of `segment/sources` and an asset of a user's own below it."""

    @dg.asset(key=REPORT, deps=[SOURCES])
    def report():
        pass

    job = dg.define_asset_job("with_report", selection=dg.AssetSelection.assets(SOURCES, REPORT))
    merged = dg.Definitions.merge(code_location, dg.Definitions([report], jobs=[job]))
    resolved = merged.resolve_job_def("with_report")
    return lambda: outcome_of(resolved.execute_in_process(instance=fresh, raise_on_error=False))


def test_an_asset_of_the_users_own_runs_below_one_that_is_unchanged(with_report, emulator, duck):
    first, second = with_report(), with_report()
    assert second.success and names_of(second) == {"sources", "report"}
    assert second.count("STEP_SKIPPED") == 0
    assert second.materialized["sources"].metadata["segment/rows_unchanged"].value is True
    assert second.materialized["sources"].tags[DATA_VERSION] == first.materialized["sources"].tags[DATA_VERSION]


def test_a_group_with_its_weekly_step_runs_whole_twice(run_selection, emulator, fresh):
    group = dg.AssetSelection.keys(*(dg.AssetKey(["segment", name]) for name in WITH_WEEKLY))
    first, second = run_selection(group, fresh), run_selection(group, fresh)
    assert len({event.step_key for event in second.result.all_events if event.is_step_success}) == 2
    assert second.count("STEP_SKIPPED") == 0
    assert names_of(second) == names_of(first) == set(WITH_WEEKLY)
    assert second.success


@pytest.mark.long
def test_a_backfill_of_everything_twice_is_no_failure(emulator, tmp_path):
    names = ("sources", "warehouses")
    with backfills(tmp_path) as made:
        for _ in range(2):
            ended = made.run(*names)
            assert (ended.status, ended.failed) == ("COMPLETED_SUCCESS", frozenset())


def test_where_one_endpoint_fails_the_unchanged_ones_do_not_look_failed(sync, fresh, emulator):
    sync("workspace", "sources", "warehouses", instance=fresh)
    emulator.faults.add(Fault("forbidden", "warehouses"))
    second = sync("workspace", "sources", "warehouses", instance=fresh)
    assert not second.success
    assert names_of(second) == {"workspace", "sources"}
