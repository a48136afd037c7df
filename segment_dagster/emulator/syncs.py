"""The controlled syncs, changeable while the emulator runs."""

from collections.abc import Iterable
from datetime import datetime
from threading import Lock

from segment_dagster.emulator.active_edits import Edits
from segment_dagster.emulator.clock import Clock
from segment_dagster.emulator.reverse_syncs import ReverseSyncs
from segment_dagster.emulator.synced_world import REVERSE_LISTS, WAREHOUSE_LISTS, SyncedWorld
from segment_dagster.emulator.warehouse_sync import Notice, SyncStep, WarehouseSync, sync_label


class Syncs:
    """The warehouse syncs that somebody starts and ends. Safe to change from any thread at run time.

    They are listed beside the made-up ones, which take no notice of them, or alone if `quiet`. Each is listed from its
    start on, and runs until its end, by the emulator's clock. A sync stays in its warehouse's list when its source is
    disconnected or deleted later.

    Args:
        edits: The edits of the workspace.
        clock: The clock.
        reverse_etl: The controlled syncs of reverse ETL.
        quiet: Whether to hide the made-up syncs of warehouses.
    """

    def __init__(self, edits: Edits, clock: Clock, reverse_etl: ReverseSyncs, *, quiet: bool = False) -> None:
        self._edits = edits
        self._clock = clock
        self._lock = Lock()
        self._quiet_at_start = self._quiet = quiet
        self._syncs: tuple[WarehouseSync, ...] = ()
        self.reverse_etl = reverse_etl
        """The controlled syncs of reverse ETL."""

    @property
    def active(self) -> list[WarehouseSync]:
        """The controlled syncs, in the order of adding."""
        return list(self._syncs)

    @property
    def quiet(self) -> bool:
        """Whether the made-up syncs of warehouses are hidden."""
        return self._quiet

    @quiet.setter
    def quiet(self, quiet: bool) -> None:
        with self._lock:
            self._quiet = quiet

    def start(self, warehouse_id: str, source_id: str, *, at: datetime | None = None) -> None:
        """Start a sync.

        Args:
            warehouse_id: Id of the warehouse.
            source_id: Id of a source that is connected to it.
            at: When, in UTC if it has no zone. Defaults to the emulator's clock.

        Raises:
            ValueError: The pair is not connected, or a controlled sync of it runs at that time.
        """
        self.apply(SyncStep("start", warehouse_id, source_id, at))

    def finish(
        self,
        warehouse_id: str,
        source_id: str,
        *,
        at: datetime | None = None,
        count: int = 0,
        status: str = "SUCCESS",
        notices: Iterable[Notice] = (),
    ) -> None:
        """End the sync that runs.

        Args:
            warehouse_id: Id of the warehouse.
            source_id: Id of the source.
            at: When, in UTC if it has no zone. Defaults to the emulator's clock.
            count: Rows of the whole sync.
            status: Its status. Segment documents no value.
            notices: Its notices.

        Raises:
            ValueError: No controlled sync of the pair runs, or it started later.
        """
        self.apply(SyncStep("finish", warehouse_id, source_id, at, count, status, tuple(notices)))

    def fail(
        self,
        warehouse_id: str,
        source_id: str,
        *,
        reason: str,
        at: datetime | None = None,
        count: int = 0,
        notices: Iterable[Notice] = (),
    ) -> None:
        """End the sync that runs with the status `FAILED`: see `finish`.

        Args:
            warehouse_id: Id of the warehouse.
            source_id: Id of the source.
            reason: Message of its last notice, whose level is `ERROR`.
            at: When.
            count: Rows of the whole sync.
            notices: Its other notices.

        Raises:
            ValueError: As in `finish`.
        """
        self.apply(SyncStep("fail", warehouse_id, source_id, at, count, None, tuple(notices), reason))

    def partial(
        self,
        warehouse_id: str,
        source_id: str,
        *,
        at: datetime | None = None,
        count: int = 0,
        notices: Iterable[Notice] = (),
    ) -> None:
        """End the sync that runs with the status `PARTIAL_SUCCESS`: see `finish`.

        Raises:
            ValueError: As in `finish`.
        """
        self.apply(SyncStep("partial", warehouse_id, source_id, at, count, None, tuple(notices)))

    def apply(self, *steps: SyncStep) -> None:
        """Start and end syncs, in this order.

        Raises:
            ValueError: A step is impossible. None is done.
        """
        now = self._clock.now()
        with self._lock:
            syncs = self._syncs
            for step in steps:
                syncs = self._started(syncs, step, now) if step.action == "start" else _ended(syncs, step, now)
            self._syncs = syncs

    def replace(self, syncs: Iterable[WarehouseSync]) -> None:
        """Replace all controlled syncs.

        Raises:
            ValueError: One is impossible. The old ones stay.
        """
        now = self._clock.now()
        with self._lock:
            made: tuple[WarehouseSync, ...] = ()
            for sync in syncs:
                self._check_connected(sync, now)
                made = _added(made, sync)
            self._syncs = made

    def clear(self) -> None:
        """Forget all controlled syncs, those of reverse ETL too, and reset `quiet` to its initial value."""
        self.reverse_etl.clear()
        with self._lock:
            self._syncs = ()
            self._quiet = self._quiet_at_start

    def view(self, now: datetime) -> SyncedWorld:
        """Return the workspace at a time: after the edits, with the controlled syncs.

        Args:
            now: The time, in UTC.
        """
        edited = self._edits.view(now)
        hidden = (WAREHOUSE_LISTS, self._quiet), (REVERSE_LISTS, self.reverse_etl.quiet)
        quiet = [endpoint for endpoints, is_hidden in hidden if is_hidden for endpoint in endpoints]
        return SyncedWorld(edited, self._syncs, self.reverse_etl.active, quiet, now)

    def _started(self, syncs: tuple[WarehouseSync, ...], step: SyncStep, now: datetime) -> tuple[WarehouseSync, ...]:
        sync = WarehouseSync(step.warehouse_id, step.source_id, step.at or now)
        self._check_connected(sync, now)
        return _added(syncs, sync)

    def _check_connected(self, sync: WarehouseSync, now: datetime) -> None:
        view = self._edits.view(max(sync.start, now))
        for endpoint, identity in (("warehouses", sync.warehouse_id), ("sources", sync.source_id)):
            if not view.has(endpoint) or all(record["id"] != identity for record in view.records(endpoint)):
                raise ValueError(f"{sync.label}: no {endpoint[:-1]} has the id {identity!r}")
        values = {"warehouseId": sync.warehouse_id, "sourceId": sync.source_id}
        if not view.has("warehouse_source_syncs", values):
            raise ValueError(f"{sync.label}: the source is not connected to the warehouse")


def _added(syncs: tuple[WarehouseSync, ...], sync: WarehouseSync) -> tuple[WarehouseSync, ...]:
    for other in _of_pair(syncs, sync.warehouse_id, sync.source_id):
        if other.end is None:
            raise ValueError(f"{sync.label}: one runs since {other.start.isoformat()}; end it first")
        if other.overlaps(sync):
            raise ValueError(f"{sync.label}: it overlaps with the one that started at {other.start.isoformat()}")
    return (*syncs, sync)


def _ended(syncs: tuple[WarehouseSync, ...], step: SyncStep, now: datetime) -> tuple[WarehouseSync, ...]:
    pair = _of_pair(syncs, step.warehouse_id, step.source_id)
    running = next((sync for sync in pair if sync.end is None), None)
    if running is None:
        raise ValueError(f"{sync_label(step.warehouse_id, step.source_id)}: none runs; start it first")
    ended = step.ended(running, now)
    others = tuple(sync for sync in syncs if sync is not running)
    return _added(others, ended)


def _of_pair(syncs: Iterable[WarehouseSync], warehouse_id: str, source_id: str) -> list[WarehouseSync]:
    return [sync for sync in syncs if (sync.warehouse_id, sync.source_id) == (warehouse_id, source_id)]
