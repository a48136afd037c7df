"""What the sensor remembers between its ticks: which warehouse is next, and which syncs of each source have ended."""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from statistics import median

from segment_dagster.client.page import Resume
from segment_dagster.syncs.warehouse_sync import WarehouseSync

AHEAD = 86_400.0
"""Seconds that an end may lie in the future: a wrong clock is not to silence a source until then."""

LONGEST = 2 * 86_400.0
"""Seconds that a sync may run. One that seems to run for longer is not looked for any more."""

LISTED_WITHIN = 3600.0
"""Seconds after its start within which a sync is listed."""

ENDS = 8
"""Ends of syncs that are remembered: their distances are the usual interval of a source."""

LEAST_ENDS = 4
"""Ends from which on there is a usual interval."""


@dataclass
class SourceState:
    """The ended syncs of a source that were seen. Times are seconds since 1970."""

    last: float | None = None
    """The latest end. A source has one sync at a time, so what ends later is new."""

    ends: list[float] = field(default_factory=list)
    """The latest ends of syncs that have succeeded, in order."""

    late: bool = False
    """Whether it was told that the next sync is late."""

    def is_new(self, sync: WarehouseSync, now: datetime) -> bool:
        """Return whether a sync has ended that was not seen."""
        if sync.end is None or sync.end.timestamp() > now.timestamp() + AHEAD:
            return False
        return self.last is None or sync.end.timestamp() > self.last

    def see(self, sync: WarehouseSync, *, succeeded: bool = True) -> None:
        """Remember a sync that has ended.

        Args:
            sync: The sync.
            succeeded: Whether it did: one that failed is often tried again soon, which is no usual interval.
        """
        assert sync.end is not None
        end = sync.end.timestamp()
        self.last = end if self.last is None else max(self.last, end)
        if succeeded:
            self.add_end(sync)

    def add_end(self, sync: WarehouseSync) -> None:
        """Count the end of a sync that has succeeded for the usual interval."""
        assert sync.end is not None
        self.ends = sorted({*self.ends, sync.end.timestamp()})[-ENDS:]

    @property
    def interval(self) -> float | None:
        """Return the usual seconds between two ends; `None` if too few are known."""
        if len(self.ends) < LEAST_ENDS:
            return None
        return median(later - earlier for earlier, later in zip(self.ends, self.ends[1:], strict=False))

    @property
    def last_end(self) -> datetime | None:
        """Return the latest end, in UTC."""
        return datetime.fromtimestamp(self.last, timezone.utc) if self.last is not None else None


@dataclass
class WarehouseState:
    """How far the list of a warehouse's syncs was read."""

    sources: dict[str, SourceState] = field(default_factory=dict)
    known: bool = False
    """Whether its list was read to its end once."""

    read_from: float | None = None
    """Start of the earliest sync that may have ended since the list was read last; what began before was seen."""

    earliest_running: float | None = None
    latest_start: float | None = None
    """Of the pages of the present read: the earliest start of a sync that runs, and the latest of any."""

    resume: Resume | None = None
    """Where the next tick goes on; `None` at the beginning of the list."""

    ready: list[WarehouseSync] = field(default_factory=list)
    """Syncs that are told in the next ticks, before another request is made."""

    waiting: list[WarehouseSync] = field(default_factory=list)
    """New syncs of the pages so far, which are told once the list was read far enough."""

    def take(
        self,
        syncs: Sequence[WarehouseSync],
        following: Resume | None,
        source_ids: Collection[str],
        now: datetime,
        succeeded: Callable[[WarehouseSync], bool],
    ) -> None:
        """Take in a page of the list, and note where the next tick goes on.

        The new syncs of several pages are told together, in the order of their ends. Of the first read of the list, the
        latest one of each source is.

        Args:
            syncs: All syncs of the page, in the API's order, which Segment does not state.
            following: Where the next page begins; `None` if this is the last one.
            source_ids: The sources that count.
            now: The present, in UTC.
            succeeded: Says whether a sync that has ended has succeeded.
        """
        starts = [sync.start.timestamp() for sync in syncs]
        running = [
            start
            for sync, start in zip(syncs, starts, strict=True)
            if sync.end is None and start > now.timestamp() - LONGEST
        ]
        self.earliest_running = min([*running, *_given(self.earliest_running)], default=None)
        self.latest_start = max([*starts, *_given(self.latest_start)], default=None)
        selected = [sync for sync in syncs if sync.source_id in source_ids]
        for sync in selected:
            self.sources.setdefault(sync.source_id, SourceState())
        new = [sync for sync in in_order(selected) if self.sources[sync.source_id].is_new(sync, now)]
        if self.known:
            newest_first = starts == sorted(starts, reverse=True)
            # what follows began before all that may have ended since
            seen = newest_first and bool(starts) and self.read_from is not None and starts[-1] < self.read_from
            self.resume = None if seen else following
            # a sync that has begun meanwhile moves others to the next page
            self.waiting = in_order({(sync.source_id, sync.start): sync for sync in [*self.waiting, *new]}.values())
        else:
            for sync in in_order(selected):
                if succeeded(sync):
                    self.sources[sync.source_id].add_end(sync)
            self.resume = following
            self.waiting = latest_of_each([*self.waiting, *new])
        if self.resume is None:
            self._end_read(succeeded)

    def _end_read(self, succeeded: Callable[[WarehouseSync], bool]) -> None:
        for sync in self.waiting:
            self.sources[sync.source_id].see(sync, succeeded=succeeded(sync))
        self.ready, self.waiting, self.known = [*self.ready, *self.waiting], [], True
        earliest = [*_given(self.earliest_running), *_given(self.latest_start)]
        # a sync may be listed a little later than it began
        self.read_from = min(earliest) - LISTED_WITHIN if earliest else self.read_from
        self.earliest_running = self.latest_start = None


