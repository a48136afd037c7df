"""The sensor that tells Dagster of the syncs of reverse ETL."""

import time
from collections.abc import Sequence

import dagster as dg

from segment_dagster.assets import SegmentResource
from segment_dagster.client import SegmentClient
from segment_dagster.client.errors import RateLimitedError, TokenError
from segment_dagster.endpoints.pipes import REVERSE_ETL_SYNCS
from segment_dagster.errors import SegmentError
from segment_dagster.syncs.brief import brief
from segment_dagster.syncs.cursor import ListState, SensorCursor
from segment_dagster.syncs.events import AssetEvent
from segment_dagster.syncs.reported import ReportedSyncs
from segment_dagster.syncs.reverse_etl.lists import SyncList, lists_of
from segment_dagster.syncs.reverse_etl.results import Meanings, model_events
from segment_dagster.syncs.reverse_etl.specs import sent_models
from segment_dagster.syncs.reverse_etl.sync import ReverseEtlSync, syncs_of
from segment_dagster.syncs.sensor import MAX_TOLD, REQUEST_TIMEOUT, RETRY_SECONDS
from segment_dagster.syncs.statuses import OnPartial, Statuses
from segment_dagster.text import pluralize

MAX_REQUESTS = 3
"""Requests of a tick. Runs leave 12 of a token's 600 a minute to the sensors: that of the audit trail takes 8 at most,
that of the warehouses one."""

TICK_SECONDS = 20.0
"""Seconds after which a tick makes no further request: Dagster ends it after 60, and the last one may take 30."""


def build_segment_reverse_etl_sensor(
    specs: Sequence[dg.AssetSpec],
    *,
    workspace: SegmentResource | None = None,
    name: str = "segment_warehouse",
    statuses: Statuses | None = None,
    on_partial: OnPartial = OnPartial.WARN,
    interval_seconds: int = 60,
) -> dg.SensorDefinition:
    """Return a sensor that tells of each sync of a reverse ETL model that has ended, once.

    A tick makes three requests at most, each for the syncs of a model to a subscription, and the next tick goes on with
    the next ones. At first, the latest sync of each is told. What an op has told that has started the sync is not told
    again.

    Args:
        specs: The models, as `segment_reverse_etl_specs` returns them; their keys may be others.
        workspace: The workspace; by default as the environment says when a tick begins.
        name: The sensor is called `<name>_reverse_etl_sensor`.
        statuses: What a status of a sync means.
        on_partial: What a partial success counts as.
        interval_seconds: Least seconds between two ticks.

    Raises:
        ValueError: No model among the specs has a subscription.
    """
    source, lists = workspace or SegmentResource(), {each.name: each for each in lists_of(sent_models(specs))}
    if not lists:
        raise ValueError("no reverse ETL model with a subscription is among the specs")
    names = list(lists)
    meanings = Meanings(statuses=statuses or Statuses(), on_partial=on_partial)

    @dg.sensor(
        name=f"{name}_reverse_etl_sensor",
        minimum_interval_seconds=interval_seconds,
        description="Tells of each sync of Segment's from the warehouses, once it has ended.",
    )
    def poll(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Ask for the syncs of the next models and subscriptions."""
        settings = brief(source.settings(), RETRY_SECONDS, REQUEST_TIMEOUT)
        cursor = SensorCursor.read(context.cursor, ReverseEtlSync)
        reported = ReportedSyncs(context.instance)
        events: list[AssetEvent] = []
        told, problems = 0, []
        began, requests = time.monotonic(), 0
        with SegmentClient(settings) as client:
            for _ in range(len(names)):
                each = lists[cursor.choose(names)]
                state = cursor.lists.setdefault(each.name, ListState())
                if not state.ready:
                    if requests == MAX_REQUESTS or time.monotonic() - began > TICK_SECONDS:
                        break
                    requests += 1
                    try:
                        _read_page(client, each, state, meanings)
                    except TokenError:
                        raise
                    except RateLimitedError as error:
                        # the cursor stays: the same list has the next turn
                        problems.append(str(error))
                        break
                    except SegmentError as error:
                        # the others are not to wait for this one
                        context.log.error(str(error))
                        problems.append(str(error))
                        state.resume = None
                while state.ready and told < MAX_TOLD:
                    sync = state.ready[0]
                    if reported.is_awaited(each.model.key, sync):
                        # the run that has started it tells of it
                        break
                    state.ready.pop(0)
                    state.latest = sync
                    events += model_events(each.model, sync, _latest(each, cursor, lists), meanings, reported.has)
                    told += 1
                if told == MAX_TOLD and state.ready:
                    break
                cursor.advance(names, each.name)
        # Dagster logs it as the reason why no run was started
        said = " ".join([f"Told of {pluralize(told, 'sync')} of reverse ETL.", *problems])
        return dg.SensorResult(asset_events=events, skip_reason=said, cursor=cursor.written())

    return poll


def _read_page(client: SegmentClient, each: SyncList, state: ListState[ReverseEtlSync], meanings: Meanings) -> None:
    page = next(iter(client.pages(REVERSE_ETL_SYNCS, each.values, resume=state.resume)))
    state.take(
        syncs_of(page.records, each.subscription_id, meanings.statuses),
        page.next,
        [each.subscription_id],
        client.settings.now,
        lambda sync: meanings.result(sync).materializes,
        whole=False,
    )


def _latest(
    each: SyncList, cursor: SensorCursor[ReverseEtlSync], lists: dict[str, SyncList]
) -> dict[str, ReverseEtlSync]:
    """Return the latest sync that was told for each subscription of a model."""
    return {
        other.subscription_id: state.latest
        for other in lists.values()
        if other.model == each.model and (state := cursor.lists.get(other.name)) and state.latest
    }
