"""Exact traffic: what a source sends each day, and what becomes of it."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

NAMELESS = ("identify", "group", "alias")
"""Types of calls without an event name."""

NAMED = ("track", "page", "screen")
"""Types of calls with an event name."""

AT_SOURCE = ("failed_on_ingest", "filtered_at_source")
"""Stages of an outcome at the source."""

AT_DESTINATION = ("filtered_at_destination", "failed_delivery", "retried")
"""Stages of an outcome at a destination."""

_SATURDAY = 5


@dataclass(frozen=True)
class Traffic:
    """Makes a source send exactly so many events of one kind a day. A source with traffic has no other counts.

    The same numbers are in the event volume, in the delivery of the source and of its destinations, and in the usage:
    one API call for each event.
    """

    kind: ClassVar[str] = "traffic"

    source_id: str
    """Id of the source. A source that an edit creates has traffic from the next day on."""

    day: date
    """The first day, in UTC."""

    per_day: int
    """Events that Segment receives each day. 0 for a source that sends nothing."""

    event: str | None = None
    """Name of the events: for `track`, `page` and `screen` only."""

    type: str = "track"
    """Type of the events."""

    until: date | None = None
    """The day on which it ends, in UTC: the first one without. `None` for never."""

    weekend: int | None = None
    """Events on a Saturday or Sunday. `None` means as many as on other days."""

    users: int = 0
    """New tracked users a day. All are identified, and none is a user of another source."""

    def __post_init__(self) -> None:
        """Reject invalid traffic.

        Raises:
            ValueError: A field is invalid. The message names it.
        """
        label = f"traffic of {self.source_id}"
        if self.type not in (*NAMED, *NAMELESS):
            raise ValueError(f"{label}: unknown type {self.type!r}; the types are {', '.join((*NAMED, *NAMELESS))}")
        if bool(self.event) != (self.type in NAMED) and self.per_day:
            raise ValueError(f"{label}: {self.type} events have {'a' if self.type in NAMED else 'no'} name")
        if min(self.per_day, self.weekend or 0, self.users) < 0:
            raise ValueError(f"{label}: per_day, weekend and users must be 0 or more")
        if self.until is not None and self.until <= self.day:
            raise ValueError(f"{label}: until must be after day")

    def count_on(self, day: date) -> int:
        """Return the number of events of a day."""
        if not _is_within(day, self.day, self.until):
            return 0
        return self.weekend if self.weekend is not None and day.weekday() >= _SATURDAY else self.per_day

    def users_on(self, day: date) -> int:
        """Return the number of new users of a day."""
        return self.users if _is_within(day, self.day, self.until) else 0


@dataclass(frozen=True)
class Outcome:
    """Says what becomes of a share of events. The rest goes on, and is delivered in the end.

    The stages follow each other: `filtered_at_source`, `filtered_at_destination`, `failed_delivery`. A share is one of
    what the stage before let through. `failed_on_ingest` comes on top of what is received, and `retried` is a share of
    what is delivered. A source or destination with an outcome has no other counts of its stages.
    """

    kind: ClassVar[str] = "outcome"

    stage: str
    """One of `AT_SOURCE` or `AT_DESTINATION`."""

    share: float | Fraction
    """From 0 to 1. The count of each kind of event and day is rounded down."""

    day: date
    """The first day, in UTC."""

    reason: str | None = None
    """The discard reason. Without one, the API names none."""

    source_id: str | None = None
    """Id of the source. `None` for all."""

    destination_id: str | None = None
    """Id of the destination. `None` for all. Not for the stages at the source."""

    event: str | None = None
    """Name of the events. `None` for all."""

    until: date | None = None
    """The day on which it ends, in UTC: the first one without. `None` for never."""

    def __post_init__(self) -> None:
        """Reject an invalid outcome.

        Raises:
            ValueError: A field is invalid. The message names it.
        """
        stages = (*AT_SOURCE, *AT_DESTINATION)
        if self.stage not in stages:
            raise ValueError(f"outcome: unknown stage {self.stage!r}; the stages are {', '.join(stages)}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"outcome {self.stage}: share must be a number from 0 to 1")
        if self.destination_id is not None and self.stage in AT_SOURCE:
            raise ValueError(f"outcome {self.stage}: it happens at the source, so it has no destination_id")
        if self.reason and self.stage == "retried":
            raise ValueError("outcome retried: what is delivered has no reason")
        if self.until is not None and self.until <= self.day:
            raise ValueError(f"outcome {self.stage}: until must be after day")

    def share_on(self, day: date) -> Fraction:
        """Return the share of a day."""
        return self._exact_share if _is_within(day, self.day, self.until) else Fraction(0)

    @cached_property
    def _exact_share(self) -> Fraction:
        # through text, so that 0.1 is exactly one tenth and not the nearest binary number
        return Fraction(str(self.share))


def _is_within(day: date, start: date, end: date | None) -> bool:
    return start <= day and (end is None or day < end)
