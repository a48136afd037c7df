"""Find in Dagster's instance what is wrong now: failed checks, failed runs, lost partitions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg

from segment_dagster.assets.metadata import LOST, OFFENDERS_DIGEST
from segment_dagster.assets.partitions import NONE

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]

OVERLAP = timedelta(minutes=5)
"""How far before the latest known end runs are looked at again: another machine may store an end a little later."""

WILL_RETRY = "dagster/will_retry"
"""Dagster's tag of a failed run that it tries again by itself."""

MAX_RUNS = 100
"""Most runs of a job that one look returns, the latest: a sensor that was off for months is not to time out."""

_LOOKED_THROUGH = 10
"""Latest executions of a check, or runs of a job, among which one is looked for that counts."""

_SEVERITIES = (dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN)


@dataclass(frozen=True)
class FailedCheck:
    """A check that fails."""

    key: dg.AssetCheckKey
    severity: dg.AssetCheckSeverity
    fingerprint: str
    """The same as long as the check finds the same; counts do not belong to it."""

    description: str


@dataclass(frozen=True)
class EndedRun:
    """A run of a job that has succeeded or failed."""

    id: str
    job: str
    end: float
    """Seconds since 1970."""

    failed: bool


def evaluated_checks(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey], least: dg.AssetCheckSeverity
) -> dict[dg.AssetCheckKey, FailedCheck | None]:
    """Return what each check has found last: `None` if it passes. One that was never evaluated is absent.

    Args:
        instance: The instance.
        keys: The checks.
        least: A check that fails with a lower severity passes.
    """
    found: dict[dg.AssetCheckKey, FailedCheck | None] = {}
    storage = instance.event_log_storage
    latest = storage.get_latest_asset_check_execution_by_key(keys)
    # it also returns checks of these assets that have the name of another asset's check
    for key, record in ((key, latest[key]) for key in keys if key in latest):
        evaluation = _evaluation(record)
        if evaluation is None:
            # it runs now, or its run ended before it: what it has found before holds
            history = storage.get_asset_check_execution_history(key, limit=_LOOKED_THROUGH)
            evaluation = next((each for each in map(_evaluation, history) if each), None)
        if evaluation is not None:
            found[key] = _failed(key, evaluation, least)
    return found


def lost_partitions(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> dict[dg.AssetKey, tuple[str, ...]]:
    """Return the ranges of partitions that each asset has lost for good; those that do not say are absent.

    Args:
        instance: The instance.
        keys: The assets.
    """
    found: dict[dg.AssetKey, tuple[str, ...]] = {}
    for record in instance.get_asset_records(keys) if keys else ():
        latest = record.asset_entry.last_materialization
        materialization = latest.asset_materialization if latest else None
        value = materialization.metadata.get(LOST) if materialization else None
        if isinstance(value, dg.TextMetadataValue) and value.value:
            found[record.asset_entry.asset_key] = tuple(value.value.split(", ")) if value.value != NONE else ()
    return found


def latest_runs(instance: dg.DagsterInstance, jobs: Sequence[str]) -> list[EndedRun]:
    """Return the latest run of each job that has ended, in the order of their ends.

    Args:
        instance: The instance.
        jobs: Names of the jobs.
    """
    found = []
    for job in jobs:
        records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=ENDED), limit=_LOOKED_THROUGH)
        found += list(_ended_runs(records))[:1]
    return sorted(found, key=lambda run: run.end)


def runs_since(instance: dg.DagsterInstance, jobs: Sequence[str], since: float) -> list[EndedRun]:
    """Return the runs that have ended since `OVERLAP` before a time, in the order of their ends.

    Args:
        instance: The instance.
        jobs: Names of the jobs.
        since: Seconds since 1970.
    """
    after = datetime.fromtimestamp(max(0.0, since - OVERLAP.total_seconds()), timezone.utc)
    found: list[EndedRun] = []
    for job in jobs:
        filters = dg.RunsFilter(job_name=job, statuses=ENDED, updated_after=after)
        records = instance.get_run_records(filters, limit=MAX_RUNS)
        found += [run for run in _ended_runs(records) if run.end >= after.timestamp()]
    return sorted(found, key=lambda run: run.end)


def error_of(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return the first line of the error of a failed run; empty if it is not known.

    Args:
        instance: The instance.
        run_id: The run.
    """
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    # the run's own error only says that a step failed
    lines = [line for entry in instance.all_logs(run_id, of_type=kinds) if (line := _first_line(entry))]
    return lines[0] if lines else ""


def _evaluation(record: Any) -> dg.AssetCheckEvaluation | None:
    event = record.event.dagster_event if record.event else None
    if event is None or event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    evaluation: dg.AssetCheckEvaluation = event.asset_check_evaluation_data
    return evaluation


def _failed(
    key: dg.AssetCheckKey, evaluation: dg.AssetCheckEvaluation, least: dg.AssetCheckSeverity
) -> FailedCheck | None:
    if evaluation.passed:
        return None
    digests = _digests(evaluation)
    counted = [each for each in _SEVERITIES if least is dg.AssetCheckSeverity.WARN or each is least]
    severities = [each for each in counted if each.name in digests]
    if not severities:
        return None
    return FailedCheck(
        key=key,
        severity=severities[0],
        fingerprint=" ".join(f"{each.name}:{digests[each.name]}" for each in severities),
        description=evaluation.description or "",
    )


def _digests(evaluation: dg.AssetCheckEvaluation) -> Mapping[str, str]:
    """Return what a check has found, as a digest by severity. One that does not tell whom has one without a content."""
    value = evaluation.metadata.get(OFFENDERS_DIGEST)
    if isinstance(value, dg.JsonMetadataValue) and isinstance(value.value, dict):
        return {str(name): str(digest) for name, digest in value.value.items()}
    return {evaluation.severity.name: ""}


def _ended_runs(records: Sequence[dg.RunRecord]) -> Iterator[EndedRun]:
    for record in records:
        run = record.dagster_run
        if run.tags.get(WILL_RETRY) == "true":
            continue
        end = record.end_time if record.end_time is not None else record.update_timestamp.timestamp()
        yield EndedRun(run.run_id, run.job_name, end, run.status is dg.DagsterRunStatus.FAILURE)


def _first_line(entry: dg.EventLogEntry) -> str:
    event = entry.dagster_event
    if event is None:
        return ""
    if event.is_step_failure:
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return _line(data.user_failure_data.description)
        error = data.error
        while error and error.cause:
            error = error.cause
        return _line(error.message) if error else ""
    return _line(event.message or "")


def _line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
