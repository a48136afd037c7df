"""Privacy: requests to delete and suppress people's data, and who is suppressed."""

from segment_dagster.endpoints.columns import (
    V1,
    choice,
    from_request,
    identifier,
    nested,
    parent_of,
    personal,
    text,
    timestamp,
)
from segment_dagster.endpoints.model import Endpoint, Exploded, Paging, Reference

_DELETION_AND_SUPPRESSION = "https://docs.segmentapis.com/tag/Deletion-and-Suppression"

_REGULATION = (
    identifier("regulation"),
    text("subjectType", "What the subjects' ids stand for, such as users or objects."),
    personal(nested("subjects", "Ids of the users or objects whose data is deleted or suppressed.")),
    choice(
        "status",
        "How far the request has come.",
        "FAILED",
        "FINISHED",
        "INITIALIZED",
        "INVALID",
        "NOT_SUPPORTED",
        "PARTIAL_SUCCESS",
        "RUNNING",
    ),
    timestamp("createdAt", "When the request was made."),
    choice(
        "regulationType",
        "What is to be done with the subjects' data.",
        "DELETE_ARCHIVE_ONLY",
        "DELETE_INTERNAL",
        "DELETE_ONLY",
        "SUPPRESS_ONLY",
        "SUPPRESS_WITH_DELETE",
        "SUPPRESS_WITH_DELETE_INTERNAL",
        "UNSUPPRESS",
    ),
    timestamp("finishedAt", "When the request was done; null until then."),
)

PRIVACY = (
    Endpoint(
        name="regulations",
        domain="privacy",
        description="Every request of the past 90 days to delete or suppress data; Segment lists no older ones.",
        documentation=_DELETION_AND_SUPPRESSION,
        path="/regulations",
        selector=("data", "regulations"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        log=True,
        audited_as=("regulation",),
        columns=_REGULATION,
    ),
    Endpoint(
        name="source_regulations",
        domain="privacy",
        description="Each source's requests of the past 90 days to delete or suppress data, 1000 at most.",
        documentation=_DELETION_AND_SUPPRESSION,
        path="/regulations/sources/{sourceId}",
        selector=("data", "regulations"),
        media_type=V1,
        page_size=1000,
        # The request takes a page size, but no response contains a next page.
        paging=Paging(required=False),
        primary_key=("id",),
        parent=parent_of("sources", sourceId="id"),
        references=(Reference(field="sourceId", endpoint="sources"),),
        log=True,
        audited_as=("regulation",),
        columns=(from_request("sourceId", "The source whose data the request is about."), *_REGULATION),
    ),
    Endpoint(
        name="suppressions",
        domain="privacy",
        description="Every id that is suppressed: Segment drops what it is sent about that user or object.",
        documentation=_DELETION_AND_SUPPRESSION,
        path="/suppressions",
        selector=("data", "suppressed"),
        media_type=V1,
        page_size=1000,
        primary_key=("subjectType", "subjectId"),
        exploded=Exploded(field="subjectIds", element="subjectId"),
        audited_as=("suppression", "regulation"),
        columns=(
            text("subjectType", "What the id stands for, such as a user or an object."),
            personal(text("subjectId", "Id of the user or object that is suppressed.")),
        ),
    ),
)
