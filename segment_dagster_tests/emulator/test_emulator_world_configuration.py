"""What is set up in the emulated workspace: each record is of the form that Segment documents."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from segment_dagster.emulator.world.access import MAKERS as ACCESS
from segment_dagster.emulator.world.catalog import MAKERS as CATALOG
from segment_dagster.emulator.world.connections import destinations, sources, warehouses
from segment_dagster.emulator.world.credentials import MAKERS as CREDENTIALS
from segment_dagster.emulator.world.destinations import MAKERS as DESTINATIONS
from segment_dagster.emulator.world.factories import ListContext, Maker
from segment_dagster.emulator.world.functions import MAKERS as FUNCTIONS
from segment_dagster.emulator.world.privacy import MAKERS as PRIVACY
from segment_dagster.emulator.world.protocols import MAKERS as PROTOCOLS
from segment_dagster.emulator.world.random_values import RandomValues, SecretGenerator
from segment_dagster.emulator.world.reverse_etl import MAKERS as REVERSE_ETL
from segment_dagster.emulator.world.sources import MAKERS as SOURCES
from segment_dagster.emulator.world.texts import ODD
from segment_dagster.emulator.world.warehouses import MAKERS as WAREHOUSES
from segment_dagster.emulator.world.workspace import workspace
from segment_dagster_tests.facts.facts import load
from segment_dagster_tests.facts.paths import fields_at

BASE: dict[str, Maker] = {
    "workspace": workspace,
    "sources": sources,
    "destinations": destinations,
    "warehouses": warehouses,
}
MAKERS = {
    **(SOURCES | DESTINATIONS | WAREHOUSES | CATALOG | CREDENTIALS),
    **(PROTOCOLS | FUNCTIONS | ACCESS | PRIVACY | REVERSE_ETL),
}
PARENTS: dict[str, tuple[str, dict[str, str]]] = {
    **{name: ("sources", {"sourceId": "id"}) for name in SOURCES},
    **{name: ("destinations", {"destinationId": "id"}) for name in DESTINATIONS},
    **{name: ("warehouses", {"warehouseId": "id"}) for name in WAREHOUSES},
    **{
        name: ("warehouse_connected_sources", {"warehouseId": "warehouseId", "sourceId": "id"})
        for name in ("warehouse_selective_syncs", "warehouse_source_syncs")
    },
    "credential_warehouses": ("credentials", {"credentialId": "id"}),
    "credential_sources": ("credentials", {"credentialId": "id"}),
    "tracking_plan_rules": ("tracking_plans", {"trackingPlanId": "id"}),
    "tracking_plan_sources": ("tracking_plans", {"trackingPlanId": "id"}),
    "function_versions": ("functions", {"functionId": "id"}),
    "insert_function_instances": ("functions", {"functionId": "id"}),
    "user_user_groups": ("users", {"userId": "id"}),
    "user_group_users": ("user_groups", {"userGroupId": "id"}),
    "user_group_invites": ("user_groups", {"userGroupId": "id"}),
    "reverse_etl_syncs": ("destination_subscriptions", {"modelId": "modelId", "subscriptionId": "id"}),
}
"""The parent of an endpoint, and the fields that fill the request's parameters."""

FUNCTION_TYPES = ("DESTINATION", "INSERT_DESTINATION", "INSERT_SOURCE", "INSERT_TRANSFORMATION", "SOURCE")

ALWAYS = {("functions", ("id",))}
"""Fields that the SDK takes for optional, and every record here has."""

