"""Spaces and the audiences in them."""

from segment_dagster.emulator.world.factories import ListContext, Record
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import display_name
from segment_dagster.emulator.world.timestamps import ZONES, random_timestamp

SPACES = 2
AUDIENCES = 1200
"""Audiences per space."""

_PLACES = ("Europe", "North America", "Latin America", "Japan", "Nordics", "Middle East", "Oceania", "Iberia")
_WHO = ("VIP customers", "Cart abandoners", "Trial users", "Newsletter readers", "Churn risks", "Big spenders")
_WHEN = ("last 7 days", "last 30 days", "this season", "all time", "before checkout")
_EVENTS = ("Order Completed", "Product Viewed", "Signed Up", 'Clicked "Buy"', "Cart Updated")
_STATUSES = ("Live", "Backfilling", "Computing", "Failed", "Awaiting Destinations", "Disabled")
_IDENTIFIERS = ("user_id", "email", "anonymous_id", "ios.idfa", "android.idfa")
_TYPES = (("USERS", "USERS"), ("USERS", "USERS"), ("ACCOUNTS", "ACCOUNTS"), ("LINKED", "ENTITIES"))


def spaces(context: ListContext) -> list[Record]:
    """Generate the Engage spaces."""
    return [
        {
            "id": f"spa_{context.draw.id()}",
            "slug": f"{_PLACES[number % len(_PLACES)].lower().replace(' ', '-')}-{number}",
            "name": display_name(_PLACES[number % len(_PLACES)], number),
        }
        for number in range(SPACES * context.scale)
    ]


def segments(context: ListContext) -> list[Record]:
    """Generate the audiences of one space."""
    draw = context.draw
    users = [draw.id() for _ in range(20)]
    return [_audience(draw, context.parent["id"], users, number) for number in range(AUDIENCES)]


def _audience(draw: RandomValues, space_id: str, users: list[str], number: int) -> Record:
    who, when, chance = draw.pick(_WHO), draw.pick(_WHEN), draw.random.random()
    audience_type, member = draw.pick(_TYPES)
    batch = chance < 0.6
    count = int(chance * 250_000)
    year = 2019 + number % 5
    record: Record = {
        "id": f"aud_{draw.id(27)}",
        "spaceId": space_id,
        "name": display_name(f"{who}, {when}", number),
        "description": display_name(f"{who} of the {when}", number + 3),
        "key": f"{who.lower().replace(' ', '_')}_{number}",
        "enabled": chance < 0.8,
        "definition": _definition(draw, audience_type, chance),
        "status": draw.pick(_STATUSES),
        "createdBy": draw.pick(users),
        "updatedBy": draw.pick(users),
        "createdAt": random_timestamp(draw, year, number % 3),
        "updatedAt": random_timestamp(draw, year + 1, (number + 1) % 3),
        "audienceType": audience_type,
        "computeCadence": {"type": "BATCH" if batch else "REALTIME"},
        "size": {"count": count, "type": member},
        "options": {"filterByExternalIds": list(_IDENTIFIERS[: number % 4 + 1])},
    }
    if number % 4 == 0:
        record["size"]["uniqueCount"] = count // 2
    if number % 3 == 0:
        record["options"] |= {"includeHistoricalData": chance < 0.3, "backfillEventDataDays": number % 90}
    if batch:
        record["schedules"] = [_schedule(draw, number)] if number % 5 else []
    for absent, every in (("description", 11), ("status", 13), ("size", 17), ("options", 19)):
        if number % every == 1:
            del record[absent]
    return record


def _definition(draw: RandomValues, audience_type: str, chance: float) -> Record | None:
    if chance > 0.97:
        return None
    event, least = draw.pick(_EVENTS).replace("'", "\\'"), int(chance * 10) + 1
    definition: Record = {
        "query": f"event('{event}').where( property('price') >= {least * 10} ).within( 30 days ).count() >= {least}"
    }
    if audience_type == "LINKED":
        definition["targetEntity"] = "subscription" if chance < 0.5 else None
    return definition


def _schedule(draw: RandomValues, number: int) -> Record:
    periodic = number % 2 == 0
    schedule: Record = {
        "id": f"sch_{draw.id()}",
        "strategy": "PERIODIC" if periodic else "SPECIFIC_DAYS",
        "config": {"interval": f"{number % 23 + 1}h"}
        if periodic
        else {"days": [number % 7, (number + 3) % 7], "hours": [6, 18], "timezone": draw.pick(ZONES)},
        "nextExecution": random_timestamp(draw, 2031, 0),
    }
    if number % 29 == 0:
        schedule["config"] = None
    if number % 6 == 0:
        del schedule["nextExecution"]
    return schedule
