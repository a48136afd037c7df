"""The checks of synced tables. The sensor evaluates them; run in the UI, they ask Segment for the latest sync."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg

from segment_dagster.assets import SegmentResource
from segment_dagster.assets.pool import pool_of
from segment_dagster.client import SegmentClient
from segment_dagster.endpoints.pipes import WAREHOUSE_SYNCS
from segment_dagster.errors import SegmentError
from segment_dagster.syncs.cursor import PipeState, in_order
from segment_dagster.syncs.events import LATE_AFTER, LATE_CHECK, SYNC_CHECK, events_of, late_event, materializes
from segment_dagster.syncs.specs import keys_by_pipe
from segment_dagster.syncs.statuses import OnPartial, Statuses
from segment_dagster.syncs.warehouse_sync import WarehouseSync, syncs_of

SPECS = {
    SYNC_CHECK: "The latest sync of the source into the warehouse has succeeded.",
    LATE_CHECK: "The next sync of the source is not late.",
}


def sync_checks(
    specs: Sequence[dg.AssetSpec],
    *,
    workspace: SegmentResource | None = None,
    name: str = "segment_warehouse",
    statuses: Statuses | None = None,
    on_partial: OnPartial = OnPartial.WARN,
    late_after: float = LATE_AFTER,
) -> dg.AssetChecksDefinition:
    """Return the checks of the tables of `segment_warehouse_specs`.

    Run alone, they read the list of each warehouse, at two requests a minute.

    Args:
        specs: The tables.
        workspace: The workspace; by default as the environment says when a run begins.
        name: The op is called `<name>_checks`.
        statuses: What a status of a sync means.
        on_partial: What a partial success counts as.
        late_after: How many usual intervals without an end make the next sync late.
    """
    pipes, source = keys_by_pipe(specs), workspace or SegmentResource()
    meanings = statuses or Statuses()

    @dg.multi_asset_check(
        name=f"{name}_checks",
        specs=[
            dg.AssetCheckSpec(check, asset=key, description=description)
            for sources in pipes.values()
            for keys in sources.values()
            for key in keys
            for check, description in SPECS.items()
        ],
        can_subset=True,
        pool=pool_of(source),
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        """Compare the latest syncs with what is wanted of them."""
        selected = context.selected_asset_check_keys
        settings = source.settings()
        try:
            with SegmentClient(settings) as client:
                for warehouse_id, sources in pipes.items():
                    wanted = {
                        id_: keys
                        for id_, keys in sources.items()
                        if any(dg.AssetCheckKey(key, check) in selected for key in keys for check in SPECS)
                    }
                    if not wanted:
                        continue
                    pages = client.pages(WAREHOUSE_SYNCS, {"warehouseId": warehouse_id})
                    syncs = [meanings.with_end(sync) for page in pages for sync in syncs_of(page.records)]
                    for id_, keys in wanted.items():
                        of_source = [sync for sync in syncs if sync.source_id == id_]
                        for key in keys:
                            for check, result in results_of(of_source, key, settings.now):
                                if dg.AssetCheckKey(key, check) in selected:
                                    yield result
        except SegmentError as error:
            raise dg.Failure(str(error), allow_retries=error.retryable) from error

    def results_of(
        syncs: Sequence[WarehouseSync], key: dg.AssetKey, now: datetime
    ) -> Iterator[tuple[str, dg.AssetCheckResult]]:
        state, ended = PipeState(), in_order(syncs)
        for sync in ended:
            state.see(sync, succeeded=materializes(meanings.outcome(sync.status), on_partial))
        if not ended:
            yield from ((check, _passed(key, check, "No sync has ended yet.")) for check in SPECS)
            return
        for event in events_of(ended[-1], [key], statuses=meanings, on_partial=on_partial):
            if isinstance(event, dg.AssetCheckEvaluation):
                yield SYNC_CHECK, _as_result(event)
        interval, last_end = state.interval, state.last_end
        if interval is None or last_end is None:
            yield LATE_CHECK, _passed(key, LATE_CHECK, "Too few syncs have ended yet to tell how often they come.")
            return
        late = (now - last_end).total_seconds() > late_after * interval
        yield LATE_CHECK, _as_result(late_event(key, last_end=last_end, now=now, interval=interval, late=late))

    return checks


def _passed(key: dg.AssetKey, check: str, description: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(asset_key=key, check_name=check, passed=True, description=description)


def _as_result(event: dg.AssetCheckEvaluation) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=event.asset_key,
        check_name=event.check_name,
        passed=event.passed,
        severity=event.severity,
        description=event.description,
        metadata=event.metadata,
    )
