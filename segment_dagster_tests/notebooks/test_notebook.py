"""The notebook, run without a browser: its figures are those of the workspace that was loaded."""

import os
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from statistics import fmean

import dagster as dg
import duckdb
import marimo
import pytest

from notebooks import segment_overview as overview
from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.definitions import defs
from segment_dagster.demo.expected import _queries
from segment_dagster.emulator import Edit
from segment_dagster.extract.extractor import Extractor
from segment_dagster.load import load_extracts, resolve_destination
from segment_dagster_tests.destinations.engines import ENGINES
from segment_dagster_tests.text_finder import TextFinder

pytestmark = [pytest.mark.server, pytest.mark.slow]

NOTEBOOK = Path(overview.__file__)
NOW = datetime(2026, 3, 20, 6, 30, tzinfo=timezone.utc)
LAST_DAY = date(2026, 3, 19)
"""The last day of deliveries: the present one is not over."""

READ = [table for table in overview.QUERIES if table != "changes"]


@pytest.fixture
def at_noon(emulator, monkeypatch):
    """The workspace at one moment, which the trail would leave otherwise."""
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    emulator.clock.set(NOW)
    yield emulator
    emulator.clock.set(None)


def load(*names):
    with Extractor(ApiSettings()) as extractor:
        extracts, failures = extractor.extract_all([extractor.endpoint(name) for name in names])
        assert failures == []
        load_extracts(extracts, resolve_destination(DestinationSettings()), now=ApiSettings().now)


def run():
    """What the cells show, as the text of a page, and what they define."""
    outputs, defined = overview.app.run()
    return "\n".join(marimo.as_html(output).text for output in outputs if output is not None), defined


def delivered(emulator, table):
    """Events by destination and day."""
    (endpoint,) = (each for each in emulator.world.catalogue if each.name == table)
    (query,) = _queries(endpoint, NOW)
    counts = Counter[tuple[str, date]]()
    for values in emulator.world.lists(table):
        for record in emulator.world.timed(table, values, query, NOW):
            for point in record["series"]:
                counts[values["destinationConfigId"], date.fromisoformat(point["time"][:10])] += int(point["count"])
    return counts


def usage(emulator, table, field):
    """What each day of this month and the last one added."""
    (endpoint,) = (each for each in emulator.world.catalogue if each.name == table)
    added = {}
    for query in _queries(endpoint, NOW):
        before = 0
        for record in sorted(emulator.world.timed(table, {}, query, NOW), key=lambda record: record["timestamp"]):
            added[date.fromisoformat(record["timestamp"][:10])] = int(record[field]) - before
            before = int(record[field])
    return added


def check_figures(emulator, defined):
    sources, destinations = emulator.records("sources"), emulator.records("destinations")
    assert {(row["kind"], row["state"]): row["sources"] for row in defined["kinds"]} == Counter(
        (each["metadata"]["name"], "enabled" if each["enabled"] else "disabled") for each in sources
    )

    warehouses = emulator.records("source_connected_warehouses")
    assert sum(link["connections"] for link in defined["links"]) == len(destinations) + len(warehouses)
    connected = {each["sourceId"] for each in [*destinations, *warehouses]}
    assert {link["source"] for link in defined["links"]} == connected
    assert len(defined["unconnected"]) == len(sources) - len(connected)

    succeeded, failed = (delivered(emulator, table) for table in (overview.DELIVERED, overview.FAILED))
    week = [LAST_DAY - timedelta(days=back) for back in range(7)]
    assert {row["id"] for row in defined["silent"]} == {
        each["id"] for each in destinations if not sum(succeeded[each["id"], day] for day in week)
    }
    assert {row["id"]: (row["delivered"], row["failed"]) for row in defined["delivery"]} == {
        destination: sums
        for destination in (each["id"] for each in destinations)
        if any(sums := tuple(sum(n for (to, _), n in of.items() if to == destination) for of in (succeeded, failed)))
    }
    assert [row["rate"] for row in defined["delivery"]] == sorted(row["rate"] for row in defined["delivery"])

    added = usage(emulator, "usage_api_calls_daily", "apiCalls")
    assert defined["api_calls"] == added
    predicted = defined["api_forecast"]
    assert predicted.so_far == sum(number for day, number in added.items() if day.month == NOW.month)
    weeks = [NOW.date() + timedelta(days=days) for days in range(1, 12)]
    like = [fmean(added[day - timedelta(days=7 * back)] for back in range(1, 6) if _basis(day, back)) for day in weeks]
    assert [row["expected"] for row in predicted.ahead[1:]] == pytest.approx(like)
    assert predicted.low <= predicted.total <= predicted.high
    assert set(defined["users"]) == set(overview.USERS)
    assert defined["users"]["identified"] == usage(emulator, "usage_mtu_daily", "identified")

    start = NOW.replace(hour=0, minute=0) - timedelta(days=90)
    events = [(each.get("actorEmail"), each["type"]) for each in emulator.audit_events(start=start)]
    assert {(row["person"], row["type"]): row["events"] for row in defined["trail"]} == Counter(
        (person or overview.NOBODY, kind) for person, kind in events
    )


