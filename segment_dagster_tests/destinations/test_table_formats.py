"""Delta and Iceberg tables whose columns come and go: nothing is lost, and no run fails for it."""

from dataclasses import replace
from datetime import datetime, timezone

import dlt
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.emulator import Fault
from segment_dagster.extract import Extractor
from segment_dagster.load import load_extracts, preflight, resolve_destination
from segment_dagster_tests.destinations.engines import files

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
UNDECLARED = ["beta_limits", "beta_tier"]


@pytest.fixture(params=["delta", "iceberg"])
def table_format(request, emulator, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
    emulator.clock.set(NOW)
    with files(request.param)(tmp_path) as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield request.param


def read(*names):
    destination = resolve_destination(DestinationSettings())
    preflight(destination, (), now=ApiSettings().now)
    with Extractor(ApiSettings()) as extractor:
        endpoints = [extractor.endpoint(name) for name in names]
        extracts, failures = extractor.extract_all(
            endpoints, preflight(destination, endpoints, now=ApiSettings().now).windows
        )
        assert failures == []
        assert load_extracts(extracts, replace(destination, always_load=True), now=ApiSettings().now).failures == []


def rows(table, column="id"):
    with dlt.pipeline("segment_pipeline").dataset() as dataset:
        relation = dataset.table(table)
        return [row[0] for row in relation.select(column).fetchall()], list(relation.columns_schema)


@pytest.mark.long
def test_a_field_that_comes_and_goes(table_format, emulator):
    table = "audit_events"
    read(table)
    ids, columns = rows(table)
    assert not set(UNDECLARED) & set(columns)
    emulator.faults.add(Fault("extra-field", table))
    read(table)
    assert any(rows(table, UNDECLARED[1])[0])
    emulator.faults.clear()
    read(table)
    after, columns = rows(table)
    assert sorted(after) == sorted(ids) and set(UNDECLARED) <= set(columns)
