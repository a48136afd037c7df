"""What Dagster is told of a sync: materializations and check results of the tables that it wrote."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from segment_dagster.syncs.statuses import OnPartial, Outcome, Statuses
from segment_dagster.syncs.warehouse_sync import WarehouseSync
from segment_dagster.text import duration

SYNC_CHECK, LATE_CHECK = "segment_sync", "segment_sync_late"
"""Names of the checks of a table: whether the latest sync succeeded, and whether the next one is late."""

ARRIVED_CHECK = "events_arrived"
"""Name of the check of a table's rows."""

SYNC_START, SYNC_END, LAST_END = "segment/sync_start", "segment/sync_end", "segment/last_sync_end"
DATA_VERSION = "dagster/data_version"

LATE_AFTER = 3.0
"""How many usual intervals without an end make the next sync late."""

ROUNDED = timedelta(milliseconds=1)
"""Metadata holds times as floats."""

AssetEvent = dg.AssetMaterialization | dg.AssetCheckEvaluation


def events_of(
    sync: WarehouseSync,
    keys: Sequence[dg.AssetKey],
    *,
    statuses: Statuses,
    on_partial: OnPartial,
    reported: Callable[[dg.AssetKey, str | None], datetime | None] = lambda key, check: None,
) -> Iterator[AssetEvent]:
    """Yield the events of a sync that has ended, for each of its tables.

    Args:
        sync: The sync.
        keys: Keys of its tables.
        statuses: What a status means.
        on_partial: What a partial success counts as.
        reported: Returns until which end the instance has events of a table's syncs: its materialization, or a check
            of it. What it has is not yielded again.
    """
    assert sync.end is not None
    outcome = statuses.outcome(sync.status)
    metadata = sync_metadata(sync)
    passed, severity, description = _result(sync, outcome, on_partial)
    for key in keys:
        if materializes(outcome, on_partial) and not _is_reported(reported(key, None), sync.end):
            yield dg.AssetMaterialization(
                key,
                description=f"Segment has synced {sync.rows:,} rows of all tables of the source together.",
                metadata=metadata,
                tags={DATA_VERSION: sync.end.isoformat()},
            )
        if not _is_reported(reported(key, SYNC_CHECK), sync.end):
            yield dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=SYNC_CHECK,
                passed=passed,
                severity=severity,
                description=description,
                metadata=metadata,
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


def sync_metadata(sync: WarehouseSync) -> dict[str, Any]:
    """Return the metadata of an event."""
    assert sync.end is not None
    return {
        SYNC_START: dg.MetadataValue.timestamp(sync.start),
        SYNC_END: dg.MetadataValue.timestamp(sync.end),
        "segment/sync_seconds": sync.seconds,
        "segment/sync_rows": sync.rows,
        "segment/sync_status": sync.status,
        **({"segment/sync_notices": list(sync.notices)} if sync.notices else {}),
    }


def materializes(outcome: Outcome, on_partial: OnPartial) -> bool:
    """Return whether a sync that has ended so counts as a materialization of its tables."""
    return outcome is Outcome.SUCCESS or (outcome is Outcome.PARTIAL and on_partial is not OnPartial.FAIL)


def _result(sync: WarehouseSync, outcome: Outcome, on_partial: OnPartial) -> tuple[bool, dg.AssetCheckSeverity, str]:
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


def _is_reported(until: datetime | None, end: datetime) -> bool:
    return until is not None and until >= end - ROUNDED
