"""The schedules: when they tick, what they ask for, and what holds them back."""

from datetime import datetime, timedelta, timezone
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._utils.schedules import schedule_execution_time_iterator
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.automation import families, partitions_of
from segment_dagster.automation.schedules import last_month, latest_days, open_months, schedules
from segment_dagster.config import DefinitionSettings
from segment_dagster.definitions import defs
from segment_dagster.endpoints import TABLES, TimeRange
from segment_dagster.errors import SettingError
from segment_dagster.extract.overrides import apply_overrides
from segment_dagster.extract.times import Window, first_of_month, midnight, times_of
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

UTC = timezone.utc
DAY = timedelta(days=1)
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
JOBS = {
    "segment_sync_daily": "segment_sync",
    "segment_slow_sync_weekly": "segment_slow_sync",
    "segment_health_daily": "segment_health",
    "segment_audit_hourly": "segment_audit_sync",
    "segment_usage_daily": "segment_usage_sync",
    "segment_usage_close_monthly": "segment_usage_sync",
    "segment_volume_daily": "segment_volume_sync",
    "segment_delivery_daily": "segment_delivery_sync",
    "segment_delivery_metrics_daily": "segment_delivery_metrics_sync",
}
FAMILIES = {family.name: family for family in families(TABLES)}
START = datetime(2025, 1, 1, tzinfo=timezone.utc)
EVENTS = {
    "QUEUED": "PIPELINE_ENQUEUED",
    "STARTING": "PIPELINE_STARTING",
    "STARTED": "PIPELINE_START",
    "CANCELING": "PIPELINE_CANCELING",
    "SUCCESS": "PIPELINE_SUCCESS",
    "FAILURE": "PIPELINE_FAILURE",
    "CANCELED": "PIPELINE_CANCELED",
}
"""The events that put a run into a state."""

UNDER_WAY = ("NOT_STARTED", "QUEUED", "STARTING", "STARTED", "CANCELING")
exactly = property_settings(derandomize=True, database=None, deadline=None, max_examples=200)
ticks = st.datetimes(datetime(2024, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC))


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """An instance with files, as schedules have it."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster_home"))) as instance:
        yield instance


@pytest.fixture(scope="module")
def location():
    return defs()


@pytest.fixture
def tick(instance, location):
    """Evaluate a schedule at a time: its run requests, or why it skips."""

    def evaluate(name, at, of=location):
        schedule = of.get_repository_def().get_schedule_def(name)
        with dg.build_schedule_context(instance, scheduled_execution_time=at) as context:
            return schedule.evaluate_tick(context)

    return evaluate


@pytest.fixture
def under_way(instance):
    """Let the instance know a run of a job that is in a state; it is gone after the test."""
    made = []

    def begin(job, status="STARTED"):
        # a run that waits in a queue must be known to come from somewhere
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "__repository__"), job)
        run = dg.DagsterRun(job_name=job, remote_job_origin=origin)
        instance.add_run(run)
        made.append(run.run_id)
        if status in EVENTS:
            instance.report_dagster_event(dg.DagsterEvent(EVENTS[status], job_name=job), run.run_id)
        assert instance.get_run_by_id(run.run_id).status.value == status
        return run.run_id

    yield begin
    for run_id in made:
        instance.delete_run(run_id)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def requested(evaluated):
    """The only run request: its key and the range of its partitions."""
    assert evaluated.skip_message is None
    (request,) = evaluated.run_requests
    assert request.run_config == {} and request.asset_selection is None and request.partition_key is None
    return request.run_key, tuple(request.tags.get(name) for name in RANGE)


def times(schedule, start, count):
    """The first ticks from a time on, as Dagster's daemon works them out."""
    moments = schedule_execution_time_iterator(start.timestamp(), schedule.cron_schedule, schedule.execution_timezone)
    return [moment.astimezone(UTC) for moment in islice(moments, count)]


