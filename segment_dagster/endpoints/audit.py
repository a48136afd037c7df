"""The audit trail: who changed what in the workspace."""

from datetime import timedelta

from segment_dagster.endpoints.columns import V1, identifier, personal, text, timestamp
from segment_dagster.endpoints.model import AuditFields, Endpoint, Paging, TimeRange

AUDIT = (
    Endpoint(
        name="audit_events",
        domain="audit",
        description="Every event of the workspace's audit trail: who did what to which resource, and when.",
        documentation="https://docs.segmentapis.com/tag/Audit-Trail",
        path="/audit-events",
        selector=("data", "events"),
        media_type=V1,
        page_size=1000,
        paging=Paging(required=False),
        primary_key=("id",),
        # Segment's own audit trail goes back 90 days. An event may be listed later than it happened. Segment does not
        # state how much later, so one hour is read again.
        time=TimeRange(column="timestamp", days=90, until_now=True, lookback=timedelta(hours=1)),
        audit_fields=AuditFields(
            timestamp="timestamp",
            event="type",
            actor="actor",
            actor_email="actorEmail",
            resource="resourceId",
            resource_type="resourceType",
        ),
        columns=(
            identifier("event"),
            timestamp("timestamp", "When it happened."),
            text("type", "What happened, as the name of the event's type."),
            personal(text("actor", "The user or the API token that caused it.")),
            personal(text("actorEmail", "The user's e-mail address; null where the actor is no user.")),
            text("resourceId", "Id of the resource it happened to."),
            text("resourceType", "The kind of that resource."),
            personal(text("resourceName", "The name of that resource.")),
        ),
    ),
)
