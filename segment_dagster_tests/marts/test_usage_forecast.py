"""`usage_forecast`: an emulated workspace's months, read and loaded, against what its month comes to."""

from datetime import date, datetime, timedelta, timezone

import dagster as dg
import pytest
import requests

from segment_dagster.config import ApiSettings, DestinationSettings, HealthSettings, Preview
from segment_dagster.emulator import running
from segment_dagster.emulator.adjustments import MissingDay
from segment_dagster.extract import Extractor
from segment_dagster.extract.times import Window
from segment_dagster.load import inspect_dataset, resolve_destination
from segment_dagster.marts.build_mart import build_mart
from segment_dagster.marts.check import check_mart
from segment_dagster.marts.models.usage_forecast import USAGE_FORECAST, finish
from segment_dagster.sync import sync
from segment_dagster_tests.conftest import MINUTE
from segment_dagster_tests.destinations.engines import postgres_server
from segment_dagster_tests.variants import often

pytestmark = [pytest.mark.slow, pytest.mark.server]

NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)
OVER = datetime(2024, 4, 1, tzinfo=timezone.utc)
FIRST, MARCH, YESTERDAY = datetime(2023, 12, 1, tzinfo=timezone.utc), date(2024, 3, 1), date(2024, 3, 14)
WORKSPACE, BY_SOURCE = (
    ("usage_api_calls_daily", "usage_mtu_daily"),
    (
        "usage_api_calls_per_source_daily",
        "usage_mtu_per_source_daily",
    ),
)
COLUMNS = [column.field for column in USAGE_FORECAST.columns]


@pytest.fixture(scope="module")
def served(world):
    with running(world=world, now=NOW, minute=MINUTE) as emulator:
        emulator.corrections.add(MissingDay("usage_mtu_daily", YESTERDAY))
        yield emulator


@pytest.fixture(params=often(["duckdb", "postgres"], 1))
def destination(request, monkeypatch):
    """An empty dataset."""
    if request.param == "duckdb":
        yield resolve_destination(DestinationSettings())
        return
    with postgres_server() as address:
        monkeypatch.setenv("SEGMENT_DESTINATION", "postgres")
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)
        yield resolve_destination(DestinationSettings())


def load(served, destination, *names):
    windows = dict.fromkeys((*WORKSPACE, *BY_SOURCE), Window(FIRST))
    with Extractor(ApiSettings(token=served.token, base_url=served.url), now=NOW) as extractor:
        read = sync([extractor.endpoint(name) for name in names], extractor, destination, windows=windows)
    assert not read.failures


def made(destination, **settings):
    """The mart's rows by metric and source, and the result of its check."""
    build_mart(USAGE_FORECAST, destination, NOW, HealthSettings(**settings))
    with inspect_dataset(destination) as tables:
        rows = list(tables.rows(USAGE_FORECAST.name, COLUMNS, USAGE_FORECAST.key))
        check = check_mart(USAGE_FORECAST, dg.AssetKey("usage_forecast"), tables, Preview.ON)
    return {(row["metric"], row["source_id"]): row for row in rows}, check


def usage(served, path, now):
    """The snapshots of March so far."""
    served.clock.set(now)
    given = requests.get(
        f"{served.url}/usage/{path}/daily",
        params={"period": MARCH.isoformat(), "pagination.count": "1000"},
        headers={"Authorization": f"Bearer {served.token}"},
        timeout=10,
    )
    served.clock.set(NOW)
    (snapshots,) = (value for value in given.json()["data"].values() if isinstance(value, list))
    return snapshots


