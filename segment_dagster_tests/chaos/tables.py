"""What the tables must hold, by the emulated workspace and not by what reads it; and what they do hold."""

import shutil
from collections import Counter
from datetime import timedelta

import duckdb
import orjson

from segment_dagster.automation import families
from segment_dagster.endpoints import TABLES, Months
from segment_dagster.extract.columns import column_name
from segment_dagster_tests.comparable_rows import ON_REQUEST, micros, moment_of, row_of

ROWS = {endpoint.name: endpoint for endpoint in TABLES}
AUDIT = "audit_events"
ENDPOINTS = (
    "sources",
    "destinations",
    "users",
    "user_groups",
    "user_group_users",
    AUDIT,
    "events_volume",
    "delivery_overview_successfully_received",
    "usage_mtu_daily",
)
"""Replaced whole, with and without a parent; merged from the latest row on; replaced in parts, with and without one."""

DAYS = ("2026-03-29", "2026-03-31")
"""What is read of the time series: the first day, and the day after the last one."""

HISTORY = "_history"


def after(old, emulator, names=ENDPOINTS, *, history=False, now=None, read_at=None):
    """The tables after a run that succeeds.

    Args:
        old: The tables before it: a count of each row, by the table.
        emulator: The workspace as it is now.
        names: The endpoints that are read.
        history: Whether every version is kept.
        now: What time the run takes it to be, where that is another than the emulator's.
        read_at: When the workspace was read that was loaded last, where that was before `now`.
    """
    now = now or emulator.clock.now()
    new = dict(old)
    for name in names:
        row = ROWS[name]
        before = old.get(name, Counter())
        if row.incremental:
            new[name] = _merged(before, emulator, now, min(read_at or now, now))
        elif row.partitioned:
            read = served(row, emulator)
            new[name] = Counter(row_of(row, record) for record in read)
            if row.parent:
                # what is not asked for any more keeps its rows
                place = [column.field for column in row.columns].index(row.parent.binds[0].parameter)
                asked = {each["id"] for each in emulator.records(row.parent.endpoint)}
                new[name] += Counter({kept: n for kept, n in before.items() if kept[place] not in asked})
        else:
            new[name] = Counter(row_of(row, record) for record in emulator.records(name))
            if history:
                new[name + HISTORY] = _versions(row, old.get(name + HISTORY, Counter()), new[name])
    return new


def of_job(job):
    """The endpoints of a job whose records are the rows of their tables."""
    (family,) = (family for family in families(TABLES) if family.job == job)
    return tuple(
        row.name
        for row in family.endpoints
        if row.time is None
        and not (row.wrapped or row.exploded or row.derived_from or row.slow)
        and not ON_REQUEST & {column.field for column in row.columns}
    )


def _merged(before, emulator, now, read_at):
    """The audit trail, read from an hour before its latest row on that was not of the future when it was read."""
    row = ROWS[AUDIT]
    place = [column.field for column in row.columns].index("timestamp")
    past = [kept[place] for kept in before if kept[place] <= micros(read_at)]
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=90)
    if past:
        start = moment_of(max(past)) - timedelta(hours=1)
    come = {record["id"]: row_of(row, record) for record in emulator.audit_events(start=start)}
    return Counter([*come.values(), *(kept for kept in before.elements() if kept[0] not in come)])


def served(row, emulator, days=DAYS):
    """The records of some days of a time series, each with what its list was asked with.

    Args:
        row: The endpoint.
        emulator: The workspace.
        days: The first day, and the day after the last one.
    """
    now = emulator.clock.now()
    view, numbers = emulator.edits.view(now), emulator.corrections.numbers(row, now)
    query = {parameter.name: parameter.values for parameter in row.parameters}
    if isinstance(row.time, Months):
        asked = {"period": f"{days[0][:7]}-01"}
        query |= {name: (value,) for name, value in asked.items()}
    else:
        start, end = (f"{day}T00:00:00Z" for day in days)
        asked = {"granularity": row.time.granularity}
        query |= {"startTime": (start,), "endTime": (end,), "granularity": (row.time.granularity,)}
        if row.time.totals:
            asked |= {"startTime": start, "endTime": end}
    for values in view.lists(row.name):
        for record in view.timed(row.name, values, query, now, numbers):
            whole = {**asked, **values, **record}
            if row.exploded:
                yield from ({**whole, **point} for point in record[row.exploded.field])
            else:
                yield whole


def _versions(row, before, rows):
    """The history: what is not there any more is closed, what is new is open."""
    kept = [number for number, column in enumerate(row.columns) if not column.volatile]
    there = Counter({tuple(each[number] for number in kept) for each in rows})
    versions = Counter[tuple]()
    for (version, is_open), count in before.items():
        versions[version, is_open and version in there] += count
    for version in there:
        if not versions[version, True]:
            versions[version, True] = 1
    return +versions


def found(file, aside):
    """What the tables of a DuckDB file hold: a count of each row, by the table.

    Args:
        file: The file. It is copied first: to open it would do what only the next run is to do.
        aside: A directory for the copy.
    """
    if not file.is_file():
        return {}
    copy = aside / "copy.duckdb"
    wal = file.with_name(f"{file.name}.wal")
    copied_wal = copy.with_name(f"{copy.name}.wal")
    copied_wal.unlink(missing_ok=True)
    shutil.copyfile(file, copy)
    if wal.exists():
        shutil.copyfile(wal, copied_wal)
    try:
        with duckdb.connect(str(copy)) as connection:
            listed = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'segment_data'"
            names = [name for (name,) in connection.execute(listed).fetchall()]
            return {name: rows_in(connection, name) for name in names if not name.startswith("_")}
    finally:
        copy.unlink()
        copied_wal.unlink(missing_ok=True)


def rows_in(connection, table):
    """What a table that DuckDB reads holds: a count of each row."""
    is_history = table.endswith(HISTORY)
    row = ROWS[table.removesuffix(HISTORY)]
    columns = [column for column in row.columns if not (is_history and column.volatile)]
    selected = ", ".join(_selected(column) for column in columns)
    if is_history:
        selected += ", valid_to IS NULL"
    rows = connection.execute(f"SELECT {selected} FROM segment_data.{table}").fetchall()
    texts = [number for number, column in enumerate(columns) if column.type == "json"]
    held = Counter[tuple]()
    for each in rows:
        values = list(each)
        for number in texts:
            if values[number] is not None:
                values[number] = orjson.dumps(orjson.loads(values[number]), option=orjson.OPT_SORT_KEYS).decode()
        held[(tuple(values[:-1]), values[-1]) if is_history else tuple(values)] += 1
    return held


def _selected(column):
    name = f'"{column_name(column.field)}"'
    if column.type == "timestamp":
        return f"epoch_us({name})"
    return f"CAST({name} AS VARCHAR)" if column.type in ("date", "json") else name
