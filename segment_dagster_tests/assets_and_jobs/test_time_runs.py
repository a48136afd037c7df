"""Partitions and the audit trail through Dagster: what lands, what it costs, and that a second time changes nothing."""

import os
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from segment_dagster.emulator import Correction, Edit, Fault, MissingDay, World, running
from segment_dagster.emulator.world import MAKERS
from segment_dagster.endpoints import TABLES
from segment_dagster.extract.columns import column_name

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
ROWS = {endpoint.name: endpoint for endpoint in TABLES}
OVERVIEWS = [name for name in ROWS if name.startswith("delivery_overview_")]
AT_SOURCE = OVERVIEWS[:3]
METRICS, VOLUME, AUDIT = "destination_delivery_metrics", "events_volume", "audit_events"
USAGE = [name for name, endpoint in ROWS.items() if endpoint.domain == "usage"]
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
SCRIPT = Path(__file__).resolve().parents[2] / "segment_pipeline.py"
SOURCES, DESTINATIONS = 10, 20
JOBS = {METRICS: "segment_delivery_metrics_sync"}


def sources(making):
    return MAKERS["sources"](making)[:SOURCES]


def destinations(making):
    return MAKERS["destinations"](making)[:DESTINATIONS]


@pytest.fixture(scope="module")
def served():
    """An emulator of a workspace of some sources and destinations."""
    world = World(1, makers=MAKERS | {"sources": sources, "destinations": destinations})
    with running(world=world, now=NOW, minute=0.05) as emulator:
        yield emulator


@pytest.fixture
def emulator(served, monkeypatch):
    """That emulator as it was at first; the settings point at it, and the client's clock is its own."""
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    monkeypatch.setenv("SEGMENT_BASE_URL", served.url)
    monkeypatch.setenv("SEGMENT_API_TOKEN", served.token)
    served.stats.clear()
    yield served
    served.faults.clear()
    served.hooks.clear()
    served.corrections.clear()
    served.edits.clear()
    served.clock.set(NOW)


@pytest.fixture
def run(emulator, code_location, fresh):
    """Run the job of some endpoints for them alone, over a range of partitions where the first is named."""

    def executed(*names, first=None, last=None, **options):
        job = code_location.resolve_job_def(JOBS.get(names[0], f"segment_{ROWS[names[0]].domain}_sync"))
        return job.execute_in_process(
            instance=fresh,
            asset_selection=[dg.AssetKey(["segment", name]) for name in names],
            tags=dict(zip(RANGE, (first, last or first), strict=True)) if first else {},
            raise_on_error=False,
            **options,
        )

    return executed


def failed_checks(result):
    return [
        (each.asset_key.path[-1], each.check_name)
        for each in result.get_asset_check_evaluations()
        # whether a day is ordinary, and whether all of a workspace was loaded, is for other tests
        if not each.passed and each.check_name not in ("volume", "references", "gaps")
    ]


def query(sql):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def table(name, *without):
    """The rows of a table in plain values, each with how often it is there: times in microseconds, objects left out."""
    columns = [column for column in ROWS[name].columns if column.type != "json" and column.field not in without]
    shown = [
        f"epoch_us({column_name(column.field)})" if column.type == "timestamp" else f'"{column_name(column.field)}"'
        for column in columns
    ]
    return Counter(query(f"SELECT {', '.join(shown)} FROM segment_data.{name}"))


def micros(text):
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1_000_000)


def march(day):
    return f"2026-03-{day:02d}"


def midnights(first, last):
    """The days of March as the API is asked for them: start, included, and end."""
    day = datetime(2026, 3, 1, tzinfo=timezone.utc)
    starts = [day + timedelta(days=number - 1) for number in range(first, last + 1)]
    return [
        (f"{start:%Y-%m-%dT00:00:00Z}", f"{min(start + timedelta(days=1), NOW):%Y-%m-%dT%H:%M:%SZ}") for start in starts
    ]


def asked(name, start, end):
    groups = {parameter.name: parameter.values for parameter in ROWS[name].parameters}
    return groups | {"startTime": (start,), "endTime": (end,), "granularity": ("DAY",)}


