"""The integration catalogue: the types in use, with the metadata of their instances, and unused types."""

from segment_dagster.emulator.world.deterministic import drop_fields
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.integrations import (
    DESTINATIONS,
    SOURCES,
    WAREHOUSES,
    Kind,
    destination_metadata,
    source_metadata,
    warehouse_metadata,
)

_STATUSES = (
    *("PUBLIC", "PRIVATE_SUBMITTED", "UNAVAILABLE", "DEPRECATED", "PRIVATE_BETA", "PRIVATE_BUILDING", "PUBLIC_BETA"),
)
_FIELD_TYPES = ("BOOLEAN", "DATETIME", "HIDDEN", "INTEGER", "NUMBER", "OBJECT", "PASSWORD", "STRING", "TEXT")
_MORE_SOURCES = tuple(
    Kind(name, category)
    for name, category in (
        ("Unity", "Mobile"),
        ("Xamarin", "Mobile"),
        ("Twilio Events", "SMS"),
        ("Facebook Lead Ads", "Advertising"),
        ("Kotlin", "Mobile"),
        ("Klaviyo", "Email"),
        ("Looker", "Analytics"),
        ("Mandrill", "Email"),
    )
)
_MORE_DESTINATIONS = tuple(
    Kind(name, category, mobile=mobile)
    for name, category, mobile in (
        ("Adjust", "Attribution", True),
        ("AppsFlyer", "Attribution", True),
        ("Bing Ads", "Advertising", False),
        ("Heap", "Analytics", False),
        ("Optimizely Web", "A/B Testing", False),
        ("Pendo", "Personalization", False),
        ("Snapchat Conversions API", "Advertising", False),
        ("Taplytics", "A/B Testing", True),
        ("Vero", "Email Marketing", False),
    )
)


def _sources(context: ListContext) -> list[Record]:
    used = _used(context, "sources")
    return [
        *used,
        *(_source(context, kind, number) for number, kind in _unused(context, used, SOURCES + _MORE_SOURCES)),
    ]


def _destinations(context: ListContext) -> list[Record]:
    used = _used(context, "destinations")
    more = _unused(context, used, DESTINATIONS + _MORE_DESTINATIONS)
    return [*used, *(_destination(context, kind, number) for number, kind in more)]


def _warehouses(context: ListContext) -> list[Record]:
    used = _used(context, "warehouses")
    more = _unused(context, used, WAREHOUSES)
    return [*used, *(_logos(warehouse_metadata(context.draw, kind), number) for number, kind in more)]


def _used(context: ListContext, endpoint: str) -> list[Record]:
    """Return the distinct types of the endpoint's records."""
    return list({record["metadata"]["id"]: record["metadata"] for record in context.records(endpoint)}.values())


def _unused(context: ListContext, used: list[Record], kinds: tuple[Kind, ...]) -> list[tuple[int, Kind]]:
    """Return the unused types with their numbers; none for an empty world."""
    names = {metadata["name"] for metadata in used}
    return list(enumerate(kind for kind in kinds if kind.name not in names)) if context.scale else []


def _source(context: ListContext, kind: Kind, number: int) -> Record:
    record = _logos(source_metadata(context.draw, kind), number)
    return record | {"status": _STATUSES[number % len(_STATUSES)], "categories": [kind.category][: number % 4]}


def _destination(context: ListContext, kind: Kind, number: int) -> Record:
    draw = context.draw
    record = _logos(destination_metadata(draw, kind), number) | {
        "status": _STATUSES[number % len(_STATUSES)],
        "previousNames": [],
        "partnerOwned": draw.chance(0.5),
        "supportedRegions": ["us-west-2"],
        "regionEndpoints": ["US"],
        "multiInstanceSupportedVersion": f"{number}.2.0",
    }
    record["components"] = [
        *record["components"],
        {"type": "ANDROID", "code": f"https://github.com/example/{kind.slug}-android", "owner": "PARTNER"},
    ]
    if number % 2:
        record["supportedFeatures"] |= {"browserUnbundlingPublic": draw.chance(0.5)}
        record["supportedPlatforms"] |= {"warehouse": False, "cloudAppObject": False, "linkedAudiences": True}
    record["supportedFeatures"] = drop_fields(
        record["supportedFeatures"], number, cloudModeInstances=3, deviceModeInstances=4, replay=5, browserUnbundling=2
    )
    record["supportedMethods"] = drop_fields(
        record["supportedMethods"], number, pageview=2, identify=5, alias=3, track=6, group=4
    )
    record["supportedPlatforms"] = drop_fields(record["supportedPlatforms"], number, browser=3, server=4, mobile=5)
    if number % 3 == 0:
        record["actions"] = [_action(number)]
    return drop_fields(
        record, number, partnerOwned=3, supportedRegions=4, regionEndpoints=5, multiInstanceSupportedVersion=2
    )


def _action(number: int) -> Record:
    """Return an action with a field of every type."""
    fields: list[Record] = [
        {
            "id": f"field-{number}-{place}",
            "sortOrder": place,
            "fieldKey": f"field_{place}",
            "label": f"Field {place}",
            "type": type_,
            "description": 'Sets "it".',
            "placeholder": "$.properties",
            "defaultValue": None if place % 2 else {"@path": "$.properties"},
            "required": False,
            "multiple": place % 2 == 0,
            "choices": None if place % 3 else [{"label": "A", "value": "a"}],
            "dynamic": False,
            "allowNull": True,
            "hidden": place == 3,
        }
        for place, type_ in enumerate(_FIELD_TYPES)
    ]
    return {
        "id": f"action-{number}",
        "slug": "sendAll",
        "name": "Send All",
        "description": "Sends everything.",
        "platform": "WEB",
        "hidden": True,
        "defaultTrigger": None,
        "fields": [
            drop_fields(field, place, placeholder=2, defaultValue=4, hidden=3) for place, field in enumerate(fields)
        ],
    }


def _logos(record: Record, number: int) -> Record:
    """Return the metadata with other logos: one null, or only the required one."""
    held = record["logos"] | {"mark": None, "alt": None}
    return record | {"logos": held if number % 2 else {"default": held["default"]}}


MAKERS: dict[str, Maker] = {
    "catalog_sources": _sources,
    "catalog_destinations": _destinations,
    "catalog_warehouses": _warehouses,
}
"""Functions that generate the records, by endpoint name."""
