"""Failed runs and lost partitions: each is told once."""

import pytest

from segment_dagster_tests.alerts.conftest import another_job

pytestmark = pytest.mark.slow


def test_every_failed_run_is_told_once_and_that_the_job_succeeds_again(alerts):
    alerts.run()
    assert alerts.told() == []
    first = alerts.run(fails="warehouses: 503 from Segment. Try later.\nMore of it.")
    assert alerts.told() == [
        f"segment: 1 new\nRun failed: {first[:8]} of segment_sync: warehouses: 503 from Segment. Try later."
    ]
    assert alerts.told() == []
    second = alerts.run(fails="again")
    assert alerts.told() == [f"segment: 1 new\nRun failed: {second[:8]} of segment_sync: again."]
    alerts.run()
    assert alerts.told() == ["segment: 1 over\nOver: segment_sync."]
    alerts.run()
    assert alerts.told() == []


def test_a_run_that_fails_and_the_next_that_succeeds_between_two_ticks_are_both_told(alerts):
    assert alerts.told() == []
    failed = alerts.run(fails="no")
    alerts.run()
    assert alerts.told() == [
        f"segment: 1 new, 1 over\nRun failed: {failed[:8]} of segment_sync: no.\nOver: segment_sync."
    ]


def test_at_first_the_job_that_fails_now_is_told_and_no_earlier_run(alerts):
    alerts.run(fails="long ago")
    failed = alerts.run(fails="now")
    assert alerts.told() == [f"segment: 1 new\nRun failed: {failed[:8]} of segment_sync: now."]
    assert alerts.told() == []


def test_runs_of_other_jobs_and_those_that_dagster_tries_again_are_not_told(alerts):
    alerts.run(fails="no", job=another_job)
    alerts.run(fails="no", **{"dagster/will_retry": "true"})
    assert alerts.told() == []
    alerts.run(fails="no", job=another_job)
    alerts.run(fails="no", **{"dagster/will_retry": "true"})
    assert alerts.told() == []
    alerts.run(fails="the last attempt")
    assert len(alerts.told()) == 1


def test_an_error_that_is_no_failure_is_told_by_its_cause(alerts):
    import dagster as dg

    @dg.op
    def breaks():
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    @dg.job
    def segment_sync():
        breaks()

    run_id = alerts.run(job=segment_sync)
    assert alerts.told() == [f"segment: 1 new\nRun failed: {run_id[:8]} of segment_sync: KeyError: 'inner'."]


def test_lost_partitions_are_told_once_for_each_range(alerts):
    alerts.lose("none")
    assert alerts.told() == []
    alerts.lose("2026-01-01 to 2026-01-03")
    assert alerts.told() == ["segment: 1 new\nLost for good: segment/events_volume: 2026-01-01 to 2026-01-03."]
    alerts.lose("2026-01-01 to 2026-01-03")
    assert alerts.told() == []
    alerts.lose("2026-01-01 to 2026-01-03, 2026-02-01")
    assert alerts.told() == ["segment: 1 new\nLost for good: segment/events_volume: 2026-02-01."]
    alerts.lose("none")
    assert alerts.told() == []
