import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from segment_dagster.emulator import World
from segment_dagster.emulator.world import MAKERS, TIMED
from segment_dagster.emulator.world.factories import ListContext, TimedRequest
from segment_dagster.emulator.world.texts import ODD
from segment_dagster.endpoints import CATALOGUE, Secrecy
from segment_dagster.endpoints.columns import V1, from_request, identifier, param_per_value, parent_of, text
from segment_dagster.endpoints.model import Endpoint, TimeRange

NOW = datetime(2024, 3, 15, 12, tzinfo=timezone.utc)
LISTED = [row for row in CATALOGUE if row.time is None]
"""The rows whose records are the same whenever they are asked for."""

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


@pytest.mark.slow
def test_the_same_seed_gives_the_same_world(world):
    same, other = World(seed=world.seed), World(seed=world.seed + 1)
    assert all(same.records(name) == world.records(name) for name in SIZES)
    assert same.secrets == world.secrets
    assert all(other.records(name) != world.records(name) for name in SIZES)
    assert not other.secrets & world.secrets


def exploded(row: Endpoint, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if row.exploded is None:
        return records
    parts = [(record, part) for record in records for part in record[row.exploded.field]]
    return [
        {key: value for key, value in record.items() if key != row.exploded.field}
        | ({row.exploded.element: part} if row.exploded.element else part)
        for record, part in parts
    ]


@pytest.mark.parametrize("row", LISTED, ids=lambda row: row.name)
def test_records_have_the_declared_fields_and_no_others(world, row):
    found = [set(record) for record in exploded(row, world.records(row.name))]
    assert set.union(*found) == {column.field for column in row.columns}
    assert set.intersection(*found) >= {*row.required_key, *REQUIRED.get(row.name, ())}


@pytest.mark.parametrize("row", LISTED, ids=lambda row: row.name)
def test_keys_are_unique_and_references_lead_somewhere(world, row):
    records = exploded(row, world.records(row.name))
    assert len({tuple(record.get(field) for field in row.primary_key) for record in records}) == len(records)
    for reference in row.references:
        targets = {record.get(reference.target_field) for record in world.records(reference.endpoint)}
        assert {record[reference.field] for record in records if reference.field in record} <= targets


@pytest.mark.parametrize("name", ["sources", "destinations", "segments"])
def test_optional_fields_are_absent_in_some_records(world, name):
    fields = {column.field for row in CATALOGUE if row.name == name for column in row.columns}
    optional = fields - REQUIRED[name]
    assert optional
    for field in optional:
        assert 0 < sum(field in record for record in world.records(name)) < len(world.records(name))


def test_a_space_has_its_own_audiences(world):
    for space in world.records("spaces"):
        audiences = world.records("segments", {"spaceId": space["id"]})
        assert len(audiences) == 1200
        assert {audience["spaceId"] for audience in audiences} == {space["id"]}
    with pytest.raises(KeyError):
        world.records("segments", {"spaceId": "nowhere"})


def test_secrets_stand_where_the_catalogue_says_and_nowhere_else(world):
    found = set()
    for row in LISTED:
        secret = {column.field for column in row.columns if column.secrecy is not Secrecy.NONE}
        for record in world.records(row.name):
            for field, value in record.items():
                texts = [part for part in values(value) if isinstance(part, str)]
                held = {word for part in texts for word in re.findall(r"[A-Za-z0-9]{32}", part)} & world.secrets
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


def test_the_world_has_every_endpoint_of_the_catalogue(world):
    assert {row.name for row in CATALOGUE} == {*MAKERS, *TIMED}
    assert {row.name for row in CATALOGUE if row.time} == set(TIMED)
    assert all(world.has(row.name) for row in CATALOGUE)
    assert not world.has("planets")


TOYS = Endpoint(
    name="toys",
    domain="toys",
    description="Toys.",
    documentation="https://example.com",
    path="/toys",
    selector=("data", "toys"),
    media_type=V1,
    page_size=10,
    primary_key=("id",),
    parameters=(param_per_value("kind", "soft", "hard"),),
    columns=(identifier("toy"), text("kind", "Its kind.", parameter="kind"), text("owner", "Whose.")),
)
PARTS = replace(
    TOYS,
    name="parts",
    path="/owners/{owner}/parts/{toyId}",
    selector=("data", "parts"),
    parent=parent_of("toys", only=("kind", ("hard",)), owner="owner", toyId="id"),
    parameters=(),
    wrapped="id",
    columns=(from_request("toy", "Of which toy.", by="toyId"), identifier("part")),
)
WEAR = replace(
    TOYS,
    name="wear",
    path="/wear",
    parameters=(),
    time=TimeRange(column="id", days=3),
    parent=parent_of("toys", owner="owner"),
    columns=(identifier("wear"),),
)


def toys(making: ListContext) -> list[dict[str, Any]]:
    kind = making.values["kind"]
    return [
        {"id": f"{kind}-1", "owner": "ada"},
        {"id": f"{kind}-2", "owner": None},
        {"id": f"{kind}-3"},
        {"id": f"{kind}-4", "owner": "ada", "kind": "odd"},
        {"id": f"{kind}-1", "owner": "ada", "again": making.draw.secret()},
    ]


def made_of_toys(made: list[Any]) -> World:
    def parts(making: ListContext) -> list[Any]:
        made.append(making)
        return [f"{making.values['toyId']}/{making.draw.id(4)}", making.parent["kind"]]

    def wear(asked: TimedRequest) -> list[dict[str, Any]]:
        made.append(asked)
        return []

    return World(catalogue=(TOYS, PARTS, WEAR), makers={"toys": toys, "parts": parts}, timed={"wear": wear})


def test_a_list_is_told_by_what_it_is_asked_with():
    made: list[Any] = []
    world = made_of_toys(made)
    assert list(world.lists("toys")) == [{"kind": "soft"}, {"kind": "hard"}]
    assert [record["id"] for record in world.records("toys", {"kind": "soft"})][:2] == ["soft-1", "soft-2"]
    # neither a record without an owner nor one of another kind has parts, and those that are alike have one list
    assert list(world.lists("parts")) == [{"owner": "ada", "toyId": "hard-1"}]
    assert world.has("parts", {"owner": "ada", "toyId": "hard-1"})
    assert not world.has("parts", {"owner": "ada", "toyId": "hard-4"})
    assert list(world.lists("wear")) == [{"owner": "ada"}]
    with pytest.raises(KeyError):
        world.records("parts", {"owner": "ada", "toyId": "soft-1"})


def test_records_of_all_lists_say_what_they_were_asked_with():
    made: list[Any] = []
    world = made_of_toys(made)
    assert [record["kind"] for record in world.records("toys")] == [
        *["soft"] * 3,
        "odd",
        "soft",
        *["hard"] * 3,
        "odd",
        "hard",
    ]
    assert "kind" not in world.records("toys", {"kind": "soft"})[0]
    whole = world.records("parts")
    assert [record["toy"] for record in whole] == ["hard-1", "hard-1"]
    assert [record["id"] for record in whole] == world.records("parts", {"owner": "ada", "toyId": "hard-1"})
    assert whole[1]["id"] == "hard"
    assert world.records("parts") is whole


def test_lists_are_made_when_they_are_asked_for_and_once():
    made: list[Any] = []
    world = made_of_toys(made)
    assert made == []
    first = world.records("parts", {"owner": "ada", "toyId": "hard-1"})
    assert world.records("parts", {"owner": "ada", "toyId": "hard-1"}) is first
    assert [making.parent["owner"] for making in made] == ["ada"]
    assert len(world.secrets) == 2


@pytest.mark.slow
def test_a_world_is_the_same_in_whatever_order_it_is_asked():
    one, other = World(), World()
    assert other.records("function_versions") == one.records("function_versions")
    last = other.lists("audience_destination_connections")[-1]
    assert other.records("audience_destination_connections", last) == one.records(
        "audience_destination_connections", last
    )
    assert one.secrets == other.secrets


def test_records_of_a_time_are_made_from_the_query():
    made: list[Any] = []
    world = made_of_toys(made)
    assert world.is_timed("wear")
    assert world.timed("wear", {"owner": "ada"}, {"startTime": ("2024-01-01",)}, NOW) == []
    (asked,) = made
    assert (asked.seed, asked.values, asked.now) == ("7/wear/ada", {"owner": "ada"}, NOW)
    assert asked.query == {"startTime": ("2024-01-01",)}
    with pytest.raises(KeyError):
        world.records("wear", {"owner": "ada"})
    with pytest.raises(KeyError):
        world.timed("wear", {"owner": "eve"}, {}, NOW)


def test_a_world_is_read_by_many_threads_at_once():
    world, found = World(), []
    threads = [threading.Thread(target=lambda: found.append(world.records("reverse_etl_syncs"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(records is found[0] for records in found)
