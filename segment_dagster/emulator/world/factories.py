"""What a function that makes records is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from segment_dagster.emulator.world.random_values import RandomValues

Record = dict[str, Any]
"""One record, as the API writes it."""


@dataclass(frozen=True)
class ListContext:
    """What the records of one list are made from."""

    draw: RandomValues
    scale: int

    records: Callable[[str], list[Record]]
    """The records of an endpoint that comes earlier in the catalogue: all its lists together.

    Each with the fields that the API leaves to whoever asks: those of the columns that a parameter fills.
    """

    parent: Record = field(default_factory=dict)
    """The first record that the list belongs to, as `records` gives it; empty for an endpoint without a parent."""

    values: Mapping[str, str] = field(default_factory=dict)
    """What the list is asked with, by the parameter's name: what the parent gives, and the parameters told apart."""


Maker = Callable[[ListContext], list[Any]]
"""Makes the records of one list: one record at most where the answer is single, bare values where it holds such."""


@dataclass(frozen=True)
class Change:
    """Something that was done to a record, of which the audit trail tells."""

    id: str
    """Id of its event in the trail."""

    at: datetime
    """When it was done, in UTC."""

    endpoint: str
    """Name of the endpoint that lists the record."""

    action: str
    """`create`, `modify` or `delete`."""

    record: Record
    """The record afterwards; before it where it is deleted."""

    fields: Mapping[str, Any]
    """What of the record is new, where it is modified."""

    actor: Record
    """The user who did it."""


@dataclass(frozen=True)
class CountChanges:
    """What becomes of the numbers of one endpoint."""

    factor: Callable[[str, int], Fraction] | None = None
    """What the counts of a source, by its id, are multiplied by on a day, counted from 1970; `None` for 1."""

    missing: frozenset[str] = frozenset()
    """The days, as `2024-02-29`, whose snapshots are missing."""


@dataclass(frozen=True)
class WorldState:
    """What has come over the world since it was made, as far as answers that cover a time tell of it."""

    records: Callable[[str], list[Record]]
    """The records of an endpoint that are there now: all its lists together."""

    counted_records: Callable[[str], list[Record]]
    """The records of an endpoint that have numbers: those of the world, as they are now.

    Each is called enabled if it ever was. One that was deleted has lost its name and slug, but keeps its place; one
    that was created is not among them.
    """

    changes: tuple[Change, ...] = ()
    """What was done so far."""

    quiet: bool = False
    """Whether the audit trail tells of `changes` alone, and no events are made up."""

    enabled: Callable[[str, str, int], bool] | None = None
    """Whether a record of `counted_records` is enabled on a day: its endpoint, its id, the day counted from 1970.

    `None` where each is enabled on every day, or on none, as it says.
    """

    numbers: CountChanges = CountChanges()


@dataclass(frozen=True)
class TimedRequest:
    """What the records of one answer that covers a time are made from."""

    seed: str
    """Tells world, endpoint and list apart, and is the same whatever time is asked for.

    What is counted for a stretch of time is drawn from it and that stretch, so that it is the same in every answer.
    """

    values: Mapping[str, str]
    """What the list is asked with, by the parameter's name."""

    query: Mapping[str, tuple[str, ...]]
    """All parameters of the query, each with all its values; those of an object by dotted name: `filter.eventName`."""

    now: datetime
    """The present, in UTC."""

    scale: int
    records: Callable[[str], list[Record]]
    """As in `ListContext`: the world's own records, whatever was done to them since."""

    given_state: WorldState | None = None

    @property
    def state(self) -> WorldState:
        """What has come over the world since it was made."""
        return self.given_state or WorldState(self.records, self.records)


TimedMaker = Callable[[TimedRequest], list[Record]]
"""Makes all records of one list for the time that is asked for."""
