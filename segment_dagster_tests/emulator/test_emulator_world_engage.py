import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest

from segment_dagster.emulator.world import audiences, connections, engage, profiles, space_schema
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.random_values import RandomValues, SecretGenerator
from segment_dagster.emulator.world.texts import ODD
from segment_dagster.emulator.world.workspace import workspace
from segment_dagster_tests.facts.facts import load
from segment_dagster_tests.facts.paths import FieldAt, fields_at

MAKERS: dict[str, Maker] = {**audiences.MAKERS, **profiles.MAKERS, **space_schema.MAKERS}

FACTS = load()
FIELDS = {
    name: [field for field in fields_at(name, FACTS) if name != "profiles_warehouses" or len(field.path) == 1]
    for name in MAKERS
    if FACTS.endpoints[name].model
}
"""All fields, as the official SDK has them, without those of a warehouse's type: it is a copy of the catalog's."""

ALWAYS = {("audience_references", ("options", "filterByExternalIds"))}
"""Fields that the SDK takes for optional, and every record here has."""

KEYS = {
    "space_filters": "id",
    "audience_schedules": "id",
    "audience_references": "/id id",
    "audience_activations": "id",
    "audience_destination_connections": "/audienceId id",
    "computed_traits": "id",
    "profiles_warehouses": "spaceId id",
    "profiles_warehouse_selective_syncs": "/spaceId warehouseId collection",
    "space_entity_paths": "/spaceId id",
    "space_entity_properties": "/spaceId /entitySlug name",
    "space_events": "/spaceId type name",
    "space_event_properties": "/spaceId eventName type name",
    "space_traits": "/spaceId /collection trait type",
}
GUARDED = {
    "audience_activations": {"destinationMapping"},
    "audience_destination_connections": {"settings", "connectionSettings"},
    "profiles_warehouses": {"settings"},
}
Asked = tuple[tuple[str, str], ...]


class Made:
    """All lists of the endpoints under test, by what each is asked with."""

    def __init__(self, seed: int = 7) -> None:
        self.seed, self.mint = seed, SecretGenerator(seed)
        self.known: dict[str, list[Record]] = {}
        self.lists: dict[str, dict[Asked, list[Any]]] = {name: {} for name in MAKERS}
        for name, make in (
            ("workspace", workspace),
            ("sources", connections.sources),
            ("destinations", connections.destinations),
            ("spaces", engage.spaces),
        ):
            self.known[name] = make(self._making(name, {}, {}))
        self.known["segments"] = [
            audience
            for space in self.known["spaces"]
            for audience in engage.segments(self._making("segments", space, {"spaceId": space["id"]}))
        ]
        for space in self.known["spaces"]:
            self._make_space(space)
        for audience in self.known["segments"]:
            self._make_audience(audience)

    def all(self, name: str) -> list[Any]:
        return [record for records in self.lists[name].values() for record in records]

    def _make_space(self, space: Record) -> None:
        one = {"spaceId": space["id"]}
        self._make("space_filters", space, {"integrationId": space["id"]})
        for name in ("computed_traits", "profiles_warehouses", "space_entity_paths", "space_events"):
            self._make(name, space, one)
        self._make("space_traits", space, one | {"collection": "users"})
        for warehouse in self.lists["profiles_warehouses"][tuple(one.items())]:
            self._make("profiles_warehouse_selective_syncs", warehouse, one | {"warehouseId": warehouse["id"]})
        for path in self.lists["space_entity_paths"][tuple(one.items())]:
            self._make("space_entity_properties", path | one, one | {"entitySlug": path["entitySlug"]})
        for event in self.lists["space_events"][tuple(one.items())]:
            self._make("space_event_properties", event | one, one | {"eventName": event["name"]})

    def _make_audience(self, audience: Record) -> None:
        one = {"spaceId": audience["spaceId"]}
        for name in ("audience_schedules", "audience_references"):
            self._make(name, audience, one | {"id": audience["id"]})
        for name in ("audience_activations", "audience_destination_connections"):
            self._make(name, audience, one | {"audienceId": audience["id"]})
        self._make("audience_supported_destinations", audience, one | {"audienceType": audience["audienceType"]})

    def _make(self, name: str, parent: Record, values: dict[str, str]) -> None:
        if (asked := tuple(values.items())) not in self.lists[name]:
            self.lists[name][asked] = MAKERS[name](self._making(name, parent, values))

    def _making(self, name: str, parent: Record, values: dict[str, str]) -> ListContext:
        draw = RandomValues(f"{self.seed}/{name}/{'/'.join(values.values())}", self.mint)
        return ListContext(draw, 1, self.known.__getitem__, parent, values)


