"""The audit trail."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from random import Random
from string import ascii_letters, digits

from segment_dagster.emulator.world.activities import event_type, resource_name, resource_type
from segment_dagster.emulator.world.factories import Change, Record, TimedMaker, TimedRequest
from segment_dagster.emulator.world.series import get_parameter, parse_timestamp

TRAIL = "audit_events"
"""The endpoint of the audit trail."""

DAYS = 120
"""Length of the trail in days."""

MADE_UP_A_DAY = 25
"""Maximum number of made-up events per day at scale 1."""

_DAY = timedelta(days=1)
_1970 = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MADE_UP = {
    "sources": ("Source Created", "Source Modified", "Source Disabled"),
    "destinations": ("Destination Enabled", "Destination Settings Modified"),
    "segments": ("Audience Created", "Audience Modified", "Audience Deleted"),
    "warehouses": ("Warehouse Created", "Warehouse Settings Modified"),
}
"""Types of made-up events, by the endpoint of the resource."""

_ALPHANUMERIC = ascii_letters + digits


@dataclass(frozen=True)
class _Trail:
    """Input for made-up events."""

    a_day: int
    """Maximum number per day."""

    users: list[Record]
    resources: list[tuple[str, tuple[str, ...], list[Record]]]


def _events(most: int, request: TimedRequest) -> list[Record]:
    """Return the events of the range, newest first."""
    start = parse_timestamp(get_parameter(request, "startTime") or "1970-01-01")
    end = parse_timestamp(get_parameter(request, "endTime") or "9999-12-31")
    first = max(start, request.now - DAYS * _DAY)
    wanted = {name: value for name in ("resourceId", "resourceType") if (value := get_parameter(request, name))}
    events = [(change.at, _change_event(change)) for change in request.state.changes]
    if not request.state.quiet:
        events += _made_up(most, request, first, min(end, request.now))
    return [
        event
        for at, event in sorted(events, key=lambda each: (each[0], each[1]["id"]), reverse=True)
        if first <= at < end and at <= request.now and all(event[name] == value for name, value in wanted.items())
    ]


def _change_event(change: Change) -> Record:
    return {
        "id": change.id,
        "timestamp": _format_time(change.at, _digits(change.at)),
        "type": event_type(change),
        "actor": change.actor["id"],
        # tokens have no e-mail address
        **({"actorEmail": change.actor["email"]} if "email" in change.actor else {}),
        "resourceId": change.record["id"],
        "resourceType": resource_type(change.endpoint),
        "resourceName": resource_name(change.record),
    }


def _made_up(most: int, request: TimedRequest, start: datetime, end: datetime) -> list[tuple[datetime, Record]]:
    """Return the made-up events of a range, without those of resources that are already deleted."""
    resources = [(resource_type(name), kinds, request.records(name)) for name, kinds in _MADE_UP.items()]
    trail = _Trail(most * request.scale, request.records("users"), [each for each in resources if each[2]])
    if not trail.users or not trail.resources:
        return []
    deleted = {change.record["id"]: change.at for change in request.state.changes if change.action == "delete"}
    return [
        (at, event)
        for day in range((start - _1970) // _DAY, (end - _1970) // _DAY + 1)
        for at, event in _events_of_day(request, trail, day)
        if event["resourceId"] not in deleted or at < deleted[event["resourceId"]]
    ]


def _events_of_day(request: TimedRequest, trail: _Trail, day: int) -> list[tuple[datetime, Record]]:
    """Return the events of a day since 1970, independent of the requested range."""
    random = Random(f"{request.seed}/{day}")  # noqa: S311
    return [_event(random, trail, day) for _ in range(random.randrange(trail.a_day + 1))]


def _event(random: Random, trail: _Trail, day: int) -> tuple[datetime, Record]:
    digits_of_fraction = random.choice((0, 3, 6))
    unit = 10 ** (6 - digits_of_fraction)
    at = _1970 + timedelta(days=day, microseconds=random.randrange(86_400_000_000) // unit * unit)
    type_, kinds, records = random.choice(trail.resources)
    resource, user = random.choice(records), random.choice(trail.users)
    event: Record = {
        "id": "".join(random.choices(_ALPHANUMERIC, k=22)),
        "timestamp": _format_time(at, digits_of_fraction),
        "type": random.choice(kinds),
        "actor": user["id"],
        "actorEmail": user["email"],
        "resourceId": resource["id"],
        "resourceType": type_,
        "resourceName": resource_name(resource),
    }
    if random.random() < 0.2:
        # tokens have no e-mail address
        event["actor"] = f"tok_{user['id']}"
        del event["actorEmail"]
    return at, event


def _digits(at: datetime) -> int:
    """Return how many fractional digits a time needs."""
    return 6 if at.microsecond % 1000 else 3 if at.microsecond else 0


def _format_time(at: datetime, digits_of_fraction: int) -> str:
    spec = {0: "seconds", 3: "milliseconds", 6: "microseconds"}[digits_of_fraction]
    return at.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def audit_maker(most: int) -> TimedMaker:
    """Return a function that generates a trail with up to `most` made-up events per day at scale 1."""
    return partial(_events, most)


TIMED: dict[str, TimedMaker] = {TRAIL: audit_maker(MADE_UP_A_DAY)}
"""Functions that generate the records, by endpoint name."""
