"""The table itself is the cursor: what is read next begins a while before its latest row."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.emulator import World, running
from segment_dagster.emulator.world import TIMED
from segment_dagster.endpoints import TABLES
from segment_dagster.extract import Extractor
from segment_dagster.extract.resources import source_of_extracts
from segment_dagster.extract.times import Window
from segment_dagster.load import load, load_extracts, preflight, resolve_destination
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in TABLES}
AUDIT = ROWS["audit_events"]
NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MANY = [timedelta(hours=hours) for hours in (1, 3, 5, 20, 24 * 400)]


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())


@pytest.fixture
def emulator(emulator):
    emulator.clock.set(NOW)
    yield emulator
    emulator.clock.set(None)


def change(*statements):
    with duckdb.connect("segment.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def read():
    """Read what is new of the trail and load it: the window that was asked for."""
    with Extractor(ApiSettings()) as extractor:
        windows = preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows
        extract = extractor.extract(AUDIT, windows.get(AUDIT.name))
        load(source_of_extracts([extract]), resolve_destination(DestinationSettings()), now=ApiSettings().now)
        return extract.window


def event(number, at):
    made = {"type": "T", "actor": "a", "resourceId": "r", "resourceType": "SOURCE", "resourceName": "n"}
    return {"id": f"event-{number}", "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}", **made}


@pytest.fixture(scope="module")
def served():
    """An emulator whose trail tells what a test puts into a list, whenever that happened."""
    events: list[dict] = []

    def asked_for(asked):
        start, end = (asked.query.get(name, (beyond,))[0] for name, beyond in (("startTime", "1"), ("endTime", "3")))
        return [each for each in events if start <= each["timestamp"] < end]

    with running(world=World(1, timed=TIMED | {AUDIT.name: asked_for}), now=NOW, minute=0.05) as emulator:
        yield emulator, events


@pytest.fixture
def trail(served, monkeypatch):
    emulator, events = served
    events.clear()
    monkeypatch.setenv("SEGMENT_BASE_URL", emulator.url)
    monkeypatch.setenv("SEGMENT_API_TOKEN", emulator.token)
    return events


def happened(trail, *moments):
    trail += [event(len(trail) + number, at) for number, at in enumerate(moments)]


def synced(always=False):
    """Read what is new and load it, as a run does it: what was loaded."""
    with Extractor(ApiSettings()) as extractor:
        windows = preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows
        extract = extractor.extract(AUDIT, windows.get(AUDIT.name))
        return load_extracts(
            [extract], resolve_destination(DestinationSettings(always_load=always)), now=ApiSettings().now
        )


def landed():
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return {name for (name,) in connection.execute("SELECT id FROM segment_data.audit_events").fetchall()}


@pytest.fixture
def table_of(trail):
    """Load the trail, and let its table hold rows of other times."""

    def made(*moments):
        happened(trail, NOW - 2 * DAY)
        synced()
        rows = ", ".join(f"('{moment}')" for moment in moments)
        change(
            "DELETE FROM segment_data.audit_events",
            "ALTER TABLE segment_data.audit_events ALTER id DROP NOT NULL",
            *([f"INSERT INTO segment_data.audit_events (timestamp) VALUES {rows}"] if rows else []),
        )

    return made


def test_what_is_read_next_begins_an_hour_before_the_latest_row(table_of):
    table_of("2026-03-30 23:59:59.999999+00", "2026-03-31 00:30:00.123456+00", "2026-01-01 00:00:00+00")
    assert preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows == {
        "audit_events": Window(datetime(2026, 3, 30, 23, 30, 0, 123456, tzinfo=timezone.utc))
    }


def test_a_time_that_has_not_come_does_not_count(table_of, monkeypatch):
    table_of("2026-03-30 12:00:00+00", "2026-03-31 06:30:00+00", "2026-03-31 06:30:01+00", "2099-01-01 00:00:00+00")
    (window,) = preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows.values()
    assert window == Window(NOW - timedelta(hours=1))
    monkeypatch.setenv("SEGMENT_NOW", "2026-01-01T00:00:00Z")
    assert preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows == {}


def test_the_time_is_in_utc_whatever_zone_the_machine_is_in(table_of, monkeypatch):
    table_of("2026-03-29 03:30:00+02")
    for zone in ("Europe/Berlin", "Pacific/Auckland", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        (window,) = preflight(
            resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now
        ).windows.values()
        assert window == Window(datetime(2026, 3, 29, 0, 30, tzinfo=timezone.utc))
        assert window.start.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param((), id="no file"),
        pytest.param(("SELECT 1",), id="no schema"),
        pytest.param(("CREATE SCHEMA segment_data",), id="no table"),
        pytest.param(
            ("CREATE SCHEMA segment_data", "CREATE TABLE segment_data.audit_events (timestamp TIMESTAMPTZ)"),
            id="no rows",
        ),
        pytest.param(
            ("CREATE SCHEMA segment_data", "CREATE TABLE segment_data.audit_events AS SELECT 'x' AS id"), id="no column"
        ),
    ],
)
def test_what_has_no_rows_is_read_from_the_beginning(made):
    if made:
        change(*made)
    assert preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows == {}
    assert Path("segment.duckdb").exists() == bool(made)


def test_only_what_is_merged_has_a_cursor(table_of):
    table_of("2026-03-31 00:00:00+00")
    change(
        "CREATE TABLE segment_data.events_volume AS SELECT now() AS time",
        "CREATE TABLE segment_data.usage_mtu_daily AS SELECT now() AS timestamp",
        "CREATE TABLE segment_data.sources AS SELECT now() AS timestamp",
    )
    assert set(preflight(resolve_destination(DestinationSettings()), TABLES, now=ApiSettings().now).windows) == {
        "audit_events"
    }


def test_a_table_that_an_earlier_version_loaded_last_is_read_from_the_beginning_once(trail, monkeypatch):
    happened(trail, NOW - 3 * DAY, NOW - HOUR)
    synced()
    # what such a version left: a row that was dated ahead then, a hole before it, and no time of its reading
    change(
        f"UPDATE segment_data.audit_events SET timestamp = '{NOW + 3 * HOUR}' WHERE id = 'event-1'",
        "DELETE FROM segment_data._dlt_pipeline_state",
    )
    trail[1]["timestamp"] = f"{NOW + 3 * HOUR:%Y-%m-%dT%H:%M:%SZ}"
    happened(trail, NOW + HOUR)
    monkeypatch.setenv("SEGMENT_NOW", (NOW + DAY).isoformat())
    assert preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows == {}
    synced()
    assert landed() == {each["id"] for each in trail}
    assert preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows == {
        AUDIT.name: Window(NOW + 2 * HOUR)
    }


def test_a_part_that_ends_before_the_present_says_nothing_of_what_comes_after_it(trail):
    happened(trail, NOW - 3 * DAY, NOW - HOUR)
    with Extractor(ApiSettings()) as extractor:
        window = Window(datetime(2025, 12, 31, tzinfo=timezone.utc), NOW - 2 * DAY)
        load_extracts(
            [extractor.extract(AUDIT, window)], resolve_destination(DestinationSettings()), now=ApiSettings().now
        )
    assert landed() == {"event-0"}
    assert preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows == {}


def test_what_is_not_merged_has_no_window(emulator):
    synced()
    assert (
        preflight(
            resolve_destination(DestinationSettings()), [ROWS["sources"], ROWS["events_volume"]], now=ApiSettings().now
        ).windows
        == {}
    )
    assert preflight(resolve_destination(DestinationSettings()), [], now=ApiSettings().now).windows == {}


def test_loads_follow_each_other_and_a_table_that_was_dropped_is_read_from_the_beginning(emulator, monkeypatch):
    assert read() == Window(datetime(2025, 12, 31, tzinfo=timezone.utc))
    events = emulator.audit_events(start=datetime(2025, 12, 31, tzinfo=timezone.utc))
    latest = datetime.fromisoformat(events[0]["timestamp"].replace("Z", "+00:00"))
    assert read() == Window(latest - timedelta(hours=1))
    later = NOW + timedelta(days=2)
    emulator.clock.set(later)
    monkeypatch.setenv("SEGMENT_NOW", later.isoformat())
    assert read() == Window(latest - timedelta(hours=1))
    change("DROP TABLE segment_data.audit_events")
    assert read() == Window(datetime(2026, 1, 2, tzinfo=timezone.utc))
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        landed = connection.execute("SELECT id FROM segment_data.audit_events").fetchall()
    known = emulator.audit_events(start=datetime(2026, 1, 2, tzinfo=timezone.utc))
    assert sorted(landed) == sorted((event["id"],) for event in known)


def test_rows_that_were_deleted_move_the_cursor_back(emulator):
    read()
    change("DELETE FROM segment_data.audit_events WHERE timestamp >= '2026-03-20 00:00:00+00'")
    assert read().start < datetime(2026, 3, 20, tzinfo=timezone.utc)
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        ((landed,),) = connection.execute("SELECT count(*) FROM segment_data.audit_events").fetchall()
    assert landed == len(emulator.audit_events(start=datetime(2025, 12, 31, tzinfo=timezone.utc)))


LOST = {
    "the latest row": lambda: change(f"DELETE FROM segment_data.audit_events WHERE timestamp > '{NOW:%Y-%m-%d}'"),
    "all rows": lambda: change("DELETE FROM segment_data.audit_events"),
    "the table": lambda: change("DROP TABLE segment_data.audit_events"),
    "the file": lambda: Path("segment.duckdb").unlink(),
}


@pytest.mark.parametrize("lost", often(LOST, 1))
def test_rows_that_are_lost_while_more_are_read_make_no_gap(emulator, lost):
    read()
    with Extractor(ApiSettings()) as extractor:
        windows = preflight(resolve_destination(DestinationSettings()), [AUDIT], now=ApiSettings().now).windows
        extract = extractor.extract(AUDIT, windows.get(AUDIT.name))
        LOST[lost]()
        there = Path("segment.duckdb").exists()
        (failure,) = load_extracts(
            [extract], resolve_destination(DestinationSettings(always_load=True)), now=ApiSettings().now
        ).failures
        lost_rows = "audit_events: its table lost rows while the workspace was read, and what was read begins at "
        assert str(failure.error).startswith(lost_rows)
    assert Path("segment.duckdb").exists() == there
    read()
    whole = {event["id"] for event in emulator.audit_events(datetime(2025, 12, 31, tzinfo=timezone.utc))}
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        rows = connection.execute("SELECT id FROM segment_data.audit_events").fetchall()
    assert sorted(id_ for (id_,) in rows) == sorted(whole)


@pytest.mark.parametrize("before", often([[], [-HOUR]], 1), ids=["alone at first", "after others"])
@pytest.mark.parametrize(
    "ahead",
    often([MANY, [3 * HOUR], [365 * DAY]], 1),
    ids=["several", "three hours", "a year"],
)
def test_an_event_dated_ahead_hides_nothing_that_happens_until_then(trail, monkeypatch, before, ahead):
    happened(trail, *(NOW + moment for moment in (*before, *ahead)))
    synced()
    # while nobody looks
    happened(trail, *(NOW + minutes * timedelta(minutes=10) for minutes in range(1, 20)))
    for day in (1, 2, 3):
        monkeypatch.setenv("SEGMENT_NOW", (NOW + day * DAY).isoformat())
        synced()
        assert landed() == {each["id"] for each in trail}
        happened(trail, NOW + day * DAY + 2 * HOUR, NOW + day * DAY + 9 * HOUR)


def test_what_happens_while_others_are_read_is_not_missed_for_an_event_dated_ahead(trail, monkeypatch):
    happened(trail, NOW - HOUR, NOW + 9 * HOUR)
    with Extractor(ApiSettings()) as extractor:
        extract = extractor.extract(extractor.endpoint(AUDIT.name))
        # the rest of the workspace takes five hours
        happened(trail, NOW + HOUR)
        monkeypatch.setenv("SEGMENT_NOW", (NOW + 5 * HOUR).isoformat())
        load_extracts([extract], resolve_destination(DestinationSettings()), now=ApiSettings().now)
    monkeypatch.setenv("SEGMENT_NOW", (NOW + DAY).isoformat())
    synced()
    assert landed() == {each["id"] for each in trail}


def test_a_load_that_writes_nothing_does_not_move_the_cursor(trail, monkeypatch):
    happened(trail, NOW - HOUR, NOW + 30 * HOUR)
    synced()
    monkeypatch.setenv("SEGMENT_NOW", (NOW + DAY).isoformat())
    assert synced().unchanged == {AUDIT.name}
    happened(trail, NOW + DAY + HOUR)
    monkeypatch.setenv("SEGMENT_NOW", (NOW + 2 * DAY).isoformat())
    synced()
    assert landed() == {each["id"] for each in trail}
