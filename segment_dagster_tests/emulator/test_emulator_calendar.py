"""Month ends, leap days, look-back limits and ages: what the API answers as the clock goes on."""

from datetime import datetime, timedelta, timezone

import pytest
import requests

from segment_dagster.emulator import Edit
from segment_dagster.endpoints import CATALOGUE, Months, TimeRange

ROWS = {row.name: row for row in CATALOGUE}
MONTHLY = [row for row in CATALOGUE if isinstance(row.time, Months)]
LIMITED = [(row, span) for row in CATALOGUE if isinstance(row.time, TimeRange) for span in row.time.spans]
HOURS = timedelta(hours=1)
DOCUMENTED = {
    "delivery_overview": {
        "MINUTE": (timedelta(hours=4), timedelta(hours=48)),
        "HOUR": (timedelta(days=14), timedelta(days=30)),
        "DAY": (timedelta(days=30), timedelta(days=30)),
    },
    "destination_delivery_metrics": {
        "MINUTE": (timedelta(hours=4), timedelta(hours=48)),
        "HOUR": (timedelta(days=7), timedelta(days=7)),
        "DAY": (timedelta(days=14), timedelta(days=14)),
    },
}
TICK = timedelta(microseconds=1)


def utc(*parts):
    return datetime(*parts).replace(tzinfo=timezone.utc)


def refused(response):
    (only,) = response.json()["errors"]
    assert (response.status_code, only["type"]) == (422, "bad-request")
    return only["field"]


@pytest.fixture
def snapshots(ask):
    """All snapshots of a month."""

    def read(row, period):
        records, cursor = [], None
        while True:
            page = {"pagination.count": 1000} | ({"pagination.cursor": cursor} if cursor else {})
            response = ask(row, {}, period=period, **page)
            assert response.status_code == 200, response.text
            data = response.json()["data"]
            records += data[row.selector[-1]]
            cursor = data["pagination"].get("next")
            if not cursor:
                return records

    return read


@pytest.mark.parametrize("row", MONTHLY, ids=lambda row: row.name)
@pytest.mark.parametrize(
    ("now", "period", "days"),
    [
        (utc(2024, 2, 29, 23, 59, 59, 999999), "2024-02-01", 29),
        (utc(2024, 3, 1), "2024-02-01", 29),
        (utc(2024, 3, 1), "2024-03-01", 1),
        (utc(2023, 2, 28, 23, 59, 59), "2023-02-01", 28),
        (utc(2023, 3, 1), "2023-02-01", 28),
        (utc(2024, 4, 30, 12), "2024-04-01", 30),
        (utc(2024, 5, 31), "2024-04-01", 30),
        (utc(2024, 5, 31), "2024-05-01", 31),
        (utc(2024, 12, 31, 23, 59, 59), "2024-12-01", 31),
        (utc(2025, 1, 1), "2024-12-01", 31),
        (utc(2025, 1, 1), "2025-01-01", 1),
        (utc(2024, 3, 15, 12), "2023-02-01", 28),
        (utc(2025, 3, 31), "2024-02-01", 29),
    ],
)
def test_a_month_has_its_days_and_the_present_one_ends_today(emulator, snapshots, row, now, period, days):
    emulator.clock.set(now)
    records = snapshots(row, period)
    stamps = [f"{period[:8]}{day:02d}T00:00:00.000Z" for day in range(1, days + 1)]
    assert list(dict.fromkeys(record["timestamp"] for record in records)) == stamps
    assert len(records) == days * (41 if "per_source" in row.name else 1)


@pytest.mark.parametrize("row", MONTHLY, ids=lambda row: row.name)
def test_a_month_begins_with_its_first_moment_and_not_before(emulator, ask, row):
    for month in (utc(2024, 3, 1), utc(2025, 1, 1)):
        period = f"{month:%Y-%m-%d}"
        emulator.clock.set(month - TICK)
        response = ask(row, {}, period=period)
        assert refused(response) == "period"
        assert "in the future" in response.json()["errors"][0]["message"]
        emulator.clock.set(month)
        assert ask(row, {}, period=period).status_code == 200
    assert refused(ask(row, {}, period="9999-12-01")) == "period"


