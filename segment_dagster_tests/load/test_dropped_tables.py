"""Tables that somebody dropped are made again, however they are loaded."""

from datetime import datetime, timezone

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.extract import Extractor
from segment_dagster.extract.resources import source_of_extracts
from segment_dagster.load import load, resolve_destination

pytestmark = pytest.mark.slow

NAMES = ("sources", "audit_events", "events_volume")
"""One that is replaced, one that is merged, one that is read in parts."""


@pytest.fixture
def emulator(emulator, monkeypatch):
    now = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
    monkeypatch.setenv("SEGMENT_NOW", now.isoformat())
    emulator.clock.set(now)
    yield emulator
    emulator.clock.set(None)


def read():
    with Extractor(ApiSettings()) as extractor:
        extracts, failures = extractor.extract_all([extractor.endpoint(name) for name in NAMES])
        assert failures == []
        load(source_of_extracts(extracts), resolve_destination(DestinationSettings()), now=ApiSettings().now)


def counts():
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return [connection.execute(f"SELECT count(*) FROM segment_data.{name}").fetchall()[0][0] for name in NAMES]


def test_what_was_dropped_is_there_again_after_the_next_load(emulator):
    read()
    before = counts()
    assert all(before)
    for dropped in (
        [f"TABLE segment_data.{name}" for name in NAMES],
        ["TABLE segment_data._dlt_loads", "TABLE segment_data._dlt_version", "TABLE segment_data._dlt_pipeline_state"],
        ["SCHEMA segment_data_staging CASCADE"],
        ["SCHEMA segment_data CASCADE"],
    ):
        with duckdb.connect("segment.duckdb") as connection:
            for each in dropped:
                connection.execute(f"DROP {each}")
        read()
        assert counts() == before, dropped
