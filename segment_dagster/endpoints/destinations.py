"""Destinations, and the filters and subscriptions that decide which events reach them."""

from segment_dagster.endpoints.columns import ALPHA, V1, flag, identifier, nested, parent_of, text, timestamp
from segment_dagster.endpoints.model import Endpoint, Paging, Reference, Secrecy, Versioned
from segment_dagster.endpoints.records import DESTINATION

_DESTINATIONS = "https://docs.segmentapis.com/tag/Destinations"

_TO_DESTINATION = Reference(field="destinationId", endpoint="destinations")
_TO_SOURCE = Reference(field="sourceId", endpoint="sources")

DESTINATIONS = (
    Endpoint(
        name="destinations",
        domain="connections",
        description="Every destination of the workspace: the tools that a source's data is sent to.",
        documentation=_DESTINATIONS,
        path="/destinations",
        selector=("data", "destinations"),
        media_type=V1,
        page_size=1000,
        # a destination with the metadata of its type has about 46 KB
        page_rows=200,
        primary_key=("id",),
        references=(_TO_SOURCE,),
        audited_as=("destination", "integration"),
        columns=DESTINATION,
        versioned=Versioned(path="/v1/destinations", selector=("data",), page_size=200),
    ),
    Endpoint(
        name="destination_filters",
        domain="connections",
        description="Every filter of every destination: which events it drops, samples or cuts properties from.",
        documentation="https://docs.segmentapis.com/tag/Destination-Filters",
        # Segment writes /destination/ here and /destinations/ elsewhere.
        path="/destination/{destinationId}/filters",
        selector=("data", "filters"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        parent=parent_of("destinations", destinationId="id"),
        references=(_TO_DESTINATION, _TO_SOURCE),
        audited_as=("destination filter",),
        columns=(
            identifier("filter"),
            text("sourceId", "The source whose events are filtered."),
            text("destinationId", "The destination that the filtered events are meant for."),
            text("if", "The condition on which the filter acts on an event."),
            nested("actions", "What is done with such an event: DROP, SAMPLE, ALLOW_PROPERTIES or DROP_PROPERTIES."),
            text("title", "The filter's title."),
            text("description", "What the filter is for."),
            flag("enabled", "Whether the filter is in use."),
            timestamp("createdAt", "When the filter was made."),
            timestamp("updatedAt", "When it was changed last."),
        ),
    ),
    Endpoint(
        name="destination_subscriptions",
        domain="connections",
        description="Every subscription of every destination: which of its actions is taken on which events.",
        documentation=_DESTINATIONS,
        path="/destinations/{destinationId}/subscriptions",
        selector=("data", "subscriptions"),
        media_type=ALPHA,
        page_size=1000,
        paging=Paging(required=False),
        primary_key=("id",),
        parent=parent_of("destinations", destinationId="id"),
        references=(_TO_DESTINATION,),
        feature="Destination Subscriptions",
        audited_as=("destination subscription", "subscription"),
        columns=(
            identifier("subscription"),
            text("name", "The subscription's name."),
            text("actionId", "Id of the destination's action that is taken."),
            text("actionSlug", "Slug of that action."),
            text("destinationId", "The destination whose action is taken."),
            flag("enabled", "Whether the subscription is in use."),
            nested("settings", "The settings with which the action is taken.", secrecy=Secrecy.SETTINGS),
            text("trigger", "The condition, in Segment's filter query language, on which the action is taken."),
            text("modelId", "Id of the reverse ETL model that feeds the subscription; null where none does."),
            nested("reverseETLSchedule", "When the reverse ETL model is synced: the strategy and its configuration."),
        ),
    ),
)
