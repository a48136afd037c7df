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
WHERE g.day <= $as_of
GROUP BY g.source_id, g.event_type, g.event_name, g.day
"""
"""Events by source, type, name and day. Where a day was loaded in several granularities, the coarsest counts."""

EPHEMERAL = {"events_by_day": EVENTS_BY_DAY}
"""By the name under which SQL reads them."""
