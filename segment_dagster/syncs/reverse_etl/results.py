"""What the check of a model says: a subscription that has failed is not hidden by another's success."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from segment_dagster.syncs.events import (
    SYNC_CHECK,
    SYNC_IDS,
    AssetEvent,
    Reported,
    SyncResult,
    materialization_of,
    sync_metadata,
)
from segment_dagster.syncs.reverse_etl.specs import SentModel
from segment_dagster.syncs.reverse_etl.sync import ReverseEtlSync
from segment_dagster.syncs.statuses import OnPartial, Statuses

CHECK_DESCRIPTION = "The latest sync of the model to each of its subscriptions has succeeded."


@dataclass(frozen=True, kw_only=True)
class Meanings:
    """What the end of a sync means."""

    statuses: Statuses
    on_partial: OnPartial

    def result(self, sync: ReverseEtlSync) -> SyncResult:
        """Return the result of a sync that has ended."""
        return SyncResult.of(sync, self.statuses, self.on_partial)


def model_check(
    model: SentModel,
    latest: Mapping[str, ReverseEtlSync],
    meanings: Meanings,
    new: Sequence[ReverseEtlSync],
) -> dg.AssetCheckResult:
    """Return the result of the check of a model.

    Args:
        model: The model.
        latest: The latest sync that has ended, by the id of its subscription.
        meanings: What their ends mean.
        new: Those that have ended since the last result.
    """
    results = {id_: meanings.result(sync) for id_, sync in latest.items()}
    failed = {id_: result for id_, result in results.items() if not result.passed}
    is_error = any(result.severity is dg.AssetCheckSeverity.ERROR for result in (failed or results).values())
    said = [
        f"Subscription {model.subscriptions.get(id_, id_)!r}: {result.description}"
        for id_, result in (failed or {sync.subscription_id: meanings.result(sync) for sync in new[-1:]}).items()
    ]
    metadata: dict[str, Any] = sync_metadata(new[-1]) if new else {}
    return dg.AssetCheckResult(
        asset_key=model.key,
        check_name=SYNC_CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=" ".join(said) or "No sync has ended yet.",
        metadata={
            **metadata,
            SYNC_IDS: [sync.id for sync in new],
            "segment/subscription_statuses": {
                model.subscriptions.get(id_, id_): sync.status for id_, sync in latest.items()
            },
        },
    )


def model_events(
    model: SentModel,
    sync: ReverseEtlSync,
    latest: Mapping[str, ReverseEtlSync],
    meanings: Meanings,
    reported: Reported,
) -> Iterator[AssetEvent]:
    """Yield the events of a sync that has ended.

    Args:
        model: The model.
        sync: The sync.
        latest: The latest sync that has ended, by the id of its subscription; this one too.
        meanings: What their ends mean.
        reported: Says what the instance has: it is not yielded again.
    """
    if meanings.result(sync).materializes and not reported(model.key, None, sync):
        yield materialization_of(sync, model.key)
    if not reported(model.key, SYNC_CHECK, sync):
        yield as_evaluation(model_check(model, latest, meanings, [sync]))


def as_evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """Return the result of a check as an event that no run stores."""
    assert result.asset_key and result.check_name
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
    )
