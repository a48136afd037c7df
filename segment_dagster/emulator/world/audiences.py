"""Children of an audience, and the filters and computed traits of a space."""

from typing import Any

from segment_dagster.emulator.world.deterministic import drop_fields, stable_hash
from segment_dagster.emulator.world.engage import AUDIENCES
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import ODD, display_name
from segment_dagster.emulator.world.timestamps import random_timestamp

FILTERS = 25
"""Filters per space: three pages of the maximum size."""

TRAITS = 40
"""Computed traits per space."""

_NOT_REFERENCED = ("computeCadence", "size", "schedules")
"""Fields that are missing from an audience that references another one."""

_CONDITIONS = (
    'type = "track" and event = "Order Completed"',
    'match(context.page.path, "/checkout/*") or event = "Clicked \\"Buy\\""',
    'properties.title = "A \u2028 B" and properties.price >= 10.5',
)
_STATUSES = ("Live", "Backfilling", "Computing", "Failed", "Disabled")
_PROPERTIES = ("email", "first name", "plan", "a/b", "naïve 🎉", "総額")
_MOMENTS = ("audience_entered", "audience_exited", "audience_membership_changed")


def _filters(context: ListContext) -> list[Record]:
    space_id = context.values["integrationId"]
    return [_filter(context, space_id, number) for number in range(FILTERS)]


def _filter(context: ListContext, space_id: str, number: int) -> Record:
    draw = context.draw
    record: Record = {
        "id": f"flt_{draw.id()}",
        "workspaceId": context.records("workspace")[0]["id"],
        "integrationId": space_id,
        "enabled": draw.chance(0.8),
        "name": display_name("Drop internal traffic", number),
        "description": display_name("Keeps what nobody needs out of profiles.", number + 3),
        "if": draw.pick(_CONDITIONS),
        "drop": draw.chance(0.5),
        "createdAt": random_timestamp(draw, 2023, number % 3),
        "updatedAt": random_timestamp(draw, 2024, (number + 1) % 3),
    }
    return drop_fields(record, number, enabled=7, name=8, description=4, drop=5, **{"if": 6})


def _schedules(context: ListContext) -> list[Record]:
    return list(context.parent.get("schedules", ()))


def _references(context: ListContext) -> list[Record]:
    draw, audience = context.draw, context.parent
    everything, spaces = context.records("segments"), context.records("spaces")
    # audiences are grouped by space, in the order of the spaces: a search would take seconds
    first = AUDIENCES * next(place for place, space in enumerate(spaces) if space["id"] == audience["spaceId"])
    places = {first + draw.number(0, AUDIENCES - 1) for _ in range(draw.number(0, 3))}
    return [
        {field: value for field, value in other.items() if field not in _NOT_REFERENCED}
        for other in (everything[place] for place in sorted(places) if place < len(everything))
        if other["spaceId"] == audience["spaceId"] and other["id"] != audience["id"]
    ]


def _connected(context: ListContext, audience_id: str) -> list[tuple[str, Record]]:
    """Return the connection ids of an audience with their destinations: the same in all lists of the audience."""
    destinations = context.records("destinations")
    numbers = [stable_hash(audience_id, str(place)) for place in range(stable_hash(audience_id) % 3)]
    return [(f"con_{number:08x}", destinations[number % len(destinations)]) for number in numbers]


def _connections(context: ListContext) -> list[Record]:
    audience_id = context.values["audienceId"]
    first = stable_hash(audience_id) // 3
    return [
        _connection(context.draw, identity, destination, first + place)
        for place, (identity, destination) in enumerate(_connected(context, audience_id))
    ]


