"""What the sensor remembers between its ticks: which list is next, and which syncs of each pipe have ended.

A list is what one request asks for: the syncs of a warehouse, or those of a reverse ETL model to a subscription. A pipe
is what has one sync at a time: a source of the warehouse, or the subscription.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from statistics import median
from typing import Any, Generic

from segment_dagster.client.page import Resume
from segment_dagster.syncs.sync import S, Sync, newest_first

AHEAD = 86_400.0
"""Seconds that an end may lie in the future: a wrong clock is not to silence a pipe until then."""

LONGEST = 2 * 86_400.0
"""Seconds that a sync may run. One that seems to run for longer is not looked for any more."""

LISTED_WITHIN = 3600.0
"""Seconds after its start within which a sync is listed."""

ENDS = 8
"""Ends of syncs that are remembered: their distances are the usual interval of a pipe."""

LEAST_ENDS = 4
"""Ends from which on there is a usual interval."""


@dataclass
class PipeState:
    """The ended syncs of a pipe that were seen. Times are seconds since 1970."""

    last: float | None = None
    """The latest end. A pipe has one sync at a time, so what ends later is new."""

    ends: list[float] = field(default_factory=list)
    """The latest ends of syncs that have succeeded, in order."""

    late: bool = False
    """Whether it was told that the next sync is late."""

    def is_new(self, sync: Sync, now: datetime) -> bool:
        """Return whether a sync has ended that was not seen."""
        if sync.end is None or sync.end.timestamp() > now.timestamp() + AHEAD:
            return False
        return self.last is None or sync.end.timestamp() > self.last

    def see(self, sync: Sync, *, succeeded: bool = True) -> None:
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

    def add_end(self, sync: Sync) -> None:
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
class ListState(Generic[S]):
    """How far a list of syncs was read."""

    pipes: dict[str, PipeState] = field(default_factory=dict)
    known: bool = False
    """Whether it was read to its end, or far enough, once."""

    read_from: float | None = None
    """Start of the earliest sync that may have ended since the list was read last; what began before was seen."""

    earliest_running: float | None = None
    latest_start: float | None = None
    """Of the pages of the present read: the earliest start of a sync that runs, and the latest of any."""

    resume: Resume | None = None
    """Where the next tick goes on; `None` at the beginning of the list."""

    ready: list[S] = field(default_factory=list)
    """Syncs that are told in the next ticks, before another request is made."""

    waiting: list[S] = field(default_factory=list)
    """New syncs of the pages so far, which are told once the list was read far enough."""

    latest: S | None = None
    """The latest sync that was told, where a later event of another list names it too."""

    def take(
        self,
        syncs: Sequence[S],
        following: Resume | None,
        pipes: Collection[str],
        now: datetime,
        succeeded: Callable[[S], bool],
        *,
        whole: bool = True,
    ) -> None:
        """Take in a page of the list, and note where the next tick goes on.

        The new syncs of several pages are told together, in the order of their ends. Of the first read of the list, the
        latest one of each pipe is.

        Args:
            syncs: All syncs of the page, in the API's order, which Segment does not state.
            following: Where the next page begins; `None` if this is the last one.
            pipes: The pipes that count.
            now: The present, in UTC.
            succeeded: Says whether a sync that has ended has succeeded.
            whole: Whether the first read of the list goes to its end, for the usual interval of each pipe; else only
                until the latest sync of each was found.
        """
        starts = [sync.start.timestamp() for sync in syncs]
        is_newest_first = newest_first(syncs)
        running = [
            start
            for sync, start in zip(syncs, starts, strict=True)
            if sync.end is None and start > now.timestamp() - LONGEST
        ]
        self.earliest_running = min([*running, *_given(self.earliest_running)], default=None)
        self.latest_start = max([*starts, *_given(self.latest_start)], default=None)
        selected = [sync for sync in syncs if sync.pipe in pipes]
        for sync in selected:
            self.pipes.setdefault(sync.pipe, PipeState())
        new = [sync for sync in in_order(selected) if self.pipes[sync.pipe].is_new(sync, now)]
        if self.known:
            # what follows began before all that may have ended since
            seen = is_newest_first and bool(starts) and self.read_from is not None and starts[-1] < self.read_from
            self.resume = None if seen else following
            # a sync that has begun meanwhile moves others to the next page
            self.waiting = in_order({(sync.pipe, sync.start, sync.id): sync for sync in [*self.waiting, *new]}.values())
        else:
            for sync in in_order(selected):
                if succeeded(sync):
                    self.pipes[sync.pipe].add_end(sync)
            self.waiting = latest_of_each([*self.waiting, *new])
            found = not whole and is_newest_first and {sync.pipe for sync in self.waiting} >= set(pipes)
            self.resume = None if found else following
        if self.resume is None:
            self._end_read(succeeded)

    def _end_read(self, succeeded: Callable[[S], bool]) -> None:
        for sync in self.waiting:
            self.pipes[sync.pipe].see(sync, succeeded=succeeded(sync))
        self.ready, self.waiting, self.known = [*self.ready, *self.waiting], [], True
        earliest = [*_given(self.earliest_running), *_given(self.latest_start)]
        # a sync may be listed a little later than it began
        self.read_from = min(earliest) - LISTED_WITHIN if earliest else self.read_from
        self.earliest_running = self.latest_start = None


@dataclass
class SensorCursor(Generic[S]):
    """The state of all lists."""

    next: str | None = None
    """Name of the list that is asked for next."""

    lists: dict[str, ListState[S]] = field(default_factory=dict)

    def choose(self, names: Sequence[str]) -> str:
        """Return the list whose turn it is."""
        return self.next if self.next and self.next in names else names[0]

    def advance(self, names: Sequence[str], now_at: str) -> None:
        """Let the next list have its turn."""
        self.next = names[(names.index(now_at) + 1) % len(names)]

    @classmethod
    def read(cls, text: str | None, kind: type[S]) -> "SensorCursor[S]":
        """Read what `written` returned.

        Args:
            text: The text; `None` or empty before the first tick.
            kind: What the lists hold.
        """
        if not text:
            return cls()
        given = json.loads(text)
        return cls(given["next"], {name: _list_state(state, kind) for name, state in given["lists"].items()})

    def written(self) -> str:
        """Return it as text."""
        return json.dumps(
            {
                "next": self.next,
                "lists": {
                    name: {
                        "known": state.known,
                        "starts": [state.read_from, state.earliest_running, state.latest_start],
                        "ready": [sync.to_json() for sync in state.ready],
                        "resume": state.resume and [state.resume.cursor, state.resume.records],
                        "waiting": [sync.to_json() for sync in state.waiting],
                        "latest": state.latest and state.latest.to_json(),
                        "pipes": {pipe: [seen.last, seen.ends, seen.late] for pipe, seen in state.pipes.items()},
                    }
                    for name, state in self.lists.items()
                },
            },
            separators=(",", ":"),
        )


def _given(value: float | None) -> list[float]:
    return [] if value is None else [value]


def latest_of_each(syncs: Iterable[S]) -> list[S]:
    """Return the latest ended sync of each pipe, in the order of their ends."""
    latest: dict[str, S] = {}
    for sync in in_order(syncs):
        latest[sync.pipe] = sync
    return in_order(latest.values())


def in_order(syncs: Iterable[S]) -> list[S]:
    """Return those that have ended, in the order of their ends."""
    ended = [(sync.end, sync.pipe, sync.start, sync) for sync in syncs if sync.end]
    return [sync for *_, sync in sorted(ended, key=lambda each: each[:3])]


def _list_state(given: dict[str, Any], kind: type[S]) -> ListState[S]:
    read_from, earliest_running, latest_start = given["starts"]
    return ListState(
        pipes={name: PipeState(*state) for name, state in given["pipes"].items()},
        known=given["known"],
        read_from=read_from,
        earliest_running=earliest_running,
        latest_start=latest_start,
        ready=[kind.from_json(each) for each in given["ready"]],
        resume=given["resume"] and Resume(*given["resume"]),
        waiting=[kind.from_json(each) for each in given["waiting"]],
        latest=given["latest"] and kind.from_json(given["latest"]),
    )
