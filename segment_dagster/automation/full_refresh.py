"""Runs that read endpoints over the whole range of a first read."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from segment_dagster.automation.families import families
from segment_dagster.automation.schedules import RANGE_END, RANGE_START
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.extract.times import Window, default_window


@dataclass(frozen=True)
class FullRefreshRun:
    """A run of a job for a selection of its assets."""

    job: str
    endpoints: tuple[str, ...]
    tags: dict[str, str]
    """Run tags with the range of partitions; empty if the assets have none."""


def full_refresh_runs(chosen: Collection[Endpoint], now: datetime) -> Iterator[FullRefreshRun]:
    """Yield the runs that fully refresh endpoints, in lineage order.

    Args:
        chosen: The endpoints.
        now: The current time, in UTC.
    """
    for family in families(TABLES):
        by_window: dict[Window | None, list[str]] = {}
        for endpoint in family.endpoints:
            if endpoint in chosen:
                window = default_window(endpoint, now) if endpoint.partitioned else None
                by_window.setdefault(window, []).append(endpoint.name)
        monthly = any(endpoint.cumulative for endpoint in family.endpoints)
        for window, names in by_window.items():
            yield FullRefreshRun(family.job, tuple(names), _tags(window, monthly=monthly))


def _tags(window: Window | None, *, monthly: bool) -> dict[str, str]:
    if window is None or window.end is None:
        return {}
    last = window.end - timedelta(days=1)
    last = last.replace(day=1) if monthly else last
    return {RANGE_START: f"{window.start:%Y-%m-%d}", RANGE_END: f"{last:%Y-%m-%d}"}
