"""Which syncs the sensor tells of, and that it tells of each once."""

import dagster as dg
import pytest

from segment_dagster.emulator import Fault
from segment_dagster.syncs.statuses import OnPartial, Statuses
from segment_dagster_tests.syncs.conftest import good, hours


def test_a_sync_is_told_once_when_it_has_ended(pipes):
    pipes.round()
    assert pipes.told() == []
    pipes.start(0, 1)
    pipes.round(1.5)
    assert pipes.told() == []
    pipes.finish(0, 2, count=1234)
    pipes.round(2.1)
    assert pipes.told() == good("w0_s0")
    for at in (2.2, 2.3, 40):
        pipes.round(at)
        assert pipes.told() == []
    event = pipes.instance.get_latest_materialization_event(dg.AssetKey(["w0_s0", "tracks"])).asset_materialization
    assert event.tags == {"dagster/data_version": "2026-03-01T14:00:00+00:00"}
    metadata = {name: value.value for name, value in event.metadata.items()}
    assert metadata["segment/sync_rows"] == 1234 and metadata["segment/sync_seconds"] == 3600
    assert metadata["segment/sync_start"] == hours(1).timestamp()
    assert metadata["segment/sync_end"] == hours(2).timestamp()


def test_at_first_the_latest_sync_of_each_source_is_told(pipes):
    for start in (-5, -3, -2, -0.9):
        pipes.sync(0, start, start + 0.5)
    pipes.sync(1, -4, -3)
    pipes.sync(3, -2, -1)
    pipes.start(2, -1)
    pipes.round()
    # in the order of their ends
    assert pipes.told() == [*good("w0_s1"), *good("w0_s0"), *good("w1_s1")]
    pipes.round(1)
    assert pipes.told() == []
    pipes.sync(0, 1, 1.5)
    pipes.sync(0, 2, 2.5)
    pipes.finish(2, 2)
    pipes.round(3)
    assert pipes.told() == [*good("w0_s0"), *good("w0_s0"), *good("w1_s0")]


def test_a_tick_makes_one_request(pipes):
    for at in range(5):
        pipes.tick(at)
        assert pipes.emulator.stats.total == 1
        (seen,) = pipes.emulator.stats.requests
        assert seen.path == f"/warehouses/{pipes.topology.warehouses[at % 2].id}/syncs"


@pytest.mark.parametrize(
    ("on_partial", "severity", "passed", "materialized"),
    [
        (OnPartial.WARN, dg.AssetCheckSeverity.WARN, False, True),
        (OnPartial.SUCCESS, dg.AssetCheckSeverity.WARN, True, True),
        (OnPartial.FAIL, dg.AssetCheckSeverity.ERROR, False, False),
    ],
)
def test_a_partial_success_counts_as_the_setting_says(pipes, on_partial, severity, passed, materialized):
    pipes.options = {"on_partial": on_partial}
    pipes.round()
    pipes.start(0, 1)
    pipes.emulator.syncs.partial(*pipes.pairs[0], at=hours(2), count=5)
    result = pipes.tick(3)
    check = next(event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation))
    assert (check.passed, check.severity) == (passed, severity)
    assert "has succeeded in part (PARTIAL_SUCCESS)" in str(check.description)
    assert (("w0_s0/tracks", "materialized") in pipes.told()) == materialized


def test_a_failure_is_an_error_with_its_reason_until_the_next_success(pipes):
    pipes.round()
    pipes.start(0, 1)
    pipes.emulator.syncs.fail(*pipes.pairs[0], at=hours(2), reason="permission denied for schema web")
    result = pipes.tick(3)
    assert pipes.told() == [("w0_s0/pages", "segment_sync", False), ("w0_s0/tracks", "segment_sync", False)]
    check = result.asset_events[0]
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert check.description.startswith("The sync that ended at 2026-03-01 14:00:00 UTC has failed (FAILED). ")
    assert "permission denied for schema web" in check.description
    pipes.tick(3.5)
    pipes.sync(0, 4, 5)
    pipes.tick(6)
    assert pipes.told() == good("w0_s0")


