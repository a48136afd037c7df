"""A sensor that reads the audit trail and requests runs for the assets that changed."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg

from segment_dagster.assets import AssetSpecs, DestinationResource, SegmentResource
from segment_dagster.automation.families import Family
from segment_dagster.automation.runs import run_under_way
from segment_dagster.config import ApiSettings, Preview
from segment_dagster.endpoints import Endpoint
from segment_dagster.endpoints.audit_trail import audit_trail, concerned
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.people import shown_id, shown_person
from segment_dagster.text import pluralize

SENSOR = "segment_audit_sensor"
"""Name of the default instance's sensor."""

RETRY_SECONDS = 15.0
"""Seconds for which a tick retries requests."""

OVERLAP = timedelta(minutes=5)
"""How far before the latest known event a tick reads, as an event may be listed later than it happened."""

Event = Mapping[str, Any]


def audit_sensor(
    family: Family,
    specs: AssetSpecs,
    derived: Sequence[dg.AssetKey] = (),
    *,
    name: str = "segment",
    workspace: SegmentResource | None = None,
    destination: DestinationResource | None = None,
    interval: int = 30,
) -> dg.SensorDefinition:
    """Return the sensor. It reacts to events after it was switched on.

    Args:
        family: The configuration, which includes the audit trail. Runs are requested of its job.
        specs: The assets of the instance.
        derived: Keys of derived assets, which every run rebuilds.
        name: Name of the instance, with which the sensor's begins.
        workspace: The workspace; by default as the environment says.
        destination: Where the runs load the tables; by default as the environment says.
        interval: Least seconds between two ticks; a tick is one request unless more than a page of events is new.
    """
    sensor_name = f"{name}_audit_sensor"
    job, place, source = family.job, destination or DestinationResource(), workspace or SegmentResource()
    trail = audit_trail(family.endpoints)
    assert trail is not None
    readable = {endpoint.name for endpoint in family.endpoints}

    @dg.sensor(
        name=sensor_name,
        job_name=job,
        minimum_interval_seconds=interval,
        description="Reads what was changed in the workspace again, within a minute or two of the change.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Look for new events of the audit trail."""
        if run_id := run_under_way(context.instance, job):
            # the cursor stays: events that happen meanwhile are found after that run has ended
            return dg.SkipReason(f"The run {run_id} of {job} is still under way.")
        # Dagster ends a tick after 60 s, and the next one comes soon
        brief = {"retry_seconds": RETRY_SECONDS, "rate_limit_seconds": RETRY_SECONDS}
        settings = source.settings().model_copy(update=brief)
        now = settings.now
        previous = _Cursor.read(context.cursor, now)
        events = _fetch_events(settings, trail, previous.moment)
        new = [event for event in events if event["id"] not in previous.ids]
        if context.cursor is None or new:
            _check_owner(settings, place)
        cursor = previous.after(trail, events, now)
        if context.cursor is None or not new:
            reason = "Nothing has happened since the last look." if context.cursor else "From now on, changes are seen."
            return dg.SensorResult(skip_reason=reason, cursor=cursor.written())
        by_endpoint = _by_endpoint(trail, new, readable)
        last = max(new, key=lambda event: (_moment(trail, event), event["id"]))
        keys = [*(specs.key(name) for name in sorted({*by_endpoint, trail.name})), *derived]
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=f"{sensor_name}:{last['id']}", asset_selection=keys)],
            asset_events=[
                _observation(trail, specs.key(endpoint), events, settings.preview)
                for endpoint, events in by_endpoint.items()
            ],
            cursor=cursor.written(),
        )

    return look


