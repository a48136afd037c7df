"""Queries that several marts build on. They are part of the marts' SQL and no tables of their own."""

EVENTS_BY_DAY = """
WITH granular AS (
    SELECT
        source_id,
        event_type,
        event_name,
        utc_day(time) AS day,
        CASE granularity WHEN 'DAY' THEN 1 WHEN 'HOUR' THEN 2 ELSE 3 END AS fineness,
        count
    FROM events_volume
),
coarsest AS (
    SELECT day, min(fineness) AS fineness FROM granular GROUP BY day
)
SELECT g.source_id, g.event_type, g.event_name, g.day, sum(g.count) AS events
FROM granular AS g
JOIN coarsest AS c ON c.day = g.day AND c.fineness = g.fineness
WHERE g.day <= $as_of AND g.source_id IS NOT NULL
GROUP BY g.source_id, g.event_type, g.event_name, g.day
"""
"""Events by source, type, name and day. Where a day was loaded in several granularities, the coarsest counts.

Rows without a source, as a grouping of the settings may leave, tell nothing of one."""

DELIVERIES_BY_DAY = """
WITH granular AS (
    SELECT
        'delivered' AS outcome, source_id, destination_config_id, event_name, event_type, discard_reason, granularity,
        time, count, retry_count
    FROM delivery_overview_successful_delivery
    UNION ALL
    SELECT
        'failed' AS outcome, source_id, destination_config_id, event_name, event_type, discard_reason, granularity,
        time, count, retry_count
    FROM delivery_overview_failed_delivery
    UNION ALL
    SELECT
        'filtered' AS outcome, source_id, destination_config_id, event_name, event_type, discard_reason, granularity,
        time, count, retry_count
    FROM delivery_overview_filtered_at_destination
),
daily AS (
    SELECT
        outcome,
        source_id,
        destination_config_id,
        event_name,
        event_type,
        discard_reason,
        utc_day(time) AS day,
        CASE granularity WHEN 'DAY' THEN 1 WHEN 'HOUR' THEN 2 ELSE 3 END AS fineness,
        count,
        retry_count
    FROM granular
),
coarsest AS (
    SELECT outcome, day, min(fineness) AS fineness FROM daily GROUP BY outcome, day
)
SELECT
    d.outcome,
    d.source_id,
    d.destination_config_id AS destination_id,
    d.event_name,
    d.event_type,
    d.discard_reason,
    d.day,
    sum(d.count) AS events,
    sum(d.retry_count) AS retried
FROM daily AS d
JOIN coarsest AS c ON c.outcome = d.outcome AND c.day = d.day AND c.fineness = d.fineness
WHERE d.day <= $as_of
GROUP BY
    d.outcome, d.source_id, d.destination_config_id, d.event_name, d.event_type, d.discard_reason, d.day
"""
"""Events by what became of them, source, destination, type, name, reason and day: `delivered`, `failed`, `filtered`."""

EPHEMERAL = {"events_by_day": EVENTS_BY_DAY, "deliveries_by_day": DELIVERIES_BY_DAY}
"""By the name under which SQL reads them."""
