"""The sensor of Segment's syncs beside the weekly job: `python -m bench.syncs --minutes 30`.

Ten warehouses with up to 50 sources each, syncs that start and end at random, the limits enforced, and a daemon that is
killed now and then while it stores the events of a tick.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random

import dagster as dg

from segment_dagster.client import SegmentClient
from segment_dagster.config import ApiSettings
from segment_dagster.demo.table import text_table
from segment_dagster.emulator import Emulator, running
from segment_dagster.endpoints.pipes import WAREHOUSE_SYNCS
from segment_dagster.endpoints.pipes import WAREHOUSES as WAREHOUSES_LISTED
from segment_dagster.errors import SegmentError
from segment_dagster.syncs.sensor import build_segment_warehouse_sensor
from segment_dagster.syncs.specs import keys_by_pipe, segment_warehouse_specs
from segment_dagster.syncs.tables import TableNames
from segment_dagster.syncs.topology import SyncedSource, SyncedWarehouse, Topology

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
WAREHOUSES, SOURCES, SCALE = 10, 50, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and print what was started, told, told twice, lost and refused."""
    parser = argparse.ArgumentParser("bench.syncs", description=__doc__)
    parser.add_argument("--minutes", type=int, default=30, help="scaled minutes")
    parser.add_argument("--minute", type=float, default=2.0, help="seconds of a scaled minute")
    parser.add_argument("--kills", type=int, default=10, help="how often the daemon is killed in a tick")
    parser.add_argument("--seed", type=int, default=7, help="seed of what happens by chance")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="segment_syncs_") as place,
        running(scale=SCALE, now=NOW, limits=True, minute=options.minute) as emulator,
        dg.DagsterInstance.local_temp(place) as instance,
    ):
        os.chdir(place)
        os.environ.update(
            SEGMENT_BASE_URL=emulator.url,
            SEGMENT_API_TOKEN=emulator.token,
            SEGMENT_MINUTE_SECONDS=str(options.minute),
            SEGMENT_BUDGET_URL=f"file://{Path(place) / 'budgets'}",
        )
        emulator.syncs.quiet = True
        print(text_table(("what", "number"), _Run(emulator, instance, options).run()))
    return 0


class _Run:
    def __init__(self, emulator: Emulator, instance: dg.DagsterInstance, options: argparse.Namespace) -> None:
        self.emulator, self.instance, self.options = emulator, instance, options
        self.random = Random(options.seed)  # noqa: S311 - not for secrets
        connected = emulator.world.records
        topology = Topology(
            warehouses=[
                SyncedWarehouse(
                    id=warehouse["id"],
                    name=f"w{number}",
                    type="snowflake",
                    sources=[
                        SyncedSource(id=source["id"], slug=f"w{number}_{source['slug']}")
                        for source in connected("warehouse_connected_sources", {"warehouseId": warehouse["id"]})[
                            :SOURCES
                        ]
                    ],
                )
                for number, warehouse in enumerate(connected(WAREHOUSES_LISTED.name)[:WAREHOUSES])
            ]
        )
        slugs = [source.slug for warehouse in topology.warehouses for source in warehouse.sources]
        self.specs = segment_warehouse_specs(topology, names=TableNames(tables=dict.fromkeys(slugs, ("tracks",))))
        self.pipes = keys_by_pipe(self.specs)
        self.pairs = [(warehouse, source) for warehouse, sources in self.pipes.items() for source in sources]
        self.under_way: set[tuple[str, str]] = set()
        self.ended: Counter[tuple[str, float]] = Counter()
        self.told: Counter[tuple[str, float]] = Counter()
        self.weekly = Counter[str]()
        self.stop = threading.Event()

    def run(self) -> list[tuple[str, object]]:
        """Let minutes pass, then rounds until everything was told."""
        sensor = build_segment_warehouse_sensor(self.specs)
        repository = dg.Definitions(assets=self.specs, sensors=[sensor]).get_repository_def()
        cursor: str | None = None
        minutes = self.options.minutes
        kills = set(self.random.sample(range(WAREHOUSES, minutes * 2), min(self.options.kills, minutes)))
        job = threading.Thread(target=self._weekly_job)
        # the first round: from now on, each sync is told
        ticks = killed = 0
        began = time.monotonic()
        for number in range(minutes * 2 + 3 * WAREHOUSES):
            minute = began + number * self.options.minute
            time.sleep(max(0.0, minute - time.monotonic()))
            now = NOW + timedelta(minutes=number)
            self.emulator.clock.set(now)
            os.environ["SEGMENT_NOW"] = now.isoformat()
            if number == WAREHOUSES:
                job.start()
            if WAREHOUSES <= number < minutes * 2:
                self._let_things_happen(now)
            context = dg.build_sensor_context(instance=self.instance, cursor=cursor, repository_def=repository)
            result = sensor.evaluate_tick(context)
            ticks += 1
            events = list(result.asset_events)
            dies = number in kills and events
            for event in events[: self.random.randrange(len(events) + 1)] if dies else events:
                self.instance.report_runless_asset_event(event)
            if dies:
                killed += 1
            elif result.cursor:
                cursor = result.cursor
        self.stop.set()
        job.join()
        self._count_told()
        stats = self.emulator.stats
        return [
            ("warehouses, pipes", f"{len(self.pipes)}, {len(self.pairs)}"),
            ("ticks, scaled minutes", ticks),
            ("daemon killed in a tick", killed),
            ("syncs that ended well", sum(self.ended.values())),
            ("told", sum((self.ended & self.told).values())),
            ("told twice", sum((self.told - self.ended).values())),
            ("lost", sum((self.ended - self.told).values())),
            ("requests for syncs", stats.by_endpoint.get(WAREHOUSE_SYNCS.name, 0)),
            ("of these by the weekly job", self.weekly["requests"]),
            ("refused (429)", stats.by_status.get(429, 0)),
            ("characters of the cursor", len(cursor or "")),
        ]

    def _let_things_happen(self, now: datetime) -> None:
        for pair in self.random.sample(self.pairs, 12):
            if pair in self.under_way:
                self.emulator.syncs.finish(*pair, at=now, count=1)
                self.under_way.discard(pair)
                self.ended[self.pipes[pair[0]][pair[1]][0].to_user_string(), now.timestamp()] += 1
            else:
                self.emulator.syncs.start(*pair, at=now)
                self.under_way.add(pair)

    def _weekly_job(self) -> None:
        """Ask for the same lists, as the weekly job does, with the same budget."""
        with SegmentClient(ApiSettings()) as client:
            while not self.stop.is_set():
                for warehouse in self.pipes:
                    if self.stop.is_set():
                        return
                    try:
                        for _ in client.pages(WAREHOUSE_SYNCS, {"warehouseId": warehouse}):
                            self.weekly["requests"] += 1
                    except SegmentError as error:
                        self.weekly[str(error)] += 1

    def _count_told(self) -> None:
        for spec in self.specs:
            records = self.instance.fetch_materializations(spec.key, limit=1000).records
            for record in records:
                materialization = record.asset_materialization
                value = materialization.metadata["segment/sync_end"] if materialization else None
                if isinstance(value, dg.TimestampMetadataValue) and value.value is not None:
                    self.told[spec.key.to_user_string(), value.value] += 1


if __name__ == "__main__":
    sys.exit(main())