@pytest.fixture(scope="module")
def made() -> Made:
    return Made()


def objects(records: list[Any], path: str) -> list[dict[str, Any]]:
    """The objects at a dotted path."""
    for part in path.split(".") if path else ():
        held = [record[part] for record in records if record.get(part) is not None]
        records = [each for one in held for each in (one if isinstance(one, list) else [one])]
    return records


def _around(field: FieldAt) -> tuple[str, ...]:
    return tuple(key.removesuffix("[]") for key in field.path[:-1])


def texts(inside: Any) -> Iterator[str]:
    if isinstance(inside, str):
        yield inside
    for part in inside.values() if isinstance(inside, dict) else inside if isinstance(inside, list) else ():
        yield from texts(part)


def test_the_same_seed_gives_the_same_lists(made):
    same, other = Made(made.seed), Made(made.seed + 1)
    assert same.lists == made.lists
    assert same.mint.secrets == made.mint.secrets
    assert not other.mint.secrets & made.mint.secrets


@pytest.mark.parametrize("name", FIELDS)
def test_records_have_the_documented_fields_some_of_them_not_always(made, name):
    for around, fields in groupby(sorted(FIELDS[name], key=_around), key=_around):
        found = objects(made.all(name), ".".join(around))
        assert found
        names = {field.path[-1].removesuffix("[]"): field for field in fields}
        assert set().union(*found) == names.keys()
        for key, field in names.items():
            times = sum(key in record for record in found)
            sometimes = field.optional and (name, field.path) not in ALWAYS
            assert (0 < times < len(found)) if sometimes else times == len(found), field
            nulls = sum(record[key] is None for record in found if key in record)
            assert (0 < nulls < times) if field.nullable else nulls == 0, field


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_unique(made, name):
    keys = [
        tuple(dict(asked)[field[1:]] if field.startswith("/") else record[field] for field in KEYS[name].split())
        for asked, records in made.lists[name].items()
        for record in records
    ]
    assert len(set(keys)) == len(keys) > 0


@pytest.mark.parametrize("name", FIELDS)
def test_every_documented_value_is_there_and_no_other(made, name):
    for field in FIELDS[name]:
        if field.enum:
            holders = objects(made.all(name), ".".join(_around(field)))
            assert {holder[field.path[-1]] for holder in holders} == set(field.enum), field.path


def test_secrets_stand_in_guarded_fields_and_nowhere_else(made):
    for name in MAKERS:
        found = set()
        for record in made.all(name):
            for field, value in record.items() if isinstance(record, dict) else [("", record)]:
                held = {text.removeprefix("Bearer ") for text in texts(value)} & made.mint.secrets
                assert not held or field in GUARDED.get(name, ())
                found |= {field} if held else set()
        assert found == GUARDED.get(name, set())


def test_a_space_has_its_own_filters_traits_and_events(made):
    for space in made.known["spaces"]:
        (filters,) = (found for asked, found in made.lists["space_filters"].items() if asked[0][1] == space["id"])
        assert len(filters) == 25
        assert {record["integrationId"] for record in filters} == {space["id"]}
    assert len(made.all("space_events")) == 130 * len(made.known["spaces"])