def expected_overview(world, name, first, last):
    """The rows of an overview, from the world and not from what reads it."""
    days = midnights(first, last)
    wanted = [column.field for column in ROWS[name].columns if column.type != "json"]
    rows: Counter[tuple] = Counter()
    for values in world.lists(name):
        for record in world.timed(name, values, asked(name, days[0][0], days[-1][1]), NOW):
            for point in record["series"]:
                whole = {**values, "granularity": "DAY", **record, **point, "time": micros(point["time"])}
                rows[tuple(whole.get(field) for field in wanted)] += 1
    return rows


@pytest.mark.long
def test_thirty_days_of_the_overviews_land_with_the_least_requests_and_again_the_same(run, emulator):
    first = run(*OVERVIEWS, first=march(2), last=march(31))
    assert first.success and failed_checks(first) == []
    # a request for each source or destination, whose 30 days are one page, and one for each of their lists
    least = {name: SOURCES if name in AT_SOURCE else DESTINATIONS for name in OVERVIEWS}
    assert emulator.stats.by_endpoint == least | {"workspace": 1, "sources": 1, "destinations": 1}
    before = {name: table(name) for name in OVERVIEWS}
    for name in OVERVIEWS:
        assert before[name] == expected_overview(emulator.world, name, 2, 31)
        assert len(before[name]) > 500
        assert set(before[name].values()) == {1}
    partitions = [event.partition for event in first.get_asset_materialization_events()]
    assert Counter(partitions) == {march(day): len(OVERVIEWS) for day in range(2, 32)}
    assert run(*OVERVIEWS, first=march(2), last=march(31)).success
    assert {name: table(name) for name in OVERVIEWS} == before


@pytest.mark.long
def test_the_metrics_of_fourteen_days_are_asked_for_day_by_day_and_again_the_same(run, emulator):
    result = run(METRICS, first=march(18), last=march(31))
    assert result.success and failed_checks(result) == []
    assert emulator.stats.by_endpoint == {"workspace": 1, METRICS: 14 * DESTINATIONS, "destinations": 1}
    expected = Counter(
        (values["destinationId"], record["sourceId"], micros(start), micros(end), metric["metricName"], metric["total"])
        for values in emulator.world.lists(METRICS)
        for start, end in midnights(18, 31)
        for record in emulator.world.timed(METRICS, values, asked(METRICS, start, end), NOW)
        for metric in record["metrics"]
    )
    assert len(expected) > 14 * DESTINATIONS
    assert table(METRICS, "destinationMetadataId", "granularity") == expected
    assert run(METRICS, first=march(30), last=march(31)).success
    assert table(METRICS, "destinationMetadataId", "granularity") == expected


@pytest.mark.long
def test_thirteen_months_of_usage_and_its_differences(run, emulator):
    result = run(*USAGE, first="2025-03-01", last="2026-03-01")
    assert result.success and failed_checks(result) == []
    months = [f"{2025 + (2 + place) // 12}-{(2 + place) % 12 + 1:02d}-01" for place in range(13)]
    assert emulator.stats.by_endpoint == {"workspace": 1} | {name: 13 for name in USAGE if not name.endswith("_delta")}
    world = emulator.world
    for name in ("usage_api_calls_daily", "usage_api_calls_per_source_daily"):
        known = Counter(
            (date.fromisoformat(month), record.get("sourceId"), int(record["apiCalls"]), micros(record["timestamp"]))
            for month in months
            for record in world.timed(name, {}, {"period": (month,)}, NOW)
        )
        columns = "period, source_id" if "per_source" in name else "period, NULL"
        assert Counter(query(f"SELECT {columns}, api_calls, epoch_us(timestamp) FROM segment_data.{name}")) == known
        # 396 days; of each of the sources, and of one that was deleted
        assert len(known) == 396 * (SOURCES + 1 if "per_source" in name else 1)
    differences_add_up(USAGE)


