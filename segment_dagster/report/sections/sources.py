"""Sources by state, and how many events they send."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

from segment_dagster.marts.mart import Row
from segment_dagster.report.figures import Column, Daily, Matrix, Section, Stat, Stats, Table
from segment_dagster.report.formats import name, shown
from segment_dagster.report.queries import DAYS_OF_EVENTS, EVENTS, QUERIES, SOURCES
from segment_dagster.report.sections.context import DISABLED, Context, count_by, state_of, with_others

STATES = ("dead", "quiet", "never", "unknown", "live", DISABLED)
"""In the order in which they are shown."""

MAX_TYPES = 40
DAYS_IN_TABLE = 14
"""Those that the change compares."""


def sources(context: Context) -> Section:
    """Return the section on sources by state."""
    rows = sorted(
        context.rows(SOURCES),
        key=lambda row: (STATES.index(state_of(row)), -(row["events_7d"] or 0), str(row["source_id"])),
    )
    counts = Counter(state_of(row) for row in rows)
    types = with_others(Counter(name(row["source_type"], "unknown type") for row in rows), MAX_TYPES)
    by_day = _events(context)
    days = _days(context, DAYS_IN_TABLE) if rows else []
    table = Table(
        columns=[
            Column(name="source"),
            Column(name="type"),
            Column(name="state", kind="state"),
            Column(name="last event", kind="day"),
            Column(name="events in 7 days", kind="count"),
            Column(name="change", kind="change"),
            Column(name="by day", kind="days"),
            Column(name="sends to", kind="count"),
        ],
        rows=[
            (
                context.source_names[row["source_id"]],
                name(row["source_type"], "unknown type"),
                state_of(row),
                row["last_event_on"],
                row["events_7d"],
                row["trend"],
                [by_day[row["source_id"]].get(day, 0) if day in by_day[None] else None for day in days],
                _targets(row),
            )
            for row in rows
        ],
    )
    return Section(
        title="Sources by state",
        about="Live: an event within the last days; quiet: none lately; dead: none for long; never: none in all that "
        "is loaded; unknown: a day is missing on which there may have been one. A source sends to destinations and "
        "warehouses that are enabled.",
        figures=[
            Stats(stats=[Stat(label=state, value=f"{counts[state]:,}") for state in STATES if counts[state]]),
            Matrix(
                label="Sources by type and state",
                rows=list(dict.fromkeys(types.values())),
                columns=[state for state in STATES if counts[state]],
                counts=count_by((types[name(row["source_type"], "unknown type")], state_of(row), 1) for row in rows),
            ),
            table,
        ]
        if rows
        else [],
        lacking=context.lacking(SOURCES),
        as_of=context.as_of(SOURCES),
    )


def volume(context: Context) -> Section:
    """Return the section on the volume of events."""
    total = _events(context)[None]
    days = _days(context, DAYS_OF_EVENTS) if total else []
    return Section(
        title="Events by day",
        about="Events of all sources in the last 28 days; a gap is a day that is not loaded.",
        figures=[
            Stats(stats=_sums(context)),
            Daily(label="Events a day", kind="count", days=[(day, total.get(day)) for day in days]),
        ]
        if total
        else [],
        lacking=QUERIES[EVENTS].required if context.lacking(EVENTS) else [],
        as_of=context.as_of(SOURCES),
    )


def _targets(row: Row) -> int | None:
    """Return the enabled destinations and warehouses of a source; `None` where neither are loaded."""
    known = [row[each] for each in ("enabled_destinations", "warehouses") if row[each] is not None]
    return sum(known) if known else None


def _sums(context: Context) -> list[Stat]:
    rows = context.rows(SOURCES)
    if not rows:
        return []
    day, week, before = (
        sum(row[each] or 0 for row in rows) for each in ("events_1d", "events_7d", "events_previous_7d")
    )
    change = shown(week / before - 1, "change") if before else "none"
    missing = rows[0]["missing_days"]
    return [
        Stat(label="on the last day", value=shown(day, "count")),
        Stat(label="in 7 days", value=shown(week, "count"), caption=f"{change} against the 7 days before"),
        Stat(label="days not loaded", value=shown(missing, "count"), caption="of the last 28"),
    ]


def _events(context: Context) -> Mapping[str | None, Mapping[date, int]]:
    """Return events by source and day; of all sources under `None`."""
    found: dict[str | None, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in context.rows(EVENTS):
        found[row["source_id"]][row["day"]] = int(row["events"])
        found[None][row["day"]] += int(row["events"])
    return found


def _days(context: Context, number: int) -> list[date]:
    last = context.as_of(SOURCES) or max(row["day"] for row in context.rows(EVENTS))
    return [last - timedelta(days=back) for back in reversed(range(number))]
