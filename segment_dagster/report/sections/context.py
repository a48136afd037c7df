"""What all sections share: the tables, what sources are called, and how people are shown."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from segment_dagster.marts.mart import Row
from segment_dagster.report.formats import distinct_names, latest, name
from segment_dagster.report.queries import SOURCES
from segment_dagster.report.read import Tables

DISABLED = "disabled"
OTHERS = "others"


@dataclass(frozen=True, kw_only=True)
class Context:
    """The tables, and how they are shown."""

    tables: Tables
    person: Callable[[str], str] = field(default=str)
    """Returns what is shown of a name or an address of a person."""

    most: int | None = None
    """Most rows of a table; `None` for all."""

    def rows(self, table: str) -> Sequence[Row]:
        """Return the rows of a table; none where it is not loaded."""
        return self.tables.get(table, ())

    def lacking(self, *tables: str) -> list[str]:
        """Return those of some tables that are not loaded."""
        return [table for table in tables if table not in self.tables]

    def as_of(self, *tables: str) -> date | None:
        """Return the last day that counts in some tables."""
        return latest(row.get("as_of") for table in tables for row in self.rows(table)[:1])

    def person_of(self, value: Any) -> str | None:
        """Return what is shown of a person; `None` where there is none."""
        return name(self.person(str(value))) if value else None

    @cached_property
    def source_names(self) -> Mapping[str, str]:
        """What sources are called, by id: the name, with the slug where several have the same."""
        rows = self.rows(SOURCES)
        same = Counter(row["source_name"] for row in rows)
        called = {
            row["source_id"]: f"{name(row['source_name'])} ({name(row['source_slug'])})"
            if same[row["source_name"]] > 1
            else name(row["source_name"])
            for row in sorted(rows, key=lambda row: str(row["source_id"]))
        }
        return distinct_names(called)

    def source_of(self, row: Row) -> str | None:
        """Return what the source of a row is called; `None` where it has none."""
        source = row["source_id"]
        return self.source_names.get(source, name(row.get("source_name"), "a deleted source")) if source else None


def state_of(row: Row) -> str:
    """Return the state of a source or a destination; that of a disabled one is that it is disabled."""
    return str(row["state"]) if row["enabled"] else DISABLED


def with_others(counts: Mapping[str, int], most: int) -> dict[str, str]:
    """Return what each name counts as: itself for those with the highest counts, `others` for the rest.

    Args:
        counts: Counts by name.
        most: Most names that stand for themselves.
    """
    ordered = sorted(counts, key=lambda each: (-counts[each], each))
    kept = ordered if len(ordered) <= most else ordered[: most - 1]
    return {each: each for each in kept} | {each: OTHERS for each in ordered[len(kept) :]}


def count_by(rows: Iterable[tuple[str, str, int]]) -> Counter[tuple[str, str]]:
    """Return sums by pair."""
    found = Counter[tuple[str, str]]()
    for row, column, number in rows:
        found[row, column] += number
    return found