@dataclass
class SensorCursor:
    """The state of all warehouses."""

    next: str | None = None
    """Id of the warehouse that the next tick asks for."""

    warehouses: dict[str, WarehouseState] = field(default_factory=dict)

    def choose(self, warehouse_ids: Sequence[str]) -> str:
        """Return the warehouse whose turn it is."""
        return self.next if self.next and self.next in warehouse_ids else warehouse_ids[0]

    def advance(self, warehouse_ids: Sequence[str], now_at: str) -> None:
        """Let the next warehouse have its turn."""
        self.next = warehouse_ids[(warehouse_ids.index(now_at) + 1) % len(warehouse_ids)]

    @classmethod
    def read(cls, text: str | None) -> "SensorCursor":
        """Read what `written` returned."""
        if not text:
            return cls()
        given = json.loads(text)
        return cls(given["next"], {name: _warehouse(state) for name, state in given["warehouses"].items()})

    def written(self) -> str:
        """Return it as text."""
        return json.dumps(
            {
                "next": self.next,
                "warehouses": {
                    name: {
                        "known": state.known,
                        "starts": [state.read_from, state.earliest_running, state.latest_start],
                        "ready": [_sync_as_json(sync) for sync in state.ready],
                        "resume": state.resume and [state.resume.cursor, state.resume.records],
                        "waiting": [_sync_as_json(sync) for sync in state.waiting],
                        "sources": {
                            source: [seen.last, seen.ends, seen.late] for source, seen in state.sources.items()
                        },
                    }
                    for name, state in self.warehouses.items()
                },
            },
            separators=(",", ":"),
        )


def _given(value: float | None) -> list[float]:
    return [] if value is None else [value]


def latest_of_each(syncs: Iterable[WarehouseSync]) -> list[WarehouseSync]:
    """Return the latest ended sync of each source, in the order of their ends."""
    latest: dict[str, WarehouseSync] = {}
    for sync in in_order(syncs):
        latest[sync.source_id] = sync
    return in_order(latest.values())


def in_order(syncs: Iterable[WarehouseSync]) -> list[WarehouseSync]:
    """Return those that have ended, in the order of their ends."""
    ended = [(sync.end, sync.source_id, sync.start, sync) for sync in syncs if sync.end]
    return [sync for *_, sync in sorted(ended, key=lambda each: each[:3])]


def _warehouse(given: dict[str, object]) -> WarehouseState:
    sources, resume, waiting, ready = given["sources"], given["resume"], given["waiting"], given["ready"]
    starts = given["starts"]
    assert isinstance(sources, dict) and isinstance(waiting, list) and isinstance(ready, list)
    assert isinstance(starts, list)
    return WarehouseState(
        sources={name: SourceState(*state) for name, state in sources.items()},
        known=bool(given["known"]),
        read_from=starts[0],
        earliest_running=starts[1],
        latest_start=starts[2],
        ready=[_sync_from_json(each) for each in ready],
        resume=Resume(*resume) if isinstance(resume, list) else None,
        waiting=[_sync_from_json(each) for each in waiting],
    )


def _sync_as_json(sync: WarehouseSync) -> list[object]:
    assert sync.end is not None
    return [sync.source_id, sync.start.isoformat(), sync.end.isoformat(), sync.status, sync.rows, list(sync.notices)]


def _sync_from_json(given: list[object]) -> WarehouseSync:
    source, start, end, status, rows, notices = given
    return WarehouseSync(
        source_id=str(source),
        start=datetime.fromisoformat(str(start)),
        end=datetime.fromisoformat(str(end)),
        status=str(status),
        rows=int(str(rows)),
        notices=tuple(map(str, notices)) if isinstance(notices, list) else (),
    )
