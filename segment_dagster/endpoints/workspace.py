"""The workspace itself."""

from segment_dagster.endpoints.columns import V1, identifier, text
from segment_dagster.endpoints.model import Endpoint, Versioned

WORKSPACE = (
    Endpoint(
        name="workspace",
        domain="workspace",
        description="The workspace that the token belongs to: always one row.",
        documentation="https://docs.segmentapis.com/tag/Workspaces",
        path="/",
        selector=("data", "workspace"),
        media_type=V1,
        single=True,
        primary_key=("id",),
        audited_as=("workspace",),
        columns=(
            identifier("workspace"),
            text("slug", "The workspace's slug, as in the address of the Segment app."),
            text("name", "The workspace's display name."),
        ),
        versioned=Versioned(path="/v1/workspace", selector=("data",), page_size=None),
    ),
)
