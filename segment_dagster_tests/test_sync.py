"""The core of every run, without Dagster and without the script."""

from importlib import import_module

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.emulator import Fault, running
from segment_dagster.endpoints import TABLES
from segment_dagster.errors import SettingError
from segment_dagster.extract import Extractor
from segment_dagster.extract.times import Window, default_window
from segment_dagster.load import ForeignDatasetError, LoadError, resolve_destination
from segment_dagster.sync import SyncObserver, sync

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in TABLES}
NAMES = ("sources", "warehouses", "audit_events")


class Recorder(SyncObserver):
    """Keeps what a sync says, in order."""

    def __init__(self):
        self.events = []

    def waiting(self):
        self.events.append("waiting")

    def reading(self, endpoints):
        self.events.append(("reading", [endpoint.name for endpoint in endpoints]))

    def read(self, extracts, asked, requests):
        self.events.append(("read", len(extracts), asked, requests))

    def skipped(self, endpoint, reason):
        self.events.append(("skipped", endpoint.name, reason))

    def failed(self, failures):
        self.events += [("failed", failure.endpoint.name) for failure in failures]

    def loading(self, extracts):
        self.events.append(("loading", len(extracts)))

    def loaded(self, result):
        self.events.append(("loaded", len(result.written), len(result.unchanged), len(result.failures)))


def run(*names, **options):
    recorder = Recorder()
    settings = {name: options.pop(name) for name in ("on_unavailable", "token", "base_url") if name in options}
    with Extractor(ApiSettings(**settings)) as extractor:
        endpoints = [extractor.endpoint(name) for name in names or NAMES]
        outcome = sync(endpoints, extractor, resolve_destination(DestinationSettings()), observer=recorder, **options)
    return outcome, recorder.events


def count(table):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(f"SELECT count(*) FROM segment_data.{table}").fetchall()[0][0]


def test_what_was_read_is_loaded_and_each_step_is_told_in_order(emulator):
    outcome, events = run("sources", "warehouses")
    assert events == [
        "waiting",
        ("reading", ["sources", "warehouses"]),
        ("read", 2, 2, outcome.requests),
        ("loading", 2),
        ("loaded", 2, 0, 0),
    ]
    assert emulator.stats.total == outcome.requests
    assert (count("sources"), count("warehouses")) == (40, 3)
    again, events = run("sources", "warehouses")
    assert events[-1] == ("loaded", 0, 2, 0)
    assert (again.unchanged, again.packages) == ({"sources", "warehouses"}, [])


def test_one_that_cannot_be_read_and_one_that_is_not_available_cost_the_others_nothing(emulator):
    emulator.faults.add(Fault("500", "sources"), Fault("missing-feature", "spaces"))
    outcome, events = run("sources", "warehouses", "spaces", on_unavailable="skip")
    assert [failure.endpoint.name for failure in outcome.failures] == ["sources"]
    assert set(outcome.skipped) == {"spaces"}
    assert [extract.endpoint.name for extract in outcome.extracts] == ["warehouses"]
    (skipped,) = (event for event in events if event[0] == "skipped")
    assert skipped == ("skipped", "spaces", outcome.skipped["spaces"])
    assert events.index(("failed", "sources")) < events.index(("loading", 1))
    assert count("warehouses") == 3


def test_where_nothing_could_be_read_nothing_is_opened_for_loading(emulator):
    emulator.faults.add(Fault("500", "sources"))
    verified: list[object] = []
    outcome, events = run("sources", verify=lambda *arguments: verified.append(arguments))
    assert (outcome.extracts, outcome.packages, verified) == ((), (), [])
    assert events[-1] == ("failed", "sources")


def test_another_workspaces_token_is_refused_before_anything_is_read(emulator):
    run("sources")
    with running(seed=2, minute=0.05) as other, pytest.raises(ForeignDatasetError):
        run("sources", base_url=other.url, token=other.token)
    assert other.stats.by_endpoint == {"workspace": 1}
    assert count("sources") == 40


def test_a_destination_that_cannot_be_used_costs_no_request(emulator):
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute("CREATE SCHEMA segment_data_staging")
        connection.execute("CREATE TABLE segment_data_staging.mine (id INTEGER)")
    with pytest.raises(SettingError, match="segment_data_staging"):
        run("sources")
    assert emulator.stats.total == 0


def test_what_grows_is_read_from_where_its_table_ends_and_a_given_window_is_of_what_is_read(emulator):
    outcome, _ = run("audit_events")
    (first,) = outcome.extracts
    outcome, _ = run("audit_events", "sources")
    later = next(extract for extract in outcome.extracts if extract.endpoint.name == "audit_events")
    assert first.window and later.window and first.window.start < later.window.start
    assert later.requests < first.requests


def test_a_window_that_is_given_is_read(emulator):
    (endpoint,) = (row for row in TABLES if row.name == "usage_api_calls_daily")
    with Extractor(ApiSettings()) as extractor:
        whole = default_window(endpoint, extractor.now)
        assert whole is not None
        window = Window(whole.start, extractor.now)
        outcome = sync(
            [endpoint],
            extractor,
            resolve_destination(DestinationSettings()),
            windows={endpoint.name: window, "sources": window},
        )
    assert [extract.window for extract in outcome.extracts] == [window]


def test_the_tables_are_verified_under_the_lock_after_they_were_loaded(emulator):
    seen: list[tuple[list[str], int]] = []

    def verify(result, tables):
        seen.append((sorted(extract.endpoint.name for extract in result.extracts), tables.count("sources")))
        with pytest.raises(duckdb.Error):
            duckdb.connect("segment.duckdb", config={"access_mode": "READ_ONLY"})

    run("sources", "warehouses", verify=verify)
    assert seen == [(["sources", "warehouses"], 40)]


def test_a_package_can_be_loaded_by_others_and_what_they_refuse_fails_alone(emulator):
    packages: list[list[str]] = []

    def load_package(extracts, workspace):
        packages.append([extract.endpoint.name for extract in extracts])
        assert workspace.id == emulator.records("workspace")[0]["id"]
        if "sources" in packages[-1]:
            error = LoadError("sources: no room for it")
            error.table = "sources"
            raise error
        return len(packages)

    outcome, events = run("sources", "warehouses", load_package=load_package)
    assert packages == [["sources", "warehouses"], ["warehouses"]]
    assert ([failure.endpoint.name for failure in outcome.failures], outcome.packages) == (["sources"], [2])
    assert events[-2:] == [("failed", "sources"), ("loaded", 1, 0, 1)]


def test_the_dataset_is_looked_at_before_reading_before_loading_and_after(emulator, monkeypatch):
    run("sources", "audit_events")
    looks: list[object] = []
    dataset = import_module("dlt.dataset.dataset").Dataset
    monkeypatch.setattr(dataset, "__init__", _counted(dataset.__init__, looks))
    run("sources", "warehouses")
    assert len(looks) == 3


def _counted(function, calls):
    def counted(*arguments, **options):
        calls.append(arguments)
        return function(*arguments, **options)

    return counted
