"""What a load does to a table that is read in parts: which rows go, which stay, and that nothing is there twice."""

from datetime import date, datetime, timedelta, timezone

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.emulator import Correction, Edit, Fault, MissingDay, World, running
from segment_dagster.emulator.world import MAKERS
from segment_dagster.endpoints import TABLES, Months
from segment_dagster.errors import SettingError
from segment_dagster.extract import Extractor
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.disposition import disposition_of, within
from segment_dagster.extract.resources import source_of_extracts
from segment_dagster.extract.times import Window
from segment_dagster.load import load, resolve_destination
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
ROWS = {endpoint.name: endpoint for endpoint in TABLES}
OVERVIEW, METRICS, VOLUME = "delivery_overview_successfully_received", "destination_delivery_metrics", "events_volume"
FAILED = "delivery_overview_failed_delivery"
USAGE, DELTA = "usage_api_calls_per_source_daily", "usage_api_calls_per_source_daily_delta"
FEW = 4
ODD = ("it's", 'a "b"', "{}", "{table}", "{{x}}", "%s", "a;b--c", "two\nlines", "A\u2028B", "ü 🎉", "\\", "''")

MARKED = {OVERVIEW: "count", FAILED: "count", VOLUME: "count", METRICS: "total", USAGE: "api_calls", DELTA: "api_calls"}
"""A column that has no number below zero, by table."""


def days(first, last):
    """From the first day of March 2026 to the last, which is included."""
    start = datetime(2026, 3, 1, tzinfo=timezone.utc)
    return Window(start + timedelta(days=first - 1), start + timedelta(days=last))


def few(making):
    return [{**source, "enabled": True} for source in MAKERS["sources"](making)[:FEW]]


def silent(making):
    """Sources that send nothing."""
    return [{**source, "enabled": False} for source in few(making)]


def oddly_named(making):
    """Sources whose ids hold what SQL, dlt and Python's formats take for their own."""
    return [
        {**source, "id": f"{source['id']}{odd}", "enabled": True}
        for source, odd in zip(MAKERS["sources"](making), ODD, strict=False)
    ]


def destinations(making):
    return [{**destination, "enabled": True} for destination in MAKERS["destinations"](making)[: 2 * FEW]]


def world_of(sources):
    """A workspace of a few sources, which have as many numbers as those of a large one."""
    return World(1, makers=MAKERS | {"sources": sources, "destinations": destinations})


@pytest.fixture(scope="module")
def world():
    return world_of(few)


@pytest.fixture
def emulator(world, monkeypatch):
    """An emulator of its own, and the client, at one time."""
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    with running(world=world, now=NOW, minute=0.05) as emulator:
        monkeypatch.setenv("SEGMENT_BASE_URL", emulator.url)
        monkeypatch.setenv("SEGMENT_API_TOKEN", emulator.token)
        yield emulator


def read(*names, window=None):
    """Read endpoints for a time and load what came, as the script does."""
    with Extractor(ApiSettings()) as extractor:
        windows = {name: window for name in names if window}
        extracts, failures = extractor.extract_all([extractor.endpoint(name) for name in names], windows)
        assert failures == []
        load(source_of_extracts(extracts), resolve_destination(DestinationSettings()), now=ApiSettings().now)
        return {extract.endpoint.name: extract for extract in extracts}


def query(sql):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def change(sql):
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(sql)


def table(name, where="true"):
    """All rows of a table but for what dlt adds to them, in order."""
    columns = [
        f'epoch_us("{column_name(column.field)}")' if column.type == "timestamp" else f'"{column_name(column.field)}"'
        for column in ROWS[name].columns
    ]
    return sorted(map(repr, query(f"SELECT {', '.join(columns)} FROM segment_data.{name} WHERE {where}")))


def of(window, column="time"):
    return within(column, window)


def mark(name, where="true"):
    """Make rows known that a load leaves alone."""
    change(f"UPDATE segment_data.{name} SET {MARKED[name]} = -1 WHERE {where}")


