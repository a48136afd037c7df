"""Which syncs of reverse ETL the sensor tells of, and that it tells of each once."""

import dagster as dg
import pytest

from segment_dagster.emulator import Fault
from segment_dagster.syncs.reverse_etl.sync import ReverseEtlSync, syncs_of
from segment_dagster.syncs.statuses import OnPartial, Statuses
from segment_dagster_tests.syncs.hours import hours

pytestmark = pytest.mark.slow

GOOD = [("buyers", "materialized"), ("buyers", True)]


def test_a_sync_is_told_once_when_it_has_ended(models):
    models.tick()
    assert models.told() == []
    started = models.start(0, 1)
    models.tick(1.5)
    assert models.told() == []
    models.emulator.syncs.reverse_etl.finish(started, at=hours(2), rows=1234)
    models.tick(2.1)
    assert models.told() == GOOD
    for at in (2.2, 40):
        models.tick(at)
        assert models.told() == []
    (event,) = models.materializations("buyers")
    assert event.tags == {"dagster/data_version": "2026-03-01T14:00:00+00:00"}
    metadata = {name: value.value for name, value in event.metadata.items()}
    assert metadata == {
        "segment/sync_id": started,
        "segment/sync_start": hours(1).timestamp(),
        "segment/sync_end": hours(2).timestamp(),
        "segment/sync_seconds": 3600.0,
        "segment/sync_status": "SUCCESS",
        "segment/subscription_id": models.pairs[0][2],
        "segment/rows_extracted": 1234,
        "segment/rows_delivered": 1234,
        "segment/rows_undelivered": 0,
    }


def test_at_first_the_latest_sync_of_each_is_told(models):
    for start in (-5, -3, -2):
        models.sync(0, start, start + 0.5)
    models.sync(1, -4, -3)
    models.start(2, -1)
    models.tick()
    assert models.told() == GOOD * 2
    models.tick(1)
    assert models.told() == []
    # what ended before what the other subscription was told of is told all the same
    models.sync(0, 1, 3)
    models.sync(1, 1, 2)
    models.tick(4)
    assert models.told() == GOOD * 2


def test_a_tick_makes_few_requests_and_the_next_goes_on(models, monkeypatch):
    monkeypatch.setattr("segment_dagster.syncs.reverse_etl.sensor.MAX_REQUESTS", 2)
    asked = []
    for at in range(3):
        models.tick(at)
        asked += [seen.path for seen in models.emulator.stats.requests]
        assert models.emulator.stats.total == 2
    paths = [f"/reverse-etl-models/{model}/subscriptionId/{each}/syncs" for _, model, each in models.pairs]
    assert asked == paths * 2


def test_a_tick_that_takes_long_makes_no_further_request(models, monkeypatch):
    monkeypatch.setattr("segment_dagster.syncs.reverse_etl.sensor.TICK_SECONDS", -1.0)
    models.sync(0, 1, 2)
    models.tick(3)
    assert models.emulator.stats.total == 0


def test_a_failure_is_an_error_that_no_other_subscription_hides(models):
    models.tick()
    models.fail(0, 1, 2, error='relation "café"\ndoes not exist')
    result = models.tick(3)
    assert models.told() == [("buyers", False)]
    (check,) = result.asset_events
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert check.description == (
        "Subscription 'buyers-0': The sync that ended at 2026-03-01 14:00:00 UTC has failed (FAIL). "
        'QUERY_FAILED: relation "café" does not exist'
    )
    models.sync(1, 4, 5)
    result = models.tick(6)
    assert models.told() == [("buyers", "materialized"), ("buyers", False)]
    assert "Subscription 'buyers-0': The sync that ended at 2026-03-01 14:00" in result.asset_events[1].description
    assert result.asset_events[1].metadata["segment/subscription_statuses"].value == {
        "buyers-0": "FAIL",
        "buyers-1": "SUCCESS",
    }
    models.sync(0, 7, 8)
    models.tick(9)
    assert models.told() == GOOD


@pytest.mark.parametrize(
    ("on_partial", "severity", "passed", "materialized"),
    [
        (OnPartial.WARN, dg.AssetCheckSeverity.WARN, False, True),
        (OnPartial.SUCCESS, dg.AssetCheckSeverity.WARN, True, True),
        (OnPartial.FAIL, dg.AssetCheckSeverity.ERROR, False, False),
    ],
)
def test_a_partial_success_counts_as_the_setting_says(models, on_partial, severity, passed, materialized):
    models.options = {"on_partial": on_partial}
    models.tick()
    started = models.start(2, 1)
    models.emulator.syncs.reverse_etl.partial(started, at=hours(2), rows=10, undelivered=3)
    result = models.tick(3)
    check = next(event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation))
    assert (check.passed, check.severity) == (passed, severity)
    assert "has succeeded in part (PARTIAL_SUCCESS)" in str(check.description)
    assert check.metadata["segment/rows_undelivered"].value == 3
    assert (("leads", "materialized") in models.told()) == materialized


