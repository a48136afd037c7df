"""Who may do what."""

from segment_dagster.endpoints.columns import choice, day, text, timestamp
from segment_dagster.marts.mart import Mart, Offenders

ACTIVE, INACTIVE, INVITED, TOKEN, UNKNOWN = "active", "inactive", "invited", "token", "unknown"
DIRECT, GROUP = "direct", "group"

SQL = """
WITH grouped AS (
    SELECT DISTINCT id FROM user_group_users
),
granted AS (
    SELECT u.id AS user_id, u.name AS user_name, u.email AS user_email, 'direct' AS granted_by,
        CAST(NULL AS TEXT) AS group_name, json_text(p.value, 'roleName') AS role_name,
        json_text(r.value, 'type') AS resource_type, json_text(r.value, 'id') AS resource_id
    FROM users AS u
    LEFT JOIN grouped AS o ON o.id = u.id
    LEFT JOIN UNNEST(json_elements(u.permissions)) AS p(value) ON TRUE
    LEFT JOIN UNNEST(json_elements(json_part(p.value, 'resources'))) AS r(value) ON TRUE
    -- a row without a role for those alone who have none at all
    WHERE json_text(p.value, 'roleName') IS NOT NULL OR o.id IS NULL
    UNION ALL
    SELECT m.id, m.name, m.email, 'group', g.name, json_text(q.value, 'roleName'),
        json_text(t.value, 'type'), json_text(t.value, 'id')
    FROM user_group_users AS m
    JOIN user_groups AS g ON g.id = m.user_group_id
    LEFT JOIN UNNEST(json_elements(g.permissions)) AS q(value) ON TRUE
    LEFT JOIN UNNEST(json_elements(json_part(q.value, 'resources'))) AS t(value) ON TRUE
    UNION ALL
    SELECT CAST(NULL AS TEXT), CAST(NULL AS TEXT), i.email, 'group', g.name, json_text(v.value, 'roleName'),
        json_text(w.value, 'type'), json_text(w.value, 'id')
    FROM user_group_invites AS i
    JOIN user_groups AS g ON g.id = i.user_group_id
    LEFT JOIN UNNEST(json_elements(g.permissions)) AS v(value) ON TRUE
    LEFT JOIN UNNEST(json_elements(json_part(v.value, 'resources'))) AS w(value) ON TRUE
    UNION ALL
    SELECT CAST(NULL AS TEXT), CAST(NULL AS TEXT), i.email, CAST(NULL AS TEXT), CAST(NULL AS TEXT),
        CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT)
    FROM invites AS i
    -- the list of invites has those into groups as well
    WHERE NOT EXISTS (SELECT 1 FROM user_group_invites AS o WHERE lower(o.email) = lower(i.email))
),
resources AS (
    SELECT 'WORKSPACE' AS type, id, name FROM workspace
    UNION ALL
    SELECT 'SOURCE', id, coalesce(nullif(name, ''), slug) FROM sources
    UNION ALL
    SELECT 'SPACE', id, name FROM spaces
    UNION ALL
    SELECT 'FUNCTION', id, display_name FROM functions
    UNION ALL
    SELECT 'WAREHOUSE', w.id, coalesce(json_text(w.settings, 'name'), json_text(w.metadata, 'name'))
    FROM warehouses AS w
),
people AS (
    SELECT lower(actor_email) AS email, max(timestamp) AS last_event_at
    FROM audit_events
    WHERE actor_email IS NOT NULL
    GROUP BY lower(actor_email)
),
tokens AS (
    SELECT actor, max(timestamp) AS last_event_at
    FROM audit_events
    WHERE actor_email IS NULL AND NOT EXISTS (SELECT 1 FROM users AS u WHERE u.id = audit_events.actor)
    GROUP BY actor
),
trail AS (
    SELECT min(utc_day(timestamp)) AS since FROM audit_events
)
SELECT
    g.user_id, g.user_name, g.user_email, g.granted_by, g.group_name, g.role_name, g.resource_type, g.resource_id,
    r.name AS resource_name,
    CASE
        WHEN g.user_id IS NULL THEN 'invited'
        WHEN utc_day(p.last_event_at) >= $active_since THEN 'active'
        -- somebody may have been active before the first event that is loaded; a week without one is nothing special
        WHEN t.since IS NULL OR t.since > $trail_since THEN 'unknown'
        ELSE 'inactive'
    END AS state,
    p.last_event_at,
    $as_of AS as_of
FROM granted AS g
CROSS JOIN trail AS t
LEFT JOIN resources AS r ON r.type = g.resource_type AND r.id = g.resource_id
LEFT JOIN people AS p ON p.email = lower(g.user_email)
UNION ALL
SELECT
    k.actor, CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT),
    CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), 'token', k.last_event_at, $as_of
FROM tokens AS k
ORDER BY 4, 3, 1, 5, 6, 7, 8
"""

ACCESS_REVIEW = Mart(
    name="access_review",
    description="Who holds which role over what, directly or by a group, who is invited, and which tokens act.",
    columns=(
        text("user_id", "The user; the actor, where the trail names no user; null for an invite."),
        text("user_name", "The user's name."),
        text("user_email", "The user's e-mail address, or that of the invite."),
        choice(
            "granted_by",
            "What grants the role; null for an invite into no group, and for a token, whose role is told nowhere.",
            DIRECT,
            GROUP,
        ),
        text("group_name", "The group that grants the role; null for a role of one's own."),
        text("role_name", "The role; null where none is granted yet."),
        text("resource_type", "The kind of resource that the role is limited to."),
        text("resource_id", "The resource."),
        text("resource_name", "Its name, where it is loaded."),
        choice(
            "state",
            "Whether the person has acted lately by the audit trail; unknown where it is not loaded far enough back.",
            ACTIVE,
            INACTIVE,
            INVITED,
            TOKEN,
            UNKNOWN,
        ),
        timestamp("last_event_at", "The latest event of the person, or of the actor, in the audit trail."),
        day("as_of", "The last day that counts: yesterday, in UTC."),
    ),
    key=("state", "as_of"),
    sql=SQL,
    required=("users",),
    optional=(
        "audit_events",
        "functions",
        "invites",
        "sources",
        "spaces",
        "user_group_invites",
        "user_group_users",
        "user_groups",
        "warehouses",
        "workspace",
    ),
    offenders=Offenders(
        check="access_is_used",
        description="Everybody who holds a role over the whole workspace has acted lately.",
        warn=f"state = '{INACTIVE}' AND resource_type = 'WORKSPACE'",
        shown=("user_email", "role_name"),
        identity=("user_id", "role_name", "resource_id", "granted_by", "group_name"),
    ),
    personal=("user_id", "user_name", "user_email"),
)
