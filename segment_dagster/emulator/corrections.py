"""The active adjustments of counts, changeable while the emulator runs."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from threading import Lock

from segment_dagster.emulator.active_edits import Edits
from segment_dagster.emulator.adjustments import Adjustment, Correction, MissingDay, Silence
from segment_dagster.emulator.clock import Clock
from segment_dagster.emulator.endpoint_rules import SUMS
from segment_dagster.emulator.traffic import Outcome, Traffic
from segment_dagster.emulator.world import TRAIL, World
from segment_dagster.emulator.world.factories import CountChanges
from segment_dagster.endpoints import Endpoint, Months

_1970 = date(1970, 1, 1)


class Corrections:
    """The adjustments of counts. Safe to change from any thread while the emulator runs.

    Args:
        world: The workspace.
        clock: The clock.
        edits: The edits, whose created sources and destinations may have traffic.
    """

    def __init__(self, world: World, clock: Clock, edits: Edits) -> None:
        self._world = world
        self._edits = edits
        self._clock = clock
        self._lock = Lock()
        self._active: tuple[Adjustment, ...] = ()

    @property
    def active(self) -> list[Adjustment]:
        """The active adjustments. A correction has its effective time filled in."""
        return list(self._active)

    def add(self, *adjustments: Adjustment) -> None:
        """Add adjustments. Several corrections of the same day multiply.

        Raises:
            ValueError: One names an endpoint, a source or a destination without such counts. None is added.
        """
        more = self._checked(adjustments)
        with self._lock:
            self._active += more

    def replace(self, adjustments: Iterable[Adjustment]) -> None:
        """Replace all adjustments.

        Raises:
            ValueError: One names an endpoint, a source or a destination without such counts. The old ones stay.
        """
        instead = self._checked(adjustments)
        with self._lock:
            self._active = instead

    def clear(self) -> None:
        """Remove all adjustments."""
        self.replace(())

    def numbers(self, row: Endpoint, now: datetime) -> CountChanges:
        """Return the adjustments that apply to an endpoint.

        Args:
            row: The endpoint.
            now: The current time, in UTC.
        """
        active = self._active
        corrections = [
            each
            for each in active
            if isinstance(each, Correction) and _is_of(each.of, row) and each.from_ and each.from_ <= now
        ]
        silences = [each for each in active if isinstance(each, Silence)]
        missing = [each.day for each in active if isinstance(each, MissingDay) and each.endpoint == row.name]
        exact = CountChanges(
            missing=frozenset(day.isoformat() for day in missing),
            traffic=tuple(each for each in active if isinstance(each, Traffic)),
            outcomes=tuple(each for each in active if isinstance(each, Outcome)),
        )
        if not corrections and not silences:
            return exact

        def factor(source_id: str, day: int) -> Fraction:
            found = Fraction(1)
            for correction in corrections:
                if _days(correction.day) == day and correction.source_id in (None, source_id):
                    # through text, so that 0.1 is exactly one tenth and not the nearest binary number
                    found *= Fraction(str(correction.factor))
            for silence in silences:
                if silence.source_id == source_id and _days(silence.day) <= day:
                    found *= silence.until is not None and day >= _days(silence.until)
            return found

        return replace(exact, factor=factor)

    def _checked(self, adjustments: Iterable[Adjustment]) -> tuple[Adjustment, ...]:
        now = self._clock.now()
        return tuple(self._ready(adjustment, now) for adjustment in adjustments)

    def _ready(self, adjustment: Adjustment, now: datetime) -> Adjustment:
        counted = [row for row in self._world.catalogue if self._world.is_timed(row.name) and row.name != TRAIL]
        if isinstance(adjustment, MissingDay):
            monthly = [row.name for row in counted if isinstance(row.time, Months)]
            if adjustment.endpoint not in monthly:
                raise ValueError(f"missing-day: {adjustment.endpoint!r} has no snapshots; {', '.join(monthly)} have")
            return adjustment
        known = {source["id"] for source in self._world.counted_sources} | self._created("sources")
        if adjustment.source_id is not None and adjustment.source_id not in known:
            raise ValueError(f"{adjustment.kind}: no source {adjustment.source_id!r} has numbers")
        if isinstance(adjustment, Outcome) and adjustment.destination_id is not None:
            destinations = {each["id"] for each in self._world.records("destinations")} | self._created("destinations")
            if adjustment.destination_id not in destinations:
                raise ValueError(f"outcome: there is no destination {adjustment.destination_id!r}")
        if isinstance(adjustment, Silence | Traffic | Outcome):
            return adjustment
        names = list(dict.fromkeys([*(row.domain for row in counted), *(row.name for row in counted)]))
        if adjustment.of not in names:
            raise ValueError(f"correction: {adjustment.of!r} has no numbers; {', '.join(names)} have")
        return replace(adjustment, from_=adjustment.from_ or now)

    def _created(self, endpoint: str) -> set[str]:
        return {each.id for each in self._edits.active if each.endpoint == endpoint and each.action == "create"}


def _is_of(named: str, row: Endpoint) -> bool:
    return named in (row.name, row.domain) or SUMS.get(named, named) == SUMS.get(row.name, row.name)


def _days(day: date) -> int:
    return (day - _1970).days
