"""Credentials, with the sources and warehouses that use them."""

from segment_dagster.emulator.world.deterministic import is_linked, parent_index
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import display_name
from segment_dagster.emulator.world.timestamps import random_timestamp

_NAMES = ("Snowflake loader", "BigQuery service account", "Postgres replica", "S3 export", "dbt Cloud")
_MANY = {"sources": 12, "warehouses": 2}
"""Consumers of the first credential. One list of its response ends before the other."""


def _credentials(context: ListContext) -> list[Record]:
    draw, (home,) = context.draw, context.records("workspace")
    return [
        {
            "id": f"cred_{draw.id()}",
            "workspaceId": home["id"],
            "name": display_name(_NAMES[number % len(_NAMES)], number),
            "settings": _settings(draw, number),
            "createdAt": random_timestamp(draw, 2022, number % 3),
            "updatedAt": random_timestamp(draw, 2023, (number + 1) % 3),
        }
        for number in range(6 * context.scale)
    ]


def _settings(draw: RandomValues, number: int) -> Record:
    """Return settings in which every text is a secret, whatever its name."""
    made: Record = {"username": draw.secret(), "password": draw.secret(), "port": 5439, "ssl": number % 2 == 0}
    if number % 3 == 0:
        made["servers"] = [{"host": draw.secret(), "logins": [{"label": draw.secret()}], "weight": number / 4}]
    if number % 3 == 1:
        made["account"] = {"region": draw.secret(), "expires": None, "note": ""}
    if number % 3 == 2:
        made |= {"private_key": draw.secret(), "scopes": [draw.secret(), draw.secret()]}
    return made


def _warehouses(context: ListContext) -> list[Record]:
    return _consumers(context, "warehouses")


def _sources(context: ListContext) -> list[Record]:
    return _consumers(context, "sources")


def _consumers(context: ListContext, endpoint: str) -> list[Record]:
    place, records = parent_index(context, "credentials"), context.records(endpoint)
    if place == 0:
        return records[: _MANY[endpoint]]
    return [record for record in records if place % 3 != 2 and is_linked(context.parent["id"], record["id"], 10)]


MAKERS: dict[str, Maker] = {
    "credentials": _credentials,
    "credential_warehouses": _warehouses,
    "credential_sources": _sources,
}
"""Functions that generate the records, by endpoint name."""
