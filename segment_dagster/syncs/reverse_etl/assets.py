"""Assets whose materialization starts the syncs of a reverse ETL model."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from segment_dagster.assets import SegmentResource
from segment_dagster.assets.earlier_attempts import earlier_runs
from segment_dagster.client import SegmentClient
from segment_dagster.errors import SegmentError
from segment_dagster.syncs.events import DATA_VERSION, SYNC_CHECK, SYNC_ID, materialization_of
from segment_dagster.syncs.reverse_etl.errors import SyncFailedError
from segment_dagster.syncs.reverse_etl.lists import lists_of
from segment_dagster.syncs.reverse_etl.results import CHECK_DESCRIPTION, Meanings, model_check
from segment_dagster.syncs.reverse_etl.specs import SentModel, sent_models
from segment_dagster.syncs.reverse_etl.starts import (
    POLL_SECONDS,
    TIMEOUT_SECONDS,
    ModelSyncs,
    Waiting,
    what_is_synced,
)
from segment_dagster.syncs.reverse_etl.sync import ReverseEtlSync
from segment_dagster.syncs.statuses import OnPartial, Statuses

OBSERVED_SUBSCRIPTION = "segment/subscription_id"

Event = dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckResult | dg.MaterializeResult[Any]


def segment_reverse_etl_assets(
    specs: Sequence[dg.AssetSpec],
    *,
    workspace: SegmentResource | None = None,
    statuses: Statuses | None = None,
    on_partial: OnPartial = OnPartial.WARN,
    poll_seconds: float = POLL_SECONDS,
    timeout_seconds: float = TIMEOUT_SECONDS,
    retry_policy: dg.RetryPolicy | None = None,
) -> list[dg.AssetsDefinition]:
    """Return an asset for each model: to materialize it starts its syncs, and ends when they have ended.

    It writes: each materialization sends `POST /reverse-etl-syncs` for every subscription of the model. A run that is
    terminated asks Segment to cancel what it has started. Models without a subscription are left out.

    Args:
        specs: The models, as `segment_reverse_etl_specs` returns them; their keys may be others.
        workspace: The workspace; by default as the environment says when a run begins.
        statuses: What a status of a sync means.
        on_partial: What a partial success counts as.
        poll_seconds: Seconds between two looks at a sync. Segment allows 250 looks a minute.
        timeout_seconds: Seconds after which a sync is not waited for any more.
        retry_policy: How often the op is tried again after an error that may pass. A sync that an earlier attempt has
            started, and that has not failed, is not started again.
    """
    source, waiting = (
        workspace or SegmentResource(),
        Waiting(poll_seconds=poll_seconds, timeout_seconds=timeout_seconds),
    )
    meanings = Meanings(statuses=statuses or Statuses(), on_partial=on_partial)
    by_key = {spec.key: spec for spec in specs}
    return [
        _asset(by_key[model.key], model, source, meanings, waiting, retry_policy)
        for model in sent_models(specs)
        if model.subscriptions
    ]


def _asset(
    spec: dg.AssetSpec,
    model: SentModel,
    source: SegmentResource,
    meanings: Meanings,
    waiting: Waiting,
    retry_policy: dg.RetryPolicy | None,
) -> dg.AssetsDefinition:
    # without a pool: it waits for most of its time, and its requests are within the token's budgets
    @dg.multi_asset(
        name=spec.key.to_python_identifier(),
        specs=[spec],
        check_specs=[dg.AssetCheckSpec(SYNC_CHECK, asset=spec.key, description=CHECK_DESCRIPTION)],
        retry_policy=retry_policy,
    )
    def start(context: dg.AssetExecutionContext) -> Iterator[Event]:
        """Start a sync of the model to each of its subscriptions, and wait until they have ended."""
        try:
            settings = source.settings()
            with SegmentClient(settings) as client:
                syncs = ModelSyncs(client, meanings.statuses, waiting, context.log)
                try:
                    yield from _events(context, model, syncs, meanings)
                except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt, GeneratorExit):
                    syncs.cancel(settings)
                    raise
        except SegmentError as error:
            raise dg.Failure(str(error), allow_retries=error.retryable) from error

    return start


def _events(
    context: dg.AssetExecutionContext, model: SentModel, syncs: ModelSyncs, meanings: Meanings
) -> Iterator[Event]:
    errors: list[SegmentError] = []
    started = _started_before(context, model.key)
    for each in lists_of([model]):
        sync_id = started.get(each.subscription_id)
        try:
            if sync_id and syncs.resume(each, sync_id):
                context.log.info(f"The sync {sync_id} of {what_is_synced(each)} was started by an earlier attempt.")
                continue
            sync_id = syncs.start(each)
        except SegmentError as error:
            # the others are started all the same, and waited for
            context.log.error(str(error))
            errors.append(error)
            continue
        # the sensor leaves it to this run, and a further attempt goes on with it
        yield dg.AssetObservation(model.key, metadata={SYNC_ID: sync_id, OBSERVED_SUBSCRIPTION: each.subscription_id})
        context.log.info(f"Started the sync {sync_id} of {what_is_synced(each)}.")
    ended: list[ReverseEtlSync] = []
    for each, outcome in syncs.ended():
        if isinstance(outcome, SegmentError):
            context.log.error(str(outcome))
            errors.append(outcome)
            continue
        ended.append(outcome)
        result = meanings.result(outcome)
        context.log.info(f"{what_is_synced(each)}: {result.description}")
        if not result.materializes:
            errors.append(SyncFailedError(what_is_synced(each), result.description))
    yield from _results(model, ended, meanings, errors)


def _results(
    model: SentModel, ended: list[ReverseEtlSync], meanings: Meanings, errors: list[SegmentError]
) -> Iterator[Event]:
    """Yield an event for each sync that has ended, and the result of the check; fail if one was not as it should be."""
    good = [sync for sync in ended if meanings.result(sync).materializes]
    check = model_check(model, {sync.subscription_id: sync for sync in ended}, meanings, ended)
    for sync in good if errors else good[:-1]:
        yield materialization_of(sync, model.key)
    if errors:
        if ended:
            yield check
        retryable = all(error.retryable for error in errors)
        raise dg.Failure(" ".join(map(str, errors)), allow_retries=retryable)
    last = materialization_of(good[-1], model.key)
    yield dg.MaterializeResult(
        asset_key=model.key,
        metadata=last.metadata,
        data_version=dg.DataVersion((last.tags or {})[DATA_VERSION]),
        check_results=[check],
    )


def _started_before(context: dg.AssetExecutionContext, key: dg.AssetKey) -> dict[str, str]:
    """Return the syncs that earlier attempts of the run have started, by the ids of their subscriptions."""
    found = {}
    for run_id in earlier_runs(context):
        records = context.instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION).records
        for observation in (record.event_log_entry.asset_observation for record in records):
            if observation and observation.asset_key == key and SYNC_ID in observation.metadata:
                subscription = str(observation.metadata[OBSERVED_SUBSCRIPTION].value)
                found[subscription] = str(observation.metadata[SYNC_ID].value)
    return found
