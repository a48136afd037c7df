"""`events_arrived`: the rows in a warehouse against what Segment has taken in."""

from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta, timezone

import dagster as dg
import duckdb
import psycopg2
import pytest

from segment_dagster import DestinationResource, SegmentResource, segment_warehouse_specs
from segment_dagster.emulator import running
from segment_dagster.emulator.warehouse import Loss, _hours, fill
from segment_dagster.syncs.arrival import sql_name
from segment_dagster.syncs.arrived_check import Arrival, arrived_checks
from segment_dagster.syncs.tables import TableNames
from segment_dagster.syncs.topology import SyncedSource, SyncedWarehouse, Topology
from segment_dagster_tests.conftest import MINUTE
from segment_dagster_tests.destinations.engines import postgres_server

pytestmark = [pytest.mark.slow, pytest.mark.server]

NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)
DAY = timedelta(days=1)
FIRST, LAST = date(2024, 3, 8), date(2024, 3, 14)
TABLES = ("tracks", "pages", "screens", "identifies", "groups")


@pytest.fixture(scope="module")
def served():
    """A workspace with few events."""
    with running(now=NOW, minute=MINUTE, events_a_day=300) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as address:
        yield address


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request, tmp_path, monkeypatch):
    """Settings of a warehouse, and a function that connects to it."""
    if request.param == "duckdb":
        file = str(tmp_path / "warehouse.duckdb")
        return DestinationResource(type="duckdb", database=file), lambda: duckdb.connect(file)
    address = request.getfixturevalue("postgres")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)
    execute(lambda: psycopg2.connect(address), "DROP SCHEMA IF EXISTS web CASCADE")
    return DestinationResource(type="postgres"), lambda: psycopg2.connect(address)


@pytest.fixture
def source(served):
    """A source that has sent every type of call."""
    sources = [each["id"] for each in served.records("sources") if each["enabled"]]
    return next(each for each in sources if len(_types(served, each)) >= 5)


def _types(served, source):
    try:
        return {hour.kind for hour in _hours(served, source, LAST, LAST + DAY) if hour.calls}
    except ValueError:
        return set()


@pytest.fixture
def check(served, source, monkeypatch):
    """Run the check; its results by table."""
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    topology = Topology(
        warehouses=[SyncedWarehouse(id="w", name="W", type="postgres", sources=[SyncedSource(id=source, slug="web")])]
    )
    specs = segment_warehouse_specs(topology, names=TableNames(tables={"web": (*TABLES, "users")}))

    def run(destination, *, reach=NOW, resources=None, **options):
        arrival = Arrival(**{"destination": destination, **options})
        workspace = SegmentResource(token=served.token, base_url=served.url)
        checks = arrived_checks(specs, arrival, workspace=workspace)
        assert checks
        definitions = dg.Definitions(assets=specs, asset_checks=[checks], resources=resources or {})
        with dg.DagsterInstance.ephemeral() as instance:
            if reach:
                for spec in specs:
                    told = dg.AssetMaterialization(
                        spec.key, metadata={"segment/sync_start": dg.MetadataValue.timestamp(reach)}
                    )
                    instance.report_runless_asset_event(told)
            job = dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())
            made = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job])).resolve_job_def("checks")
            result = made.execute_in_process(instance=instance, raise_on_error=False)
        failures = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
        if failures:
            raise RuntimeError(failures[0] and failures[0].description)
        return {each.asset_key.path[-1]: each for each in result.get_asset_check_evaluations()}

    return run


def write(connect, served, source, *, start=FIRST, end=LAST + DAY, lose=None):
    with closing(connect()) as connection:
        filled = fill(connection, served, source, "web", start=start, end=end, lose=lose)
        connection.commit()
    return filled


def execute(connect, sql):
    with closing(connect()) as connection:
        connection.cursor().execute(sql)
        connection.commit()


