"""Syncs of reverse ETL that Dagster starts: each once, waited for, told once, cancelled where the run is ended."""

import os
import signal
from datetime import timedelta

import dagster as dg
import pytest
from dagster._core.events import AssetObservationData, DagsterEvent

from segment_dagster.emulator import Fault
from segment_dagster.syncs.reverse_etl.starts import START_ATTEMPTS
from segment_dagster_tests.syncs.hours import hours
from segment_dagster_tests.syncs.reverse_models import failure_of

pytestmark = pytest.mark.slow

START, STATUS, CANCEL = "reverse_etl_sync_start", "reverse_etl_sync_status", "reverse_etl_sync_cancel"


@pytest.fixture
def reverse(models):
    """The controlled syncs, each of which ends at once."""
    models.now(1)
    models.emulator.syncs.reverse_etl.lasts = timedelta(0)
    return models.emulator.syncs.reverse_etl


def check_of(result):
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_each_subscription_is_started_once_and_told_once(models, reverse):
    result = models.run("buyers")
    assert result.success and models.starts() == 2
    assert [(sync.source_id, sync.model_id, sync.subscription_id) for sync in reverse.active] == models.pairs[:2]
    told = models.materializations("buyers")
    assert {event.metadata["segment/sync_id"].value for event in told} == {sync.sync_id for sync in reverse.active}
    assert {event.metadata["segment/subscription_id"].value for event in told} == {pair[2] for pair in models.pairs[:2]}
    assert [event.tags["dagster/data_version"] for event in told] == [hours(1).isoformat()] * 2
    assert check_of(result).passed
    # the sensor has the same syncs, and tells them no more
    models.tick(2)
    assert models.told() == []
    assert models.starts() == 0


def test_a_run_waits_until_the_sync_has_ended(models, reverse):
    reverse.lasts = None
    models.emulator.hooks.at(4, lambda: reverse.finish(reverse.active[0].sync_id, rows=7), STATUS)
    result = models.run("leads")
    assert result.success and models.emulator.stats.by_endpoint[STATUS] >= 4
    (event,) = models.materializations("leads")
    assert event.metadata["segment/rows_delivered"].value == 7


def test_a_sync_that_fails_fails_the_run_and_the_other_is_told(models, reverse):
    def end():
        first, second = reverse.active
        reverse.finish(second.sync_id)
        reverse.fail(first.sync_id, error="no\nsuch table", error_code="QUERY_FAILED")

    reverse.lasts = None
    models.emulator.hooks.at(3, end, STATUS)
    result = models.run("buyers")
    assert failure_of(result) == (
        "The sync of the model 'buyers' to the subscription 'buyers-0' has not succeeded: The sync that ended at "
        "2026-03-01 13:00:00 UTC has failed (FAIL). QUERY_FAILED: no such table"
    )
    check = check_of(result)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "Subscription 'buyers-0'" in check.description and "buyers-1" not in check.description
    (event,) = models.materializations("buyers")
    assert event.metadata["segment/subscription_id"].value == models.pairs[1][2]
    models.tick(2)
    assert models.told() == []


def test_a_run_that_is_ended_cancels_its_syncs(models, reverse):
    reverse.lasts = None
    models.emulator.hooks.at(3, lambda: os.kill(os.getpid(), signal.SIGINT), STATUS)
    assert not models.run("buyers").success
    assert models.emulator.stats.by_endpoint[CANCEL] == 2
    assert all(sync.cancelled for sync in reverse.active)
    assert models.materializations("buyers") == []
    # how they end is told by the sensor: the run is over
    for sync in reverse.active:
        reverse.fail(sync.sync_id, error="cancelled", error_code="CANCELLED")
    models.tick(2)
    assert models.told() == [("buyers", False)] * 2


def test_a_cancellation_that_fails_is_said(models, reverse):
    reverse.lasts = None
    models.emulator.faults.add(Fault("500", CANCEL))
    models.emulator.hooks.at(2, lambda: os.kill(os.getpid(), signal.SIGINT), STATUS)
    assert not models.run("leads").success
    logs = [record.user_message for record in models.instance.all_logs(models.instance.get_runs()[0].run_id)]
    assert any(
        "to the subscription 'leads-0' was not cancelled: reverse_etl_sync_cancel: POST" in line for line in logs
    )


def test_a_start_without_an_answer_is_sent_again_only_if_nothing_has_started(models, reverse):
    # nothing has come of it
    models.emulator.faults.add(Fault("500", START, times=1))
    assert models.run("leads").success
    assert models.starts() == 2 and len(reverse.active) == 1


@pytest.mark.parametrize("kind", ["bad-json", "empty-body", "truncated"])
def test_a_start_whose_answer_is_lost_is_not_sent_again(models, reverse, kind):
    # nothing that ran before is taken for it
    reverse.start(*models.pairs[2])
    models.emulator.faults.add(Fault(kind, START))
    assert models.run("leads").success
    assert models.starts() == 1 and len(reverse.active) == 2
    (event,) = models.materializations("leads")
    assert event.metadata["segment/sync_id"].value == reverse.active[1].sync_id


def test_a_start_that_never_gets_an_answer_says_that_it_is_not_known(models, reverse):
    models.emulator.faults.add(Fault("500", START))
    said = failure_of(models.run("leads"))
    assert said.startswith(
        "Whether the sync of the model 'leads' to the subscription 'leads-0' was started is not known: "
        "reverse_etl_sync_start: POST /reverse-etl-syncs failed (500)."
    )
    assert "No sync is listed that has started since, after 3 attempts. Look at the model" in said
    assert models.starts() == START_ATTEMPTS and "\n" not in said


