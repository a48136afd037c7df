"""Read endpoints with their jobs, and collect the outcome and row counts of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg
import duckdb

from segment_dagster.assets import asset_key
from segment_dagster.automation import full_refresh_runs
from segment_dagster.config import DestinationSettings
from segment_dagster.definitions import defs
from segment_dagster.emulator import Emulator
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.load import resolve_destination

LANDED, SKIPPED, FAILED = "landed", "skipped", "failed"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Read:
    """The outcomes of a read."""

    success: bool = True
    """Whether every run succeeded."""

    outcomes: dict[str, str] = field(default_factory=dict)
    """`landed`, `skipped` or `failed`, by endpoint name."""

    reasons: dict[str, str] = field(default_factory=dict)
    """Reasons by endpoint name, for those that did not land."""

    warnings: list[str] = field(default_factory=list)
    """Descriptions of the checks that did not pass."""

    requests: dict[str, int] = field(default_factory=dict)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Number of rows and of distinct keys per existing table."""


def read(instance: dg.DagsterInstance, emulator: Emulator, chosen: Sequence[Endpoint], now: datetime) -> Read:
    """Materialize endpoints with their jobs, over the range of a full read.

    Args:
        instance: Instance that stores the runs.
        emulator: The workspace; its counters are reset.
        chosen: The endpoints.
        now: The current time, in UTC.
    """
    emulator.stats.clear()
    done = Read()
    for run in full_refresh_runs(chosen, now):
        result = (
            defs()
            .resolve_job_def(run.job)
            .execute_in_process(
                instance=instance,
                run_config=QUIET,
                tags=run.tags,
                asset_selection=[asset_key(name) for name in run.endpoints],
                raise_on_error=False,
            )
        )
        _record(result, done)
    done.requests = emulator.stats.by_endpoint
    done.counts = _counts(chosen)
    return done


def _record(result: dg.ExecuteInProcessResult, done: Read) -> None:
    done.success = done.success and result.success
    for event in result.get_asset_materialization_events():
        done.outcomes[event.materialization.asset_key.path[-1]] = LANDED
    for event in result.get_asset_observation_events():
        observation = event.asset_observation_data.asset_observation
        name, skipped = observation.asset_key.path[-1], observation.metadata.get("segment/skipped")
        if skipped is not None:
            done.outcomes[name], done.reasons[name] = SKIPPED, str(skipped.value)
    for event in result.all_events:
        failure = event.step_failure_data.user_failure_data if event.is_step_failure else None
        for name, value in (failure.metadata if failure else {}).items():
            # a table that was loaded fails the run too, where a check says that its rows are wrong
            done.outcomes.setdefault(name, FAILED)
            done.reasons[name] = str(value.value)
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            done.warnings.append(f"{evaluation.asset_key.path[-1]}: {evaluation.check_name}: {evaluation.description}")


def _counts(chosen: Sequence[Endpoint]) -> dict[str, tuple[int, int]]:
    destination = resolve_destination(DestinationSettings())
    if not destination.file or not destination.file.exists():
        return {}
    with duckdb.connect(str(destination.file), read_only=True) as connection:
        found = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", [destination.dataset]
        ).fetchall()
        existing = {name for (name,) in found}
        return {row.name: _count(connection, destination.dataset, row) for row in chosen if row.name in existing}


def _count(connection: duckdb.DuckDBPyConnection, dataset: str, endpoint: Endpoint) -> tuple[int, int]:
    key = ", ".join(f'"{column_name(field)}"' for field in endpoint.primary_key)
    table = f'{dataset}."{endpoint.name}"'
    found = connection.execute(
        f"SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT {key} FROM {table})) FROM {table}"  # noqa: S608
    ).fetchone()
    assert found is not None
    return found[0], found[1]