def test_there_is_a_schedule_for_each_job_and_all_are_off(location):
    made = {schedule.name: schedule for schedule in location.get_repository_def().schedule_defs}
    assert {name: schedule.job_name for name, schedule in made.items()} == JOBS
    assert {schedule.default_status for schedule in made.values()} == {dg.DefaultScheduleStatus.STOPPED}


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("segment_sync_daily", "2026-03-31T06:00"),
        ("segment_slow_sync_weekly", "2026-04-05T02:00"),
        ("segment_health_daily", "2026-03-31T07:30"),
        ("segment_audit_hourly", "2026-03-30T23:05"),
        ("segment_usage_daily", "2026-03-31T03:15"),
        ("segment_usage_close_monthly", "2026-04-08T03:45"),
        ("segment_volume_daily", "2026-03-31T00:15"),
        ("segment_delivery_daily", "2026-03-31T00:30"),
        ("segment_delivery_metrics_daily", "2026-03-31T00:45"),
    ],
)
def test_the_next_tick_is_when_the_readme_says(location, name, first):
    schedule = location.get_repository_def().get_schedule_def(name)
    assert times(schedule, at("2026-03-30T23:00"), 1) == [at(first)]


@pytest.mark.parametrize("name", ["segment_sync_daily", "segment_slow_sync_weekly", "segment_audit_hourly"])
def test_what_has_no_partitions_is_asked_for_as_a_whole(tick, name):
    key, partitions = requested(tick(name, at("2026-03-31T06:00")))
    assert (key, partitions) == (f"{name}:2026-03-31T06:00Z", (None, None))


@pytest.mark.parametrize("name", ["segment_volume_daily", "segment_delivery_daily", "segment_delivery_metrics_daily"])
@pytest.mark.parametrize(
    ("moment", "first", "last"),
    [
        ("2026-03-31T00:30", "2026-03-28", "2026-03-30"),
        ("2026-03-01T00:30", "2026-02-26", "2026-02-28"),
        ("2024-03-01T00:30", "2024-02-27", "2024-02-29"),
        ("2026-01-01T00:30", "2025-12-29", "2025-12-31"),
        ("2025-12-31T23:59", "2025-12-28", "2025-12-30"),
    ],
)
def test_yesterday_and_the_days_before_it_are_read_anew(tick, name, moment, first, last):
    assert requested(tick(name, at(moment))) == (f"{name}:{moment}Z", (first, last))


@pytest.mark.parametrize(
    ("moment", "first", "last"),
    [
        ("2026-03-31T03:15", "2026-03-01", "2026-03-01"),
        ("2026-04-01T03:15", "2026-03-01", "2026-04-01"),
        ("2026-04-07T03:15", "2026-03-01", "2026-04-01"),
        ("2026-04-08T03:15", "2026-04-01", "2026-04-01"),
        ("2026-01-01T03:15", "2025-12-01", "2026-01-01"),
        ("2024-02-29T03:15", "2024-02-01", "2024-02-01"),
        ("2024-03-01T03:15", "2024-02-01", "2024-03-01"),
    ],
)
def test_the_last_month_is_read_with_the_present_one_for_a_week(tick, moment, first, last):
    assert requested(tick("segment_usage_daily", at(moment))) == (f"segment_usage_daily:{moment}Z", (first, last))


@pytest.mark.parametrize(("moment", "month"), [("2026-01-08", "2025-12-01"), ("2024-03-08", "2024-02-01")])
def test_a_month_is_read_a_last_time_on_the_day_after(tick, moment, month):
    name = "segment_usage_close_monthly"
    assert requested(tick(name, at(f"{moment}T03:45"))) == (f"{name}:{moment}T03:45Z", (month, month))


