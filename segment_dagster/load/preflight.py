"""Inspect the destination before anything is read from the API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.identity import Workspace
from segment_dagster.extract.times import Window
from segment_dagster.load.destination import Destination
from segment_dagster.load.incremental import incremental_windows
from segment_dagster.load.inspector import inspect_dataset
from segment_dagster.load.lock import destination_lock
from segment_dagster.load.owner import find_owner


@dataclass(frozen=True)
class Preflight:
    """State of the destination before a sync."""

    owner: Workspace | None
    """The workspace that the dataset belongs to; `None` if it is empty or does not name one."""

    windows: Mapping[str, Window]
    """Time windows to read for the incremental endpoints, by name."""


def preflight(destination: Destination, endpoints: Iterable[Endpoint], now: datetime) -> Preflight:
    """Wait until no other run holds the destination, and inspect it.

    Args:
        destination: The destination.
        endpoints: The endpoints to read.
        now: The current time, in UTC.

    Raises:
        LoadError: Others held it longer than `lock_timeout`, or it cannot be reached.
        SettingError: The lock file cannot be created, or dlt's staging dataset belongs to somebody else.
    """
    with destination_lock(destination), inspect_dataset(destination) as tables:
        tables.check_staging()
        return Preflight(find_owner(tables), incremental_windows(tables, endpoints, now))
