"""Tracking plans with their rules, and transformations."""

from segment_dagster.emulator.world.choosing import number_of, place_of_parent, thinned
from segment_dagster.emulator.world.draw import Draw
from segment_dagster.emulator.world.making import Maker, Making, Record
from segment_dagster.emulator.world.texts import named
from segment_dagster.emulator.world.times import moment

RULES = 1200
"""Rules of the first tracking plan: more than a page."""

_TYPES = ("LIVE", "PROPERTY_LIBRARY", "LIVE", "RULE_LIBRARY", "TEMPLATE", "ENGAGE")
_PLANS = ("Website", "Mobile apps", "Checkout", "Support tools", "Billing")
_EVENTS = ("Order Completed", "Product Viewed", "Signed Up", 'Clicked "Buy"', "Cart/Updated", "登録完了")
_NAMELESS = ("COMMON", "IDENTIFY", "GROUP", "PAGE", "SCREEN")
"""Types of rules that are not for a named event."""


def _plans(making: Making) -> list[Record]:
    return [_plan(making.draw, number) for number in range(12 * making.scale)]


def _plan(draw: Draw, number: int) -> Record:
    name = _PLANS[number % len(_PLANS)]
    record: Record = {
        "id": f"tp_{draw.id()}",
        "name": named(name, number),
        "slug": f"{name.lower().replace(' ', '-')}-{number}",
        "description": named(f"All that {name} may send.", number + 3),
        "type": _TYPES[number % len(_TYPES)],
        "updatedAt": moment(draw, 2024, (number + 1) % 3),
        "createdAt": moment(draw, 2023, number % 3),
    }
    return thinned(record, number, name=7, slug=6, description=4, updatedAt=9, createdAt=5)


def _rules(making: Making) -> list[Record]:
    draw, place = making.draw, place_of_parent(making, "tracking_plans")
    few = 0 if place % 5 == 4 else draw.number(1, 9)
    return [_rule(draw, number) for number in range(few if place else RULES)]


def _rule(draw: Draw, number: int) -> Record:
    record: Record = {"type": "TRACK", "version": 1}
    if number < len(_NAMELESS):
        record["type"] = _NAMELESS[number]
    elif number % 50 == 6:
        record |= {"type": _NAMELESS[number // 50 % len(_NAMELESS)], "version": number // 50 + 2}
    else:
        record["type"] = ("PAGE", "SCREEN")[number // 10 % 2] if number % 10 == 8 else "TRACK"
        # two numbers that follow each other have the same name, in two versions
        record |= {"key": named(f"{_EVENTS[number // 2 % len(_EVENTS)]} {number // 2}", number // 2)}
        record["version"] = number % 2 + 1
    record |= {
        "jsonSchema": None if number % 23 == 9 else _schema(number),
        "createdAt": moment(draw, 2023, number % 3),
        "updatedAt": moment(draw, 2024, (number + 1) % 3),
    }
    if number % 7 == 5:
        record["deprecatedAt"] = moment(draw, 2025, number % 3)
    return thinned(record, number, createdAt=11, updatedAt=8)


def _schema(number: int) -> Record:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "labels": {},
        "properties": {
            "context": {"type": "object"},
            "traits": {},
            "properties": {
                "type": "object",
                "properties": {
                    "price": {"type": ["number", "null"], "minimum": number / 4, "description": 'In "€".'},
                    "sku": {"type": "string", "pattern": r"^[A-Z]{2}\d+$", "id": "/properties/properties/sku"},
                    "items": {"type": "array", "items": {"enum": [1, 2.5, "three", True, None]}},
                },
                "required": ["sku"][: number % 2],
            },
        },
    }


def _sources(making: Making) -> list[Record]:
    """The sources of a plan. A source is connected to one plan at most, and only a live plan has any."""
    plans = [plan["id"] for plan in making.records("tracking_plans") if plan["type"] == "LIVE"]
    if making.parent["type"] != "LIVE":
        return []
    place = plans.index(making.parent["id"])
    return [source for source in making.records("sources") if number_of(source["id"]) % (len(plans) + 2) == place]


def _transformations(making: Making) -> list[Record]:
    return [_transformation(making, number) for number in range(20 * making.scale)]


def _transformation(making: Making, number: int) -> Record:
    draw = making.draw
    record: Record = {
        "id": draw.id(),
        "name": named(f"Rename {_EVENTS[number % len(_EVENTS)]}", number),
        "sourceId": draw.pick(making.records("sources"))["id"],
        "destinationMetadataId": draw.pick(making.records("destinations"))["metadata"]["id"],
        "enabled": draw.chance(0.8),
        "if": f"event = '{_EVENTS[number % len(_EVENTS)]}'",
    }
    parts: tuple[Record, ...] = (
        {"drop": draw.chance(0.5)},
        {"newEventName": named("Purchase", number + 1)},
        {"propertyRenames": [{"oldName": "price", "newName": "price/€"}, {"oldName": "sku", "newName": "id"}]},
        {"propertyValueTransformations": [{"propertyPaths": ["properties.a/b", "context.ip"], "propertyValue": ""}]},
        {"fqlDefinedProperties": [{"fql": "lowercase(properties.email)", "propertyName": "email"}]},
        {"allowProperties": ["price", 'say "hi"', "line\u2028separator"][: number % 4]},
    )
    record |= parts[number % len(parts)] | parts[number // 2 % len(parts)]
    if number % 3 == 2:
        record["hashPropertiesConfiguration"] = _hashing(draw, number // 3)
    return thinned(record, number, destinationMetadataId=3)


def _hashing(draw: Draw, number: int) -> Record:
    made: Record = {
        "algorithm": ("HMAC_SHA256", "SHA1", "HMAC_MD5")[number % 3],
        "encoding": ("BASE16", "BASE64", "BASE64URL", "HEX")[number % 4],
        "paths": ["properties.email", "context.traits.phone"][: number % 2 + 1],
    }
    if made["algorithm"] != "SHA1":
        made["key"] = draw.secret()
    return thinned(made, number, encoding=5)


MAKERS: dict[str, Maker] = {
    "tracking_plans": _plans,
    "tracking_plan_rules": _rules,
    "tracking_plan_sources": _sources,
    "transformations": _transformations,
}
"""The function that makes an endpoint's records, by the endpoint's name."""