def test_a_start_that_is_not_seen_in_the_list_is_not_sent_again(models, reverse):
    models.emulator.faults.add(Fault("500", START))
    models.emulator.faults.add(Fault("500", "reverse_etl_syncs", after=1))
    said = failure_of(models.run("leads"))
    assert "Nor can its syncs be listed: reverse_etl_syncs: GET /reverse-etl-models/" in said
    assert models.starts() == 1 and "\n" not in said


def test_a_refusal_says_why_and_the_others_are_started(models, reverse):
    models.emulator.faults.add(Fault("not-found", START, times=1))
    said = failure_of(models.run("buyers"))
    assert said.startswith(
        "The sync of the model 'buyers' to the subscription 'buyers-0' was not started: "
        "reverse_etl_sync_start: POST /reverse-etl-syncs found nothing (404)."
    )
    assert said.endswith("run `dg utils refresh-defs-state`.") and "SEGMENT_API_LAYOUT" not in said
    assert models.starts() == 2 and len(models.materializations("buyers")) == 1


def test_a_start_waits_as_a_429_says(models, reverse):
    models.emulator.faults.add(Fault("429-retry-after", START, times=2, value=1))
    assert models.run("leads").success
    assert models.starts() == 3 and len(reverse.active) == 1


def test_a_sync_that_is_not_found_at_once_is_looked_at_again(models, reverse):
    models.emulator.faults.add(Fault("not-found", STATUS, times=2))
    assert models.run("leads").success


def test_a_sync_whose_end_cannot_be_read_is_left_to_the_sensor(models, reverse):
    models.emulator.faults.add(Fault("500", STATUS))
    said = failure_of(models.run("leads"))
    id_ = reverse.active[0].sync_id
    assert said.startswith(f"How the sync {id_} of the model 'leads' to the subscription 'leads-0' ends is not known: ")
    assert said.endswith("It was not cancelled. The sensor tells of its end.")
    assert CANCEL not in models.emulator.stats.by_endpoint
    models.emulator.faults.clear()
    models.tick(2)
    assert models.told() == [("leads", "materialized"), ("leads", True)]


def test_a_sync_that_does_not_end_is_not_waited_for_without_an_end(models, reverse):
    reverse.lasts = None
    said = failure_of(models.run("leads", timeout_seconds=0.0))
    assert (
        "of the model 'leads' to the subscription 'leads-0' has not ended after no time. It was not cancelled" in said
    )


def test_another_attempt_goes_on_with_the_sync_that_was_started(models, reverse):
    models.emulator.faults.add(Fault("500", STATUS, times=5))
    result = models.run("leads", retry_policy=dg.RetryPolicy(max_retries=1))
    assert result.success and models.starts() == 1
    assert len(models.materializations("leads")) == 1


def test_another_attempt_starts_what_has_failed_anew(models, reverse):
    reverse.lasts = None
    models.emulator.faults.add(Fault("500", STATUS, times=5))

    def fail():
        reverse.fail(reverse.active[0].sync_id, error="no", error_code="E")
        reverse.lasts = timedelta(0)

    models.emulator.hooks.at(6, fail, STATUS)
    result = models.run("leads", retry_policy=dg.RetryPolicy(max_retries=1))
    assert result.success and models.starts() == 2


def test_the_sensor_leaves_a_sync_to_the_run_that_has_started_it(models, reverse):
    models.tick()
    id_ = models.sync(2, 1, 2)
    (leads,) = (asset for asset in models.assets() if asset.key.path[-1] == "leads")
    job = dg.Definitions(assets=[leads]).resolve_implicit_global_asset_job_def()
    run = models.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    observation = dg.AssetObservation(leads.key, metadata={"segment/sync_id": id_})
    event = DagsterEvent(
        dg.DagsterEventType.ASSET_OBSERVATION.value, job.name, event_specific_data=AssetObservationData(observation)
    )
    models.instance.report_dagster_event(event, run.run_id)
    models.sync(0, 1, 2)
    for _ in range(2):
        models.tick(3)
    assert models.told() == [("buyers", "materialized"), ("buyers", True)]
    models.instance.report_run_failed(run)
    models.tick(3)
    assert models.told() == [("leads", "materialized"), ("leads", True)]


def test_with_eager_automation_a_model_is_started_once_what_it_reads_has_run(models, reverse):
    @dg.asset
    def customers() -> None: ...

    models.specs = [
        spec.replace_attributes(deps=[customers], automation_condition=dg.AutomationCondition.eager())
        for spec in models.specs
    ]
    defs = dg.Definitions(assets=[customers, *models.assets()])
    leads, buyers = (dg.AssetKey(["segment_reverse_etl", name]) for name in ("leads", "buyers"))
    cursor = dg.evaluate_automation_conditions(defs, models.instance).cursor
    dg.materialize([customers], instance=models.instance)
    evaluated = dg.evaluate_automation_conditions(defs, models.instance, cursor=cursor)
    assert {each.key for each in evaluated.results if each.true_subset.size} == {leads, buyers}
    assert models.starts() == 0
    assert models.run("leads").success and models.starts() == 1
    evaluated = dg.evaluate_automation_conditions(defs, models.instance, cursor=evaluated.cursor)
    assert not any(each.true_subset.size for each in evaluated.results)
