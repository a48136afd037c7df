"""Which syncs the sensor tells of, and that it tells of each once."""

import dagster as dg
import pytest

from segment_dagster.client.page import Resume
from segment_dagster.emulator import Fault
from segment_dagster.syncs.cursor import ListState, PipeState
from segment_dagster.syncs.statuses import OnPartial, Statuses
from segment_dagster.syncs.warehouse_sync import WarehouseSync
from segment_dagster_tests.syncs.conftest import good
from segment_dagster_tests.syncs.hours import hours

pytestmark = pytest.mark.slow


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
    told: list[object] = []
    ticks = 0
    while not told:
        pipes.tick(6)
        assert pipes.emulator.stats.total == 1
        ticks += 1
        told = [event for event in pipes.told() if event[1] != "segment_sync_late"]
    assert told == good("w0_s0") * 5 and ticks > 1
    assert pipes.state().lists[pipes.pairs[0][0]].resume is None


def test_syncs_behind_one_that_runs_are_told(pipes, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "3")
    pipes.round(-1)
    for number in range(5):
        pipes.sync(1, number, number + 0.5)
    for number in range(3):
        pipes.sync(0, 5 + number, 5.5 + number)
    pipes.start(0, 9)
    for _ in range(8):
        pipes.tick(9.5)
    told = [event for event in pipes.told() if event[1] != "segment_sync_late"]
    assert sorted(told) == sorted(good("w0_s1") * 5 + good("w0_s0") * 3)


def test_a_sync_that_takes_long_is_told_though_many_have_begun_after_it(pipes, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "3")
    pipes.round(-1)
    pipes.start(1, 0.1)
    for number in range(5):
        pipes.sync(0, number + 0.5, number + 0.9)
        for _ in range(6):
            pipes.tick(number + 1)
    assert pipes.told() == good("w0_s0") * 5
    pipes.finish(1, 5.7)
    for _ in range(6):
        pipes.tick(5.8)
    assert pipes.told() == good("w0_s1")


def test_a_status_says_that_it_runs_though_there_is_an_end():
    running = WarehouseSync(source_id="s", start=hours(1), end=hours(2), status="Running", rows=0)
    assert Statuses().with_end(running).end is None
    assert Statuses().with_end(made("s", 1, 2)).end == hours(2)


@pytest.mark.parametrize("kind", ["missing-field", "wrong-type"])
@pytest.mark.parametrize("field", ["notices", "start", "end", "count", "status"])
def test_an_odd_record_keeps_no_other_waiting(pipes, kind, field):
    pipes.round(-1)
    for number in range(4):
        pipes.sync(0, number, number + 0.5)
    pipes.emulator.faults.add(Fault(kind, "warehouse_syncs", value=field))
    result = pipes.tick(4)
    assert result.cursor and pipes.told()
    pipes.tick(4)
    assert pipes.emulator.stats.requests[0].path == f"/warehouses/{pipes.topology.warehouses[1].id}/syncs"


def test_much_that_has_ended_is_told_tick_by_tick(pipes, monkeypatch):
    monkeypatch.setattr("segment_dagster.syncs.sensor.MAX_TOLD", 3)
    pipes.round(-1)
    for number in range(8):
        pipes.sync(0, number, number + 0.5)
    told: list[object] = []
    for requests in (1, 0, 0):
        pipes.tick(8)
        assert pipes.emulator.stats.total == requests
        told += [event for event in pipes.told() if event[1] != "segment_sync_late"]
    assert told == good("w0_s0") * 8


def test_a_source_that_is_not_synced_any_more_keeps_no_other_waiting(pipes, monkeypatch):
    monkeypatch.setattr("segment_dagster.syncs.sensor.MAX_TOLD", 1)
    pipes.round(-1)
    pipes.sync(0, 1, 2)
    pipes.sync(1, 1, 3)
    pipes.tick(4)
    assert pipes.told() == good("w0_s0")
    # the definitions are loaded anew while the other one waits to be told
    gone = pipes.pairs[1][1]
    pipes.specs = [spec for spec in pipes.specs if spec.metadata["segment/source_id"] != gone]
    pipes.tick(4)
    assert pipes.told() == []
    pipes.tick(4)
    assert pipes.emulator.stats.requests[0].path == f"/warehouses/{pipes.topology.warehouses[1].id}/syncs"


def test_a_list_in_another_order_is_read_to_its_end(pipes):
    state: ListState[WarehouseSync] = ListState(known=True, read_from=0.0)
    oldest_first = [made("s", number, number + 0.5) for number in range(3)]
    state.take(oldest_first, Resume("next", 3), {"s"}, hours(9), bool)
    assert state.resume and not state.ready
    state.take([made("s", 3, 3.5)], None, {"s"}, hours(9), bool)
    assert [sync.start for sync in state.ready] == [hours(number) for number in range(4)]


def test_an_end_far_in_the_future_does_not_silence_a_source():
    state = PipeState()
    assert not state.is_new(made("s", 0, 400), hours(1))
    assert state.is_new(made("s", 0, 1), hours(1))


def test_a_failure_that_is_tried_again_soon_is_no_usual_interval():
    state = PipeState()
    for day in range(6):
        state.see(made("s", 24 * day, 24 * day + 0.1), succeeded=False)
        state.see(made("s", 24 * day, 24 * day + 0.2))
    assert state.interval == 24 * 3600


def test_a_warehouse_that_hangs_keeps_no_other_waiting(pipes, monkeypatch):
    monkeypatch.setattr("segment_dagster.syncs.sensor.REQUEST_TIMEOUT", 0.2)
    monkeypatch.setattr("segment_dagster.syncs.sensor.RETRY_SECONDS", 0.2)
    pipes.emulator.faults.add(Fault("slow", "warehouse_syncs", value=3.0))
    result = pipes.tick()
    assert result.skip_message and "warehouse_syncs" in result.skip_message
    pipes.emulator.faults.clear()
    pipes.tick()
    assert pipes.emulator.stats.requests[0].path == f"/warehouses/{pipes.topology.warehouses[1].id}/syncs"


def made(source, start, end):
    return WarehouseSync(source_id=source, start=hours(start), end=hours(end), status="SUCCESS", rows=1)
