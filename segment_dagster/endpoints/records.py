"""Columns of records that appear in several lists: sources, destinations, warehouses."""

from segment_dagster.endpoints.columns import WORKSPACE_ID, flag, identifier, nested, text
from segment_dagster.endpoints.model import Secrecy

SOURCE = (
    identifier("source"),
    text("slug", "The source's slug."),
    text("name", "The source's display name."),
    nested(
        "metadata",
        "The catalogue entry of the source's type: id, name, slug, logos, options, categories.",
        secrecy=Secrecy.NONE,
    ),
    WORKSPACE_ID,
    flag("enabled", "Whether the source may send data."),
    nested(
        "writeKeys",
        "The keys with which code writes to the source. Empty unless the token is a source admin's.",
        secrecy=Secrecy.ALL,
    ),
    nested("settings", "The settings of this source, as its type's options name them.", secrecy=Secrecy.SETTINGS),
    nested("labels", "The labels on the source: key, value, description."),
)
"""Columns of a source, in every list."""

DESTINATION = (
    identifier("destination"),
    text("name", "The destination's display name."),
    flag("enabled", "Whether the destination receives data."),
    nested(
        "metadata",
        "The catalogue entry of the destination's type: options, components, actions, presets.",
        secrecy=Secrecy.NONE,
    ),
    text("sourceId", "The source whose data the destination receives."),
    nested("settings", "The settings of this destination, as its type's options name them.", secrecy=Secrecy.SETTINGS),
)
"""Columns of a destination, in every list."""

WAREHOUSE = (
    identifier("warehouse"),
    nested(
        "metadata", "The catalogue entry of the warehouse's type: id, name, slug, logos, options.", secrecy=Secrecy.NONE
    ),
    WORKSPACE_ID,
    flag("enabled", "Whether the warehouse receives data."),
    nested("settings", "The settings of this warehouse, such as host, port and user.", secrecy=Secrecy.SETTINGS),
)
"""Columns of a warehouse, in every list."""
