"""Which syncs of a table the instance has events of: a tick that was interrupted is not to store them twice."""

from datetime import datetime, timezone
from functools import cache

import dagster as dg

from segment_dagster.syncs.events import LAST_END, SYNC_END


class ReportedSyncs:
    """Looks up the latest events of tables in the instance, each once.

    Args:
        instance: The instance.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self.until = cache(self._until)
        """Return until which end the syncs of a table were told, in UTC, for its materialization (`None`) or a check;
        `None` if none was."""

        self.late_since = cache(self._late_since)
        """Return the end after which it was told that the next sync of a table is late, or is not, and which."""

    def _until(self, key: dg.AssetKey, check: str | None) -> datetime | None:
        told = self._evaluation(key, check) if check else self._materialization(key)
        value = told.metadata.get(SYNC_END) if told else None
        if not isinstance(value, dg.TimestampMetadataValue) or value.value is None:
            return None
        return datetime.fromtimestamp(value.value, timezone.utc)

    def _late_since(self, key: dg.AssetKey, check: str) -> tuple[str, bool] | None:
        evaluation = self._evaluation(key, check)
        if evaluation is None or LAST_END not in evaluation.metadata:
            return None
        return str(evaluation.metadata[LAST_END].value), not evaluation.passed

    def _materialization(self, key: dg.AssetKey) -> dg.AssetMaterialization | None:
        event = self._instance.get_latest_materialization_event(key)
        return event.asset_materialization if event else None

    def _evaluation(self, key: dg.AssetKey, check: str) -> dg.AssetCheckEvaluation | None:
        record = self._instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(key, check)]
        ).get(dg.AssetCheckKey(key, check))
        event = record.event.dagster_event if record and record.event else None
        return event.asset_check_evaluation_data if event else None