def differences_add_up(names):
    """Every snapshot is the sum of the differences of its month up to it, and its day that of theirs."""
    for name in [name for name in names if not name.endswith("_delta")]:
        series = ", source_id" if "per_source" in name else ""
        counts = [column_name(field) for field in ROWS[name].cumulative]
        sums = ", ".join(f"sum({count}) OVER upto AS {count}" for count in counts)
        wrong = " OR ".join(f"whole.{count} IS DISTINCT FROM added.{count}" for count in counts)
        ((snapshots, wrong_ones),) = query(
            f"""
            SELECT count(*), count(*) FILTER ({wrong} OR added.days <> date_part('day', timestamp AT TIME ZONE 'UTC'))
            FROM segment_data.{name} AS whole JOIN (
                SELECT period, timestamp{series}, {sums}, sum(days) OVER upto AS days FROM segment_data.{name}_delta
                WINDOW upto AS (PARTITION BY period{series} ORDER BY timestamp)
            ) AS added USING (period, timestamp{series})
            """
        )
        assert (wrong_ones, name) == (0, name)
        assert [(snapshots,)] == query(f"SELECT count(*) FROM segment_data.{name}_delta")


def test_corrections_and_days_that_are_missing_are_in_the_differences(run, emulator):
    names = [name for name in USAGE if "per_source" in name]
    assert run(*names, first="2026-02-01", last="2026-03-01").success
    february = f"SELECT source_id, api_calls, epoch_us(timestamp) FROM segment_data.{names[0]} WHERE month(period) = 2"
    before = sorted(query(february))
    ((source, _),) = query(
        f"SELECT source_id, api_calls FROM segment_data.{names[0]} "
        "WHERE timestamp = '2026-03-20 00:00:00+00' ORDER BY api_calls DESC LIMIT 1"
    )
    emulator.corrections.add(
        Correction("usage", date(2026, 3, 21), 0, source_id=source),
        *(MissingDay(name, date(2026, 3, day)) for name in names[:2] for day in (1, 9, 10, 31)),
    )
    result = run(*names, first="2026-03-01")
    assert result.success and failed_checks(result) == []
    differences_add_up(names)
    assert sorted(query(february)) == before
    found = query(
        f"SELECT date_part('day', timestamp AT TIME ZONE 'UTC'), days, api_calls FROM segment_data.{names[0]}_delta "
        f"WHERE source_id = '{source}' AND month(period) = 3 ORDER BY 1"
    )
    assert [day for day, _, _ in found] == [day for day in range(1, 32) if day not in (1, 9, 10, 31)]
    assert {day: days for day, days, _ in found if days != 1} == {2: 2, 11: 3}
    assert [calls for day, _, calls in found if day == 21] == [0]


def test_a_day_of_the_events_volume(run, emulator):
    result = run(VOLUME, first=march(30))
    assert result.success and failed_checks(result) == []
    assert emulator.stats.by_endpoint == {"workspace": 1, VOLUME: 1}
    ((start, end),) = midnights(30, 30)
    expected = Counter(
        (
            "DAY",
            record["source"]["id"],
            record.get("eventName"),
            record["eventType"],
            micros(point["time"]),
            point["count"],
        )
        for record in emulator.world.timed(VOLUME, {}, asked(VOLUME, start, end), NOW)
        for point in record["series"]
    )
    assert table(VOLUME) == expected != Counter()


def test_one_partition_by_its_key(code_location, fresh, emulator):
    job = code_location.resolve_job_def("segment_volume_sync")
    assert job.execute_in_process(instance=fresh, partition_key=march(30)).success
    assert query(f"SELECT DISTINCT epoch_us(time) FROM segment_data.{VOLUME}") == [(micros("2026-03-30T00:00:00Z"),)]


def test_the_present_day_grows_until_it_is_over(run, emulator, monkeypatch):
    assert run(VOLUME, first=march(31)).success
    ((some,),) = query(f"SELECT sum(count) FROM segment_data.{VOLUME}")
    later = NOW + timedelta(hours=20)
    emulator.clock.set(later)
    monkeypatch.setenv("SEGMENT_NOW", later.isoformat())
    assert run(VOLUME, first=march(31)).success
    ((all_of_it, days),) = query(f"SELECT sum(count), count(DISTINCT time) FROM segment_data.{VOLUME}")
    assert some < all_of_it and days == 1


def landed():
    return sorted(row[0] for row in query(f"SELECT id FROM segment_data.{AUDIT}"))


def known(emulator, start=datetime(2025, 12, 31, tzinfo=timezone.utc)):
    return sorted(event["id"] for event in emulator.audit_events(start=start))