KEYS = {
    "source_connected_destinations": ("id",),
    "source_connected_warehouses": ("sourceId", "id"),
    "source_schema_settings": ("sourceId",),
    "source_live_plugins": ("id",),
    "source_regulations": ("id",),
    "destination_filters": ("id",),
    "destination_subscriptions": ("id",),
    "warehouse_connected_sources": ("warehouseId", "id"),
    "warehouse_connection_states": ("warehouseId",),
    "warehouse_advanced_sync_schedules": ("warehouseId",),
    "warehouse_selective_syncs": ("warehouseId", "sourceId", "collection"),
    "warehouse_syncs": ("warehouseId", "sourceId", "start"),
    "warehouse_source_syncs": ("warehouseId", "sourceId", "start"),
    "catalog_sources": ("id",),
    "catalog_destinations": ("id",),
    "catalog_warehouses": ("id",),
    "credentials": ("id",),
    "credential_warehouses": ("credentialId", "id"),
    "credential_sources": ("credentialId", "id"),
    "tracking_plans": ("id",),
    "tracking_plan_rules": ("trackingPlanId", "type", "key", "version"),
    "tracking_plan_sources": ("trackingPlanId", "id"),
    "transformations": ("id",),
    "functions": ("id",),
    "function_versions": ("functionId", "id"),
    "insert_function_instances": ("id",),
    "users": ("id",),
    "user_user_groups": ("userId", "id"),
    "user_groups": ("id",),
    "user_group_users": ("userGroupId", "id"),
    "user_group_invites": ("userGroupId", "email"),
    "invites": ("email",),
    "roles": ("id",),
    "labels": ("key", "value"),
    "regulations": ("id",),
    "reverse_etl_models": ("id",),
    "reverse_etl_syncs": ("subscriptionId", "syncId"),
}
REFERENCES: dict[tuple[str, tuple[str, ...]], str] = {
    ("source_schema_settings", ("settings", "forwardingViolationsTo")): "sources",
    ("source_schema_settings", ("settings", "forwardingBlockedEventsTo")): "sources",
    ("source_live_plugins", ("sourceId",)): "sources",
    ("destination_filters", ("sourceId",)): "sources",
    ("destination_filters", ("destinationId",)): "destinations",
    ("destination_subscriptions", ("destinationId",)): "destinations",
    ("destination_subscriptions", ("modelId",)): "reverse_etl_models",
    ("warehouse_selective_syncs", ("warehouseId",)): "warehouses",
    ("warehouse_selective_syncs", ("sourceId",)): "sources",
    ("warehouse_syncs", ("sourceId",)): "sources",
    ("warehouse_source_syncs", ("sourceId",)): "sources",
    ("credentials", ("workspaceId",)): "workspace",
    ("transformations", ("sourceId",)): "sources",
    ("transformations", ("destinationMetadataId",)): "catalog_destinations",
    ("users", ("permissions[]", "roleId")): "roles",
    ("user_groups", ("permissions[]", "roleId")): "roles",
    ("user_user_groups", ("id",)): "user_groups",
    ("user_group_users", ("id",)): "users",
    ("reverse_etl_models", ("sourceId",)): "sources",
    ("reverse_etl_syncs", ("modelId",)): "reverse_etl_models",
    ("reverse_etl_syncs", ("sourceId",)): "sources",
}
COPIES = {
    "source_connected_destinations": "destinations",
    "source_connected_warehouses": "warehouses",
    "warehouse_connected_sources": "sources",
    "credential_warehouses": "warehouses",
    "credential_sources": "sources",
    "tracking_plan_sources": "sources",
}
FACTS = load()
FIELDS = {name: fields_at(name, FACTS) for name in MAKERS if FACTS.endpoints[name].model and name not in COPIES}
"""All fields, as the official SDK has them."""

GUARDED = {
    "sources": {"writeKeys", "settings"},
    "destinations": {"settings"},
    "warehouses": {"settings"},
    "source_live_plugins": {"code"},
    "destination_subscriptions": {"settings"},
    "credentials": {"settings"},
    "transformations": {"hashPropertiesConfiguration"},
    "function_versions": {"code"},
    "insert_function_instances": {"settings", "encryptedSettings"},
}
"""Fields with secrets, without those of the records that are copies."""

WHOLLY = [("credentials", "settings"), ("insert_function_instances", "encryptedSettings")]
"""Fields of which every text is a secret."""


