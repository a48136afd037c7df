"""The look at the destination before anything is read from the API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
    """What the destination holds before a sync."""

    owner: Workspace | None
    """The workspace that the dataset belongs to; `None` where it is empty or does not tell."""

    windows: Mapping[str, Window]
    """From when on the tables that grow are to be read, by endpoint."""


def preflight(destination: Destination, endpoints: Iterable[Endpoint]) -> Preflight:
    """Wait until the destination could be loaded into, and look at it once.

    Raises:
        LoadError: It was held by others for longer than `lock_timeout`, or it cannot be reached.
        SettingError: There is no place for the lock, or dlt would stage rows in a dataset of somebody else's.
    """
    with destination_lock(destination), inspect_dataset(destination) as tables:
        tables.check_staging()
        return Preflight(find_owner(tables), incremental_windows(tables, endpoints))
