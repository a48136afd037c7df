"""Which syncs of an asset the instance has events of: a tick that was interrupted is not to store them twice."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

import dagster as dg

from segment_dagster.syncs.events import LAST_END, SYNC_END, SYNC_ID, SYNC_IDS
from segment_dagster.syncs.sync import Sync

ROUNDED = timedelta(milliseconds=1)
"""Metadata holds times as floats."""

RECENT = 200
"""Events among which the id of a sync is looked for. A tick that is repeated has stored some of its 50 just before."""


class ReportedSyncs:
    """Looks up the latest events of assets in the instance, each once.

    Args:
        instance: The instance.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._until = cache(self._find_until)
        self._ids = cache(self._find_ids)
        self._observed = cache(self._find_observed)
        self.late_since = cache(self._find_late_since)
        """Return the end after which it was told that the next sync of a table is late, or is not, and which."""

    def has(self, key: dg.AssetKey, check: str | None, sync: Sync) -> bool:
        """Return whether the instance has the event of a sync: a materialization of an asset (`None`), or a check.

        A sync without an id is one that ends no later than the latest that was told.
        """
        if sync.id:
            return sync.id in self._ids(key, check)
        until = self._until(key, check)
        return until is not None and sync.end is not None and until >= sync.end - ROUNDED

    def is_awaited(self, key: dg.AssetKey, sync: Sync) -> bool:
        """Return whether a run that has not ended has started a sync: it tells of it."""
        run_id = self._observed(key).get(sync.id)
        run = self._instance.get_run_by_id(run_id) if run_id else None
        return run is not None and not run.is_finished

    def _find_until(self, key: dg.AssetKey, check: str | None) -> datetime | None:
        told = self._evaluation(key, check) if check else self._materialization(key)
        value = told.metadata.get(SYNC_END) if told else None
        if not isinstance(value, dg.TimestampMetadataValue) or value.value is None:
            return None
        return datetime.fromtimestamp(value.value, timezone.utc)

    def _find_late_since(self, key: dg.AssetKey, check: str) -> tuple[str, bool] | None:
        evaluation = self._evaluation(key, check)
        if evaluation is None or LAST_END not in evaluation.metadata:
            return None
        return str(evaluation.metadata[LAST_END].value), not evaluation.passed

    def _find_ids(self, key: dg.AssetKey, check: str | None) -> frozenset[str]:
        if check is None:
            records = self._instance.fetch_materializations(key, limit=RECENT).records
            told = [event.metadata for record in records if (event := record.asset_materialization)]
        else:
            told = [evaluation.metadata for evaluation in self._evaluations(key, check)]
        return frozenset(id_ for metadata in told for id_ in _ids_in(metadata))

    def _find_observed(self, key: dg.AssetKey) -> dict[str | None, str]:
        """Return the run of each sync that was observed to start, by its id."""
        records = self._instance.fetch_observations(key, limit=RECENT).records
        observed = [(record, event) for record in records if (event := record.asset_observation)]
        return {id_: record.run_id for record, event in observed for id_ in _ids_in(event.metadata)}

    def _materialization(self, key: dg.AssetKey) -> dg.AssetMaterialization | None:
        event = self._instance.get_latest_materialization_event(key)
        return event.asset_materialization if event else None

    def _evaluation(self, key: dg.AssetKey, check: str) -> dg.AssetCheckEvaluation | None:
        return next(self._evaluations(key, check), None)

    def _evaluations(self, key: dg.AssetKey, check: str) -> Iterator[dg.AssetCheckEvaluation]:
        """Yield the latest results of a check, the latest first."""
        history = self._instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(key, check), limit=RECENT
        )
        for record in history:
            event = record.event.dagster_event if record.event else None
            # one that a run has planned has no result yet
            if event and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                yield event.asset_check_evaluation_data


def _ids_in(metadata: Mapping[str, dg.MetadataValue[Any]]) -> list[str]:
    """Return the ids of the syncs that an event names."""
    one, several = metadata.get(SYNC_ID), metadata.get(SYNC_IDS)
    return [str(id_) for id_ in [*([one.value] if one else []), *(several.value if several else ())]]