def marked(name, column):
    """The values of a column in the rows that were marked and are still there."""
    found = query(f"SELECT DISTINCT {column} FROM segment_data.{name} WHERE {MARKED[name]} = -1 ORDER BY 1")
    return [value for (value,) in found]


def duplicates(name):
    key = ", ".join(column_name(field) for field in ROWS[name].primary_key)
    return query(f"SELECT {key}, count(*) FROM segment_data.{name} GROUP BY ALL HAVING count(*) > 1")


def distinct(name, column, where="true"):
    return [row[0] for row in query(f"SELECT DISTINCT {column} FROM segment_data.{name} WHERE {where} ORDER BY 1")]


def count(name, where="true"):
    return query(f"SELECT count(*) FROM segment_data.{name} WHERE {where}")[0][0]


def test_a_partition_that_is_read_again_is_replaced_whole(emulator):
    read(OVERVIEW, window=days(10, 14))
    before = table(OVERVIEW)
    # rows that the API has no more, and rows that it has otherwise
    change(
        f"INSERT INTO segment_data.{OVERVIEW} BY NAME SELECT * REPLACE ('no more' AS event_name) "
        f"FROM segment_data.{OVERVIEW} WHERE {of(days(12, 13))} LIMIT 20"
    )
    mark(OVERVIEW)
    extract = read(OVERVIEW, window=days(12, 13))[OVERVIEW]
    assert extract.rows == count(OVERVIEW, of(days(12, 13))) > 20
    assert set(table(OVERVIEW, of(days(12, 13)))) <= set(before)
    assert count(OVERVIEW) == len(before)


def test_other_days_keep_their_rows(emulator):
    read(OVERVIEW, window=days(10, 14))
    mark(OVERVIEW)
    read(OVERVIEW, window=days(12, 13))
    assert count(OVERVIEW, f"count = -1 AND {of(days(12, 13))}") == 0
    assert count(OVERVIEW, f"count <> -1 AND NOT ({of(days(12, 13))})") == 0
    assert marked(OVERVIEW, "date_part('day', time AT TIME ZONE 'UTC')") == [10, 11, 14]


def test_a_correction_reaches_the_days_that_are_read_again(emulator):
    read(VOLUME, window=days(10, 12))
    was = query(f"SELECT sum(count) FROM segment_data.{VOLUME} WHERE {of(days(11, 11))}")
    emulator.corrections.add(Correction("volume", date(2026, 3, 11), 3), Correction("volume", date(2026, 3, 12), 3))
    read(VOLUME, window=days(11, 11))
    assert query(f"SELECT sum(count) FROM segment_data.{VOLUME} WHERE {of(days(11, 11))}") == [(3 * was[0][0],)]
    read(VOLUME, window=days(10, 12))
    assert duplicates(VOLUME) == []


def test_a_partition_of_which_nothing_comes_is_empty_then(emulator, monkeypatch):
    read(OVERVIEW, FAILED, window=days(10, 14))
    kept = {name: table(name, f"NOT ({of(days(12, 13))})") for name in (OVERVIEW, FAILED)}
    with running(world=world_of(silent), now=NOW) as quiet:
        monkeypatch.setenv("SEGMENT_BASE_URL", quiet.url)
        found = read(OVERVIEW, FAILED, window=days(12, 13))
    for name in (OVERVIEW, FAILED):
        assert found[name].rows == 0
        assert table(name) == kept[name]


def test_a_month_of_which_nothing_comes_is_empty_then(emulator):
    months = Window(datetime(2026, 2, 1, tzinfo=timezone.utc), datetime(2026, 4, 1, tzinfo=timezone.utc))
    march = Window(datetime(2026, 3, 1, tzinfo=timezone.utc), datetime(2026, 4, 1, tzinfo=timezone.utc))
    read(USAGE, DELTA, window=months)
    kept = {name: table(name, "period = '2026-02-01'") for name in (USAGE, DELTA)}
    emulator.corrections.add(*(MissingDay(USAGE, date(2026, 3, day)) for day in range(1, 32)))
    assert read(USAGE, DELTA, window=march)[USAGE].rows == 0
    for name in (USAGE, DELTA):
        assert len(kept[name]) > 0
        assert table(name) == kept[name]


