"""`SegmentWorkspaceComponent`: the same in YAML."""

from contextlib import contextmanager
from importlib.metadata import entry_points

import dagster as dg
import pytest
import yaml
from dagster.components.testing.utils import create_defs_folder_sandbox
from jsonschema import Draft202012Validator

from segment_dagster import SegmentHealthComponent, SegmentWarehouseComponent, SegmentWorkspaceComponent

TYPE = "segment_dagster.SegmentWorkspaceComponent"


@contextmanager
def loaded(*attributes):
    """The definitions of a project with a component for each."""
    with create_defs_folder_sandbox() as project:
        for each in attributes:
            project.scaffold_component(
                component_cls=SegmentWorkspaceComponent,
                defs_path=each["name"],
                defs_yaml_contents={"type": TYPE, "attributes": each},
            )
        with project.build_all_defs() as defs:
            yield defs


def test_attributes_become_names_keys_groups_owners_and_schedules(monkeypatch):
    monkeypatch.delenv("SEGMENT_PROD_TOKEN", raising=False)
    prod = {
        "name": "prod",
        "workspace": {"token_env": "SEGMENT_PROD_TOKEN", "region": "eu"},
        "destination": {"type": "duckdb", "dataset": "segment_prod", "database": "warehouse.duckdb"},
        "select": {
            "domains": ["connections", "usage", "audit"],
            "endpoints": ["segments"],
            "exclude": ["destinations"],
        },
        "history": True,
        "schedules": {"sync": "0 5 * * *", "usage": None},
        "audit_sensor": False,
        "translation": {"key_prefix": "prod", "group_name": "segment_prod", "owners": ["team:growth"]},
    }
    with loaded(prod, {"name": "dev", "translation": {"key_prefix": "dev"}}) as defs:
        keys = {key.to_user_string() for key in defs.resolve_all_asset_keys()}
        assert {"prod/segment/sources", "prod/segment/segments", "prod/segment/changes", "dev/segment/sources"} <= keys
        assert "prod/segment/destinations" not in keys and "dev/segment/destinations" in keys
        (spec,) = (
            spec for spec in defs.resolve_all_asset_specs() if spec.key == dg.AssetKey(["prod", "segment", "sources"])
        )
        assert (spec.group_name, list(spec.owners)) == ("segment_prod", ["team:growth"])
        assert spec.metadata["dagster/table_name"] == "segment_prod.sources"
        repository = defs.get_repository_def()
        schedules = {schedule.name: schedule.cron_schedule for schedule in repository.schedule_defs}
        assert schedules["prod_sync_daily"] == "0 5 * * *" and "prod_usage_daily" not in schedules
        assert {sensor.name for sensor in repository.sensor_defs} == {"dev_audit_sensor"}


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"region": "eu"}, "region"),
        ({"workspace": {"token_enf": "X"}}, "token_enf"),
        ({"workspace": {"concurrency": "many"}}, "concurrency"),
        ({"workspace": {"region": "mars"}}, "'prod' cannot be loaded: SEGMENT_REGION is 'mars'. Legal values: us, eu."),
        ({"workspace": {"token_env": "A", "token": "b"}}, "token_env and token are both set"),
        ({"destination": {"dataset": "No"}}, "SEGMENT_DATASET is 'No'"),
        (
            {"destination": {"type": "oracle"}},
            "'prod' cannot be loaded: SEGMENT_DESTINATION is 'oracle', which is no destination. Legal values: duckdb, ",
        ),
        ({"select": {"domains": ["conections"]}}, "Did you mean connections"),
        ({"schedules": {"sync": "every day"}}, "SEGMENT_SCHEDULE_CRON is 'every day'"),
        ({"translation": {"group": "x"}}, "group"),
    ],
    ids=str,
)
def test_a_wrong_attribute_is_told(attributes, said):
    with pytest.raises(Exception) as caught, loaded({"name": "prod", **attributes}):
        pass
    text = "".join(map(str, (caught.value, caught.value.__cause__, caught.value.__context__)))
    assert said in text