def _basis(day, weeks_back):
    return NOW.date() - timedelta(days=28) <= day - timedelta(days=7 * weeks_back) < NOW.date()


@pytest.mark.parametrize(
    "engine", [each for each in ENGINES if each.name in ("duckdb", "postgres")], ids=lambda engine: engine.name
)
def test_the_figures_are_those_of_the_workspace(engine, at_noon, tmp_path, monkeypatch):
    directory = tmp_path / "engine"
    directory.mkdir()
    # what must not be shown is there to be shown
    monkeypatch.setenv("SEGMENT_INCLUDE_SECRETS", "true")
    with engine.started(directory) as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        load(*READ)
        page, defined = run()
    assert Path("segment.duckdb").exists() == (engine.name == "duckdb")
    assert defined["silent"] and defined["delivery"]
    check_figures(at_noon, defined)
    assert "Not loaded yet" not in page and "Nothing" not in page
    assert TextFinder(at_noon.world.secrets).found(page) == set()
    assert at_noon.token not in page


def test_changes_are_counted_by_who_made_them(at_noon, monkeypatch):
    monkeypatch.setenv("SEGMENT_HISTORY", "true")
    keys = [dg.AssetKey(["segment", name]) for name in ("sources", "audit_events", "changes")]
    sync = defs().resolve_job_def("segment_sync")
    with dg.DagsterInstance.ephemeral() as instance:
        assert sync.execute_in_process(instance=instance, asset_selection=keys).success
        page, defined = run()
        assert "has seen no change yet" in page and defined["changes"] == []
        first, second, third, *_ = at_noon.records("sources")
        at_noon.edits.add(
            Edit("sources", "modify", first["id"], {"name": "renamed"}),
            Edit("sources", "modify", second["id"], {"name": "renamed too"}),
            Edit("sources", "delete", third["id"]),
        )
        assert sync.execute_in_process(instance=instance, asset_selection=keys).success
    page, defined = run()
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        found = connection.execute("SELECT actor_email, endpoint FROM segment_data.changes").fetchall()
    assert len(found) == 3
    assert {(row["person"], row["endpoint"]): row["changes"] for row in defined["changes"]} == Counter(
        (person or overview.UNKNOWN, endpoint) for person, endpoint in found
    )
    assert "what these changed" in page


def test_as_a_script_it_sums_up_in_a_line(at_noon):
    load(*READ)
    ran = subprocess.run([sys.executable, NOTEBOOK], env=os.environ, capture_output=True, text=True, timeout=100)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        "11 of 12 tables: 40 sources, 80 destinations, 126 connections, 32 destinations without traffic"
    ]


def test_what_is_not_loaded_says_which_asset_to_materialize(emulator):
    load("sources")
    page, defined = run()
    assert sum(row["sources"] for row in defined["kinds"]) == len(emulator.records("sources"))
    for table in set(READ) - {"sources", "warehouses", "source_connected_warehouses", overview.FILTERED}:
        assert f"segment/{table}" in page
    assert "SEGMENT_HISTORY=true" in page
    # none is not the same as none loaded
    assert page.count("not loaded") == 2
    assert defined["silent"] == defined["delivery"] == defined["links"] == []


def test_where_nothing_is_loaded_it_says_how_to_and_makes_no_file():
    page, defined = run()
    assert "Nothing is loaded yet" in page and "make demo" in page
    assert defined["tables"] == {}
    assert list(Path.cwd().iterdir()) == []


def test_a_setting_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", "<b>nowhere</b>")
    page, _ = run()
    assert "SEGMENT_DESTINATION is" in page and "which is no destination" in page
    assert "<b>nowhere" not in page


