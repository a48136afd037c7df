"""Runs over partitions of which some can be read no more, or not yet: the others are, and the rest is told of."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from segment_dagster.assets.partitions import NONE, keys_in, ranges, reach_of
from segment_dagster.emulator import World, running
from segment_dagster.emulator.world import MAKERS
from segment_dagster.endpoints import TABLES
from segment_dagster.extract.overrides import apply_overrides
from segment_dagster.extract.times import Window
from segment_dagster_tests.assets_and_jobs.backfills import backfills
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
DAY = timedelta(days=1)
ROWS = {endpoint.name: endpoint for endpoint in TABLES}
OVERVIEW, METRICS = "delivery_overview_successfully_received", "destination_delivery_metrics"
VOLUME, USAGE, DELTA = "events_volume", "usage_api_calls_daily", "usage_api_calls_daily_delta"
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
BEYOND = {
    OVERVIEW: "longer ago than the 30 days that Segment goes back for granularity DAY",
    METRICS: "longer ago than the 14 days that Segment goes back for granularity DAY",
}
JOBS = {OVERVIEW: "segment_delivery_sync", METRICS: "segment_delivery_metrics_sync", VOLUME: "segment_volume_sync"}
FIELD = {OVERVIEW: "time", METRICS: "startTime", VOLUME: "time"}
COLUMN = {OVERVIEW: "time", METRICS: "start_time", VOLUME: "time"}


@pytest.fixture(scope="module")
def served():
    """An emulator of a small workspace."""
    few = {name: lambda making, name=name: MAKERS[name](making)[:2] for name in ("sources", "destinations")}
    with running(world=World(1, makers=MAKERS | few), now=NOW, minute=0.05) as emulator:
        yield emulator


@pytest.fixture
def emulator(served, monkeypatch):
    monkeypatch.setenv("SEGMENT_BASE_URL", served.url)
    monkeypatch.setenv("SEGMENT_API_TOKEN", served.token)
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    served.stats.clear()
    yield served
    served.clock.set(NOW)


@pytest.fixture
def move_clocks(emulator, monkeypatch):
    """Let it be another time, for the workspace and for whoever reads it."""

    def move(moment):
        emulator.clock.set(moment)
        monkeypatch.setenv("SEGMENT_NOW", moment.isoformat())

    return move


@pytest.fixture
def run(emulator, code_location, fresh, outcome_of):
    """Materialize a range of partitions: what became of each."""
    resolved: dict[str, dg.JobDefinition] = {}

    def executed(name, first, last=None):
        if name not in resolved:
            resolved[name] = code_location.resolve_job_def(JOBS.get(name, "segment_usage_sync"))
        outcome = outcome_of(
            resolved[name].execute_in_process(
                instance=fresh,
                asset_selection=[dg.AssetKey(["segment", name])],
                tags=dict(zip(RANGE, (first, last or first), strict=True)),
                raise_on_error=False,
            )
        )
        events = outcome.result.get_asset_materialization_events()
        outcome.partitions = {event.partition: event.materialization.metadata for event in events}
        return outcome

    return executed


def days(first: str, last: str) -> Iterator[str]:
    day = datetime.fromisoformat(first)
    while day <= datetime.fromisoformat(last):
        yield f"{day:%Y-%m-%d}"
        day += DAY


def rows(name):
    """How many rows of each day the table holds."""
    column = f"strftime({COLUMN[name]} AT TIME ZONE 'UTC', '%Y-%m-%d')"
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return dict(connection.execute(f"SELECT {column}, count(*) FROM segment_data.{name} GROUP BY 1").fetchall())


def statuses(outcome):
    return {key: metadata["segment/partition"].value for key, metadata in outcome.partitions.items()}


def warnings(instance, outcome):
    return [each.user_message for each in instance.all_logs(outcome.result.run_id) if each.level == 30]


@pytest.mark.parametrize(("name", "first"), often([(OVERVIEW, "2026-03-02"), (METRICS, "2026-03-18")], 1))
def test_what_can_be_read_is_read_and_the_rest_is_told_as_lost(run, fresh, name, first):
    lost = list(days("2026-02-20", f"{datetime.fromisoformat(first) - DAY:%Y-%m-%d}"))
    outcome = run(name, "2026-02-20", "2026-03-31")
    assert outcome.success
    assert set(outcome.partitions) == set(days("2026-02-20", "2026-03-31"))
    assert statuses(outcome) == {
        **{day: f"lost: {BEYOND[name]}" for day in lost},
        **{day: "read" for day in days(first, "2026-03-31")},
    }
    assert set(rows(name)) == set(days(first, "2026-03-31"))
    counts = {day: metadata["dagster/partition_row_count"].value for day, metadata in outcome.partitions.items()}
    assert counts == {**dict.fromkeys(lost, 0), **rows(name)}
    gaps = outcome.checks[name, "gaps"]
    assert (gaps.passed, gaps.severity) == (False, dg.AssetCheckSeverity.WARN)
    said = f"{len(lost)} partitions lost for good: {lost[0]} to {lost[-1]}."
    assert gaps.description == said
    assert outcome.partitions["2026-03-31"]["segment/partitions_lost"].value == f"{lost[0]} to {lost[-1]}"
    warned = f"{name}: {len(lost)} partitions ({lost[0]} to {lost[-1]}) are {BEYOND[name]}. Nothing was asked for"
    assert any(line.startswith(warned) for line in warnings(fresh, outcome))
    # whoever begins today has lost nothing
    assert run(name, "2026-03-30").checks[name, "gaps"].passed


@pytest.mark.parametrize("name", often([OVERVIEW, METRICS], 1))
def test_a_run_of_nothing_that_can_be_read_asks_for_nothing_and_is_no_failure(run, emulator, name):
    outcome = run(name, "2026-02-01", "2026-02-02")
    assert outcome.success
    assert statuses(outcome) == dict.fromkeys(("2026-02-01", "2026-02-02"), f"lost: {BEYOND[name]}")
    assert emulator.stats.total == 0
    assert not Path("segment.duckdb").exists()
    assert set(outcome.checks) == {(name, "gaps")}
    assert outcome.checks[name, "gaps"].description == "2 partitions lost for good: 2026-02-01 to 2026-02-02." or (
        outcome.checks[name, "gaps"].description.endswith("; 2 partitions lost for good: 2026-02-01 to 2026-02-02.")
    )


def test_the_checks_of_a_table_that_is_there_pass_though_nothing_could_be_read(run, check, fresh):
    assert run(OVERVIEW, "2026-03-02", "2026-03-30").success
    before = rows(OVERVIEW)
    outcome = run(OVERVIEW, "2026-02-01")
    assert outcome.success and rows(OVERVIEW) == before
    assert {name for _, name in outcome.failed_checks} == {"gaps", "references"}
    # and when they are evaluated alone
    assert {name for _, name in check(OVERVIEW, instance=fresh).failed_checks} == {"references"}


def test_what_was_read_in_time_is_kept_when_it_is_materialized_too_late(run, move_clocks):
    assert run(METRICS, "2026-03-18", "2026-03-19").success
    before = rows(METRICS)
    assert set(before) == {"2026-03-18", "2026-03-19"}
    move_clocks(NOW + 10 * DAY)
    outcome = run(METRICS, "2026-03-17", "2026-03-29")
    assert outcome.success
    assert {day: said.split(":")[0] for day, said in statuses(outcome).items()} == {
        "2026-03-17": "lost",
        "2026-03-18": "kept as it was",
        "2026-03-19": "kept as it was",
        **dict.fromkeys(days("2026-03-20", "2026-03-27"), "lost"),
        **dict.fromkeys(days("2026-03-28", "2026-03-29"), "read"),
    }
    assert {day: count for day, count in rows(METRICS).items() if day in before} == before
    assert outcome.partitions["2026-03-18"]["dagster/partition_row_count"].value == before["2026-03-18"]


@pytest.mark.long
def test_what_is_lost_stays_lost_though_it_was_materialized(run, check, move_clocks, fresh):
    run(METRICS, "2026-03-18", "2026-03-19")
    move_clocks(NOW + 10 * DAY)
    run(METRICS, "2026-03-17", "2026-04-09")
    said = "8 partitions lost for good: 2026-03-20 to 2026-03-27."
    for outcome in (run(METRICS, "2026-04-08", "2026-04-09"), check(METRICS, instance=fresh)):
        assert outcome.checks[METRICS, "gaps"].description == said
    # somebody reports a partition by hand
    fresh.report_runless_asset_event(dg.AssetMaterialization(["segment", METRICS], partition="2026-04-10"))
    assert check(METRICS, instance=fresh).checks[METRICS, "gaps"].description == said


@pytest.mark.long
def test_a_day_of_which_nothing_is_counted_yet_is_no_failure_and_no_day_that_was_read(run, check, move_clocks, fresh):
    move_clocks(datetime(2026, 3, 31, 0, 0, 59, tzinfo=timezone.utc))
    outcome = run(VOLUME, "2026-03-30", "2026-03-31")
    assert outcome.success
    assert statuses(outcome) == {"2026-03-30": "read", "2026-03-31": "not counted yet"}
    assert statuses(run(VOLUME, "2026-03-31")) == {"2026-03-31": "not counted yet"}
    move_clocks(NOW + DAY)
    said = "1 partition missing that can still be read: 2026-03-31."
    assert check(VOLUME, instance=fresh).checks[VOLUME, "gaps"].description == said
    assert run(VOLUME, "2026-03-31").checks[VOLUME, "gaps"].passed


def test_months_that_have_not_come_are_none_either(run, move_clocks):
    move_clocks(datetime(2026, 2, 10, tzinfo=timezone.utc))
    outcome = run(USAGE, "2026-01-01", "2026-03-01")
    assert outcome.success
    assert statuses(outcome) == {"2026-01-01": "read", "2026-02-01": "read", "2026-03-01": "not counted yet"}
    previews = {key: metadata["segment/preview"].value for key, metadata in outcome.partitions.items()}
    for month in ("2026-01-01", "2026-02-01"):
        assert f"| {month} | " in previews[month]
        assert outcome.partitions[month]["dagster/partition_row_count"].value == (31 if month == "2026-01-01" else 10)
    assert previews["2026-03-01"] == "*No rows.*"


@pytest.mark.parametrize("name", often([OVERVIEW, METRICS, VOLUME], 1))
def test_each_partition_shows_rows_of_its_own(run, name):
    outcome = run(name, "2026-03-28", "2026-03-30")
    for day in days("2026-03-28", "2026-03-30"):
        lines = outcome.partitions[day]["segment/preview"].value.splitlines()
        place = [cell.strip() for cell in lines[0].split("|")].index(FIELD[name])
        shown = [re.split(r"(?<!\\)\|", line)[place].strip() for line in lines[2:]]
        assert 0 < len(shown) <= 5
        assert {moment[:10] for moment in shown} == {day}


@pytest.mark.long
def test_a_backfill_over_all_partitions_ends_well(emulator, tmp_path):
    # two runs, as they are not neighbours: one of nothing that can be read
    partitions = ["2026-02-01", "2026-03-17", "2026-03-18"]
    with backfills(tmp_path) as made:
        ended = made.run(METRICS, partitions=partitions)
        assert (ended.status, ended.failed) == ("COMPLETED_SUCCESS", frozenset())
        assert len(ended.runs) == 2
        assert made.instance.get_materialized_partitions(dg.AssetKey(["segment", METRICS])) == set(partitions)
    assert set(rows(METRICS)) == {"2026-03-18"}


def windows(first, last):
    return {day: Window(at := datetime.fromisoformat(f"{day}T00:00+00:00"), at + DAY) for day in days(first, last)}


@pytest.mark.parametrize(
    ("name", "granularity", "first"),
    [
        (OVERVIEW, "DAY", "2026-03-02"),
        (OVERVIEW, "HOUR", "2026-03-02"),
        (OVERVIEW, "MINUTE", "2026-03-30"),
        (METRICS, "DAY", "2026-03-18"),
        (METRICS, "HOUR", "2026-03-25"),
        (METRICS, "MINUTE", "2026-03-30"),
        (VOLUME, "DAY", "2026-01-01"),
    ],
)
def test_what_can_be_read_goes_back_as_far_as_the_granularity_allows(name, granularity, first):
    endpoint = apply_overrides(ROWS[name], {ROWS[name].domain: granularity}, {})
    reach = reach_of(endpoint, windows("2026-01-01", "2026-04-02"), NOW)
    assert (reach.readable[0], reach.readable[-1]) == (first, "2026-03-31")
    assert reach.ahead == ("2026-04-01", "2026-04-02")
    assert reach.window == Window(
        datetime.fromisoformat(f"{first}T00:00+00:00"), datetime(2026, 4, 1, tzinfo=timezone.utc)
    )
    assert [*reach.beyond, *reach.readable, *reach.ahead] == list(days("2026-01-01", "2026-04-02"))


def test_midnight_exactly_as_long_ago_as_the_limit_can_still_be_read():
    midnight = NOW.replace(hour=0, minute=0)
    assert reach_of(ROWS[METRICS], windows("2026-03-16", "2026-03-18"), midnight).beyond == ("2026-03-16",)


@pytest.mark.parametrize("keys", [(), ("2026-03-01",), ("2026-03-01", "2026-03-02", "2026-03-05")])
def test_what_is_said_of_partitions_can_be_read_back(keys):
    every = list(days("2026-02-25", "2026-03-10"))
    assert tuple(keys_in(ranges(keys, DAY) or NONE, every)) == keys


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (OVERVIEW, "by granularity: DAY 30 days, HOUR 30 days, MINUTE 48 hours. Older ones are lost."),
        (METRICS, "by granularity: DAY 14 days, HOUR 7 days, MINUTE 48 hours. Older ones are lost."),
        (VOLUME, "Segment states no limit of how far back its partitions can be read."),
        (DELTA, "Segment states no limit of how far back its partitions can be read."),
    ],
)
def test_the_description_says_how_far_back_partitions_can_be_read(code_location, name, said):
    spec = code_location.resolve_asset_graph().get(dg.AssetKey(["segment", name]))
    assert said in spec.description