@dataclass
class Made:
    """The lists of a workspace, made one after the other."""

    scale: int
    seed: int = 7
    lists: dict[str, list[tuple[dict[str, str], list[Any]]]] = field(default_factory=dict)
    """By endpoint: the values each list was asked with, and its records as the API gives them."""

    def __post_init__(self) -> None:
        self.mint = SecretGenerator(self.seed)
        for name, make in (BASE | MAKERS).items():
            self.lists[name] = [
                (values, make(ListContext(self._draw(name, values), self.scale, self.filled, parent, values)))
                for parent, values in self._asked(name)
            ]

    def filled(self, name: str) -> list[dict[str, Any]]:
        """The records of all lists, with what they were asked with where they do not say it."""
        return [
            values | (record if isinstance(record, dict) else {"email": record})
            for values, records in self.lists[name]
            for record in records
        ]

    def records(self, name: str) -> list[Any]:
        return [record for _, records in self.lists[name] for record in records]

    def _draw(self, name: str, values: dict[str, str]) -> RandomValues:
        return RandomValues("/".join((str(self.seed), name, *values.values())), self.mint)

    def _asked(self, name: str) -> list[tuple[dict[str, Any], dict[str, str]]]:
        if name == "functions":
            return [({}, {"resourceType": type_}) for type_ in FUNCTION_TYPES]
        if name not in PARENTS:
            return [({}, {})]
        parent, binds = PARENTS[name]
        return [
            (record, {parameter: record[bound] for parameter, bound in binds.items()})
            for record in self.filled(parent)
            if record.keys() >= set(binds.values())
        ]


@pytest.fixture(scope="module")
def made() -> Made:
    return Made(scale=1)


@pytest.fixture(scope="module")
def both(made: Made) -> tuple[Made, Made]:
    """A small workspace and a larger one: some forms are only in one of them."""
    return made, Made(scale=2)


def at(path: tuple[str, ...], records: list[Any]) -> Iterator[Any]:
    """The values at a path, where it leads anywhere."""
    if not path:
        yield from records
        return
    name, many = path[0].removesuffix("[]"), path[0].endswith("[]")
    held = [record[name] for record in records if record is not None and name in record]
    yield from at(path[1:], [part for parts in held for part in parts] if many else held)


def texts(inside: Any) -> Iterator[str]:
    if isinstance(inside, str):
        yield inside
    for part in inside.values() if isinstance(inside, dict) else inside if isinstance(inside, list) else ():
        yield from texts(part)


def minted(inside: Any, mint: SecretGenerator) -> set[str]:
    """The secrets that stand in a value, in a longer text as well."""
    return {part for text in texts(inside) for part in re.findall("[A-Za-z0-9]{32}", text)} & mint.secrets


def test_every_maker_is_looked_at():
    assert MAKERS.keys() == KEYS.keys() | {"suppressions"}
    assert MAKERS.keys() == FIELDS.keys() | COPIES.keys() | {"user_group_invites", "invites"}


def test_the_same_seed_gives_the_same_records(made):
    same, other = Made(scale=1, seed=made.seed), Made(scale=1, seed=made.seed + 1)
    assert same.lists == made.lists
    assert same.mint.secrets == made.mint.secrets
    assert not other.mint.secrets & made.mint.secrets
    assert not [name for name in GUARDED if other.records(name) == made.records(name)]


def test_an_empty_workspace_has_nothing():
    nothing = Made(scale=0)
    assert {name: nothing.records(name) for name in MAKERS if nothing.records(name)} == {}


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_unique(both, name):
    for world in both:
        keys = [tuple(record.get(part) for part in KEYS[name]) for record in world.filled(name)]
        assert len(set(keys)) == len(keys) > 0


def test_an_id_is_suppressed_once(made):
    pairs = [(record["subjectType"], one) for record in made.records("suppressions") for one in record["subjectIds"]]
    assert len(set(pairs)) == len(pairs)
    assert {len(record["subjectIds"]) for record in made.records("suppressions")} == {1, 2, 3, 4}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_the_documented_ones(both, name):
    records = [record for world in both for record in world.records(name)]
    known: dict[tuple[str, ...], set[str]] = {}
    for documented in FIELDS[name]:
        path = documented.path
        known.setdefault(path[:-1], set()).add(path[-1].removesuffix("[]"))
        around, last = list(at(path[:-1], records)), path[-1].removesuffix("[]")
        present = [holder[last] for holder in around if last in holder]
        assert present, path
        if documented.optional and (name, path) not in ALWAYS:
            assert len(present) < len(around), path
        else:
            assert len(present) == len(around), path
        assert (None in present) is documented.nullable, path
    for path, names in known.items():
        assert set().union(*at(path, records)) == names, path


@pytest.mark.parametrize("name", FIELDS)
def test_enums_have_all_the_documented_values_and_no_others(made, name):
    for documented in FIELDS[name]:
        if documented.enum:
            assert set(at(documented.path, made.records(name))) == set(documented.enum), documented.path


