"""Two warehouses whose syncs a test starts and ends, and ticks of the sensor as the daemon makes them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest

from segment_dagster import build_segment_warehouse_sensor, segment_warehouse_specs
from segment_dagster.emulator import Emulator
from segment_dagster.syncs.cursor import SensorCursor
from segment_dagster.syncs.specs import keys_by_pipe
from segment_dagster.syncs.tables import TableNames
from segment_dagster.syncs.topology import SyncedSource, SyncedWarehouse, Topology
from segment_dagster.syncs.warehouse_sync import WarehouseSync
from segment_dagster_tests.syncs.hours import hours
from segment_dagster_tests.syncs.reverse_models import Models

TABLES = ("pages", "tracks")


@dataclass
class Pipes:
    """The first two warehouses of the emulator, with two of their sources each, and two tables of each source."""

    emulator: Emulator
    monkeypatch: pytest.MonkeyPatch
    instance: dg.DagsterInstance
    cursor: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    _told: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.topology = Topology(
            warehouses=[
                SyncedWarehouse(
                    id=warehouse["id"],
                    name=warehouse["metadata"]["name"],
                    type=warehouse["metadata"]["slug"],
                    sources=[
                        SyncedSource(id=source["id"], slug=f"w{number}-s{place}")
                        for place, source in enumerate(self._connected(warehouse["id"]))
                    ],
                )
                for number, warehouse in enumerate(self.emulator.records("warehouses")[:2])
            ]
        )
        slugs = [source.slug for warehouse in self.topology.warehouses for source in warehouse.sources]
        self.specs = segment_warehouse_specs(self.topology, names=TableNames(tables=dict.fromkeys(slugs, TABLES)))
        pipes = keys_by_pipe(self.specs)
        self.pairs = [(warehouse, source) for warehouse, sources in pipes.items() for source in sources]

    def _connected(self, warehouse_id: str) -> list[Any]:
        connected = self.emulator.world.records("warehouse_connected_sources", {"warehouseId": warehouse_id})
        return connected[:2]

    def start(self, pair: int, at: float) -> None:
        """Start a sync so many hours after noon."""
        self.emulator.syncs.start(*self.pairs[pair], at=hours(at))

    def finish(self, pair: int, at: float, **options: Any) -> None:
        """End it well."""
        self.emulator.syncs.finish(*self.pairs[pair], at=hours(at), **options)

    def sync(self, pair: int, start: float, end: float, **options: Any) -> None:
        """A whole sync."""
        self.start(pair, start)
        self.finish(pair, end, **options)

    def tick(self, at: float = 0.0, *, killed_after: int | None = None) -> Any:
        """One tick: its events are stored, then its cursor; the daemon may be killed after some of the events."""
        self.monkeypatch.setenv("SEGMENT_NOW", hours(at).isoformat())
        self.emulator.clock.set(hours(at))
        self.emulator.stats.clear()
        sensor = build_segment_warehouse_sensor(self.specs, **self.options)
        repository = dg.Definitions(assets=self.specs, sensors=[sensor]).get_repository_def()
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, repository_def=repository)
        result = sensor.evaluate_tick(context)
        for event in list(result.asset_events)[:killed_after]:
            self.instance.report_runless_asset_event(event)
            self._told.append(event)
        if killed_after is None:
            self.cursor = result.cursor
        return result

    def round(self, at: float = 0.0) -> None:
        """A tick for each warehouse."""
        for _ in self.topology.warehouses:
            self.tick(at)

    def told(self) -> list[tuple[Any, ...]]:
        """What was told since the last call: key, and either `materialized` or the check and whether it passed."""
        told, self._told = self._told, []
        return [
            (event.asset_key.to_user_string(), "materialized")
            if isinstance(event, dg.AssetMaterialization)
            else (event.asset_key.to_user_string(), event.check_name, event.passed)
            for event in told
        ]

    def state(self) -> SensorCursor[WarehouseSync]:
        """The cursor."""
        return SensorCursor.read(self.cursor, WarehouseSync)


def good(source: str) -> list[tuple[Any, ...]]:
    """What is told of a sync that has succeeded."""
    return [
        event
        for table in TABLES
        for event in ((f"{source}/{table}", "materialized"), (f"{source}/{table}", "segment_sync", True))
    ]


@pytest.fixture
def pipes(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipes]:
    emulator.syncs.quiet = True
    with dg.DagsterInstance.ephemeral() as instance:
        yield Pipes(emulator, monkeypatch, instance)


@pytest.fixture
def models(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Models]:
    emulator.syncs.reverse_etl.quiet = True
    with dg.DagsterInstance.ephemeral() as instance:
        yield Models(emulator, monkeypatch, instance)
