"""The weekly digest: what is open, what has changed, and that the sensor lives."""

from datetime import datetime, timezone

import pytest

from segment_dagster.alerts.digest import WeeklyDigest
from segment_dagster.alerts.sensor import AlertError
from segment_dagster.alerts.state import MAX_EVENTS, ChannelState, read_state, write_state
from segment_dagster.errors import SettingError

pytestmark = pytest.mark.slow


def test_nothing_is_open_and_the_digest_says_so_once_a_week(alerts):
    assert alerts.told() == []
    alerts.later(days=6)
    assert alerts.told() == []
    alerts.later(days=1)
    assert alerts.told() == [
        "segment: nothing open, digest of 2026-03-09\nNothing is open.\nNothing has changed since the last digest."
    ]
    alerts.later(hours=1)
    assert alerts.told() == []
    alerts.later(days=21)
    assert len(alerts.told()) == 1
    assert alerts.told() == []


def test_what_is_open_and_what_has_changed_is_told(alerts):
    alerts.tick()
    alerts.found("web")
    alerts.tick()
    alerts.later(days=1)
    failed = alerts.run(fails="no")
    alerts.lose("2026-01-01")
    alerts.tick()
    alerts.found("ios")
    alerts.tick()
    alerts.sink.new()
    alerts.later(days=6)
    assert alerts.told() == [
        f"""segment: 2 open, digest of 2026-03-09
Open since 2026-03-03: segment_sync, whose run {failed[:8]} failed.
Open since 2026-03-02: sources_send_events of segment/health_sources: 1 rows: ios, 0 events.
4 changes since the last digest:
New: sources_send_events of segment/health_sources
Run failed: {failed[:8]} of segment_sync
Lost for good: segment/events_volume
Changed: sources_send_events of segment/health_sources"""
    ]


def test_a_change_of_that_tick_is_a_message_of_its_own(alerts):
    alerts.found("web")
    alerts.tick()
    alerts.sink.new()
    alerts.found()
    alerts.later(days=7)
    assert [told.splitlines()[0] for told in alerts.told()] == [
        "segment: 1 over",
        "segment: nothing open, digest of 2026-03-09",
    ]


def test_a_digest_that_is_not_taken_is_sent_later(alerts):
    alerts.tick()
    alerts.later(days=7)
    alerts.sink.status = 503
    with pytest.raises(AlertError):
        alerts.tick()
    alerts.sink.status = 200
    assert len(alerts.told()) == 1


def test_it_can_be_switched_off_and_be_on_another_day(alerts):
    alerts.options = {"digest": None}
    alerts.tick()
    alerts.later(days=30)
    assert alerts.told() == []
    alerts.options = {"digest": WeeklyDigest("friday", 17)}
    assert len(alerts.told()) == 1


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        ("2026-03-02T07:00", "2026-03-02T07:59", False),
        ("2026-03-02T07:00", "2026-03-02T08:00", True),
        ("2026-03-02T08:00", "2026-03-02T08:01", False),
        ("2026-03-02T08:00", "2026-03-09T07:59", False),
        ("2026-03-02T08:00", "2026-03-09T08:00", True),
        ("2026-03-01T08:00", "2026-03-05T08:00", True),
    ],
)
def test_the_hour_is_monday_at_eight(last, now, due):
    moments = [datetime.fromisoformat(each).replace(tzinfo=timezone.utc) for each in (last, now)]
    assert WeeklyDigest().is_due(moments[0].timestamp(), moments[1]) == due


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (("Monday", 8), "digest has the weekday 'Monday'. Legal values: monday, tuesday, "),
        (("monday", 24), "digest has the hour 24. Legal values: 0 to 23."),
    ],
)
def test_a_day_or_hour_that_is_none_is_refused(given, error):
    with pytest.raises(SettingError) as failure:
        WeeklyDigest(*given)
    assert str(failure.value).startswith(error)


def test_many_changes_are_counted_and_the_cursor_stays_small():
    state = ChannelState()
    for number in range(MAX_EVENTS + 7):
        state.remember("new", f"check {number}")
    assert (len(state.events), state.further_events) == (MAX_EVENTS, 7)
    assert read_state(write_state({"ALERTS": state})) == {"ALERTS": state}
