"""Requests for a time: what they need, and which ranges are answered."""

from datetime import datetime, timedelta, timezone

import pytest
import requests

from segment_dagster.emulator import running
from segment_dagster.emulator.clock import Clock, parse_time
from segment_dagster.endpoints import CATALOGUE, Months, TimeRange

ROWS = {row.name: row for row in CATALOGUE}
MONTHLY = [row for row in CATALOGUE if isinstance(row.time, Months)]
RANGED = [row for row in CATALOGUE if isinstance(row.time, TimeRange)]
LIMITED = [row for row in RANGED if isinstance(row.time, TimeRange) and row.time.spans]
BY_GRANULARITY = [row for row in RANGED if isinstance(row.time, TimeRange) and row.time.granularity]
OPTIONAL = {"audit_events", "destination_delivery_metrics"}
NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)


def refused(response):
    (only,) = response.json()["errors"]
    assert (response.status_code, only["type"]) == (422, "bad-request")
    return only["field"]


def message(response):
    return response.json()["errors"][0]["message"]


def at(moment):
    return moment.isoformat()


@pytest.mark.parametrize("row", MONTHLY, ids=lambda row: row.name)
@pytest.mark.parametrize("period", [None, "", "2024-03-02", "2024-03", "2024-13-01", "2024-3-1", "march", "20240301"])
def test_usage_is_asked_for_by_the_first_day_of_a_month(ask, row, period):
    assert ask(row, {}, period="2024-02-01").status_code == 200
    assert refused(ask(row, {}, period=period)) == "period"


@pytest.mark.parametrize("row", RANGED, ids=lambda row: row.name)
def test_a_range_is_required_where_segment_says_so(ask, world, row):
    values = world.lists(row.name)[0]
    for name in ("startTime", "endTime", *(["granularity"] if row.time.granularity else [])):
        # without a granularity it is the minute, for which the range would be too long
        left_out = {name, "startTime"} if row.name in OPTIONAL else {name}
        response = ask(row, values, **dict.fromkeys(left_out))
        if row.name in OPTIONAL:
            assert response.status_code == 200
        else:
            assert refused(response) == name


@pytest.mark.parametrize("row", RANGED, ids=lambda row: row.name)
def test_a_range_that_is_none_is_refused(ask, world, row):
    values = world.lists(row.name)[0]
    assert refused(ask(row, values, startTime="yesterday")) == "startTime"
    assert refused(ask(row, values, endTime="2024-03-32")) == "endTime"
    start = at(NOW - timedelta(hours=3))
    assert refused(ask(row, values, startTime=start, endTime=start)) == "endTime"
    assert refused(ask(row, values, startTime=start, endTime=at(NOW - timedelta(hours=4)))) == "endTime"


@pytest.mark.parametrize("row", LIMITED, ids=lambda row: row.name)
def test_ranges_have_the_documented_limits(ask, world, row):
    values = world.lists(row.name)[0]
    assert {span.granularity for span in row.time.spans} == {"DAY", "HOUR", "MINUTE"}
    for span in row.time.spans:
        oldest = NOW - span.oldest

        def asked(start, end, granularity=span.granularity):
            return ask(row, values, startTime=at(start), endTime=at(end), granularity=granularity)

        assert asked(oldest, oldest + span.longest).status_code == 200
        long = asked(oldest, oldest + span.longest + timedelta(seconds=1))
        assert refused(long) == "endTime"
        old = asked(oldest - timedelta(seconds=1), oldest + timedelta(hours=1))
        assert refused(old) == "startTime"
        hours = {timedelta(hours=4): "4 hours", timedelta(hours=48): "48 hours"}
        assert hours.get(span.longest, f"{span.longest.days} days") in message(long)
        assert hours.get(span.oldest, f"{span.oldest.days} days") in message(old)


def test_event_volume_and_the_audit_trail_have_no_limits(ask):
    assert ask(ROWS["events_volume"], {}, startTime="2023-01-01", endTime="2024-01-01").status_code == 200
    assert ask(ROWS["audit_events"], {}, startTime="2019-01-01", endTime=None).status_code == 200


@pytest.mark.parametrize("row", BY_GRANULARITY, ids=lambda row: row.name)
def test_a_granularity_is_one_of_three(ask, world, row):
    values = world.lists(row.name)[0]
    for granularity in ("WEEK", "day", ""):
        assert refused(ask(row, values, granularity=granularity)) == "granularity"


def test_delivery_metrics_are_by_the_minute_where_nothing_else_is_said(ask, world):
    row, values = ROWS["destination_delivery_metrics"], world.lists("destination_delivery_metrics")[0]
    response = ask(row, values, granularity=None, startTime=at(NOW - timedelta(hours=5)), endTime=at(NOW))
    assert refused(response) == "endTime"
    assert "MINUTE" in message(response)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-03-01", datetime(2024, 3, 1)),
        ("2024-03-01T10:00", datetime(2024, 3, 1, 10)),
        ("2024-03-01T10:00:01Z", datetime(2024, 3, 1, 10, 0, 1)),
        ("2024-03-01T10:00:01.5Z", datetime(2024, 3, 1, 10, 0, 1, 500000)),
        ("2024-03-01T10:00:01.123456789+02:00", datetime(2024, 3, 1, 8, 0, 1, 123456)),
        ("2024-03-01T10:00:00-0130", datetime(2024, 3, 1, 11, 30)),
        ("2024-03-01 10:00:00", None),
        ("2024-03-01T10:00:00 02:00", None),
        ("2024-03-01T25:00:00Z", None),
        ("0001-01-01T00:00:00+02:00", None),
        ("1709287200", None),
        ("", None),
    ],
)
def test_times_are_read_as_iso_8601(text, moment):
    assert parse_time(text) == (moment and moment.replace(tzinfo=timezone.utc))


def test_the_present_can_be_set(emulator):
    assert emulator.clock.now() == NOW
    clock = Clock(datetime(2024, 1, 1))
    assert clock.now() == datetime(2024, 1, 1, tzinfo=timezone.utc)
    clock.set(None)
    assert clock.now().tzinfo is timezone.utc
    assert clock.now() > NOW


def test_an_emulator_may_stand_in_another_time(world):
    query = {"startTime": "1999-12-30", "endTime": "2000-01-01", "granularity": "DAY"}
    values = world.lists("delivery_overview_failed_on_ingest")[0]
    with running(world=world, now=datetime(2000, 1, 1, tzinfo=timezone.utc)) as old, running(world=world) as new:
        found = [
            requests.get(
                f"{emulator.url}/delivery-overview/failed-on-ingest",
                params={**query, **values},
                headers={"Authorization": f"Bearer {emulator.token}"},
                timeout=10,
            ).status_code
            for emulator in (old, new)
        ]
    assert found == [200, 422]
