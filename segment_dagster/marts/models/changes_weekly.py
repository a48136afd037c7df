"""What changed in each week, and who did it."""

from segment_dagster.endpoints.columns import count, day, text
from segment_dagster.marts.mart import Mart, Offenders

SQL = """
WITH trail AS (
    SELECT
        utc_day(timestamp) AS day, actor, actor_email, resource_type AS kind, type AS change, resource_id AS record,
        'trail' AS told_by
    FROM audit_events
),
changed AS (
    SELECT
        utc_day(coalesce(happened_at, seen_at)) AS day, actor, actor_email, endpoint AS kind, change,
        record_key AS record, 'changes' AS told_by
    FROM changes
),
told AS (
    SELECT * FROM changed
    UNION ALL
    SELECT * FROM trail
),
weekly AS (
    SELECT monday(day) AS week, told_by, actor, actor_email, kind, change, record
    FROM told
    WHERE day >= $first_week AND day <= $as_of
)
SELECT
    week,
    told_by,
    actor,
    actor_email,
    kind,
    change,
    count(*) AS changes,
    count(DISTINCT record) AS records,
    $as_of AS as_of
FROM weekly
GROUP BY week, told_by, actor, actor_email, kind, change
ORDER BY 1, 2, 4, 3, 5, 6
"""

CHANGES_WEEKLY = Mart(
    name="changes_weekly",
    description="What changed in each of the last weeks, by person and kind: from the histories where they are kept, "
    "and from the audit trail.",
    columns=(
        day("week", "The Monday of the week, in UTC."),
        text("told_by", "`changes` or `trail`: which of the two tables tells of it."),
        text("actor", "The user or the API token; null where the trail names none."),
        text("actor_email", "The user's e-mail address."),
        text("kind", "The endpoint whose records changed, or the type of the resource in the trail."),
        text("change", "What became of the records, or the type of the event in the trail."),
        count("changes", "How many changes there were."),
        count("records", "How many records changed."),
        day("as_of", "The last day that counts: yesterday, in UTC."),
    ),
    key=("week", "told_by", "changes", "records", "as_of"),
    sql=SQL,
    required=("audit_events",),
    optional=("changes",),
    offenders=Offenders(
        check="changes_have_actors",
        description="The audit trail names an actor for each change that the histories show.",
        warn="told_by = 'changes' AND actor IS NULL",
        shown=("week", "kind", "change"),
        identity=("week", "kind", "change"),
    ),
    personal=("actor", "actor_email"),
)
