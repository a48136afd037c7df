"""The workspace with the controlled syncs."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

from segment_dagster.emulator.clock import parse_time
from segment_dagster.emulator.edited_world import EditedWorld
from segment_dagster.emulator.reverse_sync import ReverseSync
from segment_dagster.emulator.warehouse_sync import WarehouseSync
from segment_dagster.emulator.world.factories import CountChanges, Record
from segment_dagster.emulator.world.lists import with_parameter_columns

_FIELDS = {"warehouseId": "warehouse_id", "sourceId": "source_id", "modelId": "model_id"}
_FIELDS["subscriptionId"] = "subscription_id"
"""The field of a sync for each parameter of a list."""

WAREHOUSE_LISTS = ("warehouse_syncs", "warehouse_source_syncs")
REVERSE_LISTS = ("reverse_etl_syncs",)


class SyncedWorld:
    """An immutable view of an edited world with controlled syncs, at one time. Read it like `World`, from any thread.

    Args:
        edited: The workspace after its edits.
        syncs: The controlled syncs of warehouses.
        reverse: The controlled syncs of reverse ETL.
        quiet: The endpoints that do not list made-up syncs.
        now: The time.
    """

    def __init__(
        self,
        edited: EditedWorld,
        syncs: Sequence[WarehouseSync],
        reverse: Sequence[ReverseSync],
        quiet: Sequence[str],
        now: datetime,
    ) -> None:
        self._edited = edited
        warehouse = tuple(sync for sync in syncs if sync.start <= now)
        reverse = tuple(sync for sync in reverse if sync.start <= now)
        self._syncs: dict[str, tuple[WarehouseSync | ReverseSync, ...]] = {
            **dict.fromkeys(WAREHOUSE_LISTS, warehouse),
            **dict.fromkeys(REVERSE_LISTS, reverse),
        }
        self._quiet = tuple(quiet)
        self._now = now

    @property
    def cache_key(self) -> Hashable:
        """What all records but the time-dependent ones follow from: equal keys mean equal records."""
        syncs = tuple(self._syncs.values())
        running = any(sync.end is None or sync.end > self._now for listed in syncs for sync in listed)
        return (self._edited, syncs, self._quiet, self._now if running else None)

    def has(self, endpoint: str, values: Mapping[str, str] | None = None) -> bool:
        """Return whether the endpoint and the list exist: see `World.has`."""
        return self._edited.has(endpoint, values)

    def lists(self, endpoint: str) -> Sequence[Mapping[str, str]]:
        """Return the parameters of each list of an endpoint: see `World.lists`."""
        return self._edited.lists(endpoint)

    def records(self, endpoint: str, values: Mapping[str, str] | None = None) -> list[Any]:
        """Return the records of one list or of all lists: see `World.records`."""
        if not self._syncs.get(endpoint) and endpoint not in self._quiet:
            return self._edited.records(endpoint, values)
        if values is not None:
            return self._list(endpoint, values)
        row = self._edited.row(endpoint)
        return [
            record
            for each in self._edited.lists(endpoint)
            for record in with_parameter_columns(row, each, self._list(endpoint, each))
        ]

    def find(self, endpoint: str, parameter: tuple[str, str], field: tuple[str, str]) -> Record | None:
        """Return the first record, as the API lists it, of the lists with a parameter that has a field, or `None`."""
        lists = (values for values in self.lists(endpoint) if parameter in values.items())
        every = (record for values in lists for record in self.records(endpoint, values))
        return next((record for record in every if field in record.items()), None)

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
            for sync in self._syncs[endpoint]
            if all(getattr(sync, _FIELDS[name]) == value for name, value in values.items())
        ]
        made_up = () if endpoint in self._quiet else self._edited.records(endpoint, values)
        return sorted([*listed, *made_up], key=_started, reverse=True)


def _started(sync: Record) -> tuple[datetime, str]:
    start = parse_time(sync["start"] if "start" in sync else sync["startedAt"])
    assert start is not None
    return start, sync["sourceId"]
