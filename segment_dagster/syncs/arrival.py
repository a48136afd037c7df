"""Compare what Segment has taken in with the rows that have arrived in a warehouse, by day."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from segment_dagster.extract.columns import column_name

CALLS = {"tracks": "track", "pages": "page", "screens": "screen", "identifies": "identify", "groups": "group"}
"""The type of call that a table has a row of each of. Source: Segment's page on the schema of warehouses."""

BY_EVENT = "tracks"
"""The table whose rows name their event, in `EVENT`."""

EVENT, RECEIVED = "event_text", "received_at"

MAX_SHOWN = 20
"""Differences that a check shows."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")

Query = Callable[[str], Sequence[Sequence[Any]]]
"""Runs SQL in the warehouse, and returns the rows."""

Key = tuple[date, str | None]
"""A day, in UTC, and the name of an event where rows have one."""


@dataclass(frozen=True)
class Difference:
    """A day, and perhaps an event, of which not all rows have arrived, or more than were taken in."""

    day: date
    event: str | None
    expected: int
    found: int

    @property
    def missing(self) -> int:
        """Return how many rows are missing; below 0 if there are more."""
        return self.expected - self.found

    def __str__(self) -> str:
        """Return it as a clause."""
        of_event = f" of {self.event!r}" if self.event is not None else ""
        return f"{self.day}{of_event}: {self.found:,} of {self.expected:,}"


def rows_by_source(
    rows: Iterable[Mapping[str, Any]], source_ids: Collection[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return the rows of `events_volume` by their source, for some sources."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row[column_name("sourceId")] in source_ids:
            found[row[column_name("sourceId")]].append(row)
    return found


def existing_tables(query: Query, names: Collection[str]) -> set[str]:
    """Return those of these tables that the warehouse has.

    Args:
        query: Runs SQL.
        names: Names with their schema, and perhaps a database.
    """
    found = set()
    for database in {name.rpartition(".")[0].rpartition(".")[0] for name in names}:
        of_database = {name for name in names if name.rpartition(".")[0].rpartition(".")[0] == database}
        views = f"{sql_name(database)}.information_schema" if database else "information_schema"
        there = {
            (str(schema).lower(), str(table).lower())
            for schema, table in query(f"SELECT table_schema, table_name FROM {views}.tables")  # noqa: S608 - our names
        }
        found |= {name for name in of_database if tuple(name.lower().split(".")[-2:]) in there}
    return found


def expected_counts(rows: Iterable[Mapping[str, Any]], table: str) -> Counter[Key]:
    """Return how many rows of a table Segment's own count lets expect.

    Args:
        rows: Rows of `events_volume` of the source, by the day.
        table: One of `CALLS`.
    """
    names = {field: column_name(field) for field in ("eventType", "eventName", "time", "count")}
    counts: Counter[Key] = Counter()
    for row in rows:
        same_type = str(row[names["eventType"]] or "").lower() == CALLS[table]
        if same_type and row[names["time"]] is not None:
            day = row[names["time"]].astimezone(timezone.utc).date()
            event = row[names["eventName"]] if table == BY_EVENT else None
            counts[day, event] += int(row[names["count"]] or 0)
    return counts


def found_counts(query: Query, table: str, qualified_name: str, days: Sequence[date]) -> Counter[Key]:
    """Return how many rows a table of the warehouse has, by the day on which Segment received them.

    Args:
        query: Runs SQL.
        table: One of `CALLS`.
        qualified_name: The table's name with its schema.
        days: The days, in UTC.
    """
    named = table == BY_EVENT
    # a time with its zone: a day would be that of the session
    columns = ", ".join(f"sum(CASE WHEN {_within(day)} THEN 1 ELSE 0 END)" for day in days)
    by = f" GROUP BY {EVENT}" if named else ""
    sql = (
        f"SELECT {f'{EVENT}, ' if named else ''}{columns} FROM {sql_name(qualified_name)} "  # noqa: S608 - names of tables
        f"WHERE {RECEIVED} >= {_moment(days[0])} AND {RECEIVED} < {_moment(days[-1] + timedelta(days=1))}{by}"
    )
    counts: Counter[Key] = Counter()
    for row in query(sql):
        event, found = (row[0], row[1:]) if named else (None, row)
        for day, count in zip(days, found, strict=True):
            counts[day, event] += int(count or 0)
    return counts


def differences(expected: Mapping[Key, int], found: Mapping[Key, int], tolerance: float) -> list[Difference]:
    """Return what differs by more than a share of what is expected, the largest share first."""
    keys = {key for counts in (expected, found) for key, count in counts.items() if count}
    differing = [Difference(*key, expected.get(key, 0), found.get(key, 0)) for key in keys]
    beyond = [each for each in differing if abs(each.missing) > tolerance * each.expected]
    return sorted(beyond, key=lambda each: (-abs(each.missing) / (each.expected or 1), each.day, each.event or ""))


def by_day(counts: Mapping[Key, int]) -> dict[str, int]:
    """Return the rows of each day."""
    days: dict[str, int] = defaultdict(int)
    for (day, _), count in sorted(counts.items(), key=lambda each: each[0][0]):
        days[day.isoformat()] += count
    return dict(days)


def comparable_days(now: datetime, reach: datetime, count: int) -> list[date]:
    """Return the last days that had ended when a sync began, in UTC: it had all that was received by then.

    Args:
        now: The present, in UTC.
        reach: When the sync began, in UTC.
        count: How many days, at most.
    """
    last = min(now, reach).astimezone(timezone.utc).date() - timedelta(days=1)
    return [last - timedelta(days=back) for back in reversed(range(count))]


def sql_name(name: str) -> str:
    """Return a table's name in SQL: what is plain is left to the warehouse's own rule for upper and lower case."""
    return ".".join(part if _PLAIN.fullmatch(part.lower()) else _quoted(part) for part in name.split("."))


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _within(day: date) -> str:
    return f"{RECEIVED} >= {_moment(day)} AND {RECEIVED} < {_moment(day + timedelta(days=1))}"


def _moment(day: date) -> str:
    return f"'{day.isoformat()} 00:00:00+00:00'"
