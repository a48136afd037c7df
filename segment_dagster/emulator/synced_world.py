"""The workspace with the controlled syncs."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

from segment_dagster.emulator.clock import parse_time
from segment_dagster.emulator.edited_world import EditedWorld
from segment_dagster.emulator.warehouse_sync import WarehouseSync
from segment_dagster.emulator.world.factories import CountChanges, Record
from segment_dagster.emulator.world.lists import with_parameter_columns

WAREHOUSE_LISTS = ("warehouse_syncs", "warehouse_source_syncs")
"""The endpoints that list warehouse syncs."""


class SyncedWorld:
    """An immutable view of an edited world with controlled syncs, at one time. Read it like `World`, from any thread.

    Args:
        edited: The workspace after its edits.
        syncs: The controlled syncs that have started.
        quiet: Whether the made-up syncs are hidden.
        now: The time.
    """

    def __init__(self, edited: EditedWorld, syncs: Sequence[WarehouseSync], quiet: bool, now: datetime) -> None:
        self._edited = edited
        self._syncs = tuple(syncs)
        self._quiet = quiet
        self._now = now

    @property
    def cache_key(self) -> Hashable:
        """What all records but the time-dependent ones follow from: equal keys mean equal records."""
        running = any(sync.end is None or sync.end > self._now for sync in self._syncs)
        return (self._edited, self._syncs, self._quiet, self._now if running else None)

    def has(self, endpoint: str, values: Mapping[str, str] | None = None) -> bool:
        """Return whether the endpoint and the list exist: see `World.has`."""
        return self._edited.has(endpoint, values)

    def lists(self, endpoint: str) -> Sequence[Mapping[str, str]]:
        """Return the parameters of each list of an endpoint: see `World.lists`."""
        return self._edited.lists(endpoint)

    def records(self, endpoint: str, values: Mapping[str, str] | None = None) -> list[Any]:
        """Return the records of one list or of all lists: see `World.records`."""
        if endpoint not in WAREHOUSE_LISTS or not (self._syncs or self._quiet):
            return self._edited.records(endpoint, values)
        if values is not None:
            return self._list(endpoint, values)
        row = self._edited.row(endpoint)
        return [
            record
            for each in self._edited.lists(endpoint)
            for record in with_parameter_columns(row, each, self._list(endpoint, each))
        ]

    def timed(
        self,
        endpoint: str,
        values: Mapping[str, str],
        query: Mapping[str, tuple[str, ...]],
        now: datetime,
        numbers: CountChanges | None = None,
    ) -> list[Record]:
        """Return all records of a time-dependent list: see `EditedWorld.timed`."""
        return self._edited.timed(endpoint, values, query, now, numbers)

    def _list(self, endpoint: str, values: Mapping[str, str]) -> list[Record]:
        listed = [
            sync.to_record(self._now)
            for sync in self._syncs
            if sync.warehouse_id == values["warehouseId"] and sync.source_id == values.get("sourceId", sync.source_id)
        ]
        made_up = self._edited.records(endpoint, values)
        return sorted([*listed, *(() if self._quiet else made_up)], key=_newest_first, reverse=True)


def _newest_first(sync: Record) -> tuple[datetime, str]:
    start = parse_time(sync["start"])
    assert start is not None
    return start, sync["sourceId"]
