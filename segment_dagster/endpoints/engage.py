"""Engage: spaces and the audiences computed in them."""

from segment_dagster.endpoints.columns import ALPHA, V1, choice, flag, identifier, moment, nested, text
from segment_dagster.endpoints.model import Endpoint, Parent, Reference, Versioned

ENGAGE = (
    Endpoint(
        name="spaces",
        domain="engage",
        description="Every Engage space of the workspace: the place where profiles, traits and audiences live.",
        documentation="https://docs.segmentapis.com/tag/Spaces",
        path="/spaces",
        selector=("data", "spaces"),
        media_type=ALPHA,
        page_size=1000,
        primary_key=("id",),
        feature="Spaces",
        columns=(
            identifier("space"),
            text("slug", "The space's slug."),
            text("name", "The space's display name."),
        ),
    ),
    Endpoint(
        name="segments",
        domain="engage",
        description="Every audience of every space: who is in a segment, by which definition, and how large it is.",
        documentation="https://docs.segmentapis.com/tag/Audiences",
        path="/spaces/{spaceId}/audiences",
        selector=("data", "audiences"),
        media_type=V1,
        page_size=200,
        primary_key=("id",),
        parent=Parent(endpoint="spaces", field="id", placeholder="spaceId"),
        references=(Reference(field="spaceId", endpoint="spaces"),),
        requests_per_minute=60,
        feature="Audience",
        columns=(
            identifier("audience"),
            text("spaceId", "The space the audience is computed in."),
            text("name", "The audience's display name."),
            text("description", "What the audience is for."),
            text("key", "The audience's key: the trait or event name it is known by in destinations."),
            flag("enabled", "Whether the audience is computed."),
            nested("definition", "The query that defines the audience, and the entity it selects."),
            text("status", "The state of the audience's computation."),
            text("createdBy", "Id of the user who made the audience."),
            text("updatedBy", "Id of the user who changed it last."),
            moment("createdAt", "When the audience was made."),
            moment("updatedAt", "When it was changed last."),
            choice("audienceType", "What the audience holds.", "ACCOUNTS", "LINKED", "USERS"),
            nested("computeCadence", "How often it is computed: BATCH or REALTIME."),
            nested("size", "How many members it has, of which type."),
            nested("options", "External ids, history and look-back of the computation."),
            nested("schedules", "When it is computed, where the cadence is a schedule."),
        ),
        versioned=Versioned(path="/v3/segments", selector=("data", "items"), page_size=200),
    ),
)
