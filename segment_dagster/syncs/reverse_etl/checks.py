"""The checks of models that Dagster does not start. The sensor evaluates them; run in the UI, they ask Segment."""

from collections.abc import Iterator, Sequence

import dagster as dg

from segment_dagster.assets import SegmentResource
from segment_dagster.assets.pool import pool_of
from segment_dagster.client import SegmentClient
from segment_dagster.errors import SegmentError
from segment_dagster.syncs.cursor import in_order, latest_of_each
from segment_dagster.syncs.events import SYNC_CHECK
from segment_dagster.syncs.reverse_etl.lists import latest_syncs, lists_of
from segment_dagster.syncs.reverse_etl.results import CHECK_DESCRIPTION, Meanings, model_check
from segment_dagster.syncs.reverse_etl.specs import sent_models
from segment_dagster.syncs.statuses import OnPartial, Statuses


def reverse_etl_checks(
    specs: Sequence[dg.AssetSpec],
    *,
    workspace: SegmentResource | None = None,
    name: str = "segment_warehouse",
    statuses: Statuses | None = None,
    on_partial: OnPartial = OnPartial.WARN,
) -> dg.AssetChecksDefinition:
    """Return the checks of the models of `segment_reverse_etl_specs`.

    Run alone, they make a request for each subscription.

    Args:
        specs: The models.
        workspace: The workspace; by default as the environment says when a run begins.
        name: The op is called `<name>_reverse_etl_checks`.
        statuses: What a status of a sync means.
        on_partial: What a partial success counts as.
    """
    models, source = sent_models(specs), workspace or SegmentResource()
    meanings = Meanings(statuses=statuses or Statuses(), on_partial=on_partial)

    @dg.multi_asset_check(
        name=f"{name}_reverse_etl_checks",
        specs=[dg.AssetCheckSpec(SYNC_CHECK, asset=model.key, description=CHECK_DESCRIPTION) for model in models],
        can_subset=True,
        pool=pool_of(source),
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        """Compare the latest syncs with what is wanted of them."""
        selected = context.selected_asset_check_keys
        try:
            with SegmentClient(source.settings()) as client:
                for model in models:
                    if dg.AssetCheckKey(model.key, SYNC_CHECK) not in selected:
                        continue
                    ended = [
                        sync
                        for each in lists_of([model])
                        for sync in latest_of_each(latest_syncs(client, each, meanings.statuses))
                    ]
                    latest = {sync.subscription_id: sync for sync in ended}
                    yield model_check(model, latest, meanings, in_order(ended)[-1:])
        except SegmentError as error:
            raise dg.Failure(str(error), allow_retries=error.retryable) from error

    return checks