def test_a_month_that_is_read_again_is_replaced_whole_and_so_are_its_differences(emulator):
    march = Window(datetime(2026, 3, 1, tzinfo=timezone.utc), datetime(2026, 4, 1, tzinfo=timezone.utc))
    months = Window(datetime(2026, 1, 1, tzinfo=timezone.utc), march.end)
    read(USAGE, DELTA, window=months)
    mark(USAGE)
    mark(DELTA)
    emulator.corrections.add(MissingDay(USAGE, date(2026, 3, 9)))
    read(USAGE, DELTA, window=march)
    for name in (USAGE, DELTA):
        assert [str(month) for month in marked(name, "period")] == ["2026-01-01", "2026-02-01"]
        assert duplicates(name) == []
    assert distinct(DELTA, "days") == [1, 2]
    assert query(
        f"SELECT count(*) FROM (SELECT source_id, sum(api_calls) AS added FROM segment_data.{DELTA} "
        f"WHERE period = '2026-03-01' GROUP BY 1) JOIN segment_data.{USAGE} AS whole USING (source_id) "
        "WHERE whole.timestamp = '2026-03-31 00:00:00+00' AND whole.api_calls <> added"
    ) == [(0,)]


def test_a_source_that_was_deleted_keeps_its_rows(emulator):
    read(OVERVIEW, FAILED, window=days(12, 13))
    gone = distinct(FAILED, "source_id")[0]
    destinations = distinct(FAILED, "destination_config_id", f"source_id = '{gone}'")
    mark(OVERVIEW)
    mark(FAILED)
    emulator.edits.add(Edit("sources", "delete", gone))
    read(OVERVIEW, FAILED, window=days(12, 13))
    assert marked(OVERVIEW, "source_id") == [gone]
    assert marked(FAILED, "destination_config_id") == destinations != []
    assert duplicates(OVERVIEW) == duplicates(FAILED) == []


def test_rows_of_sources_that_nobody_knows_stay(emulator):
    read(VOLUME, OVERVIEW, window=days(12, 13))
    change(
        f"INSERT INTO segment_data.{OVERVIEW} BY NAME "
        f"SELECT * REPLACE ('long gone' AS source_id) FROM segment_data.{OVERVIEW} LIMIT 1"
    )
    read(OVERVIEW, window=days(12, 13))
    assert count(OVERVIEW, "source_id = 'long gone'") == 1


@pytest.mark.parametrize("name", often([OVERVIEW, METRICS], 1))
def test_who_answers_404_keeps_the_rows(emulator, name):
    column = "source_id" if name == OVERVIEW else "destination_id"
    read(name, window=days(27, 29))
    mark(name)
    emulator.faults.add(Fault("gone", name))
    extract = read(name, window=days(27, 29))[name]
    assert extract.not_found == (3 if name == METRICS else 1)
    assert len(marked(name, column)) == 1
    assert duplicates(name) == []


@pytest.mark.parametrize("after", often([0, 20], 1))
def test_a_day_that_answers_404_keeps_its_rows_and_the_others_are_replaced(emulator, after):
    read(METRICS, window=days(27, 29))
    rows = count(METRICS)
    mark(METRICS)
    # the totals are asked for day by day: one day of one destination is lost
    # and once more when it is asked for again, after all others
    lists = 3 * len(emulator.world.lists(METRICS))
    emulator.faults.add(Fault("not-found", METRICS, after=after, times=1), Fault("not-found", METRICS, after=lists))
    extract = read(METRICS, window=days(27, 29))[METRICS]
    assert extract.not_found == 1
    assert duplicates(METRICS) == []
    assert count(METRICS) == rows
    assert len(marked(METRICS, "destination_id")) == len(marked(METRICS, "start_time::TEXT")) == 1


