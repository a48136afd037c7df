"""How far a read has come, in one line."""

from dataclasses import dataclass

from segment_dagster.text import duration, pluralize

NAMES_SHOWN = 2
"""Endpoints under way that the line names."""


@dataclass(frozen=True, kw_only=True)
class EndpointProgress:
    """An endpoint that is being read."""

    name: str
    lists: int
    done: int
    """Lists that came whole or answered 404."""

    seconds_left: float
    """Seconds that the others take at least, at the allowed rate."""

    def __str__(self) -> str:
        """Name it, and say what is to come."""
        if self.lists < 2:
            return self.name
        left = f", {duration(self.seconds_left)} or more to go" if self.seconds_left >= 1 else ""
        return f"{self.name} ({self.done:,} of {pluralize(self.lists, 'list')}{left})"


@dataclass(frozen=True, kw_only=True)
class ReadProgress:
    """How far a read has come."""

    rows: int
    requests: int
    endpoints: int
    done: int
    """Endpoints that were read, or failed."""

    under_way: tuple[EndpointProgress, ...]
    """The one that takes longest first."""

    def __str__(self) -> str:
        """Say it in a line."""
        line = (
            f"{self.done} of {pluralize(self.endpoints, 'endpoint')} read, "
            f"{pluralize(self.rows, 'row')}, {pluralize(self.requests, 'request')}"
        )
        named = ", ".join(map(str, self.under_way[:NAMES_SHOWN]))
        more = len(self.under_way) - NAMES_SHOWN
        named += f" and {more:,} more" if more > 0 else ""
        return f"{line}; waiting for {named}" if named else line
