"""Requests that are no list of the catalogue: they start a reverse ETL sync, show one, and cancel it.

The paths, bodies and limits are those of segmentio/public-api-sdk-python 73.2.0. What is in the answers of the last two
is from the models of its version 58.10.0. No limit is stated for cancelling.
"""

from segment_dagster.endpoints.columns import parent_of
from segment_dagster.endpoints.model import Endpoint
from segment_dagster.endpoints.pipes import REVERSE_ETL_SYNCS as LIST

_ONE = "/reverse-etl-models/{modelId}/syncs/{syncId}"


def _row(name: str, description: str, path: str, selector: tuple[str, ...], limit: int | None) -> Endpoint:
    return Endpoint(
        name=name,
        domain=LIST.domain,
        description=description,
        documentation=LIST.documentation,
        path=path,
        selector=("data", *selector),
        media_type=LIST.media_type,
        single=True,
        columns=(),
        primary_key=(),
        parent=parent_of(LIST.name, modelId="modelId", syncId="syncId") if "{" in path else None,
        requests_per_minute=limit,
    )


START = _row("reverse_etl_sync_start", "Start a sync.", "/reverse-etl-syncs", ("reverseETLManualSync",), 20)
"""A POST with `sourceId`, `modelId` and `subscriptionId`."""

STATUS = _row("reverse_etl_sync_status", "Show a sync.", _ONE, ("reverseETLSyncStatus",), 250)
CANCEL = _row("reverse_etl_sync_cancel", "Cancel a sync.", f"{_ONE}/cancel", (), None)
"""A POST. Segment does not state how a cancelled sync ends."""

ACTIONS = (START, STATUS, CANCEL)
