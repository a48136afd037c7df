"""Which sources still send events."""

from segment_dagster.endpoints.columns import choice, count, day, flag, nested, number, text
from segment_dagster.marts.mart import Mart, Offenders

LIVE, QUIET, DEAD, NEVER, UNKNOWN = "live", "quiet", "dead", "never", "unknown"

SQL = """
WITH known_days AS (
    SELECT DISTINCT day FROM events_by_day WHERE day >= $known_from
),
missing AS (
    -- a day on which no source has any event was not loaded
    SELECT
        28 - coalesce(sum(CASE WHEN day >= $first_of_28 THEN 1 ELSE 0 END), 0) AS missing_days,
        $dead_days - coalesce(sum(CASE WHEN day >= $quiet_since THEN 1 ELSE 0 END), 0) AS missing_until_dead
    FROM known_days
),
events AS (
    SELECT
        source_id,
        max(day) AS last_event_on,
        sum(CASE WHEN day = $as_of THEN events ELSE 0 END) AS events_1d,
        sum(CASE WHEN day >= $first_of_7 THEN events ELSE 0 END) AS events_7d,
        sum(CASE WHEN day >= $first_of_28 THEN events ELSE 0 END) AS events_28d,
        sum(CASE WHEN day >= $first_of_previous_7 AND day < $first_of_7 THEN events ELSE 0 END) AS events_previous_7d
    FROM events_by_day
    WHERE events > 0
    GROUP BY source_id
),
known_since AS (
    SELECT e.source_id, count(d.day) AS known_since_last
    FROM events AS e
    JOIN known_days AS d ON d.day > e.last_event_on AND d.day >= $quiet_since
    GROUP BY e.source_id
),
fed_destinations AS (
    SELECT
        source_id,
        count(*) AS destinations,
        sum(CASE WHEN enabled THEN 1 ELSE 0 END) AS enabled_destinations
    FROM destinations
    GROUP BY source_id
),
fed_warehouses AS (
    SELECT c.id AS source_id, count(*) AS warehouses
    FROM warehouse_connected_sources AS c
    JOIN warehouses AS w ON w.id = c.warehouse_id AND w.enabled
    GROUP BY c.id
)
SELECT
    s.id AS source_id,
    coalesce(nullif(s.name, ''), s.slug) AS source_name,
    s.slug AS source_slug,
    json_text(s.metadata, 'name') AS source_type,
    s.enabled,
    CASE
        WHEN e.last_event_on >= $live_since THEN 'live'
        WHEN e.last_event_on >= $quiet_since THEN
            CASE
                WHEN date_diff('day', e.last_event_on, $as_of) > coalesce(k.known_since_last, 0) THEN 'unknown'
                ELSE 'quiet'
            END
        WHEN m.missing_until_dead > 0 THEN 'unknown'
        WHEN e.last_event_on IS NULL THEN 'never'
        ELSE 'dead'
    END AS state,
    e.last_event_on,
    coalesce(e.events_1d, 0) AS events_1d,
    coalesce(e.events_7d, 0) AS events_7d,
    coalesce(e.events_28d, 0) AS events_28d,
    coalesce(e.events_previous_7d, 0) AS events_previous_7d,
    CAST(e.events_7d AS DOUBLE) / nullif(e.events_previous_7d, 0) - 1 AS trend,
    CASE WHEN is_loaded('destinations') THEN coalesce(d.destinations, 0) END AS destinations,
    CASE WHEN is_loaded('destinations') THEN coalesce(d.enabled_destinations, 0) END AS enabled_destinations,
    CASE WHEN is_loaded('warehouses') AND is_loaded('warehouse_connected_sources') THEN coalesce(w.warehouses, 0)
    END AS warehouses,
    s.labels,
    m.missing_days,
    $as_of AS as_of
FROM sources AS s
CROSS JOIN missing AS m
LEFT JOIN events AS e ON e.source_id = s.id
LEFT JOIN known_since AS k ON k.source_id = s.id
LEFT JOIN fed_destinations AS d ON d.source_id = s.id
LEFT JOIN fed_warehouses AS w ON w.source_id = s.id
ORDER BY s.id
"""

HEALTH_SOURCES = Mart(
    name="health_sources",
    description="Which sources still send events, how many, and where they go.",
    columns=(
        text("source_id", "The source."),
        text("source_name", "Its name, or else its slug."),
        text("source_slug", "Its slug."),
        text("source_type", "The name of its type in the catalogue."),
        flag("enabled", "Whether the source is enabled."),
        choice(
            "state",
            "Whether it sends events; unknown where a day is missing on which it may have sent one.",
            LIVE,
            QUIET,
            DEAD,
            NEVER,
            UNKNOWN,
        ),
        day("last_event_on", "The last loaded day with an event, in UTC."),
        count("events_1d", "Events yesterday."),
        count("events_7d", "Events in the last seven days."),
        count("events_28d", "Events in the last 28 days."),
        count("events_previous_7d", "Events in the seven days before the last seven."),
        number("trend", "How much more events there were in the last seven days than before: 0.1 is ten percent more."),
        count("destinations", "Destinations of the source; null where they are not loaded."),
        count("enabled_destinations", "Those that are enabled."),
        count("warehouses", "Enabled warehouses that it is synced into; null where they are not loaded."),
        nested("labels", "Its labels."),
        count("missing_days", "Days of the last 28 of which no event of any source is loaded."),
        day("as_of", "The last day that counts: yesterday, in UTC."),
    ),
    key=("source_id", "enabled", "state", "as_of"),
    sql=SQL,
    required=("sources", "events_volume"),
    optional=("destinations", "warehouses", "warehouse_connected_sources"),
    offenders=Offenders(
        check="sources_send_events",
        description="Every enabled source has sent an event lately.",
        error=f"enabled AND state = '{DEAD}'",
        warn=f"enabled AND state IN ('{QUIET}', '{NEVER}')",
        shown=("source_name", "state", "last_event_on"),
        identity=("source_id",),
    ),
)
