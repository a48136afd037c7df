import json
from collections.abc import Iterator
from typing import Any

import pytest

from segment_dagster.emulator import World
from segment_dagster.emulator.world.texts import ODD
from segment_dagster.endpoints import CATALOGUE, Secrecy

SIZES = {"workspace": 1, "sources": 40, "destinations": 80, "warehouses": 3, "spaces": 2, "segments": 2400}
REQUIRED = {
    "workspace": {"id", "slug", "name"},
    "sources": {"id", "slug", "metadata", "workspaceId", "enabled", "writeKeys", "labels"},
    "destinations": {"id", "enabled", "metadata", "sourceId", "settings"},
    "warehouses": {"id", "metadata", "workspaceId", "enabled", "settings"},
    "spaces": {"id", "slug", "name"},
    "segments": {
        *("computeCadence", "id", "spaceId", "name", "key", "enabled", "definition"),
        *("createdBy", "updatedBy", "createdAt", "updatedAt", "audienceType"),
    },
}


def values(inside: Any) -> Iterator[Any]:
    yield inside
    for part in inside.values() if isinstance(inside, dict) else inside if isinstance(inside, list) else ():
        yield from values(part)


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_the_sizes_are_linear_in_the_scale(scale):
    world = World(scale)
    assert {name: len(world.records(name)) for name in SIZES} == {
        name: size * (1 if name == "workspace" else scale) for name, size in SIZES.items()
    }


def test_the_same_seed_gives_the_same_world(world):
    same, other = World(seed=world.seed), World(seed=world.seed + 1)
    assert all(same.records(name) == world.records(name) for name in SIZES)
    assert same.secrets == world.secrets
    assert all(other.records(name) != world.records(name) for name in SIZES)
    assert not other.secrets & world.secrets


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_records_have_the_declared_fields_and_no_others(world, row):
    found = [set(record) for record in world.records(row.name)]
    assert set.union(*found) == {column.field for column in row.columns}
    assert set.intersection(*found) >= REQUIRED[row.name]


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_keys_are_unique_and_references_lead_somewhere(world, row):
    records = world.records(row.name)
    assert len({tuple(record[field] for field in row.primary_key) for record in records}) == len(records)
    for reference in row.references:
        targets = {record[reference.target_field] for record in world.records(reference.endpoint)}
        assert {record[reference.field] for record in records} <= targets


@pytest.mark.parametrize("name", ["sources", "destinations", "segments"])
def test_optional_fields_are_absent_in_some_records(world, name):
    fields = {column.field for row in CATALOGUE if row.name == name for column in row.columns}
    optional = fields - REQUIRED[name]
    assert optional
    for field in optional:
        assert 0 < sum(field in record for record in world.records(name)) < len(world.records(name))


def test_a_space_has_its_own_audiences(world):
    for space in world.records("spaces"):
        audiences = world.records("segments", space["id"])
        assert len(audiences) == 1200
        assert {audience["spaceId"] for audience in audiences} == {space["id"]}
    with pytest.raises(KeyError):
        world.records("segments", "nowhere")


def test_secrets_stand_where_the_catalogue_says_and_nowhere_else(world):
    found = set()
    for row in CATALOGUE:
        secret = {column.field for column in row.columns if column.secrecy is not Secrecy.NONE}
        for record in world.records(row.name):
            for field, value in record.items():
                text = json.dumps(value)
                held = {each for each in values(value) if isinstance(each, str) and each in world.secrets}
                held |= (
                    {bearer for bearer in world.secrets if f"Bearer {bearer}" in text} if "Bearer " in text else set()
                )
                assert field in secret or not held
                found |= held
    assert found == world.secrets
    assert min(map(len, world.secrets)) >= 20


def test_secrets_are_typed_as_passwords_or_named_like_secrets_or_nested(world):
    typed = named = nested = False
    for record in world.records("destinations"):
        types = {option["name"]: option["type"] for option in record["metadata"]["options"]}
        for name, value in record["settings"].items():
            if isinstance(value, str) and value in world.secrets:
                typed = typed or types.get(name) == "password"
                named = named or types.get(name) == "string"
            elif isinstance(value, dict | list):
                nested = nested or any(isinstance(part, str) and part in world.secrets for part in values(value))
    assert typed
    assert named
    assert nested


def test_settings_have_values_of_every_type(world):
    types = {type(value) for record in world.records("destinations") for value in record["settings"].values()}
    assert types == {str, int, float, bool, list, dict, type(None)}


def test_audiences_have_every_form(world):
    audiences = world.records("segments")
    fractions = {len(a["createdAt"].rstrip("Z").partition(".")[2]) for a in audiences}
    configs = [schedule["config"] for a in audiences for schedule in a.get("schedules", ())]
    assert fractions == {0, 3, 6}
    assert {tuple(config or ()) for config in configs} == {("interval",), ("days", "hours", "timezone"), ()}
    assert {a["audienceType"] for a in audiences} == {"USERS", "ACCOUNTS", "LINKED"}
    assert {a["computeCadence"]["type"] for a in audiences} == {"BATCH", "REALTIME"}
    assert None in [a["definition"] for a in audiences]


def test_names_hold_all_the_odd_text(world):
    names = " ".join(record["name"] for record in world.records("segments"))
    assert [piece for piece in ODD if piece not in names] == []
