"""What is there and nobody uses."""

from segment_dagster.endpoints.columns import choice, day, text, timestamp
from segment_dagster.marts.mart import Mart, Offenders

AUDIENCE = "audience_without_destination"
FUNCTION = "function_without_instance"
WAREHOUSE = "warehouse_without_source"
TRAIT = "computed_trait_unused"
SOURCE = "source_without_destination"
DISABLED = "destination_disabled"

SQL = """
WITH sliced AS (
    -- what is read in slices tells nothing of the parents that were not read yet
    SELECT count(*) AS parents
    FROM _segment_parents
    WHERE endpoint = 'audience_destination_connections'
),
read_audiences AS (
    SELECT DISTINCT parent
    FROM _segment_parents
    WHERE endpoint = 'audience_destination_connections' AND read_at IS NOT NULL
),
unread_activations AS (
    SELECT count(*) AS audiences
    FROM _segment_parents
    WHERE endpoint = 'audience_activations' AND read_at IS NULL
),
told AS (
    SELECT resource_id AS id, max(timestamp) AS since
    FROM audit_events
    WHERE lower(type) LIKE '%disabled'
    GROUP BY resource_id
),
kept AS (
    -- the current version of a record in the history began when it was changed last
    SELECT id, max(valid_from) AS since
    FROM destinations_history
    WHERE valid_to IS NULL AND NOT enabled
    GROUP BY id
),
used_integrations AS (
    SELECT json_text(s.metadata, 'id') AS id FROM sources AS s
    UNION
    SELECT json_text(d.metadata, 'id') FROM destinations AS d
),
used_functions AS (
    SELECT DISTINCT function_id AS id FROM insert_function_instances
),
texts AS (
    -- where keys of computed traits are named
    SELECT a.space_id, CAST(NULL AS TEXT) AS trait_id, words(json_text(a.definition, 'query')) AS text
    FROM segments AS a
    UNION ALL
    SELECT o.space_id, o.id, words(json_text(o.definition, 'query'))
    FROM computed_traits AS o
    UNION ALL
    SELECT
        v.space_id, CAST(NULL AS TEXT),
        words(json_string(json_part(json_part(v.personalization, 'profile'), 'properties')))
    FROM audience_activations AS v
),
used_traits AS (
    SELECT DISTINCT t.id
    FROM computed_traits AS t
    JOIN texts AS x ON x.space_id = t.space_id AND coalesce(x.trait_id, '') <> t.id
    WHERE strpos(x.text, words(t.key)) > 0
),
found AS (
    SELECT 'source_without_destination' AS kind, s.id, coalesce(nullif(s.name, ''), s.slug) AS name,
        CAST(NULL AS TIMESTAMPTZ) AS since
    FROM sources AS s
    WHERE is_loaded('sources') AND is_loaded('destinations') AND is_loaded('warehouse_connected_sources')
        AND NOT EXISTS (SELECT 1 FROM destinations AS d WHERE d.source_id = s.id)
        AND NOT EXISTS (SELECT 1 FROM warehouse_connected_sources AS w WHERE w.id = s.id)
    UNION ALL
    SELECT 'warehouse_without_source', w.id,
        coalesce(json_text(w.settings, 'name'), json_text(w.metadata, 'name')), CAST(NULL AS TIMESTAMPTZ)
    FROM warehouses AS w
    WHERE is_loaded('warehouse_connected_sources')
        AND NOT EXISTS (SELECT 1 FROM warehouse_connected_sources AS c WHERE c.warehouse_id = w.id)
    UNION ALL
    SELECT 'audience_without_destination', a.id, a.name, a.created_at
    FROM segments AS a
    CROSS JOIN sliced AS p
    LEFT JOIN read_audiences AS r ON r.parent = '["' || a.space_id || '","' || a.id || '"]'
    WHERE is_loaded('audience_destination_connections')
        AND NOT EXISTS (SELECT 1 FROM audience_destination_connections AS c WHERE c.audience_id = a.id)
        AND (p.parents = 0 OR r.parent IS NOT NULL)
    UNION ALL
    SELECT 'computed_trait_unused', t.id, t.name, t.created_at
    FROM computed_traits AS t
    CROSS JOIN unread_activations AS r
    LEFT JOIN used_traits AS u ON u.id = t.id
    WHERE is_loaded('segments') AND is_loaded('audience_activations') AND r.audiences = 0 AND u.id IS NULL
    UNION ALL
    SELECT 'function_without_instance', f.id, f.display_name, f.created_at
    FROM functions AS f
    LEFT JOIN used_integrations AS u ON u.id = f.catalog_id
    LEFT JOIN used_functions AS i ON i.id = f.id
    WHERE (
            f.resource_type IN ('SOURCE', 'DESTINATION') AND is_loaded('sources') AND is_loaded('destinations')
            AND f.catalog_id IS NOT NULL AND u.id IS NULL
        )
        OR (f.resource_type LIKE 'INSERT%' AND is_loaded('insert_function_instances') AND i.id IS NULL)
    UNION ALL
    SELECT 'destination_disabled', d.id, coalesce(nullif(d.name, ''), json_text(d.metadata, 'name')),
        coalesce(x.since, h.since)
    FROM destinations AS d
    LEFT JOIN told AS x ON x.id = d.id
    LEFT JOIN kept AS h ON h.id = d.id
    WHERE NOT d.enabled AND utc_day(coalesce(x.since, h.since)) <= $disabled_before
)
SELECT
    kind,
    id,
    name,
    CASE kind
        WHEN 'source_without_destination' THEN 'It has neither a destination nor a warehouse.'
        WHEN 'warehouse_without_source' THEN 'No source is synced into it.'
        WHEN 'audience_without_destination' THEN 'It is sent to no destination.'
        WHEN 'computed_trait_unused' THEN 'No audience, activation or other trait of its space names its key.'
        WHEN 'function_without_instance' THEN 'No source, destination or instance uses it.'
        ELSE 'It has been disabled for long.'
    END AS detail,
    since,
    $as_of AS as_of
FROM found
ORDER BY kind, id
"""

UNUSED = Mart(
    name="unused",
    description="What is there and nobody uses: a row for each thing. What is not loaded is not judged.",
    columns=(
        choice("kind", "What it is.", SOURCE, WAREHOUSE, AUDIENCE, TRAIT, FUNCTION, DISABLED),
        text("id", "Its id."),
        text("name", "Its name."),
        text("detail", "Why it counts as unused."),
        timestamp("since", "When it was made, or disabled; null where Segment does not tell."),
        day("as_of", "The last day that counts: yesterday, in UTC."),
    ),
    key=("kind", "id", "detail", "as_of"),
    sql=SQL,
    required=("sources", "destinations"),
    optional=(
        "audience_activations",
        "audience_destination_connections",
        "audit_events",
        "computed_traits",
        "functions",
        "insert_function_instances",
        "segments",
        "warehouse_connected_sources",
        "warehouses",
    ),
    offenders=Offenders(
        check="nothing_unused",
        description="Nothing is there that nobody uses.",
        warn="kind IS NOT NULL",
        shown=("kind", "name", "id"),
        identity=("kind", "id"),
    ),
)
