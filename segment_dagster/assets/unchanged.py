"""What becomes of an asset whose table held already what came."""

import time
from typing import Any

import dagster as dg

ROWS_UNCHANGED = "segment/rows_unchanged"
_DATA_VERSION = "dagster/data_version"
"""The tag by which Dagster keeps a data version."""


def observation_of(
    result: dg.MaterializeResult[Any], instance: dg.DagsterInstance, hours: float
) -> dg.AssetObservation | None:
    """What to record in place of a materialization, so that nothing downstream runs.

    `AutomationCondition.eager()` looks for materializations, and not at their data versions; so do freshness policies,
    which is why an asset is materialized again in time.

    Args:
        result: The materialization.
        instance: Knows the last one.
        hours: How old that one may be.

    Returns:
        `None` where rows were written, where Dagster has not seen these rows, or too long ago.
    """
    assert result.asset_key is not None
    if not (result.metadata or {}).get(ROWS_UNCHANGED) or result.data_version is None:
        return None
    event = instance.get_latest_materialization_event(result.asset_key)
    tags = (event.asset_materialization.tags if event and event.asset_materialization else None) or {}
    version = result.data_version.value
    if event is None or tags.get(_DATA_VERSION) != version or time.time() - event.timestamp >= hours * 3600:
        return None
    return dg.AssetObservation(result.asset_key, metadata=result.metadata, tags={_DATA_VERSION: version})