class _Cursor:
    """Time of the latest event, and ids of the events already seen that the next tick reads again."""

    def __init__(self, moment: datetime, ids: frozenset[str] = frozenset()) -> None:
        self.moment = moment
        self.ids = ids

    @classmethod
    def read(cls, text: str | None, now: datetime) -> "_Cursor":
        if text is None:
            return cls(now)
        state = json.loads(text)
        # a cursor of an earlier version may lie in the future
        return cls(min(datetime.fromisoformat(state["since"]), now), frozenset(state["seen"]))

    def after(self, trail: Endpoint, events: Sequence[Event], now: datetime) -> "_Cursor":
        """Return the cursor after these events, which are all since this cursor.

        An event dated in the future by a wrong clock does not move the cursor: nothing would be found until then.
        """
        moments = {event["id"]: _moment(trail, event) for event in events}
        since = max([self.moment, *(moment for moment in moments.values() if moment <= now)])
        # requests use whole seconds
        reread_from = (since - OVERLAP).replace(microsecond=0)
        return _Cursor(since, frozenset(name for name, moment in moments.items() if moment >= reread_from))

    def written(self) -> str:
        return json.dumps({"since": self.moment.isoformat(), "seen": sorted(self.ids)})


def _check_owner(settings: ApiSettings, destination: DestinationResource) -> None:
    """Check that the dataset belongs to this workspace: otherwise each requested run would fail.

    Raises:
        SegmentError: It belongs to another workspace, or cannot be identified now; the next tick tries again.
    """
    from segment_dagster.extract import Extractor
    from segment_dagster.extract.identity import identify
    from segment_dagster.load import check_owner, resolve_destination

    with Extractor(settings) as extractor:
        check_owner(resolve_destination(destination.settings()), identify(extractor))


def _fetch_events(settings: ApiSettings, trail: Endpoint, moment: datetime) -> list[Event]:
    """Return the events since `OVERLAP` before a time, as rows of the audit trail's table.

    Raises:
        SegmentError: The request failed, or an event does not have the declared types.
    """
    from segment_dagster.client import SegmentClient
    from segment_dagster.extract.errors import ValueTypeError
    from segment_dagster.extract.rows import rows_of
    from segment_dagster.extract.times import iso

    assert trail.timestamp is not None
    column, rows = column_name(trail.timestamp), []
    with SegmentClient(settings) as client:
        for page in client.pages(trail, {"startTime": iso(moment - OVERLAP)}):
            for record, row in zip(page.records, rows_of(trail, page.records).to_pylist(), strict=True):
                if row[column] is None:
                    raise ValueTypeError(trail, record, column, "is missing")
                rows.append(row)
    return rows


def _by_endpoint(trail: Endpoint, new: Sequence[Event], readable: Collection[str]) -> Mapping[str, list[Event]]:
    """Return events by the endpoints whose records they changed; by the audit trail if that is none of `readable`."""
    assert trail.audit_fields is not None
    by_endpoint: dict[str, list[Event]] = defaultdict(list)
    for event in new:
        touched = [
            endpoint.name
            for endpoint in concerned(event[column_name(trail.audit_fields.resource_type)])
            if endpoint.name in readable
        ]
        for name in touched or [trail.name]:
            by_endpoint[name].append(event)
    return by_endpoint


def _observation(trail: Endpoint, key: dg.AssetKey, events: Sequence[Event], preview: Preview) -> dg.AssetObservation:
    fields = trail.audit_fields
    assert fields is not None
    kind, actor, email, resource = map(column_name, (fields.event, fields.actor, fields.actor_email, fields.resource))
    types = sorted({str(event[kind]) for event in events})
    return dg.AssetObservation(
        key,
        description=f"{pluralize(len(events), 'event')} of the audit trail: {', '.join(types)}.",
        metadata={
            "segment/audit_events": [str(event["id"]) for event in events],
            "segment/audit_types": types,
            "segment/audit_actors": sorted(
                {shown_person(str(event[email] or event[actor]), preview) for event in events}
            ),
            "segment/audit_resources": sorted({shown_id(str(event[resource]), preview) for event in events}),
            "segment/audit_latest": max(_moment(trail, event) for event in events).isoformat(),
        },
    )


def _moment(trail: Endpoint, event: Event) -> datetime:
    """Return the time of an event, in UTC."""
    assert trail.timestamp is not None
    moment: datetime = event[column_name(trail.timestamp)]
    return moment.astimezone(timezone.utc)
