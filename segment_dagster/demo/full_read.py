"""`make full-read`: every endpoint of a made-up workspace, twice; what it holds against what landed."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import duckdb

from segment_dagster.assets import asset_key
from segment_dagster.automation import RANGE_END, RANGE_START, families
from segment_dagster.definitions import defs
from segment_dagster.demo.expected import expected_rows, least_requests
from segment_dagster.demo.table import text_table
from segment_dagster.emulator import Emulator, Fault, running
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.pipeline import DATASET, settle
from segment_dagster.source.columns import column_name
from segment_dagster.source.times import Window, default_window
from segment_dagster.wording import counted

MINUTE = 0.05
"""Seconds of the limits' minute: the 2,400 requests of which Segment allows 25 a minute take 5 s and not 96 minutes."""

SETTINGS: Mapping[str, str] = {
    "SEGMENT_MINUTE_SECONDS": str(MINUTE),
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}
_NAMES = [endpoint.name for endpoint in TABLES]
HEAD = ("endpoint", "expected", "landed", "distinct keys", "landed again", "requests", "at least")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read everything twice into a directory of its own and print the comparison.

    Args:
        arguments: The command line, that of the process by default.

    Returns:
        The exit status: 1 where a run failed or a number differs.
    """
    given = _parser().parse_args(arguments)
    chosen = [row for row in TABLES if row.name in (given.only or _NAMES) and row.name not in given.without]
    for setting in [setting for setting in os.environ if setting.startswith(("SEGMENT_", "DESTINATION__"))]:
        del os.environ[setting]
    now = datetime.now(timezone.utc)
    with (
        tempfile.TemporaryDirectory(prefix="segment_full_read_") as place,
        running(now=now, minute=MINUTE, faults=given.fault) as emulator,
    ):
        os.chdir(place)
        os.environ.update(SETTINGS, DLT_DATA_DIR=place, SEGMENT_BASE_URL=emulator.url, SEGMENT_API_TOKEN=emulator.token)
        with dg.DagsterInstance.ephemeral() as instance:
            first, whole = _read(instance, emulator, chosen, now)
            requests = emulator.stats.by_endpoint
            again, whole_again = _read(instance, emulator, chosen, now)
        os.chdir(Path(place).anchor)
    rows = [
        (
            endpoint.name,
            expected_rows(emulator.world, endpoint, now),
            *first.get(endpoint.name, (0, 0)),
            again.get(endpoint.name, (0, 0))[0],
            requests.get(endpoint.name, 0),
            least_requests(emulator.world, endpoint, now),
        )
        for endpoint in chosen
    ]
    print(text_table(HEAD, rows))
    wrong = [row for row in rows if len(set(row[1:5])) > 1]
    print(f"\n{counted(len(rows), 'endpoint')}, {sum(row[1] for row in rows):,} rows, {len(wrong)} differences")
    return 0 if whole and whole_again and not wrong else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("segment_dagster.demo.full_read", description="Read a made-up workspace, twice.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--only", nargs="+", choices=_NAMES, default=[], metavar="NAME", help="the endpoints to read")
    choice.add_argument("--without", nargs="+", choices=_NAMES, default=[], metavar="NAME", help="those to leave out")
    parser.add_argument(
        "--fault",
        type=Fault.parse,
        action="append",
        default=[],
        metavar="KIND[:ENDPOINT][:after=N][:times=N][:value=X][:rate=X][:seed=N]",
        help="something for the emulator to do wrong; may be given more than once",
    )
    return parser


def _read(
    instance: dg.DagsterInstance, emulator: Emulator, chosen: Sequence[Endpoint], now: datetime
) -> tuple[dict[str, tuple[int, int]], bool]:
    """Materialize the endpoints.

    Returns:
        Rows and distinct keys of each table that is there, and whether the run succeeded.
    """
    emulator.stats.clear()
    quiet = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
    whole = True
    for job, names, tags in _runs(chosen, now):
        result = (
            defs()
            .resolve_job_def(job)
            .execute_in_process(
                instance=instance,
                run_config=quiet,
                tags=tags,
                asset_selection=[asset_key(name) for name in names],
                raise_on_error=False,
            )
        )
        whole = whole and result.success
        for each in result.get_asset_check_evaluations():
            if not each.passed:
                print(f"{each.asset_key.path[-1]}: {each.check_name}: {each.description}", file=sys.stderr)
    place = settle()
    if not place.file or not place.file.exists():
        return {}, whole
    with duckdb.connect(str(place.file), read_only=True) as connection:
        found = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", [place.dataset]
        ).fetchall()
        landed = {name for (name,) in found}
        return {row.name: _counts(connection, row) for row in chosen if row.name in landed}, whole


def _runs(chosen: Sequence[Endpoint], now: datetime) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """The runs of a full read: job, endpoints, and the tags that say for which partitions."""
    for family in families(TABLES):
        by_window: dict[Window | None, list[str]] = {}
        for endpoint in family.endpoints:
            if endpoint in chosen:
                window = default_window(endpoint, now) if endpoint.partitioned else None
                by_window.setdefault(window, []).append(endpoint.name)
        for window, names in by_window.items():
            tags = {}
            if window and window.end:
                last = window.end - timedelta(days=1)
                monthly = any(endpoint.cumulative for endpoint in family.endpoints)
                tags = {
                    RANGE_START: f"{window.start:%Y-%m-%d}",
                    RANGE_END: f"{last.replace(day=1) if monthly else last:%Y-%m-%d}",
                }
            yield family.job, names, tags


def _counts(connection: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> tuple[int, int]:
    key = ", ".join(f'"{column_name(field)}"' for field in endpoint.primary_key)
    table = f'{DATASET}."{endpoint.name}"'
    found = connection.execute(
        f"SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT {key} FROM {table})) FROM {table}"  # noqa: S608
    ).fetchone()
    assert found is not None
    return found[0], found[1]


if __name__ == "__main__":
    sys.exit(main())
