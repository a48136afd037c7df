"""What Dagster is told of a sync: materializations and check results of what it wrote."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from segment_dagster.syncs.statuses import OnPartial, Outcome, Statuses
from segment_dagster.syncs.sync import Sync
from segment_dagster.text import duration

SYNC_CHECK, LATE_CHECK = "segment_sync", "segment_sync_late"
"""Names of the checks of a table: whether the latest sync succeeded, and whether the next one is late."""

ARRIVED_CHECK = "events_arrived"
"""Name of the check of a table's rows."""

SYNC_START, SYNC_END, LAST_END = "segment/sync_start", "segment/sync_end", "segment/last_sync_end"
SYNC_ID, SYNC_IDS = "segment/sync_id", "segment/sync_ids"
"""Metadata of an event: the sync that it tells of, or those that a check result is of, where the API gives them ids."""

DATA_VERSION = "dagster/data_version"

LATE_AFTER = 3.0
"""How many usual intervals without an end make the next sync late."""

AssetEvent = dg.AssetMaterialization | dg.AssetCheckEvaluation

Reported = Callable[[dg.AssetKey, str | None, Sync], bool]
"""Returns whether the instance has the event of a sync: its materialization of an asset (`None`), or a check of it."""


def not_reported(key: dg.AssetKey, check: str | None, sync: Sync) -> bool:
    """Return that the instance has no event."""
    return False


def events_of(
    sync: Sync,
    keys: Sequence[dg.AssetKey],
    *,
    statuses: Statuses,
    on_partial: OnPartial,
    reported: Reported = not_reported,
) -> Iterator[AssetEvent]:
    """Yield the events of a sync that has ended, for each of its assets.

    Args:
        sync: The sync.
        keys: Keys of its assets.
        statuses: What a status means.
        on_partial: What a partial success counts as.
        reported: Says what the instance has: it is not yielded again.
    """
    result = SyncResult.of(sync, statuses, on_partial)
    for key in keys:
        if result.materializes and not reported(key, None, sync):
            yield materialization_of(sync, key)
        if not reported(key, SYNC_CHECK, sync):
            yield dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=SYNC_CHECK,
                passed=result.passed,
                severity=result.severity,
                description=result.description,
                metadata=sync_metadata(sync),
            )


def materialization_of(sync: Sync, key: dg.AssetKey) -> dg.AssetMaterialization:
    """Return the materialization of an asset by a sync that has ended."""
    assert sync.end is not None
    return dg.AssetMaterialization(
        key,
        description=sync.description,
        metadata=sync_metadata(sync),
        tags={DATA_VERSION: sync.end.isoformat()},
    )


def late_event(
    key: dg.AssetKey, *, last_end: datetime, now: datetime, interval: float, late: bool
) -> dg.AssetCheckEvaluation:
    """Return the result of the check whether the next sync is late.

    Args:
        key: Key of a table.
        last_end: When the latest sync ended, in UTC.
        now: The present, in UTC.
        interval: Usual seconds between the ends of two syncs.
        late: Whether it is late.
    """
    ago, usual = duration((now - last_end).total_seconds()), duration(interval)
    said = f"The latest sync ended {ago} ago, usually there is one every {usual}"
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=LATE_CHECK,
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{said}. Look at the warehouse in the Segment app." if late else f"{said}.",
        metadata={LAST_END: last_end.isoformat(), "segment/usual_interval_seconds": round(interval)},
    )


def sync_metadata(sync: Sync) -> dict[str, Any]:
    """Return the metadata of an event."""
    assert sync.end is not None
    return {
        SYNC_START: dg.MetadataValue.timestamp(sync.start),
        SYNC_END: dg.MetadataValue.timestamp(sync.end),
        "segment/sync_seconds": sync.seconds,
        "segment/sync_status": sync.status,
        **({SYNC_ID: sync.id} if sync.id else {}),
        **sync.metadata,
        **({"segment/sync_notices": list(sync.notices)} if sync.notices else {}),
    }


def materializes(outcome: Outcome, on_partial: OnPartial) -> bool:
    """Return whether a sync that has ended so counts as a materialization of its assets."""
    return outcome is Outcome.SUCCESS or (outcome is Outcome.PARTIAL and on_partial is not OnPartial.FAIL)


@dataclass(frozen=True)
class SyncResult:
    """What the check says of a sync that has ended."""

    passed: bool
    severity: dg.AssetCheckSeverity
    description: str
    materializes: bool

    @classmethod
    def of(cls, sync: Sync, statuses: Statuses, on_partial: OnPartial) -> "SyncResult":
        """Return the result of a sync."""
        outcome = statuses.outcome(sync.status)
        return cls(*_result(sync, outcome, on_partial), materializes(outcome, on_partial))


def _result(sync: Sync, outcome: Outcome, on_partial: OnPartial) -> tuple[bool, dg.AssetCheckSeverity, str]:
    ended = f"The sync that ended at {sync.end:%Y-%m-%d %H:%M:%S} UTC"
    reason = f" {' '.join(sync.notices)}" if sync.notices else ""
    if outcome is Outcome.SUCCESS:
        return True, dg.AssetCheckSeverity.ERROR, f"{ended} has succeeded."
    if outcome is Outcome.PARTIAL:
        severity = dg.AssetCheckSeverity.ERROR if on_partial is OnPartial.FAIL else dg.AssetCheckSeverity.WARN
        return on_partial is OnPartial.SUCCESS, severity, f"{ended} has succeeded in part ({sync.status}).{reason}"
    if outcome is Outcome.FAILED:
        return False, dg.AssetCheckSeverity.ERROR, f"{ended} has failed ({sync.status}).{reason}"
    return (
        False,
        dg.AssetCheckSeverity.WARN,
        f"{ended} has the status {sync.status!r}, which is not known: say in `statuses` what it means.{reason}",
    )
