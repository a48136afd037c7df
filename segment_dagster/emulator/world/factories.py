"""Types of the functions that generate records, and their input."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from segment_dagster.emulator.traffic import Outcome, Traffic
from segment_dagster.emulator.world.random_values import RandomValues

Record = dict[str, Any]
"""One record, as the API returns it."""


@dataclass(frozen=True)
class ListContext:
    """Input for generating one list."""

    draw: RandomValues
    scale: int

    records: Callable[[str], list[Record]]
    """Returns all records of an endpoint that comes earlier in the catalogue.

    They include the columns that a parameter fills.
    """

    parent: Record = field(default_factory=dict)
    """The first parent record of the list, as `records` returns it; empty for an endpoint without a parent."""

    values: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the list by name: those filled by the parent, and those with one list per value."""


Maker = Callable[[ListContext], list[Any]]
"""Generates one list: at most one record for a single response, bare values if the API returns those."""


@dataclass(frozen=True)
class Change:
    """A change of a record, as the audit trail reports it."""

    id: str
    """Id of its audit event."""

    at: datetime
    """When it happened, in UTC."""

    endpoint: str
    """Name of the endpoint that lists the record."""

    action: str
    """`create`, `modify` or `delete`."""

    record: Record
    """The record after the change, or before it if it was deleted."""

    fields: Mapping[str, Any]
    """The changed fields of a modified record."""

    actor: Record
    """The user who made the change, or the token: it has only an id."""


@dataclass(frozen=True)
class CountChanges:
    """The adjustments of the counts of one endpoint."""

    factor: Callable[[str, int], Fraction] | None = None
    """Returns the factor for a source id and a day since 1970. `None` means 1."""

    missing: frozenset[str] = frozenset()
    """Days without a snapshot, as `2024-02-29`."""

    traffic: tuple[Traffic, ...] = ()
    """What sources send exactly."""

    outcomes: tuple[Outcome, ...] = ()
    """What becomes of shares of events."""


@dataclass(frozen=True)
class WorldState:
    """The changes since the world was generated, as far as time-dependent responses need them."""

    records: Callable[[str], list[Record]]
    """Returns all current records of an endpoint."""

    counted_records: Callable[[str], list[Record]]
    """Returns the records of an endpoint that have counts: the original records in their current state.

    `enabled` is true if a record ever was enabled. A deleted record keeps its place but has no name and slug. Created
    records are not included: they have counts only if their source has traffic.
    """

    changes: tuple[Change, ...] = ()
    """The changes so far."""

    quiet: bool = False
    """Whether the audit trail holds only `changes`, without made-up events."""

    enabled: Callable[[str, str, int], bool] | None = None
    """Returns whether a record of `counted_records` is enabled on a day: endpoint, id, day since 1970.

    `None` means that its `enabled` field holds for all days.
    """

    numbers: CountChanges = CountChanges()


@dataclass(frozen=True)
class TimedRequest:
    """Input for generating a time-dependent list."""

    seed: str
    """Identifies world, endpoint and list, independent of the requested time.

    The count of a period depends only on the seed and the period, so it is the same in every response.
    """

    values: Mapping[str, str]
    """The parameters of the list by name."""

    query: Mapping[str, tuple[str, ...]]
    """All query parameters with all their values. Object parameters have dotted names: `filter.eventName`."""

    now: datetime
    """The current time, in UTC."""

    scale: int
    records: Callable[[str], list[Record]]
    """As in `ListContext`: the original records, without later changes."""

    given_state: WorldState | None = None

    @property
    def state(self) -> WorldState:
        """The changes since the world was generated."""
        return self.given_state or WorldState(self.records, self.records)


TimedMaker = Callable[[TimedRequest], list[Record]]
"""Generates all records of one list for the requested time."""
