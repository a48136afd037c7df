"""Partition keys and time ranges of an asset."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

from segment_dagster.assets.contract import PartitionGaps
from segment_dagster.endpoints import Endpoint, Months, TimeRange
from segment_dagster.extract.times import Window, counted_until, first_day, span_of

NONE = "none"
"""Text for an empty set of partitions."""


@dataclass(frozen=True)
class Reach:
    """Keys of the partitions of a run that an endpoint can or cannot read, earliest first."""

    readable: tuple[str, ...]
    beyond: tuple[str, ...]
    """Partitions that are older than Segment's limit."""

    ahead: tuple[str, ...]
    """Partitions that lie in the future, or of which Segment has counted nothing yet."""

    window: Window | None
    """Time range of the readable partitions; `None` if there are none."""


def reach_of(endpoint: Endpoint, windows: Mapping[str, Window], now: datetime) -> Reach:
    """Return which partitions can be read.

    Args:
        endpoint: The endpoint, with its limits and lag.
        windows: Time ranges of the run's partitions by key, earliest first.
        now: The current time, in UTC.
    """
    span, time = span_of(endpoint), endpoint.time
    oldest = now - span.oldest if span else None
    beyond = tuple(key for key, window in windows.items() if oldest and window.start < oldest)
    # a month can be read from its first moment on
    last = counted_until(time, now) - timedelta(microseconds=1) if isinstance(time, TimeRange) else now
    ahead = tuple(key for key, window in windows.items() if window.start > last)
    readable = tuple(key for key in windows if key not in beyond and key not in ahead)
    window = Window(windows[readable[0]].start, windows[readable[-1]].end) if readable else None
    return Reach(readable, beyond, ahead, window)


def gaps_of(
    endpoint: Endpoint, partitions: dg.TimeWindowPartitionsDefinition, materialized: Collection[str], now: datetime
) -> PartitionGaps:
    """Return the complete partitions that were never materialized.

    Args:
        endpoint: The endpoint, with its limits. If Segment documents none, partitions before the first materialized
            one do not count as missing.
        partitions: All partitions.
        materialized: Keys of the materialized partitions.
        now: The current time, in UTC.
    """
    span = span_of(endpoint)
    windows = {key: partitions.time_window_for_partition_key(key) for key in partitions.get_partition_keys(now)}
    whole = {key: window for key, window in windows.items() if window.end <= now}
    first = min((window.start for key, window in windows.items() if key in materialized), default=None)
    oldest = first_day(span, now) if span else first
    absent = [(key, window.start) for key, window in whole.items() if key not in materialized]
    return PartitionGaps(
        missing=tuple(key for key, start in absent if oldest and start >= oldest),
        lost=tuple(key for key, start in absent if oldest and first and first < start < oldest),
    )


def step_of(endpoint: Endpoint) -> timedelta:
    """Return the longest time between the starts of two adjacent partitions of an endpoint."""
    return timedelta(days=31 if isinstance(endpoint.time, Months) else 1)


def ranges(keys: Collection[str], step: timedelta = timedelta(days=31)) -> str:
    """Return keys as text, adjacent ones as ranges: `2026-03-01 to 2026-03-04, 2026-03-09`.

    Args:
        keys: ISO dates.
        step: The longest time between two adjacent keys.
    """
    days = sorted(datetime.fromisoformat(key) for key in keys)
    groups: list[list[datetime]] = []
    for day in days:
        if groups and day - groups[-1][-1] <= step:
            groups[-1].append(day)
        else:
            groups.append([day])
    texts = [f"{group[0]:%Y-%m-%d}" + (f" to {group[-1]:%Y-%m-%d}" if len(group) > 1 else "") for group in groups]
    return ", ".join(texts)


def keys_in(said: str, keys: Collection[str]) -> Iterator[str]:
    """Yield the keys that are inside the ranges of a text that `ranges` wrote."""
    for part in said.split(", ") if said != NONE else ():
        first, _, last = part.partition(" to ")
        yield from (key for key in keys if first <= key <= (last or first))