def test_a_status_that_nobody_knows_is_a_warning_and_no_success(models):
    models.options = {"statuses": Statuses.of({"success": ["DONE"]})}
    models.tick()
    models.sync(2, 1, 2)
    result = models.tick(3)
    assert models.told() == [("leads", False)]
    assert result.asset_events[0].severity is dg.AssetCheckSeverity.WARN
    said = "has the status 'SUCCESS', which is not known: say in `statuses` what it means."
    assert said in str(result.asset_events[0].description)


@pytest.mark.parametrize("stored", range(5))
def test_a_daemon_that_dies_tells_nothing_twice_and_loses_nothing(models, stored):
    models.tick()
    models.sync(0, 1, 2)
    # ends earlier than that of the subscription that is told first
    models.sync(1, 1, 1.5)
    models.tick(3, killed_after=stored)
    models.tick(3)
    assert models.told() == GOOD * 2
    models.tick(4)
    assert models.told() == []


def test_a_refusal_keeps_the_cursor_and_what_came_before(models):
    models.tick()
    models.sync(0, 1, 2)
    models.sync(1, 1, 2)
    models.emulator.faults.add(Fault("429-bare", "reverse_etl_syncs", after=1))
    result = models.tick(3)
    assert "429" in result.skip_message
    assert models.told() == GOOD
    models.emulator.faults.clear()
    models.tick(3)
    assert models.told() == GOOD


def test_a_list_that_fails_keeps_no_other_waiting(models):
    models.tick()
    models.sync(0, 1, 2)
    models.sync(2, 1, 2)
    models.emulator.faults.add(Fault("not-found", "reverse_etl_syncs", times=1))
    result = models.tick(3)
    assert "reverse_etl_syncs: GET /reverse-etl-models/" in result.skip_message and "404" in result.skip_message
    assert models.told() == [("leads", "materialized"), ("leads", True)]
    models.tick(3)
    assert models.told() == GOOD


def test_a_token_that_is_refused_fails_the_tick(models):
    models.emulator.faults.add(Fault("revoked-token"))
    with pytest.raises(Exception, match="the token is not valid"):
        models.tick()


def test_lists_of_several_pages_are_read_until_what_was_told(models, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "3")
    for number in range(8):
        models.sync(0, -20 + number, -19.5 + number)
    # the latest is on the first page: what is old is not read
    models.tick()
    assert models.emulator.stats.total == 3 and models.told() == GOOD
    for number in range(5):
        models.sync(0, number, number + 0.5)
    told: list[object] = []
    for _ in range(3):
        models.tick(6)
        told += models.told()
    assert told == GOOD * 5


def test_much_that_has_ended_is_told_tick_by_tick(models, monkeypatch):
    monkeypatch.setattr("segment_dagster.syncs.reverse_etl.sensor.MAX_TOLD", 3)
    models.tick(-1)
    for number in range(8):
        models.sync(0, number, number + 0.5)
    told: list[object] = []
    for _ in range(4):
        models.tick(8)
        told += models.told()
    assert told == GOOD * 8


@pytest.mark.parametrize("field", ["syncId", "syncStatus", "startedAt", "finishedAt", "extractPhase", "error"])
@pytest.mark.parametrize("kind", ["missing-field", "wrong-type"])
def test_an_odd_record_keeps_no_other_waiting(models, kind, field):
    models.tick(-1)
    for number in range(3):
        models.sync(0, number, number + 0.5)
    models.emulator.faults.add(Fault(kind, "reverse_etl_syncs", value=field))
    result = models.tick(4)
    assert result.cursor and models.told()


def test_a_sync_that_has_failed_needs_no_end_and_one_that_runs_has_none():
    record = {"syncId": "s", "startedAt": "2026-03-01T13:00:00Z", "syncStatus": "FAIL", "finishedAt": None}
    (failed,) = syncs_of([record], "sub", Statuses())
    assert failed.end == hours(1)
    phases = {
        "extractPhase": {"finishedAt": "2026-03-01T14:00:00Z"},
        "loadPhase": {"finishedAt": "soon", "error": "no"},
    }
    (failed,) = syncs_of([record | phases], "sub", Statuses())
    assert failed.end == hours(2) and failed.notices == ("no",)
    (running,) = syncs_of(
        [record | {"syncStatus": "IN_PROGRESS", "finishedAt": "2026-03-01T14:00:00Z"}], "s", Statuses()
    )
    assert running.end is None
    assert ReverseEtlSync.from_json(failed.to_json()) == failed
    assert syncs_of([record | {"startedAt": None}], "sub", Statuses()) == []
