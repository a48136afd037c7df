"""Functions, their versions, and the instances of insert functions."""

from segment_dagster.emulator.world.choosing import number_of, thinned
from segment_dagster.emulator.world.draw import Draw
from segment_dagster.emulator.world.javascript import code
from segment_dagster.emulator.world.making import Maker, Making, Record
from segment_dagster.emulator.world.texts import named
from segment_dagster.emulator.world.times import moment


def _functions(making: Making) -> list[Record]:
    resource_type = making.values["resourceType"]
    first = number_of(resource_type)
    return [_function(making.draw, resource_type, first + place) for place in range((first % 4 + 3) * making.scale)]


def _function(draw: Draw, resource_type: str, number: int) -> Record:
    record: Record = {
        "id": f"sfn_{draw.id()}",
        "resourceType": resource_type,
        "createdAt": moment(draw, 2023, number % 3),
        "createdBy": draw.id(),
        "displayName": named("Enrich orders", number),
        "description": named("Looks the customer up.", number + 3),
        "logoUrl": f"https://cdn.example.com/functions/{number % 9}.svg",
        "catalogId": draw.hex(),
    }
    return thinned(
        record, number, resourceType=7, createdAt=8, createdBy=9, displayName=10, description=4, logoUrl=3, catalogId=5
    )


def _versions(making: Making) -> list[Record]:
    first = number_of(making.parent["id"])
    return [_version(making.draw, first + place, place == 0) for place in range(first % 6)]


def _version(draw: Draw, number: int, deployed: bool) -> Record:
    record: Record = {
        "id": draw.id(),
        "author": draw.id(),
        "code": code(draw, number),
        "isDeployed": deployed,
        "createdAt": moment(draw, 2023, number % 3),
        "updatedAt": moment(draw, 2024, (number + 1) % 3),
    }
    if deployed:
        record["deployedAt"] = moment(draw, 2025, number % 3)
    return thinned(record, number, author=5, isDeployed=7, createdAt=6, updatedAt=4)


def _instances(making: Making) -> list[Record]:
    """The instances of an insert function; no other function has any."""
    function = making.parent
    if not function.get("resourceType", "").startswith("INSERT_"):
        return []
    integrations = making.records("sources" if function["resourceType"] == "INSERT_SOURCE" else "destinations")
    first = number_of(function["id"])
    return [_instance(making.draw, function, integrations, first + place) for place in range(first % 5)]


def _instance(draw: Draw, function: Record, integrations: list[Record], number: int) -> Record:
    record: Record = {
        "id": draw.hex(),
        "name": named("Enrich orders", number),
        "integrationId": draw.pick(integrations)["id"],
        "classId": function.get("catalogId") or function["id"],
        "enabled": draw.chance(0.7),
        "createdAt": moment(draw, 2023, number % 3),
        "updatedAt": moment(draw, 2024, (number + 1) % 3),
        "settings": _settings(draw, number),
        "encryptedSettings": _encrypted(draw, number),
    }
    return thinned(record, number, name=4)


def _settings(draw: Draw, number: int) -> Record:
    made: Record = {"timeoutSeconds": draw.number(1, 60), "ratio": number % 8 / 4, "debug": number % 2 == 0}
    if number % 3 == 0:
        made["apiToken"] = draw.secret()
    if number % 3 == 1:
        made["regions"] = [{"place": 1, "targets": [{"clientSecret": draw.secret(), "enabled": True}]}]
    return made


def _encrypted(draw: Draw, number: int) -> Record:
    """Settings of which every text is a secret, whatever its name."""
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
"""The function that makes an endpoint's records, by the endpoint's name."""
