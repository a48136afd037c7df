"""The partitions of an asset, and the times that they stand for."""

from collections.abc import Collection
from datetime import datetime, timedelta

import dagster as dg

from segment_dagster.assets.contract import Gaps
from segment_dagster.endpoints import Endpoint
from segment_dagster.source.times import Window, first_day, span_of


def window_of_run(context: dg.AssetExecutionContext) -> Window | None:
    """The time that a run's partitions cover, in UTC; `None` where the run has none."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return None
    found = context.partition_time_window
    return Window(found.start, found.end)


def gaps_of(
    endpoint: Endpoint, partitions: dg.TimeWindowPartitionsDefinition, materialized: Collection[str], now: datetime
) -> Gaps:
    """The whole partitions that were never materialized.

    Args:
        endpoint: Says how far back Segment goes. Where it documents no limit, what is before the first materialized
            partition is not missing.
        partitions: The partitions there are.
        materialized: Keys of those that were materialized.
        now: The present, in UTC.
    """
    span = span_of(endpoint)
    windows = {key: partitions.time_window_for_partition_key(key) for key in partitions.get_partition_keys(now)}
    whole = {key: window for key, window in windows.items() if window.end <= now}
    first = min((window.start for key, window in windows.items() if key in materialized), default=None)
    oldest = first_day(span, now) if span else first
    absent = [(key, window.start) for key, window in whole.items() if key not in materialized]
    return Gaps(
        missing=tuple(key for key, start in absent if oldest and start >= oldest),
        lost=tuple(key for key, start in absent if oldest and first and first < start < oldest),
    )


def ranges(keys: Collection[str], step: timedelta = timedelta(days=31)) -> str:
    """Keys as a person reads them, neighbours as ranges: `2026-03-01 to 2026-03-04, 2026-03-09`.

    Args:
        keys: Days as dates.
        step: The longest time between two neighbours.
    """
    days = sorted(datetime.fromisoformat(key) for key in keys)
    groups: list[list[datetime]] = []
    for day in days:
        if groups and day - groups[-1][-1] <= step:
            groups[-1].append(day)
        else:
            groups.append([day])
    said = [f"{group[0]:%Y-%m-%d}" + (f" to {group[-1]:%Y-%m-%d}" if len(group) > 1 else "") for group in groups]
    return ", ".join(said)
