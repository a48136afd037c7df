"""What the sensor remembers between its ticks: which warehouse is next, and which syncs of each source have ended."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from statistics import median

from segment_dagster.client.page import Resume
from segment_dagster.syncs.sync import Sync

OVERLAP = 3600.0
"""Seconds before the latest end in which another sync that has ended still counts as new: it may be listed late."""

ENDS = 8
"""Ends of syncs that are remembered: their distances are the usual interval of a source."""

LEAST_ENDS = 4
"""Ends from which on there is a usual interval."""


@dataclass
class SourceState:
    """The ended syncs of a source that were seen. Times are seconds since 1970."""

    ends: list[float] = field(default_factory=list)
    """The latest ends, in order."""

    seen: dict[float, float] = field(default_factory=dict)
    """Ends by start of the syncs that ended within the overlap before the latest."""

    late: bool = False
    """Whether it was told that the next sync is late."""

    def is_new(self, sync: Sync) -> bool:
        """Return whether a sync has ended that was not seen."""
        if sync.end is None or sync.start.timestamp() in self.seen:
            return False
        return not self.ends or sync.end.timestamp() > self.ends[-1] - OVERLAP

    def see(self, sync: Sync) -> None:
        """Remember a sync that has ended."""
        assert sync.end is not None
        self.ends = sorted({*self.ends, sync.end.timestamp()})[-ENDS:]
        self.seen[sync.start.timestamp()] = sync.end.timestamp()
        self.seen = {start: end for start, end in self.seen.items() if end > self.ends[-1] - OVERLAP}

    @property
    def interval(self) -> float | None:
        """Return the usual seconds between two ends; `None` if too few are known."""
        if len(self.ends) < LEAST_ENDS:
            return None
        return median(later - earlier for earlier, later in zip(self.ends, self.ends[1:], strict=False))

    @property
    def last_end(self) -> datetime | None:
        """Return the latest end, in UTC."""
        return datetime.fromtimestamp(self.ends[-1], timezone.utc) if self.ends else None


@dataclass
class WarehouseState:
    """How far the list of a warehouse's syncs was read."""

    sources: dict[str, SourceState] = field(default_factory=dict)
    known: bool = False
    """Whether its list was read to its end once."""

    resume: Resume | None = None
    """Where the next tick goes on; `None` at the beginning of the list."""

    waiting: list[Sync] = field(default_factory=list)
    """Syncs of the pages so far, which are told once the list was read far enough."""


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
                        "resume": state.resume and [state.resume.cursor, state.resume.records],
                        "waiting": [_sync_as_json(sync) for sync in state.waiting],
                        "sources": {
                            source: [seen.ends, list(seen.seen.items()), seen.late]
                            for source, seen in state.sources.items()
                        },
                    }
                    for name, state in self.warehouses.items()
                },
            },
            separators=(",", ":"),
        )


def latest_of_each(syncs: Iterable[Sync]) -> list[Sync]:
    """Return the latest ended sync of each source, in the order of their ends."""
    latest: dict[str, Sync] = {}
    for sync in in_order(syncs):
        latest[sync.source_id] = sync
    return in_order(latest.values())


def in_order(syncs: Iterable[Sync]) -> list[Sync]:
    """Return those that have ended, in the order of their ends."""
    ended = [(sync.end, sync.source_id, sync.start, sync) for sync in syncs if sync.end]
    return [sync for *_, sync in sorted(ended, key=lambda each: each[:3])]


def _warehouse(given: dict[str, object]) -> WarehouseState:
    sources, resume, waiting = given["sources"], given["resume"], given["waiting"]
    assert isinstance(sources, dict) and isinstance(waiting, list)
    return WarehouseState(
        sources={name: SourceState(ends, dict(map(tuple, seen)), late) for name, (ends, seen, late) in sources.items()},
        known=bool(given["known"]),
        resume=Resume(*resume) if isinstance(resume, list) else None,
        waiting=[_sync_from_json(each) for each in waiting],
    )


def _sync_as_json(sync: Sync) -> list[object]:
    assert sync.end is not None
    return [sync.source_id, sync.start.isoformat(), sync.end.isoformat(), sync.status, sync.rows, list(sync.notices)]


def _sync_from_json(given: list[object]) -> Sync:
    source, start, end, status, rows, notices = given
    return Sync(
        source_id=str(source),
        start=datetime.fromisoformat(str(start)),
        end=datetime.fromisoformat(str(end)),
        status=str(status),
        rows=int(str(rows)),
        notices=tuple(map(str, notices)) if isinstance(notices, list) else (),
    )
