"""What the report and the notebook show, before it is drawn: each number is worked out once, here above."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from segment_dagster.report.formats import Kind


@dataclass(frozen=True, kw_only=True)
class Stat:
    """One number with its label."""

    label: str
    value: str
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Stats:
    """Numbers side by side."""

    stats: Sequence[Stat]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of values, the most important first."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    label: str = ""
    empty: str = "None."
    """What stands in place of no rows."""

    of: int = 0
    """How many rows there are, where these are the first of them."""


@dataclass(frozen=True, kw_only=True)
class Daily:
    """A number for each day; `None` where the day is not loaded."""

    label: str
    kind: Kind
    days: Sequence[tuple[date, float | None]]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Counts by row and column, as shades."""

    label: str
    rows: Sequence[str]
    columns: Sequence[str]
    counts: Mapping[tuple[str, str], int]


@dataclass(frozen=True, kw_only=True)
class Bullet:
    """What was used and is forecast of a plan."""

    label: str
    used: float
    forecast: float | None
    low: float | None
    high: float | None
    plan: float | None

    def scale(self) -> float:
        """Return the number at the end of its axis."""
        return 1.05 * max(self.used, *(each or 0 for each in (self.forecast, self.high, self.plan)), 1)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a source is connected to."""

    name: str
    type: str
    state: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """A source with what it is connected to."""

    source: str
    type: str
    state: str
    labels: Sequence[tuple[str, str]]
    targets: Sequence[Target]


@dataclass(frozen=True, kw_only=True)
class Neighbourhoods:
    """All sources, each with what it is connected to."""

    sources: Sequence[Neighbourhood]


Figure = Stats | Table | Daily | Matrix | Bullet | Neighbourhoods


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the report."""

    title: str
    about: str
    """What it shows, in a sentence. It holds no text of the API."""

    figures: Sequence[Figure] = ()
    lacking: Sequence[str] = ()
    """Tables that it needs and that are not loaded."""

    as_of: date | None = None
    """The last day that counts."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of it."""

    workspace: str
    """The API's name of the workspace."""

    as_of: date | None
    """The last day that counts in the newest of the tables."""

    summary: Stats
    sections: Mapping[str, Section]
    """By a short name, in their order."""

    needs_attention: int
    """How many things the first section names or counts."""
