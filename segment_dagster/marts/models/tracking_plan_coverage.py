"""Which events nobody governs, and which rules no event meets."""

from segment_dagster.endpoints.columns import choice, count, day, text
from segment_dagster.marts.mart import Mart, Offenders

UNPLANNED, UNSEEN, BLOCKED, NO_PLAN = "unplanned", "unseen", "blocked", "no_plan"

SQL = """
WITH seen AS (
    SELECT
        source_id,
        upper(event_type) AS type,
        nullif(event_name, '') AS name,
        sum(CASE WHEN day >= $first_of_28 THEN events ELSE 0 END) AS events_28d,
        max(day) AS last_seen_on
    FROM events_by_day
    WHERE events > 0
    GROUP BY source_id, upper(event_type), nullif(event_name, '')
),
named AS (
    -- none where the settings do not group by them
    SELECT count(name) AS names, count(type) AS types FROM seen
),
seen_sources AS (
    SELECT source_id, sum(events_28d) AS events, max(last_seen_on) AS seen_on
    FROM seen
    WHERE events_28d > 0
    GROUP BY source_id
),
planned AS (
    SELECT p.id AS source_id, p.tracking_plan_id, coalesce(t.name, t.slug) AS plan_name
    FROM tracking_plan_sources AS p
    JOIN tracking_plans AS t ON t.id = p.tracking_plan_id
),
rules AS (
    SELECT DISTINCT tracking_plan_id, type, CASE WHEN type = 'TRACK' THEN key END AS name
    FROM tracking_plan_rules
    WHERE deprecated_at IS NULL AND type <> 'COMMON'
),
governed AS (
    SELECT DISTINCT p.source_id, r.type, r.name
    FROM planned AS p
    JOIN rules AS r ON r.tracking_plan_id = p.tracking_plan_id
),
a_plan AS (
    SELECT source_id, min(tracking_plan_id) AS tracking_plan_id, min(plan_name) AS plan_name
    FROM planned
    GROUP BY source_id
    HAVING count(*) = 1
),
drops AS (
    SELECT
        source_id, event_type, event_name, discard_reason, utc_day(time) AS day,
        CASE granularity WHEN 'DAY' THEN 1 WHEN 'HOUR' THEN 2 ELSE 3 END AS fineness, count
    FROM delivery_overview_filtered_at_source
),
coarsest AS (
    SELECT day, min(fineness) AS fineness FROM drops GROUP BY day
),
dropped AS (
    SELECT
        d.source_id, upper(d.event_type) AS type, nullif(d.event_name, '') AS name, sum(d.count) AS events,
        max(d.day) AS last_day
    FROM drops AS d
    JOIN coarsest AS c ON c.day = d.day AND c.fineness = d.fineness
    WHERE d.discard_reason IN $violation_reasons AND d.day >= $first_of_28 AND d.day <= $as_of
    GROUP BY d.source_id, upper(d.event_type), nullif(d.event_name, '')
),
found AS (
    SELECT
        'unplanned' AS finding, p.tracking_plan_id, p.plan_name, s.source_id, s.type, s.name, s.events_28d,
        CAST(NULL AS BIGINT) AS violations_28d, s.last_seen_on
    FROM seen AS s
    LEFT JOIN a_plan AS p ON p.source_id = s.source_id
    LEFT JOIN governed AS g
        ON g.source_id = s.source_id AND g.type = s.type
        AND coalesce(g.name, '') = CASE WHEN s.type = 'TRACK' THEN coalesce(s.name, '') ELSE '' END
    WHERE s.events_28d > 0
        AND EXISTS (SELECT 1 FROM planned AS q WHERE q.source_id = s.source_id)
        AND g.source_id IS NULL
        -- no rule can be for other types
        AND (s.type IN ('IDENTIFY', 'PAGE', 'SCREEN', 'GROUP') OR (s.type = 'TRACK' AND s.name IS NOT NULL))
    UNION ALL
    SELECT
        'unseen', r.tracking_plan_id, max(p.plan_name), CAST(NULL AS TEXT), r.type, r.name, 0, CAST(NULL AS BIGINT),
        max(s.last_seen_on)
    FROM rules AS r
    JOIN planned AS p ON p.tracking_plan_id = r.tracking_plan_id
    CROSS JOIN named AS n
    LEFT JOIN seen AS s
        ON s.source_id = p.source_id AND s.type = r.type AND (r.type <> 'TRACK' OR s.name = r.name)
    WHERE n.types > 0 AND (r.type <> 'TRACK' OR n.names > 0)
    GROUP BY r.tracking_plan_id, r.type, r.name
    HAVING coalesce(sum(s.events_28d), 0) = 0
    UNION ALL
    SELECT
        'blocked', p.tracking_plan_id, p.plan_name, d.source_id, d.type, d.name, coalesce(s.events_28d, 0), d.events,
        d.last_day
    FROM dropped AS d
    LEFT JOIN seen AS s
        ON s.source_id = d.source_id AND s.type = d.type AND coalesce(s.name, '') = coalesce(d.name, '')
    LEFT JOIN a_plan AS p ON p.source_id = d.source_id
    UNION ALL
    SELECT
        'no_plan', CAST(NULL AS TEXT), CAST(NULL AS TEXT), s.source_id, CAST(NULL AS TEXT), CAST(NULL AS TEXT),
        s.events, CAST(NULL AS BIGINT), s.seen_on
    FROM seen_sources AS s
    JOIN sources AS o ON o.id = s.source_id AND o.enabled
    WHERE NOT EXISTS (SELECT 1 FROM planned AS q WHERE q.source_id = s.source_id)
)
SELECT
    f.finding,
    f.tracking_plan_id,
    f.plan_name AS tracking_plan_name,
    f.source_id,
    coalesce(nullif(s.name, ''), s.slug) AS source_name,
    lower(f.type) AS event_type,
    f.name AS event_name,
    f.events_28d,
    f.violations_28d,
    f.last_seen_on,
    $as_of AS as_of
FROM found AS f
LEFT JOIN sources AS s ON s.id = f.source_id
ORDER BY 1, 2, 4, 6, 7
"""

