"""The asset of an endpoint that is read in slices: what a run says of it, and its checks."""

import dagster as dg
import duckdb
import pytest

from segment_dagster.assets import SegmentResource, segment_assets
from segment_dagster.checks import standard_checks
from segment_dagster.config import DefinitionSettings
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import TABLES
from segment_dagster_tests.rolling.few_audiences import AUDIENCES, NAME, first_audiences, of_few

pytestmark = pytest.mark.slow

KEY = dg.AssetKey(["segment", NAME])


@pytest.fixture
def audiences(world):
    return first_audiences(world)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def materialize(emulator, audiences, instance):
    """Materialize the asset, or run its checks alone; what the run did."""
    row = of_few(audiences)

    def run(*, checks_alone=False, history=False, **workspace):
        assets = segment_assets(
            (row,),
            standard_checks(DefinitionSettings(history=history)),
            workspace=SegmentResource(history=history, **workspace),
            catalogue=[each for each in TABLES if each.name != NAME],
        )
        selection = dg.AssetSelection.checks_for_assets(KEY) if checks_alone else dg.AssetSelection.assets(KEY)
        job = dg.define_asset_job("of_the_test", selection=selection)
        definitions = dg.Definitions(assets=[assets], jobs=[job])
        return definitions.resolve_job_def("of_the_test").execute_in_process(instance=instance, raise_on_error=False)

    return run


def metadata_of(result):
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def checks_of(result):
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def not_passed(result):
    return {name for name, check in checks_of(result).items() if not check.passed}


@pytest.mark.long
def test_a_run_that_ends_early_succeeds_and_says_how_many_are_left(materialize, instance, emulator):
    first = materialize(slow_max_minutes=1)
    assert first.success
    metadata = metadata_of(first)
    read, left = metadata["segment/parents_read"], metadata["segment/parents_left"]
    assert (metadata["segment/parents"], metadata["segment/parents_due"], read + left) == (AUDIENCES,) * 3
    assert 0 < read < AUDIENCES
    assert metadata["segment/requests"] == read == emulator.stats.by_endpoint[NAME]
    assert not_passed(first) == {"coverage"} | (not_passed(first) & {"references"})
    coverage = checks_of(first)["coverage"]
    assert coverage.severity is dg.AssetCheckSeverity.WARN
    assert {name: value.value for name, value in coverage.metadata.items()} == {
        "parents": AUDIENCES,
        "read": read,
        "left": left,
        "rows_of_gone_parents": 0,
        "oldest": metadata["segment/oldest_read"],
    }
    logged = [event.user_message for event in instance.all_logs(first.run_id)]
    assert any(f"read {read} of {AUDIENCES} due parents, {left} are left to the next run" in line for line in logged), (
        logged
    )

    second = materialize()
    metadata = metadata_of(second)
    assert (metadata["segment/parents_read"], metadata["segment/parents_left"]) == (left, 0)
    assert metadata["segment/rows_delivered"] < metadata["dagster/row_count"]
    assert not not_passed(second) - {"references"}
    # what the runs read together is what a check finds that runs alone
    alone = materialize(checks_alone=True)
    assert {"row_count", "coverage", "schema", "primary_key"} <= checks_of(alone).keys()
    assert not not_passed(alone) - {"references"}

    unchanged = materialize()
    assert (metadata_of(unchanged)["segment/parents_due"], metadata_of(unchanged)["segment/requests"]) == (0, 0)
    assert not not_passed(unchanged) - {"references"}


def test_rows_of_parents_that_are_gone_fail_the_check_until_the_next_run(materialize, emulator, audiences):
    materialize(slow_max_minutes=1)
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(f"INSERT INTO segment_data.{NAME} (audience_id, space_id, id) VALUES ('gone', 's', 'x')")
    coverage = checks_of(materialize(checks_alone=True))["coverage"]
    assert (coverage.passed, coverage.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert coverage.metadata["rows_of_gone_parents"].value == 1
    emulator.edits.add(Edit("segments", "delete", audiences[-1]))
    again = materialize(slow_max_minutes=1)
    assert metadata_of(again)["segment/parents_gone"] >= 1
    assert checks_of(again)["coverage"].metadata["rows_of_gone_parents"].value == 0


@pytest.mark.long
def test_what_the_api_counts_itself_is_compared_over_all_slices(materialize, emulator):
    emulator.faults.add(Fault("wrong-total", NAME, after=3, times=1))
    row_count = checks_of(materialize())["row_count"]
    assert (row_count.passed, row_count.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "total_entries" in row_count.description


def test_the_history_check_says_that_no_versions_are_kept(materialize):
    result = materialize(history=True, slow_max_minutes=1)
    assert result.success
    history = checks_of(result)["history"]
    assert history.passed
    assert history.description.startswith("Not kept: the table is read in slices of parents")


def test_coverage_is_attached_to_what_the_slow_job_reads_parent_by_parent():
    assets = segment_assets(TABLES, standard_checks(DefinitionSettings()))
    checked = {spec.asset_key.path[-1] for spec in assets.check_specs if spec.name == "coverage"}
    assert checked == {row.name for row in TABLES if row.slow}
