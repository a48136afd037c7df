"""Functions, their versions, and instances of insert functions."""

from segment_dagster.emulator.world.deterministic import drop_fields, stable_hash
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.javascript import code
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import display_name
from segment_dagster.emulator.world.timestamps import random_timestamp


def _functions(context: ListContext) -> list[Record]:
    resource_type = context.values["resourceType"]
    first = stable_hash(resource_type)
    return [_function(context.draw, resource_type, first + place) for place in range((first % 4 + 3) * context.scale)]


def _function(draw: RandomValues, resource_type: str, number: int) -> Record:
    record: Record = {
        "id": f"sfn_{draw.id()}",
        "resourceType": resource_type,
        "createdAt": random_timestamp(draw, 2023, number % 3),
        "createdBy": draw.id(),
        "displayName": display_name("Enrich orders", number),
        "description": display_name("Looks the customer up.", number + 3),
        "logoUrl": f"https://cdn.example.com/functions/{number % 9}.svg",
        "catalogId": draw.hex(),
    }
    return drop_fields(
        record, number, resourceType=7, createdAt=8, createdBy=9, displayName=10, description=4, logoUrl=3, catalogId=5
    )


def _versions(context: ListContext) -> list[Record]:
    first = stable_hash(context.parent["id"])
    return [_version(context.draw, first + place, place == 0) for place in range(first % 6)]


def _version(draw: RandomValues, number: int, deployed: bool) -> Record:
    record: Record = {
        "id": draw.id(),
        "author": draw.id(),
        "code": code(draw, number),
        "isDeployed": deployed,
        "createdAt": random_timestamp(draw, 2023, number % 3),
        "updatedAt": random_timestamp(draw, 2024, (number + 1) % 3),
    }
    if deployed:
        record["deployedAt"] = random_timestamp(draw, 2025, number % 3)
    return drop_fields(record, number, author=5, isDeployed=7, createdAt=6, updatedAt=4)


def _instances(context: ListContext) -> list[Record]:
    """Generate the instances of an insert function; other functions have none."""
    function = context.parent
    if not function.get("resourceType", "").startswith("INSERT_"):
        return []
    integrations = context.records("sources" if function["resourceType"] == "INSERT_SOURCE" else "destinations")
    first = stable_hash(function["id"])
    return [_instance(context.draw, function, integrations, first + place) for place in range(first % 5)]


def _instance(draw: RandomValues, function: Record, integrations: list[Record], number: int) -> Record:
    record: Record = {
        "id": draw.hex(),
        "name": display_name("Enrich orders", number),
        "integrationId": draw.pick(integrations)["id"],
        "classId": function.get("catalogId") or function["id"],
        "enabled": draw.chance(0.7),
        "createdAt": random_timestamp(draw, 2023, number % 3),
        "updatedAt": random_timestamp(draw, 2024, (number + 1) % 3),
        "settings": _settings(draw, number),
        "encryptedSettings": _encrypted(draw, number),
    }
    return drop_fields(record, number, name=4)


def _settings(draw: RandomValues, number: int) -> Record:
    made: Record = {"timeoutSeconds": draw.number(1, 60), "ratio": number % 8 / 4, "debug": number % 2 == 0}
    if number % 3 == 0:
        made["apiToken"] = draw.secret()
    if number % 3 == 1:
        made["regions"] = [{"place": 1, "targets": [{"clientSecret": draw.secret(), "enabled": True}]}]
    return made


def _encrypted(draw: RandomValues, number: int) -> Record:
    """Return settings in which every text is a secret, whatever its name."""
    if number % 5 == 0:
        return {}
    made: Record = {"apiKey": draw.secret(), "tenant": draw.secret()}
    if number % 3 == 0:
        made["regions"] = [{"place": 1, "host": draw.secret(), "logins": [{"user": draw.secret(), "active": True}]}]
    if number % 3 == 1:
        made |= {"unset": None, "empty": "", "paths": [draw.secret(), 2.5]}
    return made


MAKERS: dict[str, Maker] = {
    "functions": _functions,
    "function_versions": _versions,
    "insert_function_instances": _instances,
}
"""Functions that generate the records, by endpoint name."""
