"""Tracking plans, their rules, and transformations."""

from segment_dagster.emulator.world.deterministic import drop_fields, parent_index, stable_hash
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import display_name
from segment_dagster.emulator.world.timestamps import random_timestamp

RULES = 1200
"""Rules of the first tracking plan: more than one page."""

_TYPES = ("LIVE", "PROPERTY_LIBRARY", "LIVE", "RULE_LIBRARY", "TEMPLATE", "ENGAGE")
_PLANS = ("Website", "Mobile apps", "Checkout", "Support tools", "Billing")
_EVENTS = ("Order Completed", "Product Viewed", "Signed Up", 'Clicked "Buy"', "Cart/Updated", "登録完了")
_NAMELESS = ("COMMON", "IDENTIFY", "GROUP", "PAGE", "SCREEN")
"""Types of rules without a named event."""


def _plans(context: ListContext) -> list[Record]:
    return [_plan(context.draw, number) for number in range(12 * context.scale)]


def _plan(draw: RandomValues, number: int) -> Record:
    name = _PLANS[number % len(_PLANS)]
    record: Record = {
        "id": f"tp_{draw.id()}",
        "name": display_name(name, number),
        "slug": f"{name.lower().replace(' ', '-')}-{number}",
        "description": display_name(f"All that {name} may send.", number + 3),
        "type": _TYPES[number % len(_TYPES)],
        "updatedAt": random_timestamp(draw, 2024, (number + 1) % 3),
        "createdAt": random_timestamp(draw, 2023, number % 3),
    }
    return drop_fields(record, number, name=7, slug=6, description=4, updatedAt=9, createdAt=5)


def _rules(context: ListContext) -> list[Record]:
    draw, place = context.draw, parent_index(context, "tracking_plans")
    few = 0 if place % 5 == 4 else draw.number(1, 9)
    return [_rule(draw, number) for number in range(few if place else RULES)]


def _rule(draw: RandomValues, number: int) -> Record:
    record: Record = {"type": "TRACK", "version": 1}
    if number < len(_NAMELESS):
        record["type"] = _NAMELESS[number]
    elif number % 50 == 6:
        record |= {"type": _NAMELESS[number // 50 % len(_NAMELESS)], "version": number // 50 + 2}
    else:
        record["type"] = ("PAGE", "SCREEN")[number // 10 % 2] if number % 10 == 8 else "TRACK"
        # two consecutive numbers share a name, in two versions
        record |= {"key": display_name(f"{_EVENTS[number // 2 % len(_EVENTS)]} {number // 2}", number // 2)}
        record["version"] = number % 2 + 1
    record |= {
        "jsonSchema": None if number % 23 == 9 else _schema(number),
        "createdAt": random_timestamp(draw, 2023, number % 3),
        "updatedAt": random_timestamp(draw, 2024, (number + 1) % 3),
    }
    if number % 7 == 5:
        record["deprecatedAt"] = random_timestamp(draw, 2025, number % 3)
    return drop_fields(record, number, createdAt=11, updatedAt=8)


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


def _sources(context: ListContext) -> list[Record]:
    """Return the sources of a plan. A source has one plan at most, and only live plans have sources."""
    plans = [plan["id"] for plan in context.records("tracking_plans") if plan["type"] == "LIVE"]
    if context.parent["type"] != "LIVE":
        return []
    place = plans.index(context.parent["id"])
    return [source for source in context.records("sources") if stable_hash(source["id"]) % (len(plans) + 2) == place]


def _transformations(context: ListContext) -> list[Record]:
    return [_transformation(context, number) for number in range(20 * context.scale)]


def _transformation(context: ListContext, number: int) -> Record:
    draw = context.draw
    record: Record = {
        "id": draw.id(),
        "name": display_name(f"Rename {_EVENTS[number % len(_EVENTS)]}", number),
        "sourceId": draw.pick(context.records("sources"))["id"],
        "destinationMetadataId": draw.pick(context.records("destinations"))["metadata"]["id"],
        "enabled": draw.chance(0.8),
        "if": f"event = '{_EVENTS[number % len(_EVENTS)]}'",
    }
    parts: tuple[Record, ...] = (
        {"drop": draw.chance(0.5)},
        {"newEventName": display_name("Purchase", number + 1)},
        {"propertyRenames": [{"oldName": "price", "newName": "price/€"}, {"oldName": "sku", "newName": "id"}]},
        {"propertyValueTransformations": [{"propertyPaths": ["properties.a/b", "context.ip"], "propertyValue": ""}]},
        {"fqlDefinedProperties": [{"fql": "lowercase(properties.email)", "propertyName": "email"}]},
        {"allowProperties": ["price", 'say "hi"', "line\u2028separator"][: number % 4]},
    )
    record |= parts[number % len(parts)] | parts[number // 2 % len(parts)]
    if number % 3 == 2:
        record["hashPropertiesConfiguration"] = _hashing(draw, number // 3)
    return drop_fields(record, number, destinationMetadataId=3)


def _hashing(draw: RandomValues, number: int) -> Record:
    made: Record = {
        "algorithm": ("HMAC_SHA256", "SHA1", "HMAC_MD5")[number % 3],
        "encoding": ("BASE16", "BASE64", "BASE64URL", "HEX")[number % 4],
        "paths": ["properties.email", "context.traits.phone"][: number % 2 + 1],
    }
    if made["algorithm"] != "SHA1":
        made["key"] = draw.secret()
    return drop_fields(made, number, encoding=5)


MAKERS: dict[str, Maker] = {
    "tracking_plans": _plans,
    "tracking_plan_rules": _rules,
    "tracking_plan_sources": _sources,
    "transformations": _transformations,
}
"""Functions that generate the records, by endpoint name."""
