"""What earlier attempts of a run have loaded, so that a retry does not read it again."""

from collections.abc import Iterator

import dagster as dg

from segment_dagster.assets.metadata import DATA_VERSION, LOADED_BEFORE

AUTOMATIC_RETRY = "dagster/retry_number"
"""Dagster's tag of a run that `run_retries` started."""


class EarlierAttempts:
    """Materializations by earlier attempts of a step: of the same run, or of the run that it is an automatic retry of.

    A run that a person starts again reads everything. A table is also read again if one of its checks failed.

    Args:
        context: The attempt.
    """

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        runs = list(earlier_runs(context))
        failed = {key for run_id in runs for key in _failed_checks(context.instance, run_id)}
        self._events = {
            event.asset_key: event
            for run_id in runs
            for event in _materializations(context.instance, run_id)
            if event.asset_key in context.selected_asset_keys - failed
        }

    def __contains__(self, key: dg.AssetKey) -> bool:
        """Return whether an asset was materialized."""
        return key in self._events

    def result(self, key: dg.AssetKey) -> dg.MaterializeResult[object]:
        """Return the materialization of an asset again: Dagster skips what is below an asset that is not yielded."""
        event = self._events[key]
        version = (event.tags or {}).get(DATA_VERSION)
        return dg.MaterializeResult(
            asset_key=key,
            metadata={**event.metadata, LOADED_BEFORE: True},
            data_version=dg.DataVersion(version) if version else None,
        )


def earlier_runs(context: dg.AssetExecutionContext) -> Iterator[str]:
    """Yield the run that this one is an automatic retry of, and this one itself where the step was tried before."""
    run = context.run
    if run.parent_run_id and AUTOMATIC_RETRY in run.tags:
        yield run.parent_run_id
    if context.retry_number:
        yield run.run_id


def _materializations(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.AssetMaterialization]:
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    for record in records:
        if materialization := record.event_log_entry.asset_materialization:
            yield materialization


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.AssetKey]:
    """Yield the keys of assets of which a check failed and does not only warn."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    for record in records:
        event = record.event_log_entry.dagster_event
        check = event.asset_check_evaluation_data if event else None
        if check and not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            yield check.asset_key