@pytest.mark.long
def test_ids_of_any_kind_are_found_again(emulator, monkeypatch):
    with running(world=world_of(oddly_named), now=NOW) as odd:
        monkeypatch.setenv("SEGMENT_BASE_URL", odd.url)
        read(OVERVIEW, FAILED, METRICS, VOLUME, window=days(27, 28))
        before = {name: table(name) for name in (OVERVIEW, FAILED, METRICS, VOLUME)}
        assert all(any(sign in source for source in distinct(OVERVIEW, "source_id")) for sign in ODD)
        for name in before:
            mark(name)
        read(OVERVIEW, FAILED, METRICS, VOLUME, window=days(27, 28))
        for name in before:
            assert (set(table(name)) - set(before[name]), set(before[name]) - set(table(name))) == (set(), set()), name
            assert table(name) == before[name]


@pytest.mark.long
def test_the_same_backfill_twice_leaves_the_same_rows(emulator):
    daily = [name for name, endpoint in ROWS.items() if endpoint.partitioned and not isinstance(endpoint.time, Months)]
    monthly = [name for name, endpoint in ROWS.items() if isinstance(endpoint.time, Months)]
    before: dict[str, list[str]] = {}
    for _ in range(2):
        read(*daily, window=days(26, 28))
        read(*monthly)
        found = {name: table(name) for name in (*daily, *monthly)}
        assert all(found.values())
        assert [name for name, rows in before.items() if rows != found[name]] == []
        before = found
    assert [name for name in before if duplicates(name)] == []


@pytest.mark.parametrize(("first", "second"), often([("DAY", "HOUR"), ("HOUR", "DAY"), ("MINUTE", "HOUR")], 1))
def test_another_granularity_takes_the_place_of_the_first(emulator, monkeypatch, first, second):
    monkeypatch.setenv("SEGMENT_VOLUME_GRANULARITY", first)
    read(VOLUME, window=days(29, 30))
    sums = query(f"SELECT source_id, sum(count) FROM segment_data.{VOLUME} GROUP BY 1 ORDER BY 1")
    monkeypatch.setenv("SEGMENT_VOLUME_GRANULARITY", second)
    read(VOLUME, window=days(29, 30))
    assert distinct(VOLUME, "granularity") == [second]
    assert query(f"SELECT source_id, sum(count) FROM segment_data.{VOLUME} GROUP BY 1 ORDER BY 1") == sums


def test_hours_make_24_rows_of_a_day(emulator, monkeypatch):
    read(VOLUME, window=days(29, 29))
    rows = count(VOLUME)
    monkeypatch.setenv("SEGMENT_VOLUME_GRANULARITY", "HOUR")
    read(VOLUME, window=days(29, 29))
    assert count(VOLUME) == 24 * rows