def test_schedules_are_those_that_the_audience_carries(made):
    for audience in made.known["segments"]:
        asked = (("spaceId", audience["spaceId"]), ("id", audience["id"]))
        assert made.lists["audience_schedules"][asked] == audience.get("schedules", [])
    assert [] in made.lists["audience_schedules"].values()


def test_references_are_other_audiences_of_the_space(made):
    known = {audience["id"]: audience for audience in made.known["segments"]}
    for asked, records in made.lists["audience_references"].items():
        assert len(records) <= 3
        for record in records:
            assert record.items() <= known[record["id"]].items()
            assert (record["spaceId"], record["id"] == dict(asked)["id"]) == (dict(asked)["spaceId"], False)


def test_activations_use_a_connection_of_their_audience(made):
    connected = {
        (dict(asked)["audienceId"], record["id"])
        for asked, records in made.lists["audience_destination_connections"].items()
        for record in records
    }
    activations = made.all("audience_activations")
    assert {(record["audienceId"], record["connectionId"]) for record in activations} <= connected
    for name in ("audience_activations", "audience_destination_connections"):
        assert {len(records) for records in made.lists[name].values()} == {0, 1, 2}


def test_connections_lead_to_a_destination_and_its_source(made):
    destinations = {record["id"]: record for record in made.known["destinations"]}
    for record in made.all("audience_destination_connections"):
        destination = destinations[record["destinationId"]]
        assert record["sourceId"] == destination["sourceId"]
        assert record.get("metadata", destination["metadata"]).items() <= destination["metadata"].items()


def test_supported_destinations_are_one_map_a_list(made):
    lists = made.lists["audience_supported_destinations"]
    assert {len(records) for records in lists.values()} == {1}
    for value in made.all("audience_supported_destinations"):
        assert isinstance(value, dict)
        assert [destination["id"] for destination in value.values()] == list(value) != []
    assert len(lists) == 3 * len(made.known["spaces"])


def test_entities_lie_on_several_paths(made):
    paths = made.all("space_entity_paths")
    assert len(made.lists["space_entity_properties"]) < len(paths)
    for properties in made.lists["space_entity_properties"].values():
        assert [record["primaryKey"] for record in properties].count(True) == 1


def test_event_names_are_hard_to_write_into_a_path(made):
    names = [record["name"] for record in made.all("space_events")]
    assert all(
        any(piece in name for name in names) for piece in ("/", " ", "%", "+", "?", "#", "&", ";", "\u2028", "🎉")
    )
    for records in made.lists["space_events"].values():
        assert len({record["name"] for record in records}) < len(records)


def test_properties_belong_to_the_event_that_was_asked_for(made):
    for asked, records in made.lists["space_event_properties"].items():
        assert {record["eventName"] for record in records} <= {dict(asked)["eventName"]}
    assert {len(records) for records in made.lists["space_event_properties"].values()} == {0, 1, 2, 3, 4}


def test_lists_come_in_the_order_the_api_sorts_them(made):
    for records in made.lists["space_events"].values():
        seen = [record["lastSeenAt"][:19] for record in records]
        assert seen == sorted(seen, reverse=True)
    for records in made.lists["space_traits"].values():
        assert records == sorted(records, key=lambda record: (record["trait"], record["type"]))


@pytest.mark.parametrize(
    ("name", "field"),
    [("space_filters", "createdAt"), ("space_events", "lastSeenAt"), ("computed_traits", "updatedAt")],
)
def test_times_have_fractions_of_every_length(made, name, field):
    assert {len(record[field].rstrip("Z").partition(".")[2]) for record in made.all(name)} == {0, 3, 6}


def test_the_text_of_connections_and_traits_is_as_people_write_it(made):
    for name in ("audience_destination_connections", "audience_supported_destinations"):
        everything = json.dumps(made.all(name), ensure_ascii=False)
        assert [piece for piece in ODD if json.dumps(piece, ensure_ascii=False)[1:-1] not in everything] == []