WRONG = {
    "name: Prod-1": ("name", "does not match"),
    "nmae: prod": ("", "'nmae' was unexpected"),
    "workspace: {token_enf: X}": ("workspace", "'token_enf' was unexpected"),
    "workspace: {region: mars}": ("workspace.region", "'mars' does not match '^(us|eu)$"),
    "workspace: {layout: v1}": ("workspace.layout", "'v1' does not match '^(public|versioned)$"),
    "workspace: {concurrency: many}": ("workspace.concurrency", "'many' does not match"),
    "workspace: {concurrency: 65}": ("workspace.concurrency", "greater than the maximum of 64"),
    "workspace: {page_size: 0}": ("workspace.page_size", "less than the minimum of 1"),
    "workspace: {retry_seconds: 0}": ("workspace.retry_seconds", "less than or equal to the minimum of 0"),
    "workspace: {include_secrets: maybe}": ("workspace.include_secrets", "'maybe' does not match"),
    "workspace: {on_unavailable: ask}": ("workspace.on_unavailable", "'ask' does not match '^(skip|fail)$"),
    "schedules: {sync: every day}": ("schedules.sync", "'every day' does not match"),
    "workspace: 3": ("workspace", "3 is not valid"),
    "destination: {dataset: Bad Name}": ("destination.dataset", "'Bad Name' does not match"),
    "destination: {name: a-b}": ("destination.name", "'a-b' does not match"),
    "destination: {lock_timeout: 3601}": ("destination.lock_timeout", "greater than the maximum of 3600"),
    "destination: {password: x}": ("destination", "'password' was unexpected"),
    "select: {domains: [conections]}": ("select.domains.0", "'conections' does not match '^(workspace|connections|"),
    "select: {endpoints: [source]}": ("select.endpoints.0", "'source' does not match"),
    "select: {endpoints: sources}": ("select.endpoints", "'sources' does not match"),
    "select: {exclude: [nothing]}": ("select.exclude.0", "'nothing' does not match"),
    "history: maybe": ("history", "'maybe' does not match"),
    "schedules: {weekly: '0 0 * * 0'}": ("schedules", "'weekly' is not one of ['sync', 'audit', "),
    "schedules: {sync: 5}": ("schedules", "is not valid"),
    "audit_sensor: 3": ("audit_sensor", "3 is not valid"),
    "pool: [a]": ("pool", "is not valid"),
    "translation: {group: x}": ("translation", "is not valid"),
}
RIGHT = [
    "{}",
    "workspace: {region: eu, concurrency: 8, layout: versioned, include_secrets: true, retry_seconds: 0.5}",
    "workspace: {region: '{{ env.REGION }}', concurrency: '{{ env.MANY }}', include_secrets: '{{ env.SECRETS }}'}",
    "workspace: {concurrency: '8', retry_seconds: '0.5', include_secrets: 'true'}",
    "destination: {type: postgres, dataset: segment_prod, name: crm, lock_timeout: 60}",
    "select: {domains: [usage, '{{ env.DOMAIN }}'], endpoints: [sources], exclude: [warehouses]}",
    "{history: false, schedules: null, audit_sensor: false, pool: shared, name: prod_eu}",
    "schedules: {sync: '0 6 * * *', usage: null}",
]


@pytest.fixture(scope="module")
def schema():
    """What `dg check yaml` and editors hold the attributes against."""
    model = SegmentWorkspaceComponent.get_model_cls()
    assert model is not None
    return Draft202012Validator(model.model_json_schema())


@pytest.mark.parametrize(("attributes", "told"), WRONG.items(), ids=WRONG)
def test_the_schema_says_which_attribute_is_wrong(schema, attributes, told):
    (error,) = schema.iter_errors(yaml.safe_load(attributes))
    path, message = told
    assert ".".join(map(str, error.path)) == path and message in error.message


@pytest.mark.parametrize("attributes", RIGHT)
def test_the_schema_takes_what_the_component_takes(schema, attributes):
    assert list(schema.iter_errors(yaml.safe_load(attributes))) == []


def test_the_schema_refers_to_what_is_inside_for_dagsters_page_of_the_component(schema):
    for name in ("workspace", "destination", "select"):
        alternatives = schema.schema["properties"][name]["anyOf"]
        assert any(each.get("$ref", "").startswith("#/$defs/") for each in alternatives)


def test_a_component_can_decide_its_own_specs():
    class Mine(SegmentWorkspaceComponent):
        def get_asset_spec(self, data):
            return super().get_asset_spec(data).replace_attributes(key=dg.AssetKey(["mine", data.name]))

    defs = Mine(name="prod").build_defs(dg.ComponentTree.for_test().load_context)
    assert dg.AssetKey(["mine", "sources"]) in defs.resolve_all_asset_keys()


@pytest.mark.parametrize("component", [SegmentWorkspaceComponent, SegmentWarehouseComponent, SegmentHealthComponent])
def test_every_attribute_has_a_description_in_the_schema(component):
    schema = component.get_model_cls().model_json_schema()
    ours = {name: model for name, model in schema["$defs"].items() if "Attributes" in name} | {"": schema}
    attributes = [(name, each, field) for name, model in ours.items() for each, field in model["properties"].items()]
    assert len(attributes) > 20
    assert [(name, each) for name, each, field in attributes if not field.get("description")] == []


def test_dg_finds_the_component():
    (registered,) = entry_points(group="dagster_dg_cli.registry_modules", name="segment_dagster")
    # dg looks for components among what `dir` names
    module = registered.load()
    assert "SegmentWorkspaceComponent" in dir(module) and module.SegmentWorkspaceComponent is SegmentWorkspaceComponent
