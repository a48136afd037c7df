"""Usage of the month, its forecast and the plan."""

from segment_dagster.marts.mart import Row
from segment_dagster.report.figures import Bullet, Column, Figure, Section, Stat, Stats, Table
from segment_dagster.report.formats import share, short
from segment_dagster.report.queries import USAGE
from segment_dagster.report.sections.context import Context
from segment_dagster.text import pluralize

MTU, API_CALLS = "mtu", "api_calls"
METRICS = {MTU: "monthly tracked users (MTU)", API_CALLS: "API calls"}


def workspace_rows(context: Context) -> list[Row]:
    """Return the rows of the whole workspace, one for each metric of its latest month."""
    rows = [row for row in context.rows(USAGE) if row["source_id"] is None and row["metric"] in METRICS]
    return [row for metric in METRICS if (row := _latest(rows, metric))]


def usage(context: Context) -> Section:
    """Return the section."""
    if context.lacking(USAGE):
        return _section(context, [])
    figures: list[Figure] = []
    for row in workspace_rows(context):
        label = f"{METRICS[row['metric']]} in {row['month']:%B %Y}"
        figures += [
            Stats(stats=list(_stats(row))),
            Bullet(
                label=label[0].upper() + label[1:],
                **{each: row[each] for each in ("used", "forecast", "low", "high", "plan")},
            ),
        ]
    if sources := _by_source(context):
        figures.append(sources)
    return _section(context, figures)


def forecast_range(row: Row) -> str:
    """Return a forecast with its range."""
    if row["forecast"] is None:
        return "too few days for a forecast"
    low_and_high = f", {short(row['low'])} to {short(row['high'])}" if row["low"] is not None else ""
    return f"forecast {short(row['forecast'])}{low_and_high}"


def _section(context: Context, figures: list[Figure]) -> Section:
    return Section(
        title="Usage and the plan",
        about="What is billed in the month so far, what the month will come to by the days before, and the plan's "
        "limit, where a setting tells it.",
        figures=figures,
        lacking=context.lacking(USAGE),
        as_of=context.as_of(USAGE),
    )


def _latest(rows: list[Row], metric: str) -> Row | None:
    return max((row for row in rows if row["metric"] == metric), key=lambda row: row["month"], default=None)


def _stats(row: Row) -> list[Stat]:
    called = "MTU" if row["metric"] == MTU else "API calls"
    plan = row["plan"]
    error = row["past_error"]
    return [
        Stat(
            label=f"{called} so far",
            value=short(row["used"]),
            caption=f"of {pluralize(row['days_known'], 'day')} of {row['month']:%B}",
        ),
        Stat(
            label=f"{called} by the end of the month",
            value=short(row["forecast"]) if row["forecast"] is not None else "unknown",
            caption=forecast_range(row),
        ),
        Stat(
            label="forecast, of the plan",
            value=share(row["share_of_plan"]) if row["share_of_plan"] is not None else "no limit",
            caption=f"limit {short(plan)}" if plan else "no plan is set",
        ),
        Stat(
            label="error of past forecasts",
            value=share(error) if error is not None else "unknown",
            caption="at the same day of the months before" if error is not None else "no month before is loaded",
        ),
    ]


def _by_source(context: Context) -> Table | None:
    rows = [row for row in context.rows(USAGE) if row["source_id"] is not None and row["metric"] in METRICS]
    newest = {metric: row["month"] for metric in METRICS if (row := _latest(rows, metric))}
    rows = [row for row in rows if row["month"] == newest[row["metric"]]]
    if not rows:
        return None
    totals = {row["metric"]: row["used"] for row in workspace_rows(context)}
    ordered = sorted(rows, key=lambda row: (list(METRICS).index(row["metric"]), -row["used"], str(row["source_id"])))
    return Table(
        label="By source",
        columns=[
            Column(name="source"),
            Column(name="of"),
            Column(name="so far", kind="count"),
            Column(name="share", kind="share"),
            Column(name="forecast", kind="count"),
            Column(name="low", kind="count"),
            Column(name="high", kind="count"),
        ],
        rows=[
            (
                context.source_of(row),
                "MTU" if row["metric"] == MTU else "API calls",
                row["used"],
                row["used"] / total if (total := totals.get(row["metric"])) else None,
                *(row[each] for each in ("forecast", "low", "high")),
            )
            for row in ordered[: context.most]
        ],
        of=len(ordered),
    )