def test_the_month_is_forecast_for_the_workspace_and_each_source(served, destination):
    load(served, destination, "sources", *WORKSPACE, *BY_SOURCE)
    *_, calls, _ = (int(each["apiCalls"]) for each in usage(served, "api-calls", NOW))
    *_, users, _ = (int(each["identified"]) + int(each["neverIdentified"]) for each in usage(served, "mtu", NOW))
    plans = {"api_calls_plan": calls + 1, "mtu_plan": users - 1}
    rows, check = made(destination, **plans)

    # a deleted one keeps its numbers
    sources = {each["sourceId"] for each in usage(served, "api-calls/sources", NOW)}
    assert {source["id"] for source in served.records("sources")} < sources
    assert set(rows) == {(metric, source) for metric in ("api_calls", "mtu") for source in (None, *sources)}
    assert {(row["month"], row["as_of"]) for row in rows.values()} == {(MARCH, YESTERDAY)}
    api_calls, mtu = rows["api_calls", None], rows["mtu", None]
    assert (api_calls["used"], api_calls["days_known"], api_calls["plan"]) == (calls, 14, calls + 1)
    # yesterday's snapshot is missing
    assert (mtu["used"], mtu["days_known"], mtu["plan"]) == (users, 13, users - 1)
    assert api_calls["share_of_plan"] == pytest.approx(api_calls["forecast"] / api_calls["plan"])
    assert {row["plan"] for (_, source), row in rows.items() if source} == {None}
    assert sum(row["used"] for (metric, source), row in rows.items() if source and metric == "api_calls") == calls

    truth = int(usage(served, "api-calls", OVER)[-1]["apiCalls"])
    assert api_calls["low"] <= truth <= api_calls["high"]
    assert api_calls["forecast"] == pytest.approx(truth, rel=0.1)
    assert 0 < api_calls["past_error"] < 0.1

    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    named = (f"{row['metric']}, {row['forecast']}, {row['plan']}" for row in (api_calls, mtu))
    assert check.description == f"2 rows: {'; '.join(named)}."
    assert (check.metadata["segment/errors"].value, check.metadata["segment/warnings"].value) == (1, 1)


def test_without_sources_and_plans_there_are_two_rows_and_nothing_to_warn_of(served):
    destination = resolve_destination(DestinationSettings())
    load(served, destination, *WORKSPACE)
    rows, check = made(destination)
    assert set(rows) == {("api_calls", None), ("mtu", None)}
    assert {(row["plan"], row["share_of_plan"]) for row in rows.values()} == {(None, None)}
    assert check.passed
    rows, check = made(destination, api_calls_plan=rows["api_calls", None]["forecast"] - 1)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)


def snapshots(source, *months, latest=MARCH):
    """Rows of the mart's query: ten calls a day, to the fourteenth in March."""
    for month in months:
        days = 14 if month == MARCH else 28
        for day in range(days):
            yield {
                **{"metric": "api_calls", "source_id": source, "source_name": source, "month": month},
                **{"day": month + timedelta(days=day), "used": 10 * (day + 1), "latest_month": latest},
                **{"first_known": month, "last_known": month.replace(day=days)},
            }


def test_a_source_that_others_have_outlived_is_not_forecast():
    february = date(2024, 2, 1)
    rows = [*snapshots("gone", february), *snapshots("there", february, MARCH)]
    assert [row["source_id"] for row in finish(rows, NOW, HealthSettings())] == ["there"]


def test_on_the_first_of_a_month_it_is_forecast_from_those_before():
    rows = list(snapshots(None, date(2023, 2, 1), latest=date(2023, 2, 1)))
    (row,) = finish(rows, datetime(2023, 3, 1, 6, tzinfo=timezone.utc), HealthSettings(api_calls_plan=100))
    assert (row["month"], row["days_known"], row["used"], row["forecast"]) == (date(2023, 3, 1), 0, 0, 310)
    assert (row["plan"], row["share_of_plan"], row["as_of"]) == (100, 3.1, date(2023, 2, 28))


def test_the_last_snapshot_of_a_day_counts():
    first, *others = snapshots(None, MARCH)
    rows = [{**first, "used": 3}, first, *others, {**others[-1], "used": 145}]
    (row,) = finish(rows, NOW, HealthSettings())
    assert (row["used"], row["days_known"]) == (145, 14)