def test_the_trail_is_read_in_pieces_side_by_side_and_then_from_the_latest_event_on(run, emulator, monkeypatch):
    result = run(AUDIT)
    assert result.success and failed_checks(result) == []
    assert landed() == known(emulator)
    queries = [seen.query for seen in emulator.stats.requests if seen.endpoint == AUDIT]
    assert len(queries) == emulator.stats.by_endpoint[AUDIT] == 16
    assert sum("endTime" not in each for each in queries) == 1
    # nothing has happened: one request, which reads an hour again
    emulator.stats.clear()
    result = run(AUDIT)
    assert result.success and failed_checks(result) == []
    assert emulator.stats.by_endpoint == {"workspace": 1, AUDIT: 1}
    # a day later
    later = NOW + timedelta(days=1)
    emulator.clock.set(later)
    monkeypatch.setenv("SEGMENT_NOW", later.isoformat())
    emulator.stats.clear()
    result = run(AUDIT)
    assert result.success and failed_checks(result) == []
    assert emulator.stats.by_endpoint == {"workspace": 1, AUDIT: 1}
    assert landed() == known(emulator)


@pytest.mark.long
def test_a_trail_in_which_nothing_has_happened_keeps_its_data_version(run, emulator):
    emulator.edits.quiet_audit = True
    emulator.edits.add(Edit("sources", "modify", emulator.world.records("sources")[0]["id"], {"name": "a"}, at=NOW))
    found = [run(AUDIT).get_asset_materialization_events()[0].materialization for _ in range(3)]
    assert [each.metadata["segment/rows_unchanged"].value for each in found] == [False, True, True]
    assert len({each.tags["dagster/data_version"] for each in found}) == 1


def test_events_that_are_listed_late_are_found_within_the_hour(run, emulator):
    emulator.edits.quiet_audit = True
    first, second = (source["id"] for source in emulator.world.records("sources")[:2])
    emulator.edits.add(Edit("sources", "modify", first, {"name": "a"}, at=NOW - timedelta(minutes=5)))
    assert run(AUDIT).success
    assert len(landed()) == 1
    # it happened before the one that is known, and is listed after it
    emulator.edits.add(Edit("sources", "modify", second, {"name": "b"}, at=NOW - timedelta(minutes=64, seconds=59)))
    result = run(AUDIT)
    assert result.success and failed_checks(result) == []
    assert len(landed()) == 2
    assert landed() == known(emulator)


@pytest.mark.long
def test_an_event_that_the_api_lists_no_more_stays(run, emulator):
    emulator.edits.quiet_audit = True
    source = emulator.world.records("sources")[0]["id"]
    emulator.edits.add(Edit("sources", "modify", source, {"name": "a"}, at=NOW - timedelta(minutes=5)))
    assert run(AUDIT).success
    before = landed()
    emulator.edits.clear()
    emulator.edits.quiet_audit = True
    result = run(AUDIT)
    assert result.success and failed_checks(result) == []
    assert landed() == before != []


def test_a_trail_that_grows_while_it_is_read_passes_its_checks(run, check, fresh, emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "3")
    monkeypatch.setenv("SEGMENT_CONCURRENCY", "1")
    emulator.edits.quiet_audit = True
    first, *others = (source["id"] for source in emulator.world.records("sources")[:9])

    def edit(source, seconds):
        emulator.edits.add(
            Edit("sources", "modify", source, {"name": str(seconds)}, at=NOW - timedelta(seconds=seconds))
        )

    for place, source in enumerate(others):
        edit(source, 300 - place)
    for request in range(1, 40):
        emulator.hooks.at(request, lambda request=request: edit(first, 200 - request), AUDIT)
    result = run(AUDIT)
    assert result.success and failed_checks(result) == []
    (event,) = result.get_asset_materialization_events()
    found = event.materialization.metadata
    assert found["segment/rows_delivered"].value - found["segment/rows_repeated"].value == len(landed())
    assert found["segment/rows_repeated"].value > 0
    # on its own the check says the same
    assert check(AUDIT, instance=fresh).checks[AUDIT, "row_count"].passed