def test_the_days_and_the_close_follow_their_settings(tick, monkeypatch):
    monkeypatch.setenv("SEGMENT_REREAD_DAYS", "20")
    monkeypatch.setenv("SEGMENT_USAGE_CLOSE_DAYS", "27")
    of = defs()
    assert requested(tick("segment_volume_daily", at("2026-03-31T00:15"), of))[1] == ("2026-03-11", "2026-03-30")
    assert requested(tick("segment_delivery_daily", at("2026-03-31T00:30"), of))[1] == ("2026-03-11", "2026-03-30")
    # metrics go back 14 days: midnight 14 days ago is longer ago
    metrics = "segment_delivery_metrics_daily"
    assert requested(tick(metrics, at("2026-03-31T00:45"), of))[1] == ("2026-03-18", "2026-03-30")
    assert requested(tick("segment_usage_daily", at("2026-03-27T03:15"), of))[1] == ("2026-02-01", "2026-03-01")
    assert requested(tick("segment_usage_daily", at("2026-03-28T03:15"), of))[1] == ("2026-03-01", "2026-03-01")
    close = of.get_repository_def().get_schedule_def("segment_usage_close_monthly")
    assert times(close, at("2026-02-01T00:00"), 2) == [at("2026-02-28T03:45"), at("2026-03-28T03:45")]


@pytest.mark.parametrize(
    ("name", "granularity", "first"),
    [
        ("segment_delivery_daily", "HOUR", "2026-03-02"),
        ("segment_delivery_daily", "MINUTE", "2026-03-30"),
        ("segment_delivery_metrics_daily", "HOUR", "2026-03-25"),
        ("segment_delivery_metrics_daily", "MINUTE", "2026-03-30"),
    ],
)
def test_a_finer_granularity_goes_back_less_far(tick, monkeypatch, name, granularity, first):
    monkeypatch.setenv("SEGMENT_REREAD_DAYS", "30")
    monkeypatch.setenv("SEGMENT_DELIVERY_GRANULARITY", granularity)
    assert requested(tick(name, at("2026-03-31T00:45"), defs()))[1] == (first, "2026-03-30")


@exactly
@given(ticks, st.integers(1, 30), st.sampled_from(["DAY", "HOUR", "MINUTE"]), st.integers(0, 86_399))
def test_what_is_asked_for_can_be_read_for_the_rest_of_the_day(tick, days, granularity, later):
    for name in ("segment_delivery", "segment_delivery_metrics", "segment_volume"):
        endpoints = [apply_overrides(each, {"delivery": granularity}, {}) for each in FAMILIES[name].endpoints]
        first, last = map(at, latest_days(endpoints, days, tick))
        assert last == midnight(tick) - DAY
        assert last - (days - 1) * DAY <= first <= last
        # a run may wait for others, but no day is over before it begins
        now = min(tick + timedelta(seconds=later), midnight(tick) + DAY - timedelta(microseconds=1))
        for endpoint in endpoints:
            assert times_of(endpoint, Window(first, last + DAY), now)


@exactly
@given(ticks, st.integers(1, 27))
def test_no_month_is_left_out(tick, days):
    first, last = map(at, open_months(days, tick))
    assert last == first_of_month(tick)
    ((closed, same),) = [last_month(tick)]
    assert closed == same and at(closed) < last
    assert (at(closed) == first) == (tick < last + days * DAY)


@property_settings(exactly, max_examples=20)
@given(ticks)
def test_every_partition_that_is_asked_for_is_there(tick):
    tick = max(tick, at("2025-03-01T00:00"))
    for name, wanted in (
        ("segment_volume", latest_days(FAMILIES["segment_volume"].endpoints, 30, tick)),
        ("segment_delivery", latest_days(FAMILIES["segment_delivery"].endpoints, 30, tick)),
        ("segment_delivery_metrics", latest_days(FAMILIES["segment_delivery_metrics"].endpoints, 30, tick)),
        ("segment_usage", open_months(7, tick)),
        ("segment_usage", last_month(tick)),
    ):
        partitions = partitions_of(FAMILIES[name], START)
        assert partitions is not None
        assert set(wanted) <= set(partitions.get_partition_keys(tick))


