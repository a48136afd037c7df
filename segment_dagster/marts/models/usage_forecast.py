"""What the month's usage comes to, against the plan.

The users of a snapshot are taken for `identified` and `never_identified`: Segment bills user IDs, and those anonymous
IDs that got no user ID in the month (twilio.com/docs/segment/guides/usage-and-billing/mtus-and-throughput). `anonymous`
and `anonymous_identified` would count users twice. The Public API itself does not say which of its counts are billed.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timezone
from itertools import groupby

from segment_dagster.config import HealthSettings
from segment_dagster.endpoints.columns import choice, count, day, number, text
from segment_dagster.marts.forecast import added_by_day, forecast_month
from segment_dagster.marts.mart import Mart, Offenders, Row
from segment_dagster.marts.parameters import last_day

API_CALLS, MTU = "api_calls", "mtu"

SQL = """
WITH told AS (
    SELECT
        'api_calls' AS metric, 'workspace' AS scope, CAST(NULL AS TEXT) AS source_id, period AS month, timestamp,
        api_calls AS used
    FROM usage_api_calls_daily
    UNION ALL
    SELECT 'api_calls', 'source', source_id, period, timestamp, api_calls
    FROM usage_api_calls_per_source_daily
    UNION ALL
    SELECT 'mtu', 'workspace', CAST(NULL AS TEXT), period, timestamp, identified + never_identified
    FROM usage_mtu_daily
    UNION ALL
    SELECT 'mtu', 'source', source_id, period, timestamp, identified + never_identified
    FROM usage_mtu_per_source_daily
),
snapshots AS (
    SELECT metric, scope, source_id, month, utc_day(timestamp) AS day, timestamp, used
    FROM told
    WHERE used IS NOT NULL AND month >= $first_usage_month AND utc_day(timestamp) <= $as_of
),
-- a source may have no snapshot on a day on which others have one
known AS (
    SELECT metric, scope, month, min(day) AS first_known, max(day) AS last_known
    FROM snapshots
    GROUP BY metric, scope, month
),
latest AS (
    SELECT metric, scope, max(month) AS latest_month FROM known GROUP BY metric, scope
)
SELECT
    t.metric,
    t.source_id,
    coalesce(nullif(s.name, ''), s.slug) AS source_name,
    t.month,
    t.day,
    t.used,
    k.first_known,
    k.last_known,
    l.latest_month
FROM snapshots AS t
JOIN known AS k ON k.metric = t.metric AND k.scope = t.scope AND k.month = t.month
JOIN latest AS l ON l.metric = t.metric AND l.scope = t.scope
LEFT JOIN sources AS s ON s.id = t.source_id
ORDER BY t.metric, t.scope DESC, t.source_id, t.month, t.timestamp
"""


def finish(rows: Iterable[Row], now: datetime, settings: HealthSettings) -> Iterator[Row]:
    """Yield the forecasts of the workspace, and of the sources that were used in the latest month that is known.

    Args:
        rows: Snapshots of one count after the other, each by month and time.
        now: The current time. The month is the one of its day in UTC, of which nothing may be known yet.
        settings: The plan.
    """
    month = now.astimezone(timezone.utc).date().replace(day=1)
    plans = {API_CALLS: settings.api_calls_plan, MTU: settings.mtu_plan}
    for (metric, source_id), of_series in groupby(rows, lambda row: (row["metric"], row["source_id"])):
        snapshots = list(of_series)
        latest = snapshots[-1]
        if latest["month"] < latest["latest_month"]:
            continue
        found = forecast_month(_added(snapshots), month, users=metric == MTU)
        if not found:
            continue
        plan = (plans[metric] or None) if source_id is None else None
        yield {
            "metric": metric,
            "source_id": source_id,
            "source_name": latest["source_name"],
            "month": month,
            "days_known": found.days_known,
            "used": found.used,
            "forecast": found.forecast,
            "low": found.low,
            "high": found.high,
            "plan": plan,
            "share_of_plan": found.forecast / plan if plan else None,
            "past_error": found.past_error,
            "as_of": last_day(now),
        }


def _added(snapshots: Iterable[Row]) -> dict[date, float]:
    """Return what each day added, over all months."""
    added: dict[date, float] = {}
    for _, in_month in groupby(snapshots, lambda row: row["month"]):
        of_month = list(in_month)
        # the last of a day counts
        counts = {row["day"]: int(row["used"]) for row in of_month}
        added |= added_by_day(counts, of_month[0]["first_known"], of_month[0]["last_known"])
    return added


USAGE_FORECAST = Mart(
    name="usage_forecast",
    description="What this month's API calls and tracked users come to, with a range, against the plan; by source too.",
    columns=(
        choice(
            "metric",
            "`api_calls`, or `mtu`: monthly tracked users, who are those with a user ID and the anonymous ones that "
            "were never identified.",
            API_CALLS,
            MTU,
        ),
        text("source_id", "The source; null for the workspace, in which a user of several sources counts once."),
        text("source_name", "Its name, or else its slug; null if it was deleted."),
        day("month", "The month that is forecast, as its first day, in UTC."),
        count("days_known", "The last day of the month with a snapshot; 0 if there is none yet."),
        count("used", "The count to that day."),
        count("forecast", "The expected count at the month's end."),
        count("low", "The least that is to be expected, if errors stay what they were."),
        count("high", "The most. Where `past_error` is null, what is left is between half and twice the expected."),
        count("plan", "What `mtu_plan` or `api_calls_plan` states; null where there is no limit, and for sources."),
        number("share_of_plan", "The forecast, as a share of the plan."),
        number(
            "past_error",
            "Median error of the same method at the same day of loaded months, as a share of the count; null if they "
            "are fewer than two whole ones, or nothing is left to forecast.",
        ),
        day("as_of", "The last day that counts: yesterday, in UTC."),
    ),
    key=("metric", "month", "days_known", "used", "forecast", "low", "high", "as_of"),
    sql=SQL,
    required=("usage_api_calls_daily", "usage_mtu_daily"),
    optional=("usage_api_calls_per_source_daily", "usage_mtu_per_source_daily", "sources"),
    finish=finish,
    offenders=Offenders(
        check="usage_within_plan",
        description="The month's usage stays within the plan that the settings state.",
        error="used > plan",
        warn="used <= plan AND forecast > plan",
        shown=("metric", "forecast", "plan"),
        identity=("metric", "source_id", "month"),
    ),
)
