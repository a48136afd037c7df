"""Sources, destinations and warehouses."""

from segment_dagster.emulator.world.factories import ListContext, Record
from segment_dagster.emulator.world.integrations import (
    DESTINATIONS,
    SOURCES,
    WAREHOUSES,
    destination_metadata,
    source_metadata,
    warehouse_metadata,
)
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.settings import settings
from segment_dagster.emulator.world.texts import display_name

TEAMS = ("Marketing", "Growth", "Mobile", "Data Platform", "Support", "Checkout")
"""Teams in the labels of sources."""

STAGES = ("Production", "Staging", "Development")
"""Stages in the labels of sources."""


def sources(context: ListContext) -> list[Record]:
    """Generate sources: websites, apps and servers."""
    draw, (home,) = context.draw, context.records("workspace")
    types = [source_metadata(draw, kind) for kind in SOURCES]
    return [_source(draw, home["id"], types[number % len(types)], number) for number in range(40 * context.scale)]


def destinations(context: ListContext) -> list[Record]:
    """Generate the destinations of the sources."""
    draw, origins = context.draw, context.records("sources")
    types = [destination_metadata(draw, kind) for kind in DESTINATIONS]
    made = []
    for number in range(80 * context.scale):
        metadata = types[number % len(types)]
        record = {
            "id": draw.hex(),
            "name": display_name(f"{metadata['name']} {draw.pick(STAGES)}", number),
            "enabled": draw.chance(0.8),
            "metadata": metadata,
            "sourceId": draw.pick(origins)["id"],
            "settings": settings(draw, metadata["options"], number),
        }
        if number % 10 == 1:
            del record["name"]
        made.append(record)
    return made


def warehouses(context: ListContext) -> list[Record]:
    """Generate the warehouses for raw events."""
    draw, (home,) = context.draw, context.records("workspace")
    types = [warehouse_metadata(draw, kind) for kind in WAREHOUSES]
    return [
        {
            "id": draw.id(),
            "metadata": types[number % len(types)],
            "workspaceId": home["id"],
            "enabled": draw.chance(0.9),
            "settings": settings(draw, types[number % len(types)]["options"], number),
        }
        for number in range(3 * context.scale)
    ]


def _source(draw: RandomValues, workspace_id: str, metadata: Record, number: int) -> Record:
    stage, team = draw.pick(STAGES), draw.pick(TEAMS)
    record: Record = {
        "id": draw.id(),
        "slug": f"{metadata['slug']}-{stage.lower()}-{number}",
        "name": display_name(f"{metadata['name']} {stage}", number),
        "metadata": metadata,
        "workspaceId": workspace_id,
        "enabled": draw.chance(0.85),
        "writeKeys": [draw.secret() for _ in range(0 if number % 9 == 4 else number % 2 + 1)],
        "labels": [
            {"key": "environment", "value": stage.lower()},
            {"key": "team", "value": team, "description": display_name(f"Owned by {team}", number)},
        ][: number % 3],
    }
    if number % 10 == 1:
        del record["name"]
    if number % 8 != 2:
        record["settings"] = settings(draw, metadata["options"], number)
    return record
