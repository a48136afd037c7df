"""From the tables to the message: a source dies, stays dead, and comes back."""

from datetime import datetime, timedelta, timezone

import dagster as dg
import duckdb
import pytest

from segment_dagster import SegmentResource, build_segment_health_defs
from segment_dagster.alerts.monitored import Monitored
from segment_dagster.marts.models import MARTS

pytestmark = pytest.mark.slow

FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)


def health() -> dg.Definitions:
    return build_segment_health_defs(workspace=SegmentResource(token="made-up"), marts=["health_sources"])


def sent(source: str, first: int, last: int) -> None:
    """Events of a source on days after the first."""
    with duckdb.connect("segment.duckdb") as tables:
        for day in range(first, last + 1):
            tables.execute(
                "INSERT INTO segment_data.events_volume VALUES (?, 'DAY', ?, 10)", [source, FIRST + timedelta(days=day)]
            )


@pytest.fixture
def run(alerts, monkeypatch):
    """A run of the mart on a day."""
    with duckdb.connect("segment.duckdb") as tables:
        tables.execute("CREATE SCHEMA segment_data")
        tables.execute("CREATE TABLE segment_data.sources (id VARCHAR, name VARCHAR, slug VARCHAR, enabled BOOLEAN)")
        tables.execute("INSERT INTO segment_data.sources VALUES ('s1', 'Web', 'web', true), ('s2', 'iOS', 'ios', true)")
        tables.execute(
            "CREATE TABLE segment_data.events_volume "
            "(source_id VARCHAR, granularity VARCHAR, time TIMESTAMPTZ, count BIGINT)"
        )
    made = health()
    alerts.monitored = Monitored.in_definitions(made)
    alerts.options = {"min_severity": dg.AssetCheckSeverity.ERROR, "digest": None}
    job = made.resolve_job_def("segment_health")

    def of_day(day: int) -> None:
        monkeypatch.setenv("SEGMENT_NOW", (FIRST + timedelta(days=day)).isoformat())
        assert job.execute_in_process(instance=alerts.instance).success

    return of_day


def test_what_is_watched_is_what_the_definitions_have():
    monitored = Monitored.in_definitions(health(), dg.Definitions())
    key = dg.AssetKey(["segment", "health_sources"])
    assets = [key, dg.AssetKey(["segment", "report"])]
    assert monitored == Monitored.of([dg.AssetCheckKey(key, "sources_send_events")], assets, ["segment_health"])


def test_checks_of_ones_own_are_among_them():
    @dg.asset_check(asset="report")
    def is_complete():
        return dg.AssetCheckResult(passed=True)

    found = Monitored.in_definitions(dg.Definitions(assets=[dg.AssetSpec("report")], asset_checks=[is_complete]))
    assert found == Monitored.of([dg.AssetCheckKey(dg.AssetKey("report"), "is_complete")])


def test_a_source_that_dies_stays_dead_and_comes_back_is_two_messages(alerts, run):
    sent("s1", 0, 30)
    sent("s2", 0, 9)
    # iOS has been silent for four days, and web sends on
    run(14)
    assert alerts.told() == []
    for day in (25, 26, 27):
        run(day)
        told = alerts.told()
        assert len(told) == (day == 25)
        assert not told or "sources_send_events of segment/health_sources: 1 row: iOS, dead, 2026-01-10." in told[0]
    sent("s2", 27, 27)
    for day in (28, 29):
        run(day)
        assert alerts.told() == (
            ["segment: 1 over\nOver: sources_send_events of segment/health_sources."] if day == 28 else []
        )


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_rows_are_told_apart_by_what_does_not_change_by_itself(mart):
    columns = {column.field for column in mart.columns}
    assert mart.offenders.identity and set(mart.offenders.identity) <= columns
    assert not {"as_of", "state"} & set(mart.offenders.identity)
