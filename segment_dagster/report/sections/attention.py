"""What somebody should look at first."""

from collections.abc import Iterator, Sequence
from typing import Any

from segment_dagster.report.figures import Column, Section, Table
from segment_dagster.report.formats import name, sentence, share, shown
from segment_dagster.report.queries import DESTINATIONS, SOURCES, USAGE
from segment_dagster.report.sections.context import Context, state_of
from segment_dagster.report.sections.usage import METRICS, workspace_rows
from segment_dagster.text import pluralize

MAX_NAMED = 12
"""Most sources, and most destinations, that are named here: their sections have all."""

OVER, NEAR = "over plan", "near plan"

_Found = tuple[str, str, str, str]


def attention(context: Context) -> tuple[Section, int]:
    """Return the section, and how many things need attention."""
    usage, failing, silent = (list(of(context)) for of in (_usage, _failing, _silent))
    rows = [*usage, *_named(failing, "failing"), *_named(silent, "silent"), *_unknown(context)]
    return (
        Section(
            title="What needs attention",
            about="Usage above the plan, destinations that fail, and enabled sources that send nothing.",
            figures=[
                Table(
                    columns=[Column(name="state", kind="state"), *map(_column, ("what", "name", "why"))],
                    rows=rows,
                    empty="Nothing that is loaded needs attention.",
                )
            ],
            lacking=context.lacking(SOURCES, DESTINATIONS, USAGE),
            as_of=context.as_of(SOURCES, DESTINATIONS, USAGE),
        ),
        len(usage) + len(failing) + len(silent),
    )


def _column(called: str) -> Column:
    return Column(name=called)


def _named(rows: Sequence[_Found], state: str) -> Iterator[_Found]:
    yield from rows[:MAX_NAMED]
    if more := len(rows) - MAX_NAMED if len(rows) > MAX_NAMED else 0:
        what = rows[0][1]
        yield state, what, f"{more} more", f"See the section on {what}s."


def _usage(context: Context) -> Iterator[_Found]:
    for row in workspace_rows(context):
        plan = row["plan"]
        if not plan:
            continue
        most = max(row[each] or 0 for each in ("used", "forecast", "high"))
        if most <= plan:
            continue
        over = max(row["used"], row["forecast"] or 0) > plan
        expected = f"forecast {shown(row['forecast'], 'count')} of {shown(plan, 'count')}"
        yield OVER if over else NEAR, "usage", METRICS[row["metric"]], f"{expected}, at most {shown(most, 'count')}"


def _failing(context: Context) -> Iterator[_Found]:
    failing = [row for row in context.rows(DESTINATIONS) if row["state"] == "failing"]
    for row in sorted(failing, key=lambda row: (-row["failed_7d"], str(row["destination_id"]))):
        trend = f" ({shown(-row['trend'], 'points')} in a week)" if row["trend"] is not None else ""
        called = f"{name(row['destination_name'])} of {context.source_of(row)}"
        reasons = sentence(row["top_reasons"], "no reason is told")
        yield "failing", "destination", called, f"{share(1 - row['success_rate_7d'])} failed{trend}: {reasons}"


def _silent(context: Context) -> Iterator[_Found]:
    order = {"dead": 0, "quiet": 1, "never": 2}
    silent = [row for row in context.rows(SOURCES) if row["enabled"] and row["state"] in order]

    def weight(row: Any) -> tuple[Any, ...]:
        return order[row["state"]], -(row["enabled_destinations"] or 0), str(row["source_id"])

    for row in sorted(silent, key=weight):
        fed = row["enabled_destinations"]
        since = f"no event since {row['last_event_on']}" if row["last_event_on"] else "no event in all that is loaded"
        feeds = f"; it feeds {pluralize(fed, 'enabled destination')}" if fed else ""
        yield row["state"], "source", context.source_names[row["source_id"]], f"{since}{feeds}"


def _unknown(context: Context) -> Iterator[_Found]:
    for table, what, days in ((SOURCES, "source", 28), (DESTINATIONS, "destination", 7)):
        unknown = [row for row in context.rows(table) if state_of(row) == "unknown"]
        if unknown:
            missing = unknown[0]["missing_days"]
            why = f"{missing} of the last {days} days are not loaded" if missing else "days are not loaded"
            yield "unknown", what, pluralize(len(unknown), what), why
