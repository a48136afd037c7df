"""What is not delivered, why, and whether it gets worse."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

from segment_dagster.report.figures import Column, Daily, Figure, Section, Stat, Stats, Table
from segment_dagster.report.formats import name, sentence, share
from segment_dagster.report.queries import DAYS_OF_DELIVERIES, DELIVERIES, DESTINATIONS
from segment_dagster.report.sections.context import Context

STATES = ("failing", "unknown", "idle", "healthy", "disabled")
"""In the order in which they are shown."""

Shares = Mapping[date, float]


def failures(context: Context) -> Section:
    """Return the section."""
    rows = context.rows(DESTINATIONS)
    counts = Counter(row["state"] for row in rows)
    figures: list[Figure] = []
    if rows:
        delivered, failed = (sum(row[each] for row in rows) for each in ("delivered_7d", "failed_7d"))
        every = Stat(
            label="failed in 7 days", value=share(failed / (delivered + failed)) if delivered + failed else "none"
        )
        states = [Stat(label=state, value=f"{counts[state]:,}") for state in STATES if counts[state]]
        figures = [Stats(stats=[every, *states]), *_by_day(context), _failed(context), _idle(context)]
    return Section(
        title="Failures",
        about="Of the events that were delivered or failed, those that failed in the last 7 days; the change is that "
        "against the 7 days before. What was filtered was not meant to arrive.",
        figures=figures,
        lacking=context.lacking(DESTINATIONS),
        as_of=context.as_of(DESTINATIONS),
    )


def _by_day(context: Context) -> list[Figure]:
    shares = _shares(context)[None]
    days = [(day, shares.get(day)) for day in _days(context)]
    return [Daily(label="Share of events that failed, by day", kind="share", days=days)] if shares else []


def _failed(context: Context) -> Table:
    shares = _shares(context)
    days = _days(context)
    rows = sorted(
        (row for row in context.rows(DESTINATIONS) if row["failed_7d"]),
        key=lambda row: (row["state"] != "failing", row["success_rate_7d"], str(row["destination_id"])),
    )
    return Table(
        label="Destinations with failures, by share",
        columns=[
            Column(name="destination"),
            Column(name="source"),
            Column(name="state", kind="state"),
            Column(name="failed", kind="share"),
            Column(name="change", kind="points"),
            Column(name="by day", kind="days"),
            Column(name="events", kind="count"),
            Column(name="reasons"),
        ],
        rows=[
            (
                name(row["destination_name"]),
                context.source_of(row),
                row["state"],
                1 - row["success_rate_7d"],
                None if row["trend"] is None else -row["trend"],
                [shares[row["destination_id"]].get(day) for day in days],
                row["failed_7d"],
                sentence(row["top_reasons"], "no reason is told"),
            )
            for row in rows[: context.most]
        ],
        of=len(rows),
    )


def _idle(context: Context) -> Table:
    rows = sorted(
        (row for row in context.rows(DESTINATIONS) if row["state"] == "idle"),
        key=lambda row: (name(row["destination_name"]).casefold(), str(row["destination_id"])),
    )
    return Table(
        label="Enabled, and nothing was sent to them in 7 days",
        columns=[
            Column(name="destination"),
            Column(name="type"),
            Column(name="source"),
            Column(name="last delivery", kind="day"),
        ],
        rows=[
            (
                name(row["destination_name"]),
                name(row["destination_type"], "unknown type"),
                context.source_of(row),
                row["last_delivered_on"],
            )
            for row in rows[: context.most]
        ],
        of=len(rows),
    )


def _days(context: Context) -> list[date]:
    last = context.as_of(DESTINATIONS)
    assert last is not None
    return [last - timedelta(days=back) for back in reversed(range(DAYS_OF_DELIVERIES))]


def _shares(context: Context) -> Mapping[str | None, Shares]:
    """Return the share of events that failed by destination and day; of all destinations under `None`."""
    sums: dict[tuple[str | None, date], Counter[str]] = defaultdict(Counter)
    for row in context.rows(DELIVERIES):
        for destination in (row["destination_id"], None):
            sums[destination, row["day"]][row["outcome"]] += int(row["events"])
    found: dict[str | None, dict[date, float]] = defaultdict(dict)
    for (destination, day), outcomes in sums.items():
        if total := outcomes.total():
            found[destination][day] = outcomes["failed"] / total
    return found