def script(*arguments, **settings):
    """Run the script in the working directory."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.long
def test_the_script_reads_the_days_that_it_is_told_in_any_time_zone(emulator):
    ran = script(VOLUME, OVERVIEWS[0], "--start", march(28), "--end", march(30), TZ="Pacific/Auckland")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"{VOLUME}: {sum(table(VOLUME).values()):,} rows in 1 request" in ran.stdout.splitlines()
    for name in (VOLUME, OVERVIEWS[0]):
        days = query(f"SELECT DISTINCT epoch_us(time) FROM segment_data.{name} ORDER BY 1")
        assert days == [(micros(f"{march(day)}T00:00:00Z"),) for day in (28, 29)]
    assert table(OVERVIEWS[0]) == expected_overview(emulator.world, OVERVIEWS[0], 28, 29)
    # read again in another zone, the same rows are replaced
    before = table(OVERVIEWS[0])
    again = script(OVERVIEWS[0], "--start", march(29), "--end", march(30), TZ="America/Los_Angeles")
    assert (again.returncode, again.stderr) == (0, "")
    assert table(OVERVIEWS[0]) == before


@pytest.mark.long
def test_the_script_reads_until_now_where_no_end_is_given(emulator):
    ran = script(VOLUME, "usage_mtu_daily", "--start", march(30))
    assert (ran.returncode, ran.stderr) == (0, "")
    days = query(f"SELECT DISTINCT epoch_us(time) FROM segment_data.{VOLUME} ORDER BY 1")
    assert days == [(micros(f"{march(day)}T00:00:00Z"),) for day in (30, 31)]
    assert query("SELECT DISTINCT period FROM segment_data.usage_mtu_daily") == [(date(2026, 3, 1),)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--end", "2026-03-08"), "--end needs --start"),
        (("--start", "2026-03-08", "--end", "2026-03-08"), "--end 2026-03-08 is not after --start 2026-03-08"),
        (("--start", "2026-02-30"), "argument --start: '2026-02-30' is no day such as 2026-03-01"),
        (("--start", "yesterday"), "argument --start: 'yesterday' is no day such as 2026-03-01"),
        (
            (METRICS, "--start", "2026-03-10"),
            "destination_delivery_metrics: 2026-03-10 is longer ago than the 14 days that Segment goes back for "
            "granularity DAY. Nothing was asked for. The first day that can still be read whole is 2026-03-18.",
        ),
        (
            (VOLUME, "--start", "2026-04-02"),
            "events_volume: 2026-04-02T00:00Z has not come yet, or is not counted yet. "
            "Nothing was asked for. Try again later.",
        ),
    ],
)
def test_days_that_the_script_cannot_read_are_one_line(emulator, arguments, said):
    ran = script(*arguments)
    assert (ran.returncode, ran.stderr) == (1, f"error: {said}\n")
    # nothing, or the line that sums it up
    assert len(ran.stdout.splitlines()) <= 1
    assert set(emulator.stats.by_endpoint) <= {"workspace"}
    assert list(Path.cwd().iterdir()) == []


def test_an_event_that_comes_twice_lands_once_and_that_is_told(run, emulator):
    emulator.faults.add(Fault("duplicate", AUDIT))
    result = run(AUDIT)
    assert not result.success and failed_checks(result) == [(AUDIT, "row_count")]
    assert landed() == known(emulator)


def test_an_event_without_a_time_lands_and_that_is_told(run, emulator):
    emulator.faults.add(Fault("missing-field", AUDIT, value="timestamp"))
    result = run(AUDIT)
    assert not result.success and failed_checks(result) == [(AUDIT, "row_count")]
    assert landed() == known(emulator)
    ((without,),) = query(f"SELECT count(*) FROM segment_data.{AUDIT} WHERE timestamp IS NULL")
    assert 0 < without < len(known(emulator))


@pytest.mark.long
def test_ids_that_sql_could_misread_pass_the_checks(run, emulator, monkeypatch):
    odd = ("it's", "{}", "{table}", "a;b", "two\nlines", "%s", '"', "--")

    def named(making):
        return [{**source, "id": f"{source['id']}{sign}"} for source, sign in zip(sources(making), odd, strict=False)]

    world = World(1, makers=MAKERS | {"sources": named, "destinations": destinations})
    with running(world=world, now=NOW, minute=0.05) as oddly:
        monkeypatch.setenv("SEGMENT_BASE_URL", oddly.url)
        for _ in range(2):
            result = run(OVERVIEWS[0], OVERVIEWS[-1], first=march(28), last=march(29))
            assert result.success and failed_checks(result) == []
            assert set(table(OVERVIEWS[-1]).values()) == {1}
