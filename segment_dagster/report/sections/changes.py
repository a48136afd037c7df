"""What changed in the last weeks, by person and by kind."""

from collections import Counter
from collections.abc import Callable, Sequence

from segment_dagster.marts.mart import Row
from segment_dagster.report.figures import Figure, Matrix, Section
from segment_dagster.report.formats import distinct_names, name
from segment_dagster.report.queries import CHANGES
from segment_dagster.report.sections.context import OTHERS, Context, count_by, with_others

TOLD_BY = {"changes": "Changes of the configuration", "trail": "Events of the audit trail"}
TOKENS, NOBODY = "API tokens", "nobody is named"
MAX_ROWS = 25
"""Most people, and most kinds of changes, that are named."""


def changes(context: Context) -> Section:
    """Return the section."""
    figures: list[Figure] = []
    for told_by, what in TOLD_BY.items():
        rows = [row for row in context.rows(CHANGES) if row["told_by"] == told_by]
        if rows:
            people = {email: context.person_of(email) or "" for row in rows if (email := row["actor_email"])}
            shown = distinct_names(dict(sorted(people.items())))

            def who(row: Row, shown: dict[str, str] = shown) -> str:
                return shown.get(row["actor_email"], TOKENS if row["actor"] else NOBODY)

            figures += [_by_week(rows, f"{what} by person", who), _by_week(rows, f"{what} by kind", _kind)]
    return Section(
        title="Changes by week",
        about="Changes in each week, which begins on the day that is named, by who made them and by what they are.",
        figures=figures,
        lacking=context.lacking(CHANGES),
        as_of=context.as_of(CHANGES),
    )


def _kind(row: Row) -> str:
    change = name(row["change"], "unknown")
    return change if row["told_by"] == "trail" else f"{name(row['kind'], 'unknown')}: {change}"


def _by_week(rows: Sequence[Row], label: str, key: Callable[[Row], str]) -> Matrix:
    totals = Counter[str]()
    for row in rows:
        totals[key(row)] += row["changes"]
    called = with_others(totals, MAX_ROWS)
    names = [each for each in dict.fromkeys(called.values()) if each != OTHERS]
    others = len(called) - len(names)
    last = [f"{OTHERS} ({others})"] if others else []
    return Matrix(
        label=label,
        rows=[*names, *last],
        columns=[f"{week:%d %b}" for week in sorted({row["week"] for row in rows})],
        counts=count_by(
            (last[0] if called[key(row)] == OTHERS else called[key(row)], f"{row['week']:%d %b}", row["changes"])
            for row in rows
        ),
    )
