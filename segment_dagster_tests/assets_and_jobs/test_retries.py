"""Steps that are tried again: after what errors, and what the next attempt reads."""

import subprocess
import sys

import dagster as dg
import pytest

from segment_dagster import EndpointSelection, build_segment_defs
from segment_dagster.config import DefinitionSettings
from segment_dagster.emulator import Fault
from segment_dagster.errors import SettingError
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

NAMES = ("workspace", "sources", "destinations", "warehouses", "labels", "users")
RETRIES = DefinitionSettings(step_retries=2, step_retry_seconds=0.01)


def definitions(**settings):
    return build_segment_defs(select=EndpointSelection(endpoints=NAMES), settings=RETRIES, **settings)


@pytest.fixture
def run(outcome_of):
    """Run the main job with its retry policy."""
    with dg.DagsterInstance.ephemeral() as instance:

        def run(**settings):
            job = definitions(**settings).resolve_job_def("segment_sync")
            return outcome_of(job.execute_in_process(instance=instance, raise_on_error=False))

        yield run


@pytest.mark.parametrize("kind", often(["500", "reset", "bad-json"], 1))
def test_the_next_attempt_reads_what_failed_and_nothing_else(run, emulator, kind):
    # each of the first attempt's five requests
    emulator.faults.add(Fault(kind, "labels", times=5))
    outcome = run()
    assert outcome.success and outcome.count("STEP_UP_FOR_RETRY") == 1
    assert set(outcome.materialized) == set(NAMES)
    assert not outcome.failed_checks and {name for name, _ in outcome.checks} == set(NAMES)
    asked = dict(emulator.stats.by_endpoint)
    assert asked.pop("labels") == 6 and set(asked.values()) == {1}
    before = {name for name, each in outcome.materialized.items() if "segment/loaded_before" in each.metadata}
    assert before == {*NAMES} - {"labels"}


@pytest.mark.long
def test_what_was_loaded_before_keeps_its_metadata_and_version(run, emulator):
    plain = run()
    emulator.stats.clear()
    emulator.faults.add(Fault("500", "labels", times=5))
    outcome = run()
    for name in ("sources", "users"):
        first, again = plain.materialized[name], outcome.materialized[name]
        assert first.tags["dagster/data_version"] == again.tags["dagster/data_version"]
        assert first.metadata["dagster/row_count"] == again.metadata["dagster/row_count"]


@pytest.mark.long
def test_children_are_read_once_their_parent_is(run, emulator):
    emulator.faults.add(Fault("500", "sources", times=5))
    outcome = run()
    assert outcome.success and outcome.count("STEP_UP_FOR_RETRY") == 1
    assert outcome.materialized["sources"].metadata["dagster/row_count"].value == 40
    assert emulator.stats.by_endpoint["sources"] == 6 and emulator.stats.by_endpoint["destinations"] == 1


@pytest.mark.long
def test_after_the_last_attempt_the_run_fails_with_what_is_loaded(run, emulator):
    emulator.faults.add(Fault("500", "labels"))
    outcome = run()
    assert not outcome.success and outcome.count("STEP_UP_FOR_RETRY") == 2
    assert set(outcome.materialized) == {*NAMES} - {"labels"}
    assert emulator.stats.by_endpoint["sources"] == 1 and emulator.stats.by_endpoint["labels"] == 15
    assert "labels: GET /labels failed (500)" in outcome.error


@pytest.mark.parametrize("kind", often(["forbidden", "revoked-token", "renamed-key", "wrong-type"], 1))
def test_what_no_attempt_mends_is_not_tried_again(run, emulator, kind):
    emulator.faults.add(Fault(kind, "labels"))
    outcome = run()
    assert not outcome.success and outcome.count("STEP_UP_FOR_RETRY") == 0


def test_a_failed_check_has_its_table_read_again_when_the_step_is(run, emulator):
    emulator.faults.add(Fault("wrong-total", "sources", times=1), Fault("500", "labels", times=5))
    outcome = run()
    assert outcome.success and outcome.count("STEP_UP_FOR_RETRY") == 1
    assert emulator.stats.by_endpoint["users"] == 1


def test_a_locked_file_is_tried_again(run, emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.01")
    hold = "import duckdb; c = duckdb.connect('segment.duckdb'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline()
        outcome = run()
        holder.kill()
    assert not outcome.success and outcome.count("STEP_UP_FOR_RETRY") == 2
    assert "is locked by" in outcome.error


def retried_job():
    return definitions().resolve_job_def("segment_sync")


@pytest.mark.parametrize(
    ("tags", "asked"), often([({"dagster/retry_number": "1"}, 1), ({}, 2)], 1), ids=["automatic", "by hand"]
)
def test_a_run_that_dagster_retries_reads_what_is_left_and_one_by_hand_everything(emulator, tags, asked):
    emulator.faults.add(Fault("forbidden", "labels", times=1))
    job = dg.reconstructable(retried_job)
    with dg.instance_for_test() as instance:
        with dg.execute_job(job, instance) as first:
            assert not first.success
        again = dg.ReexecutionOptions(parent_run_id=first.run_id)
        with dg.execute_job(job, instance, reexecution_options=again, tags=tags) as second:
            assert second.success
            keys = {event.materialization.asset_key.path[-1] for event in second.get_asset_materialization_events()}
    assert keys == set(NAMES)
    assert emulator.stats.by_endpoint["sources"] == asked and emulator.stats.by_endpoint["labels"] == 2


def test_without_retries_there_is_no_policy():
    def policies(retries):
        defs = build_segment_defs(settings=DefinitionSettings(step_retries=retries, step_retry_seconds=30))
        return {made.op.retry_policy for made in defs.get_repository_def().assets_defs_by_key.values()}

    assert policies(0) == {None}
    (policy,) = policies(3)
    assert policy and (policy.max_retries, policy.delay) == (3, 30)
    with pytest.raises(SettingError, match=r"^SEGMENT_STEP_RETRIES is '11'"):
        DefinitionSettings(step_retries="11")
