"""Children of a source."""

from segment_dagster.emulator.world.deterministic import drop_fields, stable_hash
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.javascript import code
from segment_dagster.emulator.world.privacy import regulations_of
from segment_dagster.emulator.world.timestamps import random_timestamp
from segment_dagster.emulator.world.warehouses import is_connected


def _connected_destinations(context: ListContext) -> list[Record]:
    source_id = context.parent["id"]
    return [record for record in context.records("destinations") if record["sourceId"] == source_id]


def _connected_warehouses(context: ListContext) -> list[Record]:
    source_id = context.parent["id"]
    return [record for record in context.records("warehouses") if is_connected(record["id"], source_id)]


def _schema_settings(context: ListContext) -> list[Record]:
    draw, source_id = context.draw, context.parent["id"]
    number, others = stable_hash(source_id), context.records("sources")
    track: Record = {
        "allowUnplannedEvents": draw.chance(0.5),
        "allowUnplannedEventProperties": draw.chance(0.5),
        "allowEventOnViolations": draw.chance(0.5),
        "allowPropertiesOnViolations": draw.chance(0.5),
        "commonEventOnViolations": draw.pick(("ALLOW", "BLOCK", "OMIT_PROPERTIES")),
    }
    held: Record = {
        "track": drop_fields(
            track,
            number,
            allowUnplannedEvents=5,
            allowUnplannedEventProperties=4,
            allowEventOnViolations=7,
            allowPropertiesOnViolations=6,
            commonEventOnViolations=8,
        ),
        "identify": _traits(context, number),
        "group": _traits(context, number + 1),
        "forwardingViolationsTo": draw.pick(others)["id"],
        "forwardingBlockedEventsTo": draw.pick(others)["id"],
    }
    settings = drop_fields(
        held, number, track=9, identify=5, group=4, forwardingViolationsTo=2, forwardingBlockedEventsTo=3
    )
    return [{"sourceId": source_id, "settings": settings}]


def _traits(context: ListContext, number: int) -> Record:
    draw = context.draw
    held: Record = {
        "allowUnplannedTraits": draw.chance(0.5),
        "allowTraitsOnViolations": draw.chance(0.5),
        "commonEventOnViolations": draw.pick(("ALLOW", "BLOCK", "OMIT_TRAITS")),
    }
    return drop_fields(held, number, allowUnplannedTraits=7, allowTraitsOnViolations=3, commonEventOnViolations=6)


def _live_plugins(context: ListContext) -> list[Record]:
    draw, source_id = context.draw, context.parent["id"]
    number, identity = stable_hash(source_id), draw.id()
    record: Record = {
        "id": identity,
        "sourceId": source_id,
        "createdAt": random_timestamp(draw, 2022, number % 3),
        "createdBy": draw.id(),
        "downloadURL": f"https://cdn.example.com/plugins/{source_id}/{identity}.js",
        "version": draw.number(1, 40),
    }
    if number % 4 != 1:
        record["code"] = code(draw, number) if number % 4 else None
    return [record]


def _regulations(context: ListContext) -> list[Record]:
    return regulations_of(context.parent["id"])


MAKERS: dict[str, Maker] = {
    "source_connected_destinations": _connected_destinations,
    "source_connected_warehouses": _connected_warehouses,
    "source_schema_settings": _schema_settings,
    "source_live_plugins": _live_plugins,
    "source_regulations": _regulations,
}
"""Functions that generate the records, by endpoint name."""