@pytest.mark.parametrize(("name", "path"), REFERENCES)
def test_references_lead_somewhere(both, name, path):
    for world in both:
        found = list(at(path, world.filled(name)))
        assert found
        assert set(found) <= {record["id"] for record in world.records(REFERENCES[name, path])}


@pytest.mark.parametrize("name", COPIES)
def test_connected_records_are_those_of_the_list(made, name):
    known = {record["id"]: record for record in made.records(COPIES[name])}
    assert made.records(name)
    assert all(record == known[record["id"]] for record in made.records(name))


@pytest.mark.parametrize("name", [name for name in PARENTS if not name.startswith(("warehouse_co", "warehouse_adv"))])
def test_some_parents_have_nothing(both, name):
    if name in ("source_schema_settings", "source_live_plugins"):
        assert {len(records) for world in both for _, records in world.lists[name]} == {1}
    elif name != "warehouse_syncs":
        assert min(len(records) for world in both for _, records in world.lists[name]) == 0


def test_times_have_every_number_of_fraction_digits(made):
    for name, fields in FIELDS.items():
        for path in (documented.path for documented in fields):
            if not re.search("At$|^start$|^end$", path[-1]):
                continue
            moments = [moment for moment in at(path, made.records(name)) if moment is not None]
            for moment in moments:
                assert datetime.fromisoformat(moment.replace("Z", "+00:00")).tzinfo
            digits = {len(moment.rstrip("Z").partition(".")[2]) for moment in moments}
            assert digits == {0, 3, 6} or (digits < {0, 3, 6} and len(moments) < 12), (name, path)


def test_odd_text_is_all_over(made):
    found = {
        name: {piece for piece in ODD if any(piece in text for text in texts(made.records(name)))} for name in FIELDS
    }
    assert set().union(*found.values()) == set(ODD)
    assert sum(map(bool, found.values())) >= 20


def test_secrets_stand_in_guarded_fields_only_and_all_of_them_do(made):
    found = set()
    for name in (BASE | MAKERS).keys() - COPIES.keys():
        for record in made.records(name):
            for place, value in record.items() if isinstance(record, dict) else [("", record)]:
                held = minted(value, made.mint)
                assert place in GUARDED.get(name, ()) or not held, (name, place)
                found |= held
    assert found == made.mint.secrets


@pytest.mark.parametrize(
    ("name", "place"), [(name, place) for name, places in GUARDED.items() for place in sorted(places)]
)
def test_a_guarded_field_has_secrets(made, name, place):
    assert any(minted(record.get(place), made.mint) for record in made.records(name))


@pytest.mark.parametrize(("name", "place"), WHOLLY)
def test_every_text_is_a_secret_at_any_depth(made, name, place):
    held = [record[place] for record in made.records(name)]
    assert set(filter(None, texts(held))) <= made.mint.secrets
    assert any(isinstance(part, dict) for value in held for parts in value.values() for part in _list(parts))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def test_code_holds_a_secret_within_it(made):
    for name in ("source_live_plugins", "function_versions"):
        for record in made.records(name):
            if code := record.get("code"):
                (secret,) = minted(code, made.mint)
                assert f'"{secret}"' in code
                assert secret in json.dumps(code)


def test_a_hash_key_is_a_secret(made):
    keys = set(at(("hashPropertiesConfiguration", "key"), made.records("transformations")))
    assert keys
    assert keys <= made.mint.secrets


def test_schedules_have_every_form(both):
    configs = [
        config
        for world in both
        for config in at(("reverseETLSchedule", "config"), world.records("destination_subscriptions"))
    ]
    assert {tuple(config or ()) for config in configs} == {
        ("spec", "timezone"),
        ("jobId", "accountId"),
        ("interval",),
        ("days", "hours", "timezone"),
        (),
    }
    subscriptions = both[0].records("destination_subscriptions")
    assert 0.2 < sum("modelId" in record for record in subscriptions) / len(subscriptions) < 0.5


def test_sources_and_warehouses_agree_on_their_connections(made):
    one = {(record["warehouseId"], record["id"]) for record in made.filled("warehouse_connected_sources")}
    other = {
        (record["id"], values["sourceId"])
        for values, records in made.lists["source_connected_warehouses"]
        for record in records
    }
    assert one == other


