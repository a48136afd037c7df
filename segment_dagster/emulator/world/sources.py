"""What belongs to one source."""

from segment_dagster.emulator.world.choosing import number_of, thinned
from segment_dagster.emulator.world.javascript import code
from segment_dagster.emulator.world.making import Maker, Making, Record
from segment_dagster.emulator.world.privacy import regulations_of
from segment_dagster.emulator.world.times import moment
from segment_dagster.emulator.world.warehouses import is_connected


def _connected_destinations(making: Making) -> list[Record]:
    source_id = making.parent["id"]
    return [record for record in making.records("destinations") if record["sourceId"] == source_id]


def _connected_warehouses(making: Making) -> list[Record]:
    source_id = making.parent["id"]
    return [record for record in making.records("warehouses") if is_connected(record["id"], source_id)]


def _schema_settings(making: Making) -> list[Record]:
    draw, source_id = making.draw, making.parent["id"]
    number, others = number_of(source_id), making.records("sources")
    track: Record = {
        "allowUnplannedEvents": draw.chance(0.5),
        "allowUnplannedEventProperties": draw.chance(0.5),
        "allowEventOnViolations": draw.chance(0.5),
        "allowPropertiesOnViolations": draw.chance(0.5),
        "commonEventOnViolations": draw.pick(("ALLOW", "BLOCK", "OMIT_PROPERTIES")),
    }
    held: Record = {
        "track": thinned(
            track,
            number,
            allowUnplannedEvents=5,
            allowUnplannedEventProperties=4,
            allowEventOnViolations=7,
            allowPropertiesOnViolations=6,
            commonEventOnViolations=8,
        ),
        "identify": _traits(making, number),
        "group": _traits(making, number + 1),
        "forwardingViolationsTo": draw.pick(others)["id"],
        "forwardingBlockedEventsTo": draw.pick(others)["id"],
    }
    settings = thinned(
        held, number, track=9, identify=5, group=4, forwardingViolationsTo=2, forwardingBlockedEventsTo=3
    )
    return [{"sourceId": source_id, "settings": settings}]


def _traits(making: Making, number: int) -> Record:
    draw = making.draw
    held: Record = {
        "allowUnplannedTraits": draw.chance(0.5),
        "allowTraitsOnViolations": draw.chance(0.5),
        "commonEventOnViolations": draw.pick(("ALLOW", "BLOCK", "OMIT_TRAITS")),
    }
    return thinned(held, number, allowUnplannedTraits=7, allowTraitsOnViolations=3, commonEventOnViolations=6)


def _live_plugins(making: Making) -> list[Record]:
    draw, source_id = making.draw, making.parent["id"]
    number, identity = number_of(source_id), draw.id()
    record: Record = {
        "id": identity,
        "sourceId": source_id,
        "createdAt": moment(draw, 2022, number % 3),
        "createdBy": draw.id(),
        "downloadURL": f"https://cdn.example.com/plugins/{source_id}/{identity}.js",
        "version": draw.number(1, 40),
    }
    if number % 4 != 1:
        record["code"] = code(draw, number) if number % 4 else None
    return [record]


def _regulations(making: Making) -> list[Record]:
    return regulations_of(making.parent["id"])


MAKERS: dict[str, Maker] = {
    "source_connected_destinations": _connected_destinations,
    "source_connected_warehouses": _connected_warehouses,
    "source_schema_settings": _schema_settings,
    "source_live_plugins": _live_plugins,
    "source_regulations": _regulations,
}
"""The function that makes an endpoint's records, by the endpoint's name."""