def busiest_event(connect, day):
    with closing(connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(
            f"SELECT event_text, count(*) FROM web.tracks WHERE received_at >= '{day} 00:00:00' AND "
            f"received_at < '{day + DAY} 00:00:00' GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        )
        return cursor.fetchone()


def test_all_events_have_arrived(served, source, warehouse, check):
    destination, connect = warehouse
    filled = write(connect, served, source)
    results = check(destination)
    assert set(results) == set(TABLES)
    for table, result in results.items():
        assert result.passed, result.description
        rows = filled.rows.get(table, 0)
        assert result.description == f"{rows:,} of {rows:,} expected rows on 7 days."
        assert sum(result.metadata["segment/rows_found"].value.values()) == rows


def test_three_percent_of_one_event_on_one_day_are_missing(served, source, warehouse, check):
    destination, connect = warehouse
    write(connect, served, source)
    day = LAST - DAY
    event, count = busiest_event(connect, day)
    lost = write(connect, served, source, lose=Loss(event=event, day=day, share=0.03)).lost
    assert 0 < len(lost) < 0.05 * count
    results = check(destination)
    assert {table for table, result in results.items() if not result.passed} == {"tracks"}
    result = results["tracks"]
    assert result.severity is dg.AssetCheckSeverity.ERROR
    assert f": {day} of {event!r}: {count - len(lost):,} of {count:,}." in result.description
    (record,) = result.metadata["segment/differences"].records
    assert record.data == {"day": str(day), "event": event, "expected": count, "found": count - len(lost)}
    # within the tolerance it is none
    assert check(destination, tolerance=0.1)["tracks"].passed


def test_rows_that_are_there_twice_are_a_warning(served, source, warehouse, check):
    destination, connect = warehouse
    write(connect, served, source)
    execute(connect, "INSERT INTO web.pages SELECT * FROM web.pages")
    result = check(destination)["pages"]
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert ", ..." in result.description


def test_only_days_that_the_latest_sync_has_reached_are_compared(served, source, warehouse, check):
    destination, connect = warehouse
    write(connect, served, source, end=LAST)
    # the sync began on the last day, of which it cannot have all
    reach = datetime(LAST.year, LAST.month, LAST.day, 8, tzinfo=timezone.utc)
    results = check(destination, reach=reach, days=3)
    assert all(result.passed for result in results.values())
    days = list(results["tracks"].metadata["segment/rows_expected"].value)
    assert set(days) <= {str(LAST - number * DAY) for number in (1, 2, 3)}
    # a day that it has reached is not there
    assert not check(destination, days=3)["tracks"].passed


def test_a_table_that_is_not_there_is_no_reason_to_fail_for_the_others(served, source, warehouse, check):
    destination, connect = warehouse
    filled = write(connect, served, source)
    execute(connect, "DROP TABLE web.screens")
    results = check(destination)
    assert set(results) == set(TABLES)
    assert {table for table, result in results.items() if not result.passed} == {"screens"}
    assert results["screens"].description.startswith(f"0 of {filled.rows['screens']:,} expected rows on 7 days: ")


def test_without_a_sync_it_is_not_known_what_has_to_be_there(served, source, warehouse, check):
    destination, _ = warehouse
    results = check(destination, reach=None)
    assert {(result.passed, result.severity) for result in results.values()} == {(False, dg.AssetCheckSeverity.WARN)}
    assert "No sync of this table was told yet" in results["tracks"].description


def test_a_dagster_resource_can_be_the_warehouse(served, source, tmp_path, check):
    file = str(tmp_path / "warehouse.duckdb")
    write(lambda: duckdb.connect(file), served, source)

    class Warehouse(dg.ConfigurableResource):
        @contextmanager
        def get_connection(self):
            with duckdb.connect(file) as connection:
                yield connection

    results = check(None, resource="dwh", resources={"dwh": Warehouse()})
    assert all(result.passed for result in results.values()) and set(results) == set(TABLES)


def test_a_resource_that_cannot_be_read_is_told_in_a_line(served, source, check):
    class Broken(dg.ConfigurableResource):
        @contextmanager
        def get_connection(self):
            with duckdb.connect() as connection:
                connection.execute("CREATE SCHEMA web; CREATE TABLE web.tracks (id INT)")
                yield connection

    with pytest.raises(RuntimeError, match=r"The warehouse of the resource 'dwh' cannot be read \(\w+\): "):
        check(None, resource="dwh", resources={"dwh": Broken()})


def test_a_resource_that_cannot_be_connected_to_is_told_in_a_line_without_its_password(served, source, check, capfd):
    class Unreachable(dg.ConfigurableResource):
        def get_connection(self):
            raise OSError("no route to postgresql://loader:wrong@warehouse.internal/raw")

    with pytest.raises(RuntimeError, match=r"resource 'dwh' cannot be read \(OSError\): no route to ") as failed:
        check(None, resource="dwh", resources={"dwh": Unreachable()})
    assert "wrong" not in "".join([str(failed.value), *capfd.readouterr()])


def test_a_warehouse_is_named_once():
    for destination, resource in ((None, None), (DestinationResource(), "dwh")):
        with pytest.raises(ValueError, match="either by a destination or by a resource"):
            Arrival(destination=destination, resource=resource)


def test_names_of_tables_are_quoted_where_they_have_to_be():
    assert sql_name("RAW.web.tracks") == "RAW.web.tracks"
    assert sql_name('my-db.we"b.tracks') == '"my-db"."we""b".tracks'
