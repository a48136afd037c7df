"""Credentials that warehouses and sources share, and which of them use each."""

from segment_dagster.endpoints.columns import (
    V1,
    WORKSPACE_ID,
    from_request,
    identifier,
    nested,
    parent_of,
    text,
    timestamp,
)
from segment_dagster.endpoints.model import Endpoint, Paging, Reference, Secrecy
from segment_dagster.endpoints.records import SOURCE, WAREHOUSE

_CREDENTIALS = "https://docs.segmentapis.com/tag/Credentials"
_PERMISSION = "Workspace Owner, Warehouse Admin, Source Admin, Entities Admin, Unify and Engage Admin"

_TO_CREDENTIAL = Reference(field="credentialId", endpoint="credentials")
_TO_WORKSPACE = Reference(field="workspaceId", endpoint="workspace")

CREDENTIALS = (
    Endpoint(
        name="credentials",
        domain="credentials",
        description="Every credential of the workspace: a log-in to a data warehouse, kept once for all that use it.",
        documentation=_CREDENTIALS,
        path="/credentials",
        selector=("data", "credentials"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        references=(_TO_WORKSPACE,),
        permission=_PERMISSION,
        audited_as=("credential",),
        columns=(
            identifier("credential"),
            WORKSPACE_ID,
            text("name", "The credential's display name."),
            nested(
                "settings",
                "What it logs in with, which depends on its type; Segment itself redacts what is sensitive.",
                secrecy=Secrecy.ALL,
            ),
            timestamp("createdAt", "When the credential was made."),
            timestamp("updatedAt", "When it was changed last."),
        ),
    ),
    Endpoint(
        name="credential_warehouses",
        domain="credentials",
        description="Every warehouse that uses every credential, once for each credential.",
        documentation=_CREDENTIALS,
        path="/credentials/{credentialId}/consumers",
        selector=("data", "warehouses"),
        media_type=V1,
        page_size=1000,
        # One response holds this list and that of the next row, each with its own cursor.
        paging=Paging(
            count="warehousesPagination.count",
            cursor="warehousesPagination.cursor",
            answer=("data", "warehousesPagination"),
        ),
        primary_key=("credentialId", "id"),
        parent=parent_of("credentials", credentialId="id"),
        references=(_TO_CREDENTIAL, Reference(field="id", endpoint="warehouses"), _TO_WORKSPACE),
        permission=_PERMISSION,
        audited_as=("credential", "warehouse"),
        columns=(from_request("credentialId", "The credential that the warehouse uses."), *WAREHOUSE),
    ),
    Endpoint(
        name="credential_sources",
        domain="credentials",
        description="Every source that uses every credential, once for each credential.",
        documentation=_CREDENTIALS,
        path="/credentials/{credentialId}/consumers",
        selector=("data", "sources"),
        media_type=V1,
        page_size=1000,
        paging=Paging(
            count="sourcesPagination.count",
            cursor="sourcesPagination.cursor",
            answer=("data", "sourcesPagination"),
        ),
        primary_key=("credentialId", "id"),
        parent=parent_of("credentials", credentialId="id"),
        references=(_TO_CREDENTIAL, Reference(field="id", endpoint="sources"), _TO_WORKSPACE),
        permission=_PERMISSION,
        audited_as=("credential", "source"),
        columns=(from_request("credentialId", "The credential that the source uses."), *SOURCE),
    ),
)