def test_a_status_that_nobody_knows_is_a_warning_and_no_success(pipes):
    pipes.round()
    pipes.sync(0, 1, 2, status="COMPLETED")
    result = pipes.tick(3)
    assert pipes.told() == [("w0_s0/pages", "segment_sync", False), ("w0_s0/tracks", "segment_sync", False)]
    assert result.asset_events[0].severity is dg.AssetCheckSeverity.WARN
    said = result.asset_events[0].description
    assert "has the status 'COMPLETED', which is not known: say in `statuses` what it means." in str(said)
    pipes.tick(3)
    pipes.options = {"statuses": Statuses.of({"success": ["completed"]})}
    pipes.sync(0, 4, 5, status="COMPLETED")
    pipes.tick(6)
    assert pipes.told() == good("w0_s0")


@pytest.mark.parametrize("stored", range(9))
def test_a_daemon_that_dies_tells_nothing_twice_and_loses_nothing(pipes, stored):
    pipes.round()
    pipes.sync(0, 1, 2)
    pipes.sync(1, 1, 2.5)
    pipes.tick(3, killed_after=stored)
    pipes.tick(3)
    assert pipes.told() == [*good("w0_s0"), *good("w0_s1")]


def test_a_refusal_keeps_the_cursor(pipes):
    pipes.round()
    pipes.sync(0, 1, 2)
    pipes.emulator.faults.add(Fault("429-bare", "warehouse_syncs"))
    before = pipes.cursor
    result = pipes.tick(3)
    assert result.skip_message and "429" in result.skip_message and result.cursor in (None, before)
    pipes.cursor = before
    pipes.emulator.faults.clear()
    pipes.tick(3)
    assert pipes.told() == good("w0_s0")


def test_a_warehouse_that_fails_keeps_no_other_waiting(pipes):
    pipes.round()
    pipes.sync(0, 1, 2)
    pipes.sync(2, 1, 2)
    pipes.emulator.faults.add(Fault("not-found", "warehouse_syncs", times=1))
    result = pipes.tick(3)
    assert "warehouse_syncs: GET /warehouses/" in result.skip_message and "404" in result.skip_message
    pipes.tick(3)
    assert pipes.told() == good("w1_s0")
    pipes.tick(3)
    assert pipes.told() == good("w0_s0")


def test_a_token_that_is_refused_fails_the_tick(pipes):
    pipes.emulator.faults.add(Fault("revoked-token"))
    with pytest.raises(Exception, match="the token is not valid"):
        pipes.tick()


def test_a_sync_that_does_not_come_is_late_until_it_comes(pipes):
    for start in range(5):
        pipes.sync(0, start, start + 0.5)
    pipes.round(5)
    pipes.told()
    pipes.round(7.4)
    assert pipes.told() == []
    result = pipes.tick(7.6)
    late = [("w0_s0/pages", "segment_sync_late", False), ("w0_s0/tracks", "segment_sync_late", False)]
    assert pipes.told() == late
    assert result.asset_events[0].severity is dg.AssetCheckSeverity.WARN
    assert result.asset_events[0].description == (
        "The latest sync ended 3 h 6 min ago, usually there is one every 1 h 0 min. "
        "Look at the warehouse in the Segment app."
    )
    pipes.round(9)
    assert pipes.told() == []
    pipes.sync(0, 9, 10)
    pipes.round(10.5)
    assert pipes.told() == [*good("w0_s0"), *((*event[:2], True) for event in late)]


def test_lists_of_several_pages_are_read_page_by_page(pipes, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "3")
    for number in range(8):
        pipes.sync(0, -20 + number, -19.5 + number)
    pipes.sync(1, -30, -29)
    requests = 0
    while not pipes.told():
        pipes.tick()
        requests += pipes.emulator.stats.total
    # two warehouses take turns, and the first goes on where it was
    assert requests == 3
    pipes.tick()
    # more than a page has ended meanwhile
    for number in range(5):
        pipes.sync(0, number, number + 0.5)
    pipes.tick(6)
    assert pipes.told() == []
    pipes.tick(6)
    assert [event for event in pipes.told() if event[1] != "segment_sync_late"] == good("w0_s0") * 5
    assert pipes.state().warehouses[pipes.pairs[0][0]].resume is None
