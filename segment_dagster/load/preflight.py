"""Inspect the destination before anything is read from the API."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SettingError
from segment_dagster.extract.identity import Workspace
from segment_dagster.extract.times import Window
from segment_dagster.load.destination import Destination
from segment_dagster.load.incremental import incremental_windows
from segment_dagster.load.inspector import DatasetInspector, inspect_dataset
from segment_dagster.load.local_lock import local_lock
from segment_dagster.load.lock import destination_lock
from segment_dagster.load.owner import find_owner
from segment_dagster.load.superseded import read_times


@dataclass(frozen=True)
class Preflight:
    """State of the destination before a sync. Another machine may change it until the rows are loaded."""

    owner: Workspace | None
    """The workspace that the dataset belongs to; `None` if it is empty or does not name one."""

    windows: Mapping[str, Window]
    """Time windows to read for the incremental endpoints, by name."""

    read_times: Mapping[str, datetime]
    """When the rows of the tables were read, by name, as far as it is recorded."""


def preflight(destination: Destination, endpoints: Collection[Endpoint], now: datetime) -> Preflight:
    """Inspect the destination, once no other run on this machine holds it.

    Args:
        destination: The destination.
        endpoints: The endpoints to read.
        now: The current time, in UTC.

    Raises:
        LoadError: Others held it longer than `lock_timeout`, or it cannot be reached.
        SettingError: The lock file cannot be created, or dlt's staging dataset belongs to somebody else.
    """
    with local_lock(destination), inspect_dataset(destination) as tables:
        _check_staging(destination, tables)
        owner, windows = find_owner(tables), incremental_windows(tables, endpoints, now)
        return Preflight(owner, windows, read_times(tables, endpoints))


def _check_staging(destination: Destination, tables: DatasetInspector) -> None:
    try:
        tables.check_staging()
    except SettingError:
        if not tables.has_dlt_tables():
            raise
        # a first run on another machine may be creating the staging dataset, table by table: it ends with its load
        with destination_lock(destination):
            tables.check_staging()