def test_a_file_that_a_run_holds_says_to_come_back(emulator):
    load("sources")
    hold = "import duckdb, sys; held = duckdb.connect('segment.duckdb'); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == b"held\n"
        page, _ = run()
        process.stdin.close()
    assert "Reload this page" in page
    assert "Reload this page" not in run()[0]


def test_a_table_that_was_dropped_is_as_if_never_loaded(emulator):
    load("sources", "destinations")
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute("DROP TABLE segment_data.destinations")
    page, defined = run()
    assert set(defined["tables"]) == {"sources"}
    assert "segment/destinations" in page


def at(day, hour=0):
    return datetime(2026, 3, day, hour, tzinfo=timezone.utc)


def test_days_are_counted_once_whatever_granularities_were_loaded():
    rows = [
        {"granularity": "DAY", "destination": "a", "time": at(1), "events": 5},
        {"granularity": "DAY", "destination": "a", "time": at(2), "events": 7},
        {"granularity": "HOUR", "destination": "a", "time": at(2, 1), "events": 3},
        {"granularity": "HOUR", "destination": "a", "time": at(2, 2), "events": 4},
    ]
    assert overview.by_day(rows) == {("a", date(2026, 3, 1)): 5, ("a", date(2026, 3, 2)): 7}
    later = [*rows, {"granularity": "HOUR", "destination": "a", "time": at(3, 5), "events": 1}]
    assert overview.by_day(later) == {("a", date(2026, 3, 2)): 7, ("a", date(2026, 3, 3)): 1}
    assert overview.by_day([]) == {}


def test_a_destination_whose_events_fail_or_are_filtered_has_no_traffic_and_says_why():
    first, last = date(2026, 3, 1), date(2026, 3, 10)
    destinations = [{"id": each, "name": each, "kind": "Slack", "enabled": True} for each in "abcd"]
    events = {
        "delivered": {("a", last): 1, ("b", first): 9, ("c", last): 0},
        "failed": {("b", last): 4},
        "filtered": {("b", last): 2, ("c", first): 5},
    }
    found = overview.without_traffic(destinations, events, 7)
    assert [(row["id"], row["instead"], row["last delivery"]) for row in found] == [
        ("b", "failed, filtered", first),
        ("c", "nothing arrived", None),
        ("d", "nothing arrived", None),
    ]
    assert [row["id"] for row in overview.without_traffic(destinations, events, 10)] == ["c", "d"]


def test_missing_snapshots_share_what_the_next_one_added():
    rows = [{"timestamp": at(1), "days": 1, "n": 10}, {"timestamp": at(4), "days": 3, "n": 60}]
    assert overview.added_by_day(rows, "n") == {date(2026, 3, day): 10 if day == 1 else 20 for day in (1, 2, 3, 4)}


@pytest.mark.parametrize("days", [0, 1, 3])
def test_fewer_than_three_whole_days_make_no_forecast(days):
    assert overview.forecast({date(2026, 3, 1) + timedelta(days=day): 1.0 for day in range(days)}) is None
    assert overview.told(None, "API calls") == "Too few days for a forecast of API calls."


def test_few_days_are_forecast_by_the_mean_of_all_of_them():
    # three whole days, and one that has only begun
    found = overview.forecast({date(2026, 3, day): number for day, number in ((1, 10), (2, 20), (3, 30), (4, 1))})
    assert found
    assert (found.so_far, found.total) == (61, 60 + 28 * 20)
    assert (found.low, found.high) == (60 + 28 * 10, 60 + 28 * 30)
    assert found.ahead[0] == {"day": date(2026, 3, 4), "expected": 20}


def test_weekdays_are_forecast_by_their_own_mean_and_the_latest_day_by_no_less_than_it_has():
    added = {date(2026, 3, day): 0.0 if date(2026, 3, day).weekday() >= 5 else 10.0 for day in range(1, 24)}
    added[date(2026, 3, 24)] = 50.0
    found = overview.forecast(added)
    assert found
    assert {row["expected"] for row in found.ahead if row["day"].weekday() >= 5} == {0}
    assert [row["expected"] for row in found.ahead[:3]] == [50, 10, 10]
    assert found.low == found.total == found.high


def test_a_month_that_is_over_is_what_was_counted():
    found = overview.forecast({date(2026, 2, day): 5.0 for day in range(1, 29)})
    assert found
    assert (found.so_far, found.total, len(found.ahead)) == (140, 140, 1)
