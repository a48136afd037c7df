"""The sensor that tells Dagster of Segment's syncs."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg

from segment_dagster.assets import SegmentResource
from segment_dagster.client import SegmentClient
from segment_dagster.client.errors import RateLimitedError, TokenError
from segment_dagster.client.page import Page
from segment_dagster.endpoints.pipes import WAREHOUSE_SYNCS
from segment_dagster.errors import SegmentError
from segment_dagster.syncs.cursor import SensorCursor, SourceState, WarehouseState, in_order, latest_of_each
from segment_dagster.syncs.events import LATE_AFTER, LATE_CHECK, AssetEvent, events_of, late_event
from segment_dagster.syncs.specs import keys_by_pipe
from segment_dagster.syncs.statuses import OnPartial, Statuses
from segment_dagster.syncs.sync import Sync, syncs_of
from segment_dagster.syncs.told import Told
from segment_dagster.text import pluralize

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

    @dg.sensor(
        name=f"{name}_sensor",
        minimum_interval_seconds=interval_seconds,
        description="Tells of each sync of Segment's into the warehouses, once it has ended.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Ask for the syncs of the next warehouse."""
        brief = {"retry_seconds": RETRY_SECONDS, "rate_limit_seconds": RETRY_SECONDS}
        settings = source.settings().model_copy(update=brief)
        cursor = SensorCursor.read(context.cursor)
        warehouse_id = cursor.choose(warehouse_ids)
        state = cursor.warehouses.setdefault(warehouse_id, WarehouseState())
        keys = pipes[warehouse_id]
        try:
            with SegmentClient(settings) as client:
                pages = client.pages(WAREHOUSE_SYNCS, {"warehouseId": warehouse_id}, resume=state.resume)
                page = next(iter(pages))
            syncs = [sync for sync in syncs_of(page.records) if sync.source_id in keys]
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
        new = _new_syncs(state, syncs, page)
        told = Told(context.instance)
        events: list[AssetEvent] = []
        for sync in new:
            events += events_of(sync, keys[sync.source_id], statuses=meanings, on_partial=on_partial, told=told.until)
        if state.resume is None:
            for source_id, of_source in keys.items():
                events += _late_events(of_source, state.sources.get(source_id), settings.now, late_after, told)
            cursor.advance(warehouse_ids, warehouse_id)
        # Dagster logs it as the reason why no run was started
        said = f"Told of {pluralize(len(new), 'sync')} into the warehouse {warehouse_id}."
        return dg.SensorResult(asset_events=events, skip_reason=said, cursor=cursor.written())

    return look


def _new_syncs(state: WarehouseState, syncs: Sequence[Sync], page: Page) -> list[Sync]:
    """Return the syncs that are to be told now, and note where the next tick goes on.

    Those of several pages are told together, in the order of their ends.
    """
    for sync in syncs:
        state.sources.setdefault(sync.source_id, SourceState())
    new = [sync for sync in in_order(syncs) if state.sources[sync.source_id].is_new(sync)]
    if state.known:
        # newest first, what follows was seen; in another order, new ones may be on any page
        starts = [sync.start for sync in syncs]
        newest_first = starts == sorted(starts, reverse=True)
        state.resume = None if newest_first and len(new) < len(syncs) else page.next
        # a sync that has begun meanwhile moves others to the next page
        state.waiting = in_order({(sync.source_id, sync.start): sync for sync in [*state.waiting, *new]}.values())
    else:
        for sync in in_order(syncs):
            state.sources[sync.source_id].see(sync)
        state.resume = page.next
        state.waiting = latest_of_each([*state.waiting, *in_order(syncs)])
    if state.resume is not None:
        return []
    told, state.waiting, state.known = state.waiting, [], True
    for sync in told:
        state.sources[sync.source_id].see(sync)
    return told


def _late_events(
    keys: Sequence[dg.AssetKey], state: SourceState | None, now: datetime, late_after: float, told: Told
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield a warning for each table once the next sync of its source is late, and once it is not any more."""
    if state is None or state.interval is None or state.last_end is None:
        return
    late = (now - state.last_end).total_seconds() > late_after * state.interval
    if late == state.late:
        return
    state.late = late
    for key in keys:
        if told.late_since(key, LATE_CHECK) != (state.last_end.isoformat(), late):
            yield late_event(key, last_end=state.last_end, now=now, interval=state.interval, late=late)
