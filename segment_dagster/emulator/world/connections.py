"""Sources, destinations and warehouses."""

from segment_dagster.emulator.world.draw import Draw
from segment_dagster.emulator.world.integrations import (
    DESTINATIONS,
    SOURCES,
    WAREHOUSES,
    destination_metadata,
    source_metadata,
    warehouse_metadata,
)
from segment_dagster.emulator.world.making import Making, Record
from segment_dagster.emulator.world.settings import settings
from segment_dagster.emulator.world.texts import named

TEAMS = ("Marketing", "Growth", "Mobile", "Data Platform", "Support", "Checkout")
"""Whom sources belong to, as their labels say."""

STAGES = ("Production", "Staging", "Development")
"""What sources are for, as their labels say."""


def sources(making: Making) -> list[Record]:
    """The websites, apps and servers that send data."""
    draw, (home,) = making.draw, making.records("workspace")
    types = [source_metadata(draw, kind) for kind in SOURCES]
    return [_source(draw, home["id"], types[number % len(types)], number) for number in range(40 * making.scale)]


def destinations(making: Making) -> list[Record]:
    """The tools that a source's data is sent to."""
    draw, origins = making.draw, making.records("sources")
    types = [destination_metadata(draw, kind) for kind in DESTINATIONS]
    made = []
    for number in range(80 * making.scale):
        metadata = types[number % len(types)]
        record = {
            "id": draw.hex(),
            "name": named(f"{metadata['name']} {draw.pick(STAGES)}", number),
            "enabled": draw.chance(0.8),
            "metadata": metadata,
            "sourceId": draw.pick(origins)["id"],
            "settings": settings(draw, metadata["options"], number),
        }
        if number % 10 == 1:
            del record["name"]
        made.append(record)
    return made


def warehouses(making: Making) -> list[Record]:
    """The databases that raw events are synced into."""
    draw, (home,) = making.draw, making.records("workspace")
    types = [warehouse_metadata(draw, kind) for kind in WAREHOUSES]
    return [
        {
            "id": draw.id(),
            "metadata": types[number % len(types)],
            "workspaceId": home["id"],
            "enabled": draw.chance(0.9),
            "settings": settings(draw, types[number % len(types)]["options"], number),
        }
        for number in range(3 * making.scale)
    ]


def _source(draw: Draw, workspace_id: str, metadata: Record, number: int) -> Record:
    stage, team = draw.pick(STAGES), draw.pick(TEAMS)
    record: Record = {
        "id": draw.id(),
        "slug": f"{metadata['slug']}-{stage.lower()}-{number}",
        "name": named(f"{metadata['name']} {stage}", number),
        "metadata": metadata,
        "workspaceId": workspace_id,
        "enabled": draw.chance(0.85),
        "writeKeys": [draw.secret() for _ in range(0 if number % 9 == 4 else number % 2 + 1)],
        "labels": [
            {"key": "environment", "value": stage.lower()},
            {"key": "team", "value": team, "description": named(f"Owned by {team}", number)},
        ][: number % 3],
    }
    if number % 10 == 1:
        del record["name"]
    if number % 8 != 2:
        record["settings"] = settings(draw, metadata["options"], number)
    return record