@pytest.mark.parametrize("row", MONTHLY, ids=lambda row: row.name)
def test_a_month_is_the_same_thirteen_months_later(emulator, snapshots, row):
    emulator.clock.set(utc(2024, 2, 29, 12))
    then = snapshots(row, "2024-02-01")
    emulator.clock.set(utc(2025, 3, 31))
    assert snapshots(row, "2024-02-01") == then
    assert any(int(value) for record in then for name, value in record.items() if name in ("apiCalls", "identified"))


@pytest.mark.parametrize("row", MONTHLY, ids=lambda row: row.name)
def test_counts_begin_anew_with_a_month(emulator, snapshots, row):
    emulator.clock.set(utc(2025, 1, 1))
    field = "apiCalls" if "api_calls" in row.name else "identified"
    december, january = (snapshots(row, period) for period in ("2024-12-01", "2025-01-01"))
    last = sum(int(each[field]) for each in december if each["timestamp"].startswith("2024-12-31"))
    assert 0 < sum(int(each[field]) for each in january) < last / 10


def test_a_period_of_users_ends_where_the_next_one_begins(emulator, snapshots):
    emulator.clock.set(utc(2025, 1, 1))
    ends = None
    for period in ("2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-12-01", "2025-01-01"):
        record = snapshots(ROWS["usage_mtu_daily"], period)[0]
        start = datetime.fromisoformat(f"{period}T00:00:00+00:00")
        assert record["periodStart"] == start.timestamp()
        assert ends in (None, record["periodStart"]) or period == "2024-12-01"
        ends = record["periodEnd"]
    assert ends == utc(2025, 2, 1).timestamp()


@pytest.mark.parametrize(
    ("row", "span"), LIMITED, ids=lambda each: getattr(each, "name", getattr(each, "granularity", ""))
)
def test_a_limit_is_met_at_its_edge_and_passed_a_microsecond_beyond(emulator, ask, world, row, span):
    family = row.name if row.name in DOCUMENTED else "delivery_overview"
    assert (span.longest, span.oldest) == DOCUMENTED[family][span.granularity]
    values = world.lists(row.name)[0]
    for now in (utc(2024, 3, 30, 12, 30, 17), utc(2025, 1, 15), utc(2024, 11, 3, 6)):
        emulator.clock.set(now)

        def asked(start, end):
            return ask(
                row,
                values,
                startTime=start.isoformat(),
                endTime=end and end.isoformat(),
                granularity=span.granularity,
            )

        oldest = now - span.oldest
        assert asked(oldest, oldest + span.longest).status_code == 200
        assert refused(asked(oldest - TICK, oldest - TICK + HOURS)) == "startTime"
        assert refused(asked(oldest, oldest + span.longest + TICK)) == "endTime"
        recent = now - span.longest
        assert asked(recent, now).status_code == 200
        assert asked(recent, now - TICK).status_code == 200
        # what is yet to come counts as well
        assert refused(asked(recent, now + TICK)) == "endTime"
        if row.name == "destination_delivery_metrics":
            assert asked(recent, None).status_code == 200


def test_the_longest_range_moves_with_the_clock(emulator, ask, world):
    row, values = ROWS["delivery_overview_failed_on_ingest"], world.lists("delivery_overview_failed_on_ingest")[0]
    query = {"startTime": "2024-02-14T00:00:00Z", "endTime": "2024-02-15T00:00:00Z"}
    emulator.clock.set(utc(2024, 3, 15))
    assert ask(row, values, **query).status_code == 200
    emulator.clock.advance(TICK)
    assert refused(ask(row, values, **query)) == "startTime"


def volume(ask, **query):
    (group,) = ask(ROWS["events_volume"], {}, groupBy=None, **query).json()["data"]["result"]
    return [point["time"] for point in group["series"]]


def test_volume_begins_with_its_start_and_ends_before_its_end(ask):
    minutes = [f"2024-03-14T10:{minute:02d}:00Z" for minute in range(10)]
    assert volume(ask, startTime=minutes[2], endTime=minutes[5], granularity="MINUTE") == minutes[2:5]
    days = [f"2024-03-{day:02d}T00:00:00Z" for day in range(1, 15)]
    assert volume(ask, startTime=days[0], endTime=days[9], granularity="DAY") == days[:9]
    between = {"startTime": "2024-03-14T10:01:00.000001Z", "endTime": "2024-03-14T10:05:00.000001Z"}
    assert volume(ask, **between, granularity="MINUTE") == minutes[2:6]


