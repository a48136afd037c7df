"""`make full-read`: every endpoint of a made-up workspace, twice; what it holds against what landed."""

import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
import duckdb

from segment_dagster.definitions import defs
from segment_dagster.demo.expected import expected_rows
from segment_dagster.demo.table import text_table
from segment_dagster.emulator import Emulator, running
from segment_dagster.endpoints import CATALOGUE, Endpoint
from segment_dagster.pipeline import DATASET, settle
from segment_dagster.source.columns import column_name

MINUTE = 0.05
"""Seconds of the limits' minute: the 2,400 requests of which Segment allows 25 a minute take 5 s and not 96 minutes."""

SETTINGS: Mapping[str, str] = {
    "SEGMENT_MINUTE_SECONDS": str(MINUTE),
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}
HEAD = ("endpoint", "expected", "landed", "distinct keys", "landed again", "requests")


def main() -> int:
    """Read everything twice into a directory of its own and print the comparison.

    Returns:
        The exit status: 1 where a run failed or a number differs.
    """
    for setting in [setting for setting in os.environ if setting.startswith(("SEGMENT_", "DESTINATION__"))]:
        del os.environ[setting]
    now = datetime.now(timezone.utc)
    with tempfile.TemporaryDirectory(prefix="segment_full_read_") as place, running(now=now, minute=MINUTE) as emulator:
        os.chdir(place)
        os.environ.update(SETTINGS, DLT_DATA_DIR=place, SEGMENT_BASE_URL=emulator.url, SEGMENT_API_TOKEN=emulator.token)
        with dg.DagsterInstance.ephemeral() as instance:
            first, requests = _read(instance, emulator), emulator.stats.by_endpoint
            again = _read(instance, emulator)
        os.chdir(Path(place).anchor)
    rows = [
        (
            endpoint.name,
            expected_rows(emulator.world, endpoint, now),
            *first[endpoint.name],
            again[endpoint.name][0],
            requests.get(endpoint.name, 0),
        )
        for endpoint in CATALOGUE
    ]
    print(text_table(HEAD, rows))
    wrong = [row for row in rows if len(set(row[1:5])) > 1]
    print(f"\n{len(rows)} endpoints, {sum(row[1] for row in rows):,} rows, {len(wrong)} differences")
    return 1 if wrong else 0


def _read(instance: dg.DagsterInstance, emulator: Emulator) -> dict[str, tuple[int, int]]:
    """Materialize everything, and count rows and distinct keys of each table."""
    emulator.stats.clear()
    quiet = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
    job = defs().resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, run_config=quiet)
    failed = [each for each in result.get_asset_check_evaluations() if not each.passed]
    for each in failed:
        print(f"{each.asset_key.path[-1]}: {each.check_name}: {each.description}", file=sys.stderr)
    with duckdb.connect(str(settle().file), read_only=True) as connection:
        return {endpoint.name: _counts(connection, endpoint) for endpoint in CATALOGUE}


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
