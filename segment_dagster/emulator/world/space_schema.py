"""The schema of a space: its entities, events and traits."""

from segment_dagster.emulator.world.deterministic import drop_fields, stable_hash
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.random_values import RandomValues
from segment_dagster.emulator.world.texts import ODD
from segment_dagster.emulator.world.timestamps import format_timestamp

EVENTS = 130
"""Events per space."""

TRAITS = 60
"""Traits per space."""

_NEWEST = 1_735_689_600
"""Last-seen time of the newest event or trait, give or take an hour: 2025-01-01."""

_ENTITIES = (
    ("household", "Household"),
    ("account", "Account"),
    ("subscription", 'The "Subscription"'),
    ("product-日本", "商品 / Product"),
)
_PATHS = ((0,), (1,), (1, 2), (0, 1), (0, 1, 2), (2, 3), (1, 2, 3), (3,))
"""The entities on each path, as indexes into `_ENTITIES`."""

_DATA_TYPES = ("STRING", "NUMBER", "BOOLEAN", "TIMESTAMP", "VARIANT")
_COLUMNS = ("id", "name", "created at", "price/unit", "naïve 🎉", "a.b", "状態", "100%")
_VERBS = ("Viewed", "Clicked", "Added", "Removed", "Shared", "Searched")
_THINGS = (
    *("Product", "Cart/Basket", "100% Off Banner", "C++ Course", "Größe", "登録 Form", 'the "Deal"', "Party 🎉"),
    *("Search & Sort?", "Item #1", "List;Detail", "A\u2028B", "Checkout Step 2"),
)
_NAMES = tuple(f"{thing} {verb}" for verb in _VERBS for thing in _THINGS)
_TYPES = ("TRACK", "TRACK", "PAGE", "SCREEN", "TRACK")
_UNNAMED = (("identify", "IDENTIFY"), ("group", "GROUP"), ("alias", "ALIAS"))
_SAMPLES = ("gold", "1.5", "", "true", *ODD)


def _entity_paths(context: ListContext) -> list[Record]:
    return [_entity_path(context.draw, path, number) for number, path in enumerate(_PATHS)]


def _entity_path(draw: RandomValues, path: tuple[int, ...], number: int) -> Record:
    slugs = [_ENTITIES[place][0] for place in path]
    slug, name = _ENTITIES[path[-1]]
    relationships = [f"{one}-{other}" for one, other in zip(("profile", *slugs), slugs, strict=False)]
    return {
        "id": f"pth_{draw.id()}",
        "entityName": name,
        "pathName": " › ".join(_ENTITIES[place][1] for place in path),  # noqa: RUF001
        "entitySlug": slug,
        "relationshipSlugs": relationships,
        "childRelationshipSlugs": [f"{slug}-{child}" for child in ("order", "visit")[: number % 3]],
        "parentRelationshipSlugPath": "/".join(relationships[:-1]),
    }


def _entity_properties(context: ListContext) -> list[Record]:
    draw = context.draw
    first = stable_hash(context.values["spaceId"], context.values["entitySlug"])
    return [
        drop_fields(
            {
                "name": name,
                "primaryKey": place == 0,
                "dataType": _DATA_TYPES[(first + place) % len(_DATA_TYPES)],
                "samples": draw.some(_SAMPLES, 4),
            },
            first + place,
            samples=3,
        )
        for place, name in enumerate(_COLUMNS[: first % 6 + 3])
    ]


def _events(context: ListContext) -> list[Record]:
    """Generate the events of a space, most recently seen first. Every tenth name has two types."""
    everything: list[tuple[str, str]] = list(_UNNAMED)
    number = 0
    while len(everything) < EVENTS:
        # after all names are used, they repeat with a number
        name = _NAMES[number % len(_NAMES)] + (f" v{number // len(_NAMES) + 1}" if number >= len(_NAMES) else "")
        type_ = _TYPES[number % len(_TYPES)]
        everything += [(name, type_), (name, "TRACK")] if number % 10 == 3 else [(name, type_)]
        number += 1
    context.draw.random.shuffle(everything)
    return [
        {"name": name, "type": type_, "lastSeenAt": _seen(context.draw, place)}
        for place, (name, type_) in enumerate(everything)
    ]


def _event_properties(context: ListContext) -> list[Record]:
    draw, event_name = context.draw, context.values["eventName"]
    first = stable_hash(context.values["spaceId"], event_name)
    # the same name in both places: only the type differs
    names = (("price", "PROPERTY"), ("price", "CONTEXT"), ("page/url", "CONTEXT"), ("naïve 🎉", "PROPERTY"))
    start = first % len(names)
    chosen = (*names, *names)[start : start + draw.number(0, len(names))]
    return [
        drop_fields(
            {
                "name": name,
                "type": type_,
                "eventName": event_name,
                "lastSeenAt": _seen(draw, place),
                "samples": draw.some(_SAMPLES, 3),
            },
            first + place,
            samples=3,
        )
        for place, (name, type_) in enumerate(chosen)
    ]


def _traits(context: ListContext) -> list[Record]:
    """Generate the traits of a space, sorted by name."""
    draw = context.draw
    first = stable_hash(context.values["spaceId"])
    made = [
        drop_fields(
            {
                # two in a row share a name: only the type differs
                "trait": f"trait_{number // 2}" if number % 14 > 1 else f"trait {ODD[number // 14 % len(ODD)]}",
                "type": ("CUSTOM", "COMPUTED", "AUDIENCE", "SQL")[number % 4],
                "lastSeenAt": _seen(draw, number),
                "samples": draw.some(_SAMPLES, 4),
            },
            first + number,
            samples=3,
        )
        for number in range(TRAITS)
    ]
    return sorted(made, key=lambda trait: (trait["trait"], trait["type"]))


def _seen(draw: RandomValues, place: int) -> str:
    """Return the last-seen time at an index: each is earlier than the one before."""
    return format_timestamp(_NEWEST - place * 3600 - draw.number(0, 3599), draw.number(0, 2))


MAKERS: dict[str, Maker] = {
    "space_entity_paths": _entity_paths,
    "space_entity_properties": _entity_properties,
    "space_events": _events,
    "space_event_properties": _event_properties,
    "space_traits": _traits,
}
"""Functions that generate the records, by endpoint name."""
