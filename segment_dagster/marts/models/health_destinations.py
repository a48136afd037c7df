"""Which destinations get what they should."""

from segment_dagster.endpoints.columns import choice, count, day, flag, number, text
from segment_dagster.marts.mart import Mart, Offenders

HEALTHY, FAILING, IDLE, DISABLED, UNKNOWN = "healthy", "failing", "idle", "disabled", "unknown"

SQL = """
WITH missing AS (
    -- a day on which no destination got, refused or filtered anything was not loaded
    SELECT 7 - count(*) AS missing_days
    FROM (SELECT DISTINCT day FROM deliveries_by_day WHERE day >= $first_of_7) AS known
),
counted AS (
    SELECT
        destination_id,
        sum(CASE WHEN outcome = 'delivered' AND day >= $first_of_7 THEN events ELSE 0 END) AS delivered_7d,
        sum(CASE WHEN outcome = 'failed' AND day >= $first_of_7 THEN events ELSE 0 END) AS failed_7d,
        sum(CASE WHEN outcome = 'filtered' AND day >= $first_of_7 THEN events ELSE 0 END) AS filtered_7d,
        sum(CASE WHEN outcome = 'delivered' AND day >= $first_of_7 THEN retried ELSE 0 END) AS retried_7d,
        sum(CASE WHEN outcome = 'delivered' AND day < $first_of_7 AND day >= $first_of_previous_7 THEN events ELSE 0
            END) AS delivered_previous_7d,
        sum(CASE WHEN outcome = 'failed' AND day < $first_of_7 AND day >= $first_of_previous_7 THEN events ELSE 0
            END) AS failed_previous_7d,
        max(CASE WHEN outcome = 'delivered' AND events > 0 THEN day END) AS last_delivered_on,
        max(CASE WHEN outcome = 'failed' AND events > 0 THEN day END) AS last_failed_on
    FROM deliveries_by_day
    GROUP BY destination_id
),
reasons AS (
    SELECT destination_id, coalesce(discard_reason, 'no reason') AS reason, sum(events) AS failed
    FROM deliveries_by_day
    WHERE outcome = 'failed' AND day >= $first_of_7
    GROUP BY destination_id, coalesce(discard_reason, 'no reason')
    HAVING sum(events) > 0
),
ranked AS (
    SELECT
        destination_id,
        reason || ' (' || CAST(CAST(failed AS BIGINT) AS TEXT) || ')' AS counted_reason,
        row_number() OVER (PARTITION BY destination_id ORDER BY failed DESC, reason) AS place
    FROM reasons
),
top AS (
    SELECT
        destination_id,
        max(CASE WHEN place = 1 THEN counted_reason END)
            || coalesce(max(CASE WHEN place = 2 THEN ', ' || counted_reason END), '')
            || coalesce(max(CASE WHEN place = 3 THEN ', ' || counted_reason END), '') AS top_reasons
    FROM ranked
    GROUP BY destination_id
),
rates AS (
    SELECT
        destination_id,
        CAST(delivered_7d AS DOUBLE) / nullif(delivered_7d + failed_7d, 0) AS success_rate_7d,
        CAST(delivered_previous_7d AS DOUBLE) / nullif(delivered_previous_7d + failed_previous_7d, 0)
            AS success_rate_previous_7d
    FROM counted
)
SELECT
    d.id AS destination_id,
    coalesce(nullif(d.name, ''), json_text(d.metadata, 'name')) AS destination_name,
    json_text(d.metadata, 'name') AS destination_type,
    d.source_id,
    coalesce(nullif(s.name, ''), s.slug) AS source_name,
    d.enabled,
    CASE
        WHEN NOT d.enabled OR NOT coalesce(s.enabled, TRUE) THEN 'disabled'
        WHEN m.missing_days > 0 THEN 'unknown'
        WHEN coalesce(c.delivered_7d + c.failed_7d, 0) = 0 THEN 'idle'
        WHEN c.delivered_7d + c.failed_7d >= $least_events AND r.success_rate_7d < $success_rate THEN 'failing'
        ELSE 'healthy'
    END AS state,
    coalesce(c.delivered_7d, 0) AS delivered_7d,
    coalesce(c.failed_7d, 0) AS failed_7d,
    coalesce(c.filtered_7d, 0) AS filtered_7d,
    coalesce(c.retried_7d, 0) AS retried_7d,
    r.success_rate_7d,
    r.success_rate_previous_7d,
    r.success_rate_7d - r.success_rate_previous_7d AS trend,
    t.top_reasons,
    c.last_delivered_on,
    c.last_failed_on,
    m.missing_days,
    $as_of AS as_of
FROM destinations AS d
CROSS JOIN missing AS m
LEFT JOIN sources AS s ON s.id = d.source_id
LEFT JOIN counted AS c ON c.destination_id = d.id
LEFT JOIN rates AS r ON r.destination_id = d.id
LEFT JOIN top AS t ON t.destination_id = d.id
ORDER BY d.id
"""

HEALTH_DESTINATIONS = Mart(
    name="health_destinations",
    description="Which destinations get their events, which fail, and why.",
    columns=(
        text("destination_id", "The destination."),
        text("destination_name", "Its name, or else that of its type."),
        text("destination_type", "The name of its type in the catalogue."),
        text("source_id", "The source whose events it gets."),
        text("source_name", "The source's name, or else its slug."),
        flag("enabled", "Whether the destination is enabled."),
        choice(
            "state",
            "How it does: failing where fewer events arrive than the threshold says, idle where there are none, "
            "disabled where it or its source is, unknown where a day of the last seven is missing.",
            HEALTHY,
            FAILING,
            IDLE,
            DISABLED,
            UNKNOWN,
        ),
        count("delivered_7d", "Events delivered in the last seven days."),
        count("failed_7d", "Events that were not delivered."),
        count("filtered_7d", "Events that were filtered at the destination."),
        count("retried_7d", "Events that were delivered by a retry."),
        number("success_rate_7d", "Delivered by delivered and failed; null where there are none."),
        number("success_rate_previous_7d", "The same of the seven days before."),
        number("trend", "The difference of both."),
        text("top_reasons", "The most frequent reasons of failures, three at most, each with its number of events."),
        day("last_delivered_on", "The last loaded day with a delivery, in UTC."),
        day("last_failed_on", "The last loaded day with a failure, in UTC."),
        count("missing_days", "Days of the last seven of which no delivery is loaded."),
        day("as_of", "The last day that counts: yesterday, in UTC."),
    ),
    key=("destination_id", "enabled", "state", "as_of"),
    sql=SQL,
    required=("destinations", "delivery_overview_successful_delivery", "delivery_overview_failed_delivery"),
    optional=("sources", "delivery_overview_filtered_at_destination"),
    offenders=Offenders(
        check="destinations_deliver",
        description="Every enabled destination gets the events that it should.",
        error=f"state = '{FAILING}'",
        shown=("destination_name", "source_name", "top_reasons"),
        identity=("destination_id",),
    ),
)
