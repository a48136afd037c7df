"""Rows that were read earlier and come to be loaded later than those of another run."""

import logging
from datetime import datetime, timedelta, timezone

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.emulator import Edit
from segment_dagster.extract import Extractor
from segment_dagster.load import inspect_dataset, load_extracts, preflight, resolve_destination

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
LATER = NOW + timedelta(hours=1)
NAMES = ("sources", "labels", "audit_events")


def extracts(monkeypatch, now, *names):
    monkeypatch.setenv("SEGMENT_NOW", now.isoformat())
    # the files are deleted with it, and loaded before
    extractor = Extractor(ApiSettings())
    found, failures = extractor.extract_all([extractor.endpoint(name) for name in names or NAMES])
    assert failures == []
    return extractor, found


def load(read, before=None, *, always=False, history=True):
    extractor, found = read
    destination = resolve_destination(DestinationSettings(always_load=always))
    with extractor:
        return load_extracts(found, destination, now=extractor.now, history=history, read_before=before)


def read_before(now, extractor):
    endpoints = [extractor.endpoint(name) for name in NAMES]
    return preflight(resolve_destination(DestinationSettings()), endpoints, now).read_times


def query(sql):
    with duckdb.connect("segment.duckdb") as connection:
        return connection.execute(sql).fetchall()


def names_of(source):
    versions = f"SELECT name FROM segment_data.sources_history WHERE id = '{source}' ORDER BY valid_from"
    return [*query(f"SELECT name FROM segment_data.sources WHERE id = '{source}'"), *query(versions)]


@pytest.fixture
def source(emulator, world, monkeypatch):
    """A source whose table is loaded; it is called otherwise from now on."""
    emulator.clock.set(NOW)
    load(extracts(monkeypatch, NOW))
    yield world.records("sources")[0]
    emulator.clock.set(None)


def rename(emulator, source, name="renamed"):
    emulator.edits.add(Edit("sources", "modify", source["id"], {"name": name}, at=NOW))


@pytest.mark.long
@pytest.mark.parametrize("always", [False, True])
def test_later_rows_stay_and_their_history_is_not_written_back_and_forth(emulator, source, monkeypatch, caplog, always):
    early = extracts(monkeypatch, NOW)
    before = read_before(NOW, early[0])
    rename(emulator, source)
    late = extracts(monkeypatch, LATER)
    load(late, before)
    with caplog.at_level(logging.WARNING):
        loaded = load(early, before, always=always)
    assert names_of(source["id"]) == [("renamed",), (source["name"],), ("renamed",)]
    assert "sources" in loaded.unchanged and loaded.failures == []
    said = "sources: not loaded, because a run that read it later has loaded it meanwhile"
    assert [record.getMessage() for record in caplog.records if "meanwhile" in record.getMessage()] == [said]


def test_the_extract_says_what_the_table_holds(emulator, source, monkeypatch):
    early = extracts(monkeypatch, NOW)
    before = read_before(NOW, early[0])
    emulator.edits.add(Edit("sources", "delete", source["id"], at=NOW))
    load(extracts(monkeypatch, LATER), before)
    loaded = {each.endpoint.name: each for each in load(early, before).extracts}
    assert (loaded["sources"].rows, loaded["sources"].records, loaded["sources"].total_entries) == (39, 39, None)
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        assert tables.count("sources") == 39


def test_rows_that_were_read_later_are_loaded(emulator, source, monkeypatch):
    before = read_before(NOW, extracts(monkeypatch, NOW)[0])
    load(extracts(monkeypatch, NOW), before)
    rename(emulator, source)
    loaded = load(extracts(monkeypatch, LATER), before)
    assert "sources" not in loaded.unchanged
    assert names_of(source["id"])[0] == ("renamed",)


@pytest.mark.long
def test_what_was_recorded_before_the_read_overtook_nobody(emulator, source, monkeypatch):
    # a clock that is wrong by a day, for once
    load(extracts(monkeypatch, NOW + timedelta(days=1)), always=True)
    rename(emulator, source)
    now = extracts(monkeypatch, NOW)
    assert "sources" not in load(now, read_before(NOW, now[0])).unchanged
    assert names_of(source["id"])[0] == ("renamed",)


@pytest.mark.long
def test_a_table_that_was_changed_since_then_is_loaded(emulator, source, monkeypatch):
    early = extracts(monkeypatch, NOW)
    before = read_before(NOW, early[0])
    rename(emulator, source)
    load(extracts(monkeypatch, LATER), before)
    query("DELETE FROM segment_data.sources")
    assert "sources" not in load(early, before).unchanged
    assert query("SELECT count(*) FROM segment_data.sources") == [(40,)]


@pytest.mark.long
def test_the_same_rows_are_loaded_where_they_are_to_be_loaded_always(source, monkeypatch):
    early = extracts(monkeypatch, NOW)
    before = read_before(NOW, early[0])
    load(extracts(monkeypatch, LATER), before, always=True)
    assert load(early, before, always=True).unchanged == frozenset()


@pytest.mark.long
def test_a_read_that_nobody_prepared_counts_as_the_latest(emulator, source, monkeypatch):
    early = extracts(monkeypatch, NOW)
    rename(emulator, source)
    load(extracts(monkeypatch, LATER))
    assert "sources" not in load(early).unchanged