def _connection(draw: RandomValues, identity: str, destination: Record, number: int) -> Record:
    metadata = destination["metadata"]
    settings: Record = {
        "apiKey": draw.secret(),
        "region": draw.pick(("us", "eu")),
        "batchSize": draw.number(1, 1000) / 8,
        "note": display_name("sent hourly", number),
        "unusedSetting": None,
    }
    if number % 4 == 1:
        settings["headers"] = {"X-Team": "growth", "Authorization": f"Bearer {draw.secret()}"}
    own: tuple[Any, ...] = (
        None,
        {"audienceName": display_name("VIPs", number), "accessToken": draw.secret()},
        [{"adAccount": f"act_{number % 1000}", "clientSecret": draw.secret()}, {"adAccount": "act_0"}],
    )
    record: Record = {
        "id": identity,
        "name": display_name(f"{metadata['name']} audiences", number),
        "sourceId": destination["sourceId"],
        "enabled": draw.chance(0.9),
        "createdAt": random_timestamp(draw, 2023, number % 3),
        "updatedAt": random_timestamp(draw, 2024, number // 3 % 3),
        "settings": settings,
        "destinationId": destination["id"],
        "metadata": {field: metadata[field] for field in ("id", "name", "slug")},
        "idSyncConfiguration": [
            {"externalId": external, "strategy": draw.pick(("FIRST", "LAST", "ALL"))}
            | ({"mapTo": f"{external}/id"} if place else {})
            for place, external in enumerate(("email", "user_id")[: number % 3])
        ],
        "connectionSettings": own[number // 4 % 3],
    }
    return drop_fields(record, number, name=7, metadata=5, idSyncConfiguration=8, connectionSettings=9)


def _activations(context: ListContext) -> list[Record]:
    draw, audience = context.draw, context.parent
    first = stable_hash(audience["id"]) // 5
    connected = _connected(context, audience["id"])
    count = draw.number(0, 2) if connected else 0
    return [_activation(context, *draw.pick(connected), first + place) for place in range(count)]


def _activation(context: ListContext, connection_id: str, destination: Record, number: int) -> Record:
    draw, audience = context.draw, context.parent
    actions = destination["metadata"]["actions"]
    profile: Record = {"properties": draw.some(_PROPERTIES, 3), "mapping": {"email": "Email/Address", "a/b": "総額"}}
    personalization: Record = {
        "profile": drop_fields(profile, number, mapping=3),
        "entities": [{"properties": draw.some(_PROPERTIES, 2), "relationshipSlug": "user-subscription"}],
        "syncEntityPropertyChanges": draw.chance(0.5),
    }
    settings: Record = {
        "email": {"@path": "$.properties.email"},
        "batchSize": draw.number(1, 1000),
        "enableBatching": True,
    }
    if number % 4 == 0:
        settings["apiKey"] = draw.secret()
    mapping: Record = {"actionId": draw.pick(actions)["id"] if actions else draw.id(), "settings": settings}
    record: Record = {
        "id": f"act_{draw.id()}",
        "enabled": draw.chance(0.8),
        "workspaceId": context.records("workspace")[0]["id"],
        "spaceId": audience["spaceId"],
        "audienceId": audience["id"],
        "connectionId": connection_id,
        "activationType": draw.pick(_MOMENTS),
        "activationName": display_name("Welcome mail", number),
        "displayName": display_name("Welcome", number + 3) if number % 6 else None,
        "personalization": drop_fields(personalization, number, entities=4, syncEntityPropertyChanges=5),
        "destinationMapping": drop_fields(mapping, number, settings=7),
        "performResync": draw.chance(0.3),
    }
    return drop_fields(record, number, displayName=8, destinationMapping=5, performResync=6)


def _supported_destinations(context: ListContext) -> list[Any]:
    draw = context.draw
    supported = [
        {
            "id": metadata["id"],
            "name": metadata["name"],
            "slug": metadata["slug"],
            "description": draw.pick(ODD),
            "actions": [{"id": action["id"], "slug": action["slug"]} for action in metadata["actions"]],
            "beta": None if draw.chance(0.2) else draw.chance(0.5),
        }
        for metadata in {
            record["metadata"]["id"]: record["metadata"] for record in context.records("destinations")
        }.values()
        if draw.chance(0.7)
    ]
    # Segment's text says list, its model says map, and neither documents keys or values
    return [{record["id"]: record for record in supported}]


def _computed_traits(context: ListContext) -> list[Record]:
    draw, space_id = context.draw, context.values["spaceId"]
    users = [draw.id() for _ in range(10)]
    return [_computed_trait(draw, space_id, users, number) for number in range(TRAITS)]


def _computed_trait(draw: RandomValues, space_id: str, users: list[str], number: int) -> Record:
    definition: Record = {
        "query": f"event('Clicked \"Buy\"').sum(property('price')) >= {draw.number(1, 500)}",
        "type": "ACCOUNTS" if number % 4 == 2 else "USERS",
    }
    options: Record = {
        "includeHistoricalData": draw.chance(0.7),
        "includeAnonymousUsers": draw.chance(0.3),
        "backfillDurationDays": draw.number(1, 365),
    }
    record: Record = {
        "id": f"ct_{draw.id(27)}",
        "spaceId": space_id,
        "name": display_name("Lifetime value", number),
        "description": display_name("What a customer has paid so far.", number + 3),
        "key": f"lifetime_value_{number}",
        "enabled": draw.chance(0.8),
        "definition": definition if number % 13 else None,
        "status": draw.pick(_STATUSES),
        "createdBy": draw.pick(users),
        "updatedBy": draw.pick(users),
        "createdAt": random_timestamp(draw, 2022, number % 3),
        "updatedAt": random_timestamp(draw, 2023, (number + 1) % 3),
        "options": drop_fields(
            options, number, includeHistoricalData=7, includeAnonymousUsers=3, backfillDurationDays=4
        ),
    }
    return drop_fields(record, number, description=4, status=6, options=9)


MAKERS: dict[str, Maker] = {
    "space_filters": _filters,
    "audience_schedules": _schedules,
    "audience_references": _references,
    "audience_activations": _activations,
    "audience_destination_connections": _connections,
    "audience_supported_destinations": _supported_destinations,
    "computed_traits": _computed_traits,
}
"""Functions that generate the records, by endpoint name."""
