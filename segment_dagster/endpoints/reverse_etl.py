"""Reverse ETL: queries whose rows are sent from a warehouse to destinations, and their syncs."""

from segment_dagster.endpoints.columns import (
    ALPHA,
    count,
    flag,
    from_request,
    identifier,
    nested,
    parent_of,
    text,
    timestamp,
)
from segment_dagster.endpoints.model import Endpoint, Paging, Reference

_REVERSE_ETL = "https://docs.segmentapis.com/tag/Reverse-ETL"

REVERSE_ETL = (
    Endpoint(
        name="reverse_etl_models",
        domain="reverse_etl",
        description="Every reverse ETL model of the workspace: the query that picks a warehouse's rows to be sent on.",
        documentation=_REVERSE_ETL,
        path="/reverse-etl-models",
        selector=("data", "models"),
        media_type=ALPHA,
        page_size=1000,
        primary_key=("id",),
        audited_as=("reverse etl model",),
        columns=(
            identifier("model"),
            # No reference to `sources`, here and below: a source may have been deleted since.
            text("sourceId", "The source that stands for the warehouse the query runs in."),
            text("name", "The model's display name."),
            text("description", "What the model is for."),
            flag("enabled", "Whether the model is synced; where it is not, its subscriptions are not either."),
            text("query", "The SQL query that picks the rows."),
            text("queryIdentifierColumn", "The column of the query that tells one row from another."),
        ),
    ),
    Endpoint(
        name="reverse_etl_syncs",
        domain="reverse_etl",
        description="Every sync of a reverse ETL model's rows to a subscription: how it went, and how long it took.",
        documentation=_REVERSE_ETL,
        path="/reverse-etl-models/{modelId}/subscriptionId/{subscriptionId}/syncs",
        selector=("data", "syncStatuses"),
        media_type=ALPHA,
        page_size=100,
        paging=Paging(count="count", cursor="cursor", required=False),
        primary_key=("subscriptionId", "syncId"),
        # Only a subscription that a model feeds has a modelId.
        parent=parent_of("destination_subscriptions", modelId="modelId", subscriptionId="id"),
        references=(
            Reference(field="subscriptionId", endpoint="destination_subscriptions"),
            Reference(field="modelId", endpoint="reverse_etl_models"),
        ),
        log=True,
        columns=(
            from_request("subscriptionId", "The destination's subscription that the rows were sent to."),
            text("syncId", "The sync's id."),
            text("modelId", "The model whose rows were sent."),
            text("sourceId", "The source that stands for the warehouse the rows came from."),
            text("syncStatus", "How the sync went, such as SUCCESS, FAIL, PARTIAL_SUCCESS or IN_PROGRESS."),
            count("duration", "How long the sync took, in a unit that Segment does not state."),
            timestamp("startedAt", "When the sync started."),
            timestamp("finishedAt", "When the sync ended; null until then."),
            nested(
                "extractPhase", "Rows added, updated, deleted and extracted from the warehouse, with times and error."
            ),
            nested("loadPhase", "Rows that were and were not delivered to the destination, with times and error."),
            text("error", "The message of the error that ended the sync, if one did."),
            text("errorCode", "The code of the error that ended the sync, if one did."),
        ),
    ),
)
