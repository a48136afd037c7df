"""Executors times destinations: several families in one run, the rows of the workspace, on machines that share nothing.

Dagster's instance is on PostgreSQL, the code is served by gRPC, runs come from the queue, and Celery has two workers,
each with a working directory and a home of its own.
"""

import os
import time
from collections import Counter
from datetime import datetime, timedelta, timezone

import duckdb
import pytest

from segment_dagster.endpoints import TABLES
from segment_dagster_tests.chaos.tables import ROWS, found, rows_in, served
from segment_dagster_tests.comparable_rows import row_of
from segment_dagster_tests.destinations.landed_rows import expected
from segment_dagster_tests.destinations.two_machines import DATASET, held
from segment_dagster_tests.scale.deployment import WORKERS, deployment

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.scale, pytest.mark.timeout(600)]

NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
DAYS = ("2026-03-30", "2026-03-31")
"""The partition that is read, and the day after it."""

MONTH = "2026-03-01"
TRAIL = NOW.replace(hour=0, minute=0) - timedelta(days=90)
EXECUTORS = ("in_process", "multiprocess", "celery")
FAMILIES = {
    "configuration": {"", "_slow"},
    "daily": {"", "_slow", "_volume", "_delivery", "_delivery_metrics"},
    "monthly": {"_usage"},
}
"""The steps of each kind of job, by what is behind the name of the workspace."""

CELLS = [(destination, executor) for destination in ("postgres", "duckdb", "files") for executor in EXECUTORS]


@pytest.fixture(scope="module")
def deployed(world, tmp_path_factory):
    with deployment(world, NOW, tmp_path_factory.mktemp("deployment")) as deployed:
        yield deployed


@pytest.fixture(scope="module")
def tables(deployed):
    """What each table is to hold: a count of each row."""
    from segment_dagster_tests.scale.user_location import SELECTED

    wanted = {}
    for row in SELECTED.of(TABLES):
        if row.partitioned:
            wanted[row.name] = Counter(row_of(row, record) for record in served(row, deployed.emulator, DAYS))
        else:
            wanted[row.name] = expected(row, deployed.emulator, TRAIL)
    return wanted


def loaded(deployed, destination, names, aside):
    """What the tables hold."""
    if destination == "postgres":
        return held(deployed.warehouse, names)
    if destination == "duckdb":
        return {name: rows for name, rows in found(deployed.duckdb, aside).items() if name in names}
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA {DATASET}")
        for name in names:
            files = deployed.files / DATASET / name
            if any(files.glob("*.parquet")):
                rows = f"SELECT * FROM read_parquet('{files}/*.parquet', union_by_name => true)"
                connection.execute(f"CREATE VIEW {DATASET}.{name} AS {rows}")
        views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        return {name: rows_in(connection, name) for (name,) in views}


@pytest.mark.parametrize(("destination", "executor"), CELLS, ids=["-".join(reversed(cell)) for cell in CELLS])
def test_it_loads_what_the_workspace_holds(deployed, tables, destination, executor, tmp_path, record_property):
    deployed.drop()
    kinds = {"configuration": None} if destination == "files" else {"daily": DAYS[0], "monthly": MONTH}
    begun = time.monotonic()
    runs = deployed.run(**{f"{destination}_{kind}_{executor}": partition for kind, partition in kinds.items()})
    seconds = time.monotonic() - begun
    assert [(run.success, run.queued, run.failures) for run in runs] == [(True, True, [])] * len(runs)
    for kind, run in zip(kinds, runs, strict=True):
        assert set(run.steps) == {destination + family for family in FAMILIES[kind]}
    wanted = tables
    if destination == "files":
        # a table that keeps rows of earlier runs is refused there
        wanted = {name: rows for name, rows in tables.items() if not ROWS[name].time}
    there = loaded(deployed, destination, wanted, tmp_path)
    assert set(there) == set(wanted)
    for name, rows in wanted.items():
        assert there[name] == rows, f"{name}: {list((there[name] - rows) + (rows - there[name]))[:2]}"
    checks = {check: passed for run in runs for check, passed in run.checks.items()}
    # one partition of many
    assert {check for (_, check), passed in checks.items() if not passed} <= {"gaps"}
    assert {name for name, check in checks if check == "row_count"} == set(wanted)
    several = runs[0]
    at_work = set().union(*(run.workers for run in runs))
    # into files the second step waits for the first, and either worker may have it
    at_once = destination != "files"
    if executor == "celery":
        assert at_work == set(WORKERS) if at_once else at_work
    else:
        assert not at_work
    processes = {"in_process": {1}, "multiprocess": {len(several.steps)}, "celery": {2} if at_once else {1, 2}}
    assert len(several.processes) in processes[executor]
    assert (several.most_at_once > 1) == (executor != "in_process" and at_once)
    record_property(
        "executors",
        f"{executor:13} {destination:9} {len(wanted):3} tables {sum(map(Counter.total, wanted.values())):7,} rows "
        f"equal {len(checks):4} checks {sum(len(run.steps) for run in runs):2} steps, "
        f"{several.most_at_once} at once {seconds:6.1f} s",
    )


def test_the_file_in_the_working_directory_is_refused_under_celery(deployed):
    deployed.emulator.stats.clear()
    (run,) = deployed.run(unshared_configuration_celery=None)
    assert not run.success
    assert run.failures == [
        "DESTINATION__DUCKDB__CREDENTIALS leads to segment.duckdb in the working directory, and the executor 'celery' "
        "may run each step on another machine. Set it to a whole path that all of them share, or load into a database: "
        "see docs/destinations.md."
    ]
    assert not deployed.emulator.stats.by_endpoint
    for name in WORKERS:
        assert [*deployed.machines[name].place.rglob("segment.duckdb*")] == []


def test_processes_of_one_run_share_the_file_in_the_working_directory(deployed, tables, tmp_path):
    (run,) = deployed.run(unshared_configuration_multiprocess=None)
    assert (run.success, run.failures) == (True, [])
    assert len(run.processes) == len(run.steps) == 2
    there = found(deployed.machines["code"].work / "segment.duckdb", tmp_path)
    assert there == {name: rows for name, rows in tables.items() if not ROWS[name].partitioned}


def test_celerys_workers_leave_nothing_outside_of_their_homes(deployed):
    (run,) = deployed.run(postgres_daily_celery=DAYS[0])
    assert run.success
    workers = [deployed.machines[name] for name in run.workers]
    assert len(workers) == 2
    for machine in workers:
        assert [each.name for each in machine.work.iterdir()] == ["celery.yaml"]
        # the spools of the run are gone; the machine's own count of requests is beside that in Redis
        left = [each for each in machine.temporary.rglob("*") if each.is_file()]
        assert {each.parent.name for each in left} <= {f"segment_dagster-budgets-{os.geteuid()}"}
