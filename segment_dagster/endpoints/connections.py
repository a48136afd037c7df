"""Sources, destinations and warehouses: where data comes from and where it goes."""

from segment_dagster.endpoints.columns import V1, WORKSPACE_ID, flag, identifier, nested, text
from segment_dagster.endpoints.model import Endpoint, Reference, Secrecy, Versioned

CONNECTIONS = (
    Endpoint(
        name="sources",
        domain="connections",
        description="Every source of the workspace: the websites, apps and servers that send data to Segment.",
        documentation="https://docs.segmentapis.com/tag/Sources",
        path="/sources",
        selector=("data", "sources"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        references=(Reference(field="workspaceId", endpoint="workspace"),),
        columns=(
            identifier("source"),
            text("slug", "The source's slug."),
            text("name", "The source's display name."),
            nested("metadata", "The catalogue entry of the source's type: id, name, slug, logos, options, categories."),
            WORKSPACE_ID,
            flag("enabled", "Whether the source may send data."),
            nested(
                "writeKeys",
                "The keys with which code writes to the source. Empty unless the token is a source admin's.",
                secrecy=Secrecy.ALL,
            ),
            nested(
                "settings", "The settings of this source, as its type's options name them.", secrecy=Secrecy.SETTINGS
            ),
            nested("labels", "The labels on the source: key, value, description."),
        ),
        versioned=Versioned(path="/v1/sources", selector=("data",), page_size=200),
    ),
    Endpoint(
        name="destinations",
        domain="connections",
        description="Every destination of the workspace: the tools that a source's data is sent to.",
        documentation="https://docs.segmentapis.com/tag/Destinations",
        path="/destinations",
        selector=("data", "destinations"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        references=(Reference(field="sourceId", endpoint="sources"),),
        columns=(
            identifier("destination"),
            text("name", "The destination's display name."),
            flag("enabled", "Whether the destination receives data."),
            nested("metadata", "The catalogue entry of the destination's type: options, components, actions, presets."),
            text("sourceId", "The source whose data the destination receives."),
            nested(
                "settings",
                "The settings of this destination, as its type's options name them.",
                secrecy=Secrecy.SETTINGS,
            ),
        ),
        versioned=Versioned(path="/v1/destinations", selector=("data",), page_size=200),
    ),
    Endpoint(
        name="warehouses",
        domain="connections",
        description="Every warehouse of the workspace: the databases that Segment syncs raw events into.",
        documentation="https://docs.segmentapis.com/tag/Warehouses",
        path="/warehouses",
        selector=("data", "warehouses"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        references=(Reference(field="workspaceId", endpoint="workspace"),),
        columns=(
            identifier("warehouse"),
            nested("metadata", "The catalogue entry of the warehouse's type: id, name, slug, logos, options."),
            WORKSPACE_ID,
            flag("enabled", "Whether the warehouse receives data."),
            nested(
                "settings", "The settings of this warehouse, such as host, port and user.", secrecy=Secrecy.SETTINGS
            ),
        ),
        versioned=Versioned(path="/v1/warehouses", selector=("data",), page_size=200),
    ),
)
