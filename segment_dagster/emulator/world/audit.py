"""The audit trail."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random
from string import ascii_letters, digits

from segment_dagster.emulator.world.making import Asked, Record, TimedMaker
from segment_dagster.emulator.world.series import asked_for, instant

DAYS = 120
"""How far back the trail goes."""

_MOST_A_DAY = 25
_DAY = timedelta(days=1)
_1970 = datetime(1970, 1, 1, tzinfo=timezone.utc)
_RESOURCES = {
    "SOURCE": ("sources", ("Source Created", "Source Modified", "Source Disabled")),
    "DESTINATION": ("destinations", ("Destination Enabled", "Destination Settings Modified")),
    "AUDIENCE": ("segments", ("Audience Created", "Audience Modified", "Audience Deleted")),
    "WAREHOUSE": ("warehouses", ("Warehouse Created", "Warehouse Settings Modified")),
}
"""By type of resource, the endpoint that lists them and what happens to them."""

_ALPHANUMERIC = ascii_letters + digits


@dataclass(frozen=True)
class _Trail:
    """What the events tell of."""

    users: list[Record]
    resources: list[tuple[str, tuple[str, ...], list[Record]]]


def _events(asked: Asked) -> list[Record]:
    """The events of the range, the most recent first."""
    start = instant(asked_for(asked, "startTime") or "1970-01-01")
    end = min(instant(asked_for(asked, "endTime") or "9999-12-31"), asked.now)
    resources = [(type_, kinds, asked.records(endpoint)) for type_, (endpoint, kinds) in _RESOURCES.items()]
    trail = _Trail(asked.records("users"), [each for each in resources if each[2]])
    if not trail.users or not trail.resources:
        return []
    today = (asked.now - _1970) // _DAY
    days = range(min((end - _1970) // _DAY, today), max((start - _1970) // _DAY, today - DAYS) - 1, -1)
    wanted = {name: value for name in ("resourceId", "resourceType") if (value := asked_for(asked, name))}
    first = max(start, asked.now - DAYS * _DAY)
    return [
        event
        for day in days
        for at, event in _of_day(asked, trail, day)
        if first <= at < end and all(event[name] == value for name, value in wanted.items())
    ]


def _of_day(asked: Asked, trail: _Trail, day: int) -> list[tuple[datetime, Record]]:
    """The events of a day, counted from 1970, the most recent first: the same ones whatever range is asked for."""
    random = Random(f"{asked.seed}/{day}")  # noqa: S311
    made = [_event(random, trail, day) for _ in range(random.randrange(_MOST_A_DAY * asked.scale + 1))]
    return sorted(made, key=lambda each: (each[0], each[1]["id"]), reverse=True)


def _event(random: Random, trail: _Trail, day: int) -> tuple[datetime, Record]:
    digits_of_fraction = random.choice((0, 3, 6))
    unit = 10 ** (6 - digits_of_fraction)
    at = _1970 + timedelta(days=day, microseconds=random.randrange(86_400_000_000) // unit * unit)
    type_, kinds, records = random.choice(trail.resources)
    resource, user = random.choice(records), random.choice(trail.users)
    event: Record = {
        "id": "".join(random.choices(_ALPHANUMERIC, k=22)),
        "timestamp": _written(at, digits_of_fraction),
        "type": random.choice(kinds),
        "actor": user["id"],
        "actorEmail": user["email"],
        "resourceId": resource["id"],
        "resourceType": type_,
        "resourceName": resource.get("name") or resource.get("slug") or resource["metadata"]["name"],
    }
    if random.random() < 0.2:
        # a token has no e-mail address
        event["actor"] = f"tok_{user['id']}"
        del event["actorEmail"]
    return at, event


def _written(at: datetime, digits_of_fraction: int) -> str:
    spec = {0: "seconds", 3: "milliseconds", 6: "microseconds"}[digits_of_fraction]
    return at.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


TIMED: dict[str, TimedMaker] = {"audit_events": _events}
"""The function that makes an endpoint's records, by the endpoint's name."""
