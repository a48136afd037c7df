"""The sensor that tells Dagster of Segment's syncs."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg

from segment_dagster.assets import SegmentResource
from segment_dagster.client import SegmentClient
from segment_dagster.client.errors import RateLimitedError, TokenError
from segment_dagster.endpoints.pipes import WAREHOUSE_SYNCS
from segment_dagster.errors import SegmentError
from segment_dagster.syncs.brief import brief
from segment_dagster.syncs.cursor import ListState, PipeState, SensorCursor
from segment_dagster.syncs.events import LATE_AFTER, LATE_CHECK, AssetEvent, events_of, late_event, materializes
from segment_dagster.syncs.reported import ReportedSyncs
from segment_dagster.syncs.specs import keys_by_pipe
from segment_dagster.syncs.statuses import OnPartial, Statuses
from segment_dagster.syncs.warehouse_sync import WarehouseSync, syncs_of
from segment_dagster.text import pluralize

MAX_TOLD = 50
"""Syncs that one tick tells of; the others follow in the next ticks, which make no request."""

REQUEST_TIMEOUT = 15.0
"""Seconds to wait for a response."""

RETRY_SECONDS = 15.0
"""Seconds for which a tick retries its request, or waits for the limit: Dagster ends a tick after 60 s."""


def build_segment_warehouse_sensor(
    specs: Sequence[dg.AssetSpec],
    *,
    workspace: SegmentResource | None = None,
    name: str = "segment_warehouse",
    statuses: Statuses | None = None,
    on_partial: OnPartial = OnPartial.WARN,
    interval_seconds: int = 60,
    late_after: float = LATE_AFTER,
) -> dg.SensorDefinition:
    """Return a sensor that tells of each sync that has ended, once.

    A tick makes one request: it asks for the syncs of one warehouse, and the next tick for those of the next one, as
    Segment allows two such requests a minute. At first, the latest sync of each source is told.

    Args:
        specs: The tables, as `segment_warehouse_specs` returns them; their keys may be others.
        workspace: The workspace; by default as the environment says when a tick begins.
        name: The sensor is called `<name>_sensor`.
        statuses: What a status of a sync means.
        on_partial: What a partial success counts as.
        interval_seconds: Least seconds between two ticks.
        late_after: How many usual intervals without an end make the next sync late.

    Raises:
        ValueError: There is no table among the specs.
    """
    pipes, source = keys_by_pipe(specs), workspace or SegmentResource()
    if not pipes:
        raise ValueError("there is no table of a warehouse among the specs")
    warehouse_ids = list(pipes)
    meanings = statuses or Statuses()

    def succeeded(sync: WarehouseSync) -> bool:
        return materializes(meanings.outcome(sync.status), on_partial)

    @dg.sensor(
        name=f"{name}_sensor",
        minimum_interval_seconds=interval_seconds,
        description="Tells of each sync of Segment's into the warehouses, once it has ended.",
    )
    def poll(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Ask for the syncs of the next warehouse."""
        settings = brief(source.settings(), RETRY_SECONDS, REQUEST_TIMEOUT)
        now, cursor = settings.now, SensorCursor.read(context.cursor, WarehouseSync)
        warehouse_id = cursor.choose(warehouse_ids)
        state = cursor.lists.setdefault(warehouse_id, ListState())
        keys = pipes[warehouse_id]
        if not state.ready:
            try:
                with SegmentClient(settings) as client:
                    pages = client.pages(WAREHOUSE_SYNCS, {"warehouseId": warehouse_id}, resume=state.resume)
                    page = next(iter(pages))
            except TokenError:
                raise
            except RateLimitedError as error:
                # the cursor stays: the same warehouse has the next turn
                return dg.SkipReason(str(error))
            except SegmentError as error:
                # another warehouse is not to wait for this one
                context.log.error(str(error))
                state.resume = None
                cursor.advance(warehouse_ids, warehouse_id)
                return dg.SensorResult(skip_reason=str(error), cursor=cursor.written())
            syncs = [meanings.with_end(sync) for sync in syncs_of(page.records)]
            state.take(syncs, page.next, keys, now, succeeded)
        told, state.ready = state.ready[:MAX_TOLD], state.ready[MAX_TOLD:]
        reported = ReportedSyncs(context.instance)
        events: list[AssetEvent] = []
        # those of a source that is not synced any more wait in the cursor of an earlier definition
        for sync in (each for each in told if each.source_id in keys):
            events += events_of(
                sync, keys[sync.source_id], statuses=meanings, on_partial=on_partial, reported=reported.has
            )
        if state.resume is None and not state.ready:
            for source_id, of_source in keys.items():
                events += _late_events(of_source, state.pipes.get(source_id), now, late_after, reported)
            cursor.advance(warehouse_ids, warehouse_id)
        # Dagster logs it as the reason why no run was started
        said = f"Told of {pluralize(len(told), 'sync')} into the warehouse {warehouse_id}."
        return dg.SensorResult(asset_events=events, skip_reason=said, cursor=cursor.written())

    return poll


def _late_events(
    keys: Sequence[dg.AssetKey], state: PipeState | None, now: datetime, late_after: float, reported: ReportedSyncs
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield a warning for each table once the next sync of its source is late, and once it is not any more."""
    if state is None or state.interval is None or state.last_end is None:
        return
    late = (now - state.last_end).total_seconds() > late_after * state.interval
    if late == state.late:
        return
    state.late = late
    for key in keys:
        if reported.late_since(key, LATE_CHECK) != (state.last_end.isoformat(), late):
            yield late_event(key, last_end=state.last_end, now=now, interval=state.interval, late=late)