def test_volume_is_a_minute_behind(emulator, ask):
    query = {"startTime": "2024-03-31T23:57:00Z", "endTime": "2024-04-01T00:10:00Z", "granularity": "MINUTE"}
    minutes = [*(f"2024-03-31T23:{minute}:00Z" for minute in (57, 58, 59)), "2024-04-01T00:00:00Z"]
    for now, last in (
        (utc(2024, 4, 1, 0, 0, 0), 3),
        (utc(2024, 4, 1, 0, 0, 59, 999999), 3),
        (utc(2024, 4, 1, 0, 1, 0), 4),
    ):
        emulator.clock.set(now)
        assert volume(ask, **query) == minutes[:last]


@pytest.mark.parametrize("start", ["2024-02-27", "2024-03-09", "2024-03-30", "2024-10-26", "2024-11-02", "2024-12-30"])
@pytest.mark.parametrize("name", ["events_volume", "delivery_overview_successfully_received"])
def test_every_day_has_24_hours_in_utc(emulator, ask, world, name, start):
    # around a leap day, a year's end, and the days on which clocks change in the US and in the EU
    first = datetime.fromisoformat(f"{start}T00:00:00+00:00")
    source = next(source["id"] for source in world.records("sources") if source["enabled"])
    emulator.clock.set(first + timedelta(days=5))
    values = {} if name == "events_volume" else {"sourceId": source}

    def counts(granularity):
        until = first + timedelta(days=4)
        query = {"startTime": first.isoformat(), "endTime": until.isoformat(), "granularity": granularity}
        response = ask(ROWS[name], values, groupBy=None, sourceId=source, **query)
        (group,) = response.json()["data"][ROWS[name].selector[-1]]
        return {datetime.fromisoformat(p["time"][:19] + "+00:00"): p["count"] for p in group["series"]}

    days, hours = counts("DAY"), counts("HOUR")
    assert list(days) == [first + timedelta(days=day) for day in range(4)]
    assert list(hours) == [first + HOURS * hour for hour in range(96)]
    assert days == {day: sum(hours[day + HOURS * hour] for hour in range(24)) for day in days}


@pytest.mark.parametrize("name", ["regulations", "source_regulations"])
def test_a_regulation_leaves_the_list_when_it_is_older_than_90_days(emulator, ask, world, name):
    values = {} if name == "regulations" else {"sourceId": world.records("sources")[0]["id"]}
    made = utc(2024, 3, 15, 12)
    emulator.edits.quiet_audit = True
    emulator.edits.add(Edit(name, "create", "reg_new", {"createdAt": "2024-03-15T12:00:00Z"}, values or None, at=made))

    def listed():
        return [each["id"] for each in ask(ROWS[name], values).json()["data"]["regulations"]]

    emulator.clock.set(made)
    assert listed()[-1] == "reg_new"
    emulator.clock.set(made + timedelta(days=90))
    assert listed()[-1] == "reg_new"
    emulator.clock.set(made + timedelta(days=90) + TICK)
    assert listed() == [each["id"] for each in world.records(name, values)]
    emulator.clock.set(made + timedelta(days=119))
    assert [event["type"] for event in emulator.audit_events()] == [
        {"regulations": "Regulation Created", "source_regulations": "Source Regulation Created"}[name]
    ]
    assert [edit.id for edit in emulator.edits.active] == ["reg_new"]


def test_a_regulation_that_was_too_old_when_it_came_is_never_listed(emulator, world):
    emulator.edits.add(Edit("regulations", "create", "reg_old", {"createdAt": "2023-12-16T12:29:59.999999Z"}))
    assert emulator.records("regulations") == world.records("regulations")
    response = requests.get(f"{emulator.url}/_emulator/edits", timeout=10)
    assert [edit["id"] for edit in response.json()] == ["reg_old"]
