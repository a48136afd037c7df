"""What has been received of a list so far."""

from dataclasses import dataclass, field

from segment_dagster.endpoints import Endpoint

GROWTH = 1000
"""Records by which a list that grows while it is read may differ from its own count."""


@dataclass
class Received:
    """What has been received of one list. `receive` takes in each page."""

    grows: bool
    """Whether the list's count is only roughly right: it is a bound, or records are added while it is read."""

    records: int = 0
    cursors: set[str] = field(default_factory=set)
    """The cursors that were followed."""

    total: int | None = None
    """What the last response counts, in the documented place."""

    least: int | None = None
    """The least that a response counted."""

    most: int | None = None
    """The most that a response counted."""

    @classmethod
    def nothing_of(cls, endpoint: Endpoint) -> "Received":
        """Start a list."""
        return cls(grows=bool(endpoint.total_is_bound or endpoint.time or endpoint.log))

    def receive(self, records: int, total: int | None) -> None:
        """Take in a page.

        Args:
            records: How many records it has.
            total: How many records the whole list holds, where the response says so.
        """
        self.records += records
        self.total = total
        if total is not None:
            self.least = total if self.least is None else min(self.least, total)
            self.most = total if self.most is None else max(self.most, total)

    @property
    def spare(self) -> int:
        """Records by which a count may be larger at the end. A list of one page has had no time to grow."""
        return GROWTH if self.cursors and self.grows else 0
