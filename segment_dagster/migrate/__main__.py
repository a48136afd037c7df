"""`make move FROM=duckdb TO=postgres`: materialize the assets in another destination, and compare the tables."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from segment_dagster.assets import DestinationResource, SegmentResource, asset_key
from segment_dagster.automation import FullRefreshRun, full_refresh_runs
from segment_dagster.components.build import build_segment_defs
from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.extract.identity import identify
from segment_dagster.extract.times import default_window
from segment_dagster.load import Destination, check_owner, resolve_destination
from segment_dagster.load.unsupported import check_history
from segment_dagster.migrate.compare import endpoints_with_tables, table_content
from segment_dagster.terminal import run_command

QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Materialize the endpoints that have a table in one destination in another one, and compare both.

    Args:
        arguments: The command line; by default that of the process.

    Returns:
        The exit status: 1 if a run failed or a table differs.
    """
    parser = argparse.ArgumentParser("move", description="Materialize the assets in another destination; compare.")
    parser.add_argument("source", metavar="FROM", help="such as duckdb, or filesystem:delta")
    parser.add_argument("target", metavar="TO", help="such as postgres")
    options = parser.parse_args(arguments)
    try:
        source = resolve_destination(_destination_of(options.source).settings())
        endpoints = endpoints_with_tables(source, TABLES)
        if not endpoints:
            raise SegmentError(f"{options.source} holds no table of the dataset {source.dataset!r}: nothing to move.")
        with SegmentResource().extractor() as extractor:
            check_owner(source, identify(extractor))
            now = extractor.now
        destination = _destination_of(options.target)
        target = resolve_destination(destination.settings())
        check_history(target, history=ApiSettings().history)
        failed = _materialize(endpoints, build_segment_defs(destination=destination), now)
        return _compare(source, target, endpoints, failed, now)
    except SegmentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _destination_of(name_and_format: str) -> DestinationResource:
    """Return a destination that is named as `filesystem:delta`; its other settings are in the environment."""
    destination, _, table_format = name_and_format.partition(":")
    return DestinationResource(type=destination, table_format=table_format)


def _materialize(endpoints: Sequence[Endpoint], definitions: dg.Definitions, now: datetime) -> set[str]:
    """Materialize endpoints.

    Returns:
        The names of the endpoints that were not materialized.
    """
    materialized: set[str] = set()
    with _instance() as instance:
        for run in full_refresh_runs(endpoints, now):
            print(f"{run.job}: {len(run.endpoints)} assets", flush=True)
            materialized |= _run_job(instance, definitions, run)
    return {endpoint.name for endpoint in endpoints} - materialized


def _run_job(instance: dg.DagsterInstance, definitions: dg.Definitions, run: FullRefreshRun) -> set[str]:
    job = definitions.resolve_job_def(run.job)
    keys = [asset_key(name) for name in run.endpoints]
    result = job.execute_in_process(
        instance=instance, run_config=QUIET, tags=run.tags, asset_selection=keys, raise_on_error=False
    )
    materialized = (event.materialization.asset_key for event in result.get_asset_materialization_events())
    return {key.path[-1] for key in materialized}


def _instance() -> dg.DagsterInstance:
    # the user's instance, if there is one, so that it records the materializations
    has_home = os.environ.get("DAGSTER_HOME")  # noqa: TID251 - a command
    return dg.DagsterInstance.get() if has_home else dg.DagsterInstance.ephemeral()


def _compare(
    source: Destination, target: Destination, endpoints: Sequence[Endpoint], failed: set[str], now: datetime
) -> int:
    print(f"\n{'table':45}{source.type:>14}{target.type:>14}  compared")
    unequal = rows = beyond = 0
    for endpoint in endpoints:
        window = default_window(endpoint, now)
        old, new = table_content(source, endpoint, window), table_content(target, endpoint, window)
        same = (old.rows, old.total) == (new.rows, new.total) and endpoint.name not in failed
        verdict = "equal" if same else "did not land" if endpoint.name in failed else "differs"
        verdict += f", and {old.beyond:,} rows that Segment no longer gives" if old.beyond else ""
        print(f"{endpoint.name:45}{old.rows:14,}{new.rows:14,}  {verdict}")
        unequal, rows, beyond = unequal + (not same), rows + new.rows, beyond + old.beyond
    print(f"\n{len(endpoints)} tables, {rows:,} rows: {len(endpoints) - unequal} equal, {unequal} not; {beyond:,} left")
    return 1 if unequal else 0


if __name__ == "__main__":
    run_command(main)