@pytest.mark.parametrize("name", often(JOBS, 2))
def test_run_keys_are_those_of_the_tick(tick, location, name):
    schedule = location.get_repository_def().get_schedule_def(name)
    # around the ends of a month and a year, and both changes of the clocks
    starts = [at(f"{day}T00:00") for day in ("2025-10-25", "2025-12-30", "2026-02-27", "2026-03-28")]
    moments = sorted({moment for start in starts for moment in times(schedule, start, 5)})
    keys = [requested(tick(name, moment))[0] for moment in moments]
    assert len(set(keys)) == len(keys)
    assert [requested(tick(name, moment))[0] for moment in moments[:3]] == keys[:3]
    # the same moment in another zone is the same tick
    elsewhere = moments[0].astimezone(ZoneInfo("Pacific/Auckland"))
    assert requested(tick(name, elsewhere))[0] == keys[0]


@pytest.mark.parametrize(
    ("name", "status"),
    [*((name, "STARTED") for name in JOBS), *(("segment_delivery_daily", status) for status in UNDER_WAY)],
)
def test_no_run_begins_while_one_of_its_job_is_under_way(tick, under_way, name, status):
    run_id = under_way(JOBS[name], status)
    evaluated = tick(name, at("2026-03-31T06:00"))
    assert evaluated.run_requests == []
    assert evaluated.skip_message == f"The run {run_id} of {JOBS[name]} is still under way."


@pytest.mark.parametrize("name", ["segment_sync_daily", "segment_usage_close_monthly"])
def test_runs_that_ended_and_runs_of_other_jobs_hold_nothing_back(tick, under_way, name):
    for status in ("SUCCESS", "FAILURE", "CANCELED"):
        under_way(JOBS[name], status)
    for job in set(JOBS.values()) - {JOBS[name]}:
        under_way(job)
    assert len(tick(name, at("2026-03-31T06:00")).run_requests) == 1


@pytest.mark.parametrize(
    ("day", "before", "after"), [("2026-03-29", "05:00", "04:00"), ("2026-10-25", "04:00", "05:00")]
)
def test_the_hour_is_that_of_the_time_zone_when_clocks_are_changed(tick, monkeypatch, day, before, after):
    monkeypatch.setenv("SEGMENT_SCHEDULE_TIMEZONE", "Europe/Berlin")
    of = defs()
    schedule = of.get_repository_def().get_schedule_def("segment_sync_daily")
    assert schedule.execution_timezone == "Europe/Berlin"
    start = at(f"{day}T00:00") - DAY
    moments = times(schedule, start, 3)
    assert moments == [
        at(f"{start:%Y-%m-%d}T{before}"),
        at(f"{day}T{after}"),
        at(f"{start + 2 * DAY:%Y-%m-%d}T{after}"),
    ]
    assert [requested(tick("segment_sync_daily", moment, of))[0] for moment in moments] == [
        f"segment_sync_daily:{moment:%Y-%m-%dT%H:%M}Z" for moment in moments
    ]


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 3 * * *", "30 * * * *"])
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_an_hour_that_is_left_out_or_comes_twice_is_no_run_twice(tick, monkeypatch, cron, day):
    monkeypatch.setenv("SEGMENT_SCHEDULE_TIMEZONE", "Europe/Berlin")
    monkeypatch.setenv("SEGMENT_SCHEDULE_CRON", cron)
    of = defs()
    schedule = of.get_repository_def().get_schedule_def("segment_sync_daily")
    start = at(f"{day}T00:00") - DAY
    moments = list(takewhile(lambda moment: moment < start + 3 * DAY, times(schedule, start, 100)))
    assert len(moments) == (72 if cron == "30 * * * *" else 3)
    around = [moment for moment in moments if abs(moment - at(f"{day}T01:00")) < timedelta(hours=3)]
    keys = [requested(tick("segment_sync_daily", moment, of))[0] for moment in around]
    assert len(set(keys)) == len(keys) >= 1


