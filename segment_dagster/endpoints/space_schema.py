"""The schema of Engage's spaces: entities, events and traits that the data in them has."""

from segment_dagster.endpoints.columns import (
    ALPHA,
    choice,
    flag,
    from_request,
    identifier,
    nested,
    param,
    param_per_value,
    parent_of,
    personal,
    text,
    timestamp,
    volatile,
)
from segment_dagster.endpoints.model import Endpoint, Reference

_SPACE_SCHEMA = "https://docs.segmentapis.com/tag/Space-Schema-API"

_TO_SPACE = Reference(field="spaceId", endpoint="spaces")
_SAMPLES = personal(
    volatile(nested("samples", "Values seen, given only to requests that ask for them, which these do not."))
)

SPACE_SCHEMA = (
    Endpoint(
        name="space_entity_paths",
        domain="engage",
        description="Every path through the entities of every space: where it leads, and by which relationships.",
        documentation=_SPACE_SCHEMA,
        path="/spaces/{spaceId}/entity-paths",
        selector=("data", "entityPaths"),
        media_type=ALPHA,
        page_size=1000,
        primary_key=("spaceId", "id"),
        parent=parent_of("spaces", spaceId="id"),
        references=(_TO_SPACE,),
        requests_per_minute=25,
        columns=(
            from_request("spaceId", "The space the path belongs to."),
            identifier("path"),
            text("entityName", "The display name of the entity the path leads to."),
            text("pathName", "The path's display name."),
            text("entitySlug", "The slug of the entity the path leads to; several paths may lead to one entity."),
            nested("relationshipSlugs", "Slugs of the relationships along the path."),
            nested("childRelationshipSlugs", "Slugs of the child relationships."),
            text("parentRelationshipSlugPath", "The path of slugs of the parent relationships."),
        ),
    ),
    Endpoint(
        name="space_entity_properties",
        domain="engage",
        description="Every property of every entity of every space, with its type.",
        documentation=_SPACE_SCHEMA,
        path="/spaces/{spaceId}/entities/{entitySlug}/properties",
        selector=("data", "entityProperties"),
        media_type=ALPHA,
        page_size=1000,
        primary_key=("spaceId", "entitySlug", "name"),
        parent=parent_of("space_entity_paths", spaceId="spaceId", entitySlug="entitySlug"),
        references=(_TO_SPACE,),
        requests_per_minute=25,
        columns=(
            from_request("spaceId", "The space the entity belongs to."),
            from_request("entitySlug", "The slug of the entity the property belongs to."),
            text("name", "The property's name."),
            flag("primaryKey", "Whether the property is the entity's primary key."),
            text("dataType", "The type of the property's values."),
            _SAMPLES,
        ),
    ),
    Endpoint(
        name="space_events",
        domain="engage",
        description="Every event of every space, with its type and when it was last seen.",
        documentation=_SPACE_SCHEMA,
        path="/spaces/{spaceId}/events",
        selector=("data", "events"),
        media_type=ALPHA,
        page_size=1000,
        primary_key=("spaceId", "type", "name"),
        parent=parent_of("spaces", spaceId="id"),
        references=(_TO_SPACE,),
        requests_per_minute=25,
        columns=(
            from_request("spaceId", "The space that saw the event."),
            text("name", "The event's name."),
            choice("type", "The event's type.", "ALIAS", "GROUP", "IDENTIFY", "PAGE", "SCREEN", "TRACK"),
            volatile(timestamp("lastSeenAt", "When the event was last seen.")),
        ),
    ),
    Endpoint(
        name="space_event_properties",
        domain="engage",
        description="Every property of every event of every space, and when it was last seen.",
        documentation=_SPACE_SCHEMA,
        path="/spaces/{spaceId}/events/{eventName}/properties",
        selector=("data", "eventProperties"),
        media_type=ALPHA,
        page_size=1000,
        primary_key=("spaceId", "eventName", "type", "name"),
        parent=parent_of("space_events", spaceId="spaceId", eventName="name"),
        references=(_TO_SPACE,),
        requests_per_minute=25,
        slow=True,
        columns=(
            from_request("spaceId", "The space that saw the event."),
            text("name", "The property's name."),
            choice("type", "Where the event carries it: in its context or its properties.", "CONTEXT", "PROPERTY"),
            text("eventName", "The name of the event the property belongs to."),
            volatile(timestamp("lastSeenAt", "When the property was last seen.")),
            _SAMPLES,
        ),
    ),
    Endpoint(
        name="space_traits",
        domain="engage",
        description="Every trait of the users' profiles in every space, how it comes about and when it was last seen.",
        documentation=_SPACE_SCHEMA,
        path="/spaces/{spaceId}/traits",
        selector=("data", "traits"),
        media_type=ALPHA,
        page_size=1000,
        total_is_bound=True,
        primary_key=("spaceId", "collection", "trait", "type"),
        parent=parent_of("spaces", spaceId="id"),
        parameters=(
            # Sorted by lastSeenAt, pages may repeat entries where a space has more than 2500 traits.
            param("sortBy", "trait"),
            # `users` is the default, and the only collection that Segment's documentation names.
            param_per_value("collection", "users"),
        ),
        references=(_TO_SPACE,),
        requests_per_minute=25,
        columns=(
            from_request("spaceId", "The space the trait belongs to."),
            from_request(
                "collection", "The kind of profiles that have the trait; `users` is the only one Segment names."
            ),
            text("trait", "The trait's name."),
            choice("type", "How the trait comes about.", "AUDIENCE", "COMPUTED", "CUSTOM", "SQL"),
            volatile(timestamp("lastSeenAt", "When the trait was last seen.")),
            _SAMPLES,
        ),
    ),
)