TRACKING_PLAN_COVERAGE = Mart(
    name="tracking_plan_coverage",
    description="Events without a rule, rules without an event, and sources without a tracking plan.",
    columns=(
        choice(
            "finding",
            "`unplanned`: events of a source with a plan that no rule names; `unseen`: a rule that no event of the "
            "plan's sources met in 28 days; `blocked`: events that were filtered at the source for one of the reasons "
            "in `violation_reasons`; `no_plan`: an enabled source that sends events without a plan.",
            UNPLANNED,
            UNSEEN,
            BLOCKED,
            NO_PLAN,
        ),
        text("tracking_plan_id", "The plan; null where the source has several or none."),
        text("tracking_plan_name", "Its name."),
        text("source_id", "The source; null for a rule, which all sources of the plan share."),
        text("source_name", "Its name, or else its slug."),
        text("event_type", "The type of the events, in small letters."),
        text("event_name", "The name of the events; of rules, that of track calls alone."),
        count("events_28d", "Events in the last 28 days."),
        count("violations_28d", "Events that were blocked in the last 28 days."),
        day("last_seen_on", "The last loaded day with such an event, in UTC."),
        day("as_of", "The last day that counts: yesterday, in UTC."),
    ),
    key=("finding", "as_of"),
    sql=SQL,
    required=("tracking_plans", "tracking_plan_rules", "tracking_plan_sources", "sources", "events_volume"),
    optional=("delivery_overview_filtered_at_source",),
    offenders=Offenders(
        check="events_are_planned",
        description="Every event of a source with a tracking plan has a rule, and none was blocked.",
        warn=f"finding IN ('{UNPLANNED}', '{BLOCKED}')",
        shown=("source_name", "finding", "event_type", "event_name"),
        identity=("tracking_plan_id", "source_id", "finding", "event_type", "event_name"),
    ),
)