def test_partitions_keep_to_utc_whatever_the_time_zone(monkeypatch, tick):
    monkeypatch.setenv("SEGMENT_SCHEDULE_TIMEZONE", "Pacific/Auckland")
    of = defs()
    for name in ("segment_volume_daily", "segment_delivery_daily", "segment_usage_daily"):
        assert of.get_repository_def().get_schedule_def(name).execution_timezone == "UTC"
    assert requested(tick("segment_volume_daily", at("2026-03-31T00:15"), of))[1] == ("2026-03-28", "2026-03-30")


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        *(
            (setting, value, f"is {value!r}. Set it to a cron expression such as 0 6 * * *.")
            for setting in (
                "SEGMENT_SCHEDULE_CRON",
                "SEGMENT_SLOW_SCHEDULE_CRON",
                "SEGMENT_AUDIT_SCHEDULE_CRON",
                "SEGMENT_USAGE_SCHEDULE_CRON",
                "SEGMENT_VOLUME_SCHEDULE_CRON",
                "SEGMENT_DELIVERY_SCHEDULE_CRON",
                "SEGMENT_DELIVERY_METRICS_SCHEDULE_CRON",
            )
            for value in ("every day", "61 * * * *")
        ),
        (
            "SEGMENT_SCHEDULE_TIMEZONE",
            "Mars/Olympus",
            "is 'Mars/Olympus'. Set it to a name of the IANA database such as Europe/Berlin.",
        ),
        ("SEGMENT_REREAD_DAYS", "0", "is '0'. Legal values: a whole number from 1 to 30."),
        ("SEGMENT_REREAD_DAYS", "31", "is '31'. Legal values: a whole number from 1 to 30."),
        ("SEGMENT_USAGE_CLOSE_DAYS", "28", "is '28'. Legal values: a whole number from 1 to 27."),
        ("SEGMENT_USAGE_CLOSE_DAYS", "a week", "is 'a week'. Legal values: a whole number from 1 to 27."),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(monkeypatch, setting, value, said):
    monkeypatch.setenv(setting, value)
    with pytest.raises(SettingError) as failure:
        schedules(list(FAMILIES.values()), DefinitionSettings())
    assert str(failure.value) == f"{setting} {said}"


@pytest.mark.parametrize("value", ["2026-02-30", "soon", "9999-01-01"])
def test_a_first_partition_that_cannot_be_is_named(monkeypatch, value):
    monkeypatch.setenv("SEGMENT_PARTITIONS_START", value)
    with pytest.raises(SettingError) as failure:
        DefinitionSettings()
    assert str(failure.value) == (
        f"SEGMENT_PARTITIONS_START is {value!r}. Set it to a day that has come, such as 2025-01-01."
    )


def test_partitions_begin_where_the_setting_says(monkeypatch):
    monkeypatch.setenv("SEGMENT_PARTITIONS_START", "2025-02-15")
    now, start = at("2026-03-31T06:30"), DefinitionSettings().partitions_start
    daily, monthly = (partitions_of(FAMILIES[f"segment_{name}"], start) for name in ("volume", "usage"))
    assert daily is not None and monthly is not None
    assert daily.get_partition_keys(now)[0] == "2025-02-15"
    assert monthly.get_partition_keys(now)[0] == "2025-02-01"
    # the present day and month are there too, and are the last
    assert daily.get_partition_keys(now)[-1] == "2026-03-31"
    assert monthly.get_partition_keys(now)[-1] == "2026-03-01"


@pytest.mark.parametrize("year", [2025, 2026])
def test_every_partition_of_a_year_is_a_whole_day_in_utc(year):
    partitions = partitions_of(FAMILIES["segment_delivery"], START)
    assert partitions is not None
    keys = [key for key in partitions.get_partition_keys(at(f"{year + 1}-01-02T00:00")) if key.startswith(str(year))]
    assert len(keys) == 365
    for key in keys:
        window = partitions.time_window_for_partition_key(key)
        assert (window.start.astimezone(UTC), window.end - window.start) == (at(f"{key}T00:00"), DAY)


def test_each_family_reads_what_its_job_says():
    every = [endpoint.name for family in FAMILIES.values() for endpoint in family.endpoints]
    assert sorted(every) == sorted(endpoint.name for endpoint in TABLES)
    for family in FAMILIES.values():
        assert family.partitioned == all(endpoint.partitioned for endpoint in family.endpoints)
        if any(isinstance(endpoint.time, TimeRange) for endpoint in family.endpoints if endpoint.partitioned):
            assert all(isinstance(endpoint.time, TimeRange) for endpoint in family.endpoints)
