"""Credentials, and the sources and warehouses that use them."""

from segment_dagster.emulator.world.choosing import linked, place_of_parent
from segment_dagster.emulator.world.draw import Draw
from segment_dagster.emulator.world.making import Maker, Making, Record
from segment_dagster.emulator.world.texts import named
from segment_dagster.emulator.world.times import moment

_NAMES = ("Snowflake loader", "BigQuery service account", "Postgres replica", "S3 export", "dbt Cloud")
_MANY = {"sources": 12, "warehouses": 2}
"""How many consumers the first credential has, so that one list of its answer ends before the other."""


def _credentials(making: Making) -> list[Record]:
    draw, (home,) = making.draw, making.records("workspace")
    return [
        {
            "id": f"cred_{draw.id()}",
            "workspaceId": home["id"],
            "name": named(_NAMES[number % len(_NAMES)], number),
            "settings": _settings(draw, number),
            "createdAt": moment(draw, 2022, number % 3),
            "updatedAt": moment(draw, 2023, (number + 1) % 3),
        }
        for number in range(6 * making.scale)
    ]


def _settings(draw: Draw, number: int) -> Record:
    """Settings of which every text is a secret, whatever its name."""
    made: Record = {"username": draw.secret(), "password": draw.secret(), "port": 5439, "ssl": number % 2 == 0}
    if number % 3 == 0:
        made["servers"] = [{"host": draw.secret(), "logins": [{"label": draw.secret()}], "weight": number / 4}]
    if number % 3 == 1:
        made["account"] = {"region": draw.secret(), "expires": None, "note": ""}
    if number % 3 == 2:
        made |= {"private_key": draw.secret(), "scopes": [draw.secret(), draw.secret()]}
    return made


def _warehouses(making: Making) -> list[Record]:
    return _consumers(making, "warehouses")


def _sources(making: Making) -> list[Record]:
    return _consumers(making, "sources")


def _consumers(making: Making, endpoint: str) -> list[Record]:
    place, records = place_of_parent(making, "credentials"), making.records(endpoint)
    if place == 0:
        return records[: _MANY[endpoint]]
    return [record for record in records if place % 3 != 2 and linked(making.parent["id"], record["id"], 10)]


MAKERS: dict[str, Maker] = {
    "credentials": _credentials,
    "credential_warehouses": _warehouses,
    "credential_sources": _sources,
}
"""The function that makes an endpoint's records, by the endpoint's name."""
