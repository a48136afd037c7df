"""Sources, their connections and their settings."""

from segment_dagster.endpoints.columns import (
    ALPHA,
    V1,
    count,
    from_request,
    identifier,
    nested,
    parent_of,
    personal,
    text,
    timestamp,
    volatile,
)
from segment_dagster.endpoints.model import Endpoint, Reference, Secrecy, Versioned
from segment_dagster.endpoints.records import DESTINATION, SOURCE, WAREHOUSE

_SOURCES = "https://docs.segmentapis.com/tag/Sources"

_TO_SOURCE = Reference(field="sourceId", endpoint="sources")
_TO_WORKSPACE = Reference(field="workspaceId", endpoint="workspace")

SOURCES = (
    Endpoint(
        name="sources",
        domain="connections",
        description="Every source of the workspace: the websites, apps and servers that send data to Segment.",
        documentation=_SOURCES,
        path="/sources",
        selector=("data", "sources"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        references=(_TO_WORKSPACE,),
        audited_as=("source",),
        columns=SOURCE,
        versioned=Versioned(path="/v1/sources", selector=("data",), page_size=200),
    ),
    Endpoint(
        name="source_connected_destinations",
        domain="connections",
        description="Every destination that is connected to every source, asked for source by source.",
        documentation=_SOURCES,
        path="/sources/{sourceId}/connected-destinations",
        selector=("data", "destinations"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        parent=parent_of("sources", sourceId="id"),
        references=(_TO_SOURCE, Reference(field="id", endpoint="destinations")),
        audited_as=("source", "destination", "integration"),
        columns=DESTINATION,
    ),
    Endpoint(
        name="source_connected_warehouses",
        domain="connections",
        description="Every warehouse that every source is synced into, once for each source.",
        documentation=_SOURCES,
        path="/sources/{sourceId}/connected-warehouses",
        selector=("data", "warehouses"),
        media_type=V1,
        page_size=1000,
        primary_key=("sourceId", "id"),
        parent=parent_of("sources", sourceId="id"),
        references=(_TO_SOURCE, Reference(field="id", endpoint="warehouses"), _TO_WORKSPACE),
        audited_as=("source", "warehouse"),
        columns=(from_request("sourceId", "The source that is connected to the warehouse."), *WAREHOUSE),
    ),
    Endpoint(
        name="source_schema_settings",
        domain="connections",
        description="The schema settings of every source: what is done with events that are unplanned or break a rule.",
        documentation=_SOURCES,
        path="/sources/{sourceId}/settings",
        # The record is the whole `data` object.
        selector=("data",),
        media_type=V1,
        single=True,
        primary_key=("sourceId",),
        parent=parent_of("sources", sourceId="id"),
        references=(_TO_SOURCE,),
        audited_as=("source",),
        columns=(
            text("sourceId", "The source that the settings are for."),
            nested(
                "settings",
                "What track, identify and group calls may hold, and which sources get violations and blocked events.",
                secrecy=Secrecy.SETTINGS,
            ),
        ),
    ),
    Endpoint(
        name="source_live_plugins",
        domain="connections",
        description="The latest live plugin bundle of every source: code that runs in the source's library.",
        documentation="https://docs.segmentapis.com/tag/Live-Plugins",
        path="/sources/{sourceId}/live-plugins/latest",
        selector=("data", "livePlugin"),
        media_type=ALPHA,
        single=True,
        may_have_none=True,
        primary_key=("id",),
        parent=parent_of("sources", sourceId="id"),
        references=(_TO_SOURCE,),
        feature="Live Plugins",
        audited_as=("live plugin",),
        columns=(
            identifier("live plugin"),
            text("sourceId", "The source that the live plugin runs in."),
            timestamp("createdAt", "When the live plugin was made."),
            personal(text("createdBy", "Id of the user who made it.")),
            # Segment does not say whether the URL is stable; the file it points to has its version in another field.
            volatile(text("downloadURL", "The address from which the bundle can be fetched.")),
            count("version", "The bundle's revision number; earlier versions are not listed."),
            text("code", "The live plugin's code.", secrecy=Secrecy.ALL),
        ),
    ),
)
