"""The lists of syncs: one for each model and each of its subscriptions."""

from collections.abc import Sequence
from dataclasses import dataclass

from segment_dagster.client import SegmentClient
from segment_dagster.endpoints.pipes import REVERSE_ETL_SYNCS
from segment_dagster.syncs.reverse_etl.specs import SentModel
from segment_dagster.syncs.reverse_etl.sync import ReverseEtlSync, syncs_of
from segment_dagster.syncs.statuses import Statuses
from segment_dagster.syncs.sync import newest_first


@dataclass(frozen=True)
class SyncList:
    """The syncs of a model to a subscription."""

    model: SentModel
    subscription_id: str

    @property
    def name(self) -> str:
        """Name of the list."""
        return f"{self.model.id}/{self.subscription_id}"

    @property
    def values(self) -> dict[str, str]:
        """The parameters of its requests."""
        return {"modelId": self.model.id, "subscriptionId": self.subscription_id}


def lists_of(models: Sequence[SentModel]) -> list[SyncList]:
    """Return the lists of models."""
    return [SyncList(model, subscription) for model in models for subscription in model.subscriptions]


def latest_syncs(client: SegmentClient, each: SyncList, statuses: Statuses) -> list[ReverseEtlSync]:
    """Return the syncs of a list up to one page of them: further ones only where they are not in the usual order.

    Args:
        client: Requests them.
        each: The list.
        statuses: What a status means.

    Raises:
        ApiError: The list could not be read.
    """
    found: list[ReverseEtlSync] = []
    for page in client.pages(REVERSE_ETL_SYNCS, each.values):
        found += syncs_of(page.records, each.subscription_id, statuses)
        if found and newest_first(found) and any(sync.end for sync in found):
            break
    return found