@pytest.mark.long
def test_deliveries_by_the_minute_are_asked_for_within_four_hours_each(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_DELIVERY_GRANULARITY", "MINUTE")
    extracts = read(OVERVIEW, METRICS, window=days(30, 30))
    assert distinct(OVERVIEW, "granularity") == distinct(METRICS, "granularity") == ["MINUTE"]
    assert extracts[OVERVIEW].lists == 6 * FEW
    assert extracts[METRICS].lists == 6 * 2 * FEW
    before = {name: table(name) for name in (OVERVIEW, METRICS)}
    read(OVERVIEW, METRICS, window=days(30, 30))
    assert {name: table(name) for name in before} == before


@pytest.mark.long
def test_a_list_by_the_minute_that_answers_404_leaves_nothing_twice(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_DELIVERY_GRANULARITY", "MINUTE")
    read(OVERVIEW, window=days(30, 30))
    before = table(OVERVIEW)
    lists = 6 * len(emulator.world.lists(OVERVIEW))
    emulator.faults.add(Fault("not-found", OVERVIEW, after=7, times=1), Fault("not-found", OVERVIEW, after=lists))
    assert read(OVERVIEW, window=days(30, 30))[OVERVIEW].not_found == 1
    assert table(OVERVIEW) == before


def test_the_only_source_that_answers_404_for_some_hours_keeps_those(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_DELIVERY_GRANULARITY", "MINUTE")
    read(OVERVIEW, window=days(30, 30))
    before = table(OVERVIEW)
    emulator.faults.add(Fault("not-found", OVERVIEW, after=1, times=1), Fault("not-found", OVERVIEW, after=6))
    emulator.edits.add(*(Edit("sources", "delete", source["id"]) for source in emulator.world.records("sources")[1:]))
    assert read(OVERVIEW, window=days(30, 30))[OVERVIEW].not_found == 1
    assert table(OVERVIEW) == before


def test_what_events_are_told_apart_by_follows_the_setting(emulator, monkeypatch):
    read(VOLUME, window=days(29, 29))
    sums = query(f"SELECT source_id, sum(count) FROM segment_data.{VOLUME} GROUP BY 1 ORDER BY 1")
    monkeypatch.setenv("SEGMENT_VOLUME_GROUP_BY", " source, ")
    read(VOLUME, window=days(29, 29))
    assert query(f"SELECT source_id, count FROM segment_data.{VOLUME} ORDER BY 1") == sums
    assert distinct(VOLUME, "event_name") == distinct(VOLUME, "event_type") == [None]
    monkeypatch.setenv("SEGMENT_VOLUME_GROUP_BY", "eventType")
    read(VOLUME, window=days(29, 29))
    assert query(f"SELECT count(*), count(DISTINCT event_type) FROM segment_data.{VOLUME}") == [(6, 6)]
    assert query(f"SELECT sum(count) FROM segment_data.{VOLUME}") == [(sum(count for _, count in sums),)]


def test_nothing_to_tell_events_apart_by_makes_one_row_of_a_day(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_VOLUME_GROUP_BY", "")
    read(VOLUME, window=days(28, 29))
    assert count(VOLUME) == 2


def test_deliveries_are_told_apart_by_what_their_endpoint_offers(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_DELIVERY_GROUP_BY", "discardReason")
    read(OVERVIEW, FAILED, window=days(29, 29))
    # what was received was not discarded: nothing tells its events apart
    assert query(f"SELECT count(*) = count(DISTINCT source_id) FROM segment_data.{OVERVIEW}") == [(True,)]
    assert distinct(FAILED, "event_name") == [None]
    assert len(distinct(FAILED, "discard_reason")) > 1
    assert duplicates(OVERVIEW) == duplicates(FAILED) == []


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("SEGMENT_VOLUME_GRANULARITY", "WEEK", "is 'WEEK'. Legal values: DAY, HOUR, MINUTE."),
        ("SEGMENT_DELIVERY_GRANULARITY", "day", "is 'day'. Legal values: DAY, HOUR, MINUTE."),
        (
            "SEGMENT_VOLUME_GROUP_BY",
            "source,planet",
            "names 'planet'. Legal values, separated by commas: source, eventName, eventType.",
        ),
        (
            "SEGMENT_DELIVERY_GROUP_BY",
            "source",
            "names 'source'. Legal values, separated by commas: eventName, eventType, appVersion, discardReason.",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_in_a_line(emulator, monkeypatch, setting, value, said):
    monkeypatch.setenv(setting, value)
    with pytest.raises(SettingError) as failure:
        ApiSettings()
    assert str(failure.value) == f"{setting} {said}"


def test_only_what_is_not_asked_for_a_time_is_replaced_as_a_whole():
    for endpoint in TABLES:
        disposition = disposition_of(endpoint, "x = '{}'")
        if endpoint.time is None:
            assert disposition == "replace"
        else:
            assert isinstance(disposition, dict)
            assert disposition["disposition"] == "merge"
            # dlt fills in what stands in braces
            assert disposition.get("destination_scope") == ("x = '{{}}'" if endpoint.partitioned else None)
