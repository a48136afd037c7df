"""`make demo` loads the emulated workspace once; `make dev` opens Dagster's UI."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import dagster as dg
import duckdb

from segment_dagster.assets import asset_key
from segment_dagster.automation import JOB, full_refresh_runs
from segment_dagster.automation.full_refresh import FullRefreshRun
from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.definitions import defs
from segment_dagster.demo.directory import make_dagster_home, use_demo_directory
from segment_dagster.demo.emulated import emulated_workspace
from segment_dagster.demo.findings import findings
from segment_dagster.demo.table import text_table
from segment_dagster.endpoints import TABLES
from segment_dagster.load import resolve_destination
from segment_dagster.marts.models import MARTS
from segment_dagster.report.asset import FILE
from segment_dagster.terminal import run_command

ENVIRONMENT = os.environ  # noqa: TID251 - a command sets it for what it starts

HOME = Path(".dagster")
"""Dagster's home for a real workspace, in the working directory, if `DAGSTER_HOME` is not set."""

QUERY = """\
SELECT s.name AS source, s.metadata->>'name' AS type, count(d.id) AS destinations
FROM segment_data.sources AS s LEFT JOIN segment_data.destinations AS d ON d.source_id = s.id
GROUP BY ALL ORDER BY destinations DESC, source LIMIT 5"""

HEALTH_JOB = "segment_health"

READ = {table for mart in MARTS for table in mart.tables}
"""Tables that the marts read."""

MAX_FINDINGS = 3

QUIET = {"loggers": {"console": {"config": {"log_level": "INFO"}}}}
"""Run configuration that hides Dagster's own events in the console."""


def main() -> int:
    """Run the demo, or the UI with `--ui`.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser("segment_dagster.demo", description="A first look at segment_dagster.")
    parser.add_argument("--ui", action="store_true", help="open Dagster's UI instead of loading once")
    with_ui = parser.parse_args().ui
    signal.signal(signal.SIGTERM, _stop)
    return _ui() if with_ui else _demo()


def _demo() -> int:
    use_demo_directory()
    # the demo sends no telemetry
    ENVIRONMENT["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    with emulated_workspace() as address:
        print(f"A made-up Segment workspace answers at {address}; the job {JOB} reads it.")
        with dg.DagsterInstance.get() as instance:
            result = _execute(instance, FullRefreshRun(JOB, (), {}))
            print(_report(result))
            if not result.success:
                print(_reason(result), file=sys.stderr)
                return 1
            print("\nNow the time series of a month, and what the marts make of it all.")
            series = [endpoint for endpoint in TABLES if endpoint.partitioned and endpoint.name in READ]
            runs = [*full_refresh_runs(series, ApiSettings().now), FullRefreshRun(HEALTH_JOB, (), {})]
            for run in runs:
                result = _execute(instance, run)
                if not result.success:
                    print(_reason(result), file=sys.stderr)
                    return 1
    destination = resolve_destination(DestinationSettings())
    print(f"\n{QUERY}\n")
    with duckdb.connect(str(destination.file), read_only=True) as connection:
        cursor = connection.execute(QUERY)
        print(text_table([column[0] for column in cursor.description or ()], cursor.fetchall()))
    print("\nWhat matters most in this workspace:")
    for number, finding in enumerate(findings(result.get_asset_check_evaluations(), MAX_FINDINGS), 1):
        print(f"{number}. {finding}")
    print(f"All of it on one page: {_report_file(result)}")
    print(f"\nThe tables are in {destination.file}. `make dev` without a token shows this run in Dagster's UI.")
    return 0


def _execute(instance: dg.DagsterInstance, run: FullRefreshRun) -> dg.ExecuteInProcessResult:
    job = defs().resolve_job_def(run.job)
    selection = [asset_key(name) for name in run.endpoints] or None
    result: dg.ExecuteInProcessResult = job.execute_in_process(
        instance=instance, run_config=QUIET, tags=run.tags, asset_selection=selection, raise_on_error=False
    )
    return result


def _report(result: dg.ExecuteInProcessResult) -> str:
    evaluations = result.get_asset_check_evaluations()
    rows = []
    order = [asset_key(endpoint.name) for endpoint in TABLES]
    materialized = [event.materialization for event in result.get_asset_materialization_events()]
    by_key = {evaluation.asset_key: evaluation for evaluation in materialized if evaluation.asset_key}
    for key in (key for key in order if key in by_key):
        of_asset = [evaluation for evaluation in evaluations if evaluation.asset_key == key]
        passed = f"{sum(evaluation.passed for evaluation in of_asset)} of {len(of_asset)}"
        rows.append([key.to_user_string(), by_key[key].metadata["dagster/row_count"].value, passed])
    return text_table(["asset", "rows", "checks passed"], rows)


def _report_file(result: dg.ExecuteInProcessResult) -> str:
    made = (event.materialization for event in result.get_asset_materialization_events())
    return next(str(each.metadata[FILE].value) for each in made if FILE in each.metadata)


def _reason(result: dg.ExecuteInProcessResult) -> str:
    # Dagster copies the output of a step from a file, and may lose the end of a short step's output
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    descriptions = [failure.user_failure_data.description for failure in failures if failure.user_failure_data]
    return f"error: {' '.join(text for text in descriptions if text) or 'the run failed; its log says why'}"


def _ui() -> int:
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "-w", "workspace.yaml"]
    settings = ApiSettings()
    if settings.token is None:
        use_demo_directory()
        with emulated_workspace() as address:
            print(f"SEGMENT_API_TOKEN is not set: the UI's runs read a made-up workspace at {address}.", flush=True)
            return _run(command)
    if "DAGSTER_HOME" not in ENVIRONMENT:
        make_dagster_home(HOME)
        ENVIRONMENT["DAGSTER_HOME"] = str(HOME.absolute())
    print(f"SEGMENT_API_TOKEN is set: the UI's runs read the workspace at {settings.base_url}.", flush=True)
    return _run(command)


def _run(command: list[str]) -> int:
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # the terminal has sent the interrupt to the process too, so it ends by itself
            return process.wait()
        finally:
            process.terminate()


def _stop(*_: object) -> NoReturn:
    # raise an exception, so that child processes are ended
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    run_command(main)