def test_a_source_has_the_destinations_that_name_it(made):
    assert sorted(record["id"] for record in made.records("source_connected_destinations")) == sorted(
        record["id"] for record in made.records("destinations")
    )
    for values, records in made.lists["source_connected_destinations"]:
        assert {record["sourceId"] for record in records} <= {values["sourceId"]}


def test_the_syncs_of_a_warehouse_are_those_of_its_sources(made):
    def syncs(name: str) -> list[str]:
        return sorted(json.dumps(record, sort_keys=True) for record in made.filled(name))

    assert syncs("warehouse_syncs") == syncs("warehouse_source_syncs")
    running = [record for record in made.records("warehouse_syncs") if record["end"] is None]
    assert {record["status"] for record in running} == {"RUNNING"}


def test_users_and_groups_agree_on_their_members(made):
    one = {(record["id"], record["userGroupId"]) for record in made.filled("user_group_users")}
    assert one == {(record["userId"], record["id"]) for record in made.filled("user_user_groups")}
    counts = {group["id"]: group["memberCount"] for group in made.records("user_groups")}
    assert counts == {group: sum(other == group for _, other in one) for group in counts}
    assert min(counts.values()) == 0
    users = {user["id"]: user for user in made.records("users")}
    for record in made.records("user_group_users"):
        assert record.items() <= users[record["id"]].items()


def test_invites_are_bare_addresses(made):
    invites = made.records("invites")
    assert all(isinstance(email, str) and "@" in email for email in invites)
    assert set(made.records("user_group_invites")) <= set(invites)
    assert len(made.records("user_group_invites")) > len(set(made.records("user_group_invites")))


def test_the_labels_of_sources_and_permissions_are_listed(made):
    listed = {(label["key"], label["value"]) for label in made.records("labels")}
    worn = [label for source in made.records("sources") for label in source["labels"]]
    worn += at(("permissions[]", "labels[]"), made.records("users"))
    assert {(label["key"], label["value"]) for label in worn} <= listed


def test_the_metadata_in_use_is_in_the_catalog(both):
    for world in both:
        for name in ("sources", "destinations", "warehouses"):
            listed = {record["id"]: record for record in world.records(f"catalog_{name}")}
            assert all(listed[record["metadata"]["id"]] == record["metadata"] for record in world.records(name))
            assert len({record["name"] for record in listed.values()}) == len(listed)


def test_regulations_of_a_source_are_among_all(made):
    limited, everything = made.records("source_regulations"), made.records("regulations")
    assert all(record in everything for record in limited)
    assert len(everything) > len(limited)


def test_the_two_lists_of_a_credential_end_on_different_pages(made):
    assert [len(made.lists[name][0][1]) for name in ("credential_sources", "credential_warehouses")] == [12, 2]


def test_one_plan_has_more_rules_than_a_page(made):
    sizes = [len(records) for _, records in made.lists["tracking_plan_rules"]]
    assert sizes[0] == 1200
    assert max(sizes[1:]) < 10


def test_rules_of_named_events_have_keys(made):
    for rule in made.records("tracking_plan_rules"):
        assert ("key" in rule) or rule["type"] != "TRACK"
        assert ("key" not in rule) or rule["type"] in ("TRACK", "PAGE", "SCREEN")


def test_one_subscription_has_more_syncs_than_two_pages(made):
    sizes = sorted(len(records) for _, records in made.lists["reverse_etl_syncs"])
    assert sizes[-1] == 230
    assert sizes[-2] < 10


def test_syncs_count_in_text(made):
    for record in made.records("reverse_etl_syncs"):
        assert record["duration"].isdigit()
        for phase in ("extractPhase", "loadPhase"):
            counts = [count for name, count in record.get(phase, {}).items() if name.endswith("Count")]
            assert all(isinstance(count, str) and count.isdigit() for count in counts)


def test_only_insert_functions_have_instances(made):
    types = {function["id"]: function["resourceType"] for function in made.filled("functions")}
    of = {types[record["functionId"]] for record in made.filled("insert_function_instances")}
    assert of == {"INSERT_DESTINATION", "INSERT_SOURCE", "INSERT_TRANSFORMATION"}
