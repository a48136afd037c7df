"""`SegmentWarehouseComponent`: the tables that Segment itself syncs into warehouses."""

from contextlib import contextmanager

import dagster as dg
import dlt
import pytest
import yaml
from dagster.components.testing.utils import create_defs_folder_sandbox

from segment_dagster import SegmentWarehouseComponent, SegmentWorkspaceComponent, segment_warehouse_specs
from segment_dagster.emulator import Fault
from segment_dagster.errors import SettingError
from segment_dagster.syncs.tables import TableNames
from segment_dagster.syncs.topology import SyncedSource, SyncedWarehouse, Topology, WarehouseSelection, names_of

pytestmark = pytest.mark.slow

TYPE = "segment_dagster.SegmentWarehouseComponent"
WORKSPACE = {"token_env": "SEGMENT_API_TOKEN"}


@contextmanager
def sandbox(attributes, *others):
    """A project with the component and perhaps one of a workspace; the state is not there yet."""
    with create_defs_folder_sandbox() as project:
        path = project.scaffold_component(
            component_cls=SegmentWarehouseComponent,
            defs_path="dwh",
            defs_yaml_contents={"type": TYPE, "attributes": {"name": "dwh", "workspace": WORKSPACE, **attributes}},
        )
        for each in others:
            project.scaffold_component(
                component_cls=SegmentWorkspaceComponent,
                defs_path=each["name"],
                defs_yaml_contents={"type": "segment_dagster.SegmentWorkspaceComponent", "attributes": each},
            )
        yield project, path


def refresh(project, path):
    """What `dg utils refresh-defs-state` does."""
    import asyncio

    with project.load_component_and_build_defs(defs_path=path) as (component, _):
        asyncio.run(component.refresh_state(project.project_root))


@contextmanager
def loaded(attributes, *others):
    with sandbox(attributes, *others) as (project, path):
        refresh(project, path)
        with project.build_all_defs() as defs:
            yield defs


def chain(error):
    """What an error and those that caused it say."""
    return f"{error}\n{chain(error.__cause__)}" if error else ""


def specs_of(defs):
    return {
        spec.key.to_user_string(): spec
        for spec in defs.resolve_all_asset_specs()
        if "segment/warehouse_id" in spec.metadata
    }


def test_nothing_is_asked_for_when_the_definitions_are_loaded(emulator):
    with sandbox({}) as (project, path):
        with project.build_all_defs() as defs:
            assert specs_of(defs) == {}
        assert emulator.stats.total == 0
        refresh(project, path)
        asked = emulator.stats.by_endpoint
        assert asked == {"warehouses": 1, "warehouse_connected_sources": len(emulator.records("warehouses"))}
        emulator.stats.clear()
        with project.build_all_defs() as defs:
            assert len(specs_of(defs)) == 8 * len(emulator.records("warehouse_connected_sources"))
        assert emulator.stats.total == 0
        # settings of warehouses and write keys are not kept
        state = next(file for file in project.project_root.rglob("state") if file.is_file()).read_text()
        assert "password" not in state and "writeKeys" not in state


def test_tables_have_keys_that_dbt_expects(emulator):
    with loaded({"warehouses": {"by_name": ["Snowflake"]}, "database": "RAW"}) as defs:
        specs = specs_of(defs)
        spec = specs["javascript_production_0/tracks"]
        assert spec.metadata["dagster/table_name"] == "RAW.javascript_production_0.tracks"
        assert spec.kinds == {"segment", "snowflake"}
        assert spec.group_name == "segment_warehouse"
        repository = defs.get_repository_def()
        assert [sensor.name for sensor in repository.sensor_defs] == ["dwh_sensor"]
        checks = {check.name for check in defs.resolve_asset_graph().asset_check_keys if check.asset_key == spec.key}
        assert checks == {"segment_sync", "segment_sync_late"}
    # the same source in two warehouses: keys say which
    with loaded({}) as defs:
        assert {"snowflake/javascript_production_0/tracks"} <= set(specs_of(defs))


def test_sources_schemas_tables_and_translation_are_as_the_attributes_say(emulator):
    web = "javascript-production-0"
    attributes = {
        "warehouses": {"by_id": [emulator.records("warehouses")[0]["id"]]},
        "sources": {"by_slug": [web]},
        "tables": {web: ["tracks", "order_completed"]},
        "schemas": {web: "web"},
        "translation": {"key_prefix": "dwh", "owners": ["team:growth"]},
    }
    with loaded(attributes) as defs:
        specs = specs_of(defs)
        assert set(specs) == {"dwh/web/tracks", "dwh/web/order_completed"}
        assert list(specs["dwh/web/tracks"].owners) == ["team:growth"]


@pytest.mark.long
def test_tables_are_below_the_sources_of_the_same_workspace(emulator):
    prod = {"name": "prod", "workspace": WORKSPACE, "translation": {"key_prefix": "prod"}}
    other = {"name": "other", "workspace": {"token_env": "ANOTHER"}, "translation": {"key_prefix": "other"}}
    one = {"warehouses": {"by_name": ["snowflake"]}}
    with loaded(one, prod, other) as defs:
        deps = [dep.asset_key.to_user_string() for dep in specs_of(defs)["javascript_production_0/tracks"].deps]
        assert deps == ["prod/segment/sources"]
    with loaded({**one, "upstream": ["mine/sources"]}, prod) as defs:
        deps = [dep.asset_key.to_user_string() for dep in specs_of(defs)["javascript_production_0/tracks"].deps]
        assert deps == ["mine/sources"]
    with loaded(one) as defs:
        assert list(specs_of(defs)["javascript_production_0/tracks"].deps) == []


def test_tables_and_columns_come_from_the_destination(emulator, tmp_path):
    warehouse, source = emulator.records("warehouses")[0], emulator.records("sources")[0]
    file = tmp_path / "warehouse.duckdb"
    one = {
        "warehouses": {"by_id": [warehouse["id"]]},
        "tables": "loaded",
        "destination": {"database": str(file), "dataset": "d"},
    }
    missing = "the dataset d has no table warehouse_selective_syncs"
    with sandbox(one) as (project, path), pytest.raises(Exception, match=missing):
        refresh(project, path)
    rows = [
        {
            "warehouse_id": warehouse["id"],
            "source_id": source["id"],
            "collection": collection,
            "enabled": enabled,
            "properties": {"id": True, "userId": True, "price": False},
        }
        for collection, enabled in (("tracks", True), ("Order Completed", True), ("pages", False))
    ]
    pipeline = dlt.pipeline("segment_pipeline", destination=dlt.destinations.duckdb(str(file)), dataset_name="d")
    pipeline.run(rows, table_name="warehouse_selective_syncs", columns={"properties": {"data_type": "json"}})
    with loaded(one) as defs:
        specs = specs_of(defs)
        assert set(specs) == {"javascript_production_0/tracks", "javascript_production_0/order_completed"}
        schema = specs["javascript_production_0/tracks"].metadata["dagster/column_schema"]
        columns = schema.columns if isinstance(schema, dg.TableSchema) else schema.schema.columns
        assert [column.name for column in columns] == ["id", "user_id"]


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"on_partial": "maybe"}, "on_partial"),
        ({"tables": "some"}, "tables"),
        ({"statuses": {"succes": ["OK"]}}, "succes"),
        ({"statuses": {"success": ["OK"], "failed": ["ok"]}}, "the status 'OK' means 'success' and 'failed'"),
        ({"interval_seconds": 0}, "interval_seconds"),
        (
            {"tables": {"web": ["tracks"]}},
            "'dwh' cannot be loaded: tables names 'web', which is no source that is synced",
        ),
        ({"schemas": {"web": "w"}}, "schemas names 'web', which is no source that is synced. There are: "),
        ({"arrived": {}}, "name the warehouse either by a destination or by a resource"),
        ({"arrived": {"resource": "dwh", "tolerance": 1}}, "tolerance"),
        (
            {"warehouses": {"by_name": ["Redshift"]}},
            "warehouses.by_name names 'Redshift', which the workspace does not",
        ),
        ({"warehouses": {"by_id": ["x"]}}, "The Segment warehouses 'dwh' cannot be loaded: warehouses.by_id names 'x'"),
        ({"sources": {"by_slug": ["web"]}}, "sources.by_slug names 'web', which is synced into none of"),
    ],
)
def test_what_is_wrong_is_told(emulator, attributes, said):
    with pytest.raises(Exception, match="dwh") as failure, loaded(attributes):
        pass
    assert said in chain(failure.value)


def test_an_api_that_fails_is_told_in_a_line(emulator):
    emulator.faults.add(Fault("forbidden", "warehouses"))
    with (
        sandbox({}) as (project, path),
        pytest.raises(
            Exception, match=r"The Segment warehouses 'dwh' cannot be loaded: warehouses: GET /warehouses was"
        ),
    ):
        refresh(project, path)


def test_tables_of_the_destination_have_to_be_read_first(emulator):
    with sandbox({}) as (project, path):
        refresh(project, path)
        file = path / "defs.yaml"
        written = yaml.safe_load(file.read_text())
        written["attributes"]["tables"] = "loaded"
        file.write_text(yaml.safe_dump(written))
        with pytest.raises(Exception, match="dwh") as failure, project.build_all_defs():
            pass
        said = "tables is 'loaded', and the tables were not read yet. Run `dg utils refresh-defs-state`."
        assert said in chain(failure.value)


def test_warehouses_of_one_name_have_keys_of_their_own():
    web = SyncedSource(id="s", slug="web")
    names = TableNames(tables={"web": ["tracks"]})

    def keys(*warehouses):
        made = [SyncedWarehouse(id=id_, name=name, type="snowflake", sources=[web]) for id_, name in warehouses]
        return [spec.key.to_user_string() for spec in segment_warehouse_specs(Topology(warehouses=made), names=names)]

    assert keys(("a", "My DWH")) == ["web/tracks"]
    assert keys(("a", "My DWH"), ("b", "Other")) == ["my_dwh/web/tracks", "other/web/tracks"]
    assert keys(("a", "My DWH"), ("b", "my-dwh")) == ["my_dwh_a/web/tracks", "my_dwh_b/web/tracks"]


@pytest.mark.parametrize("record", [{"metadata": None, "settings": None}, {}, {"metadata": "x", "settings": []}])
def test_a_warehouse_that_says_little_is_called_by_its_id(record):
    assert names_of({"id": "a", **record}) == set()
    with pytest.raises(SettingError, match="names 'Snowflake', which the workspace does not have"):
        WarehouseSelection(warehouse_names=["Snowflake"]).warehouses_of([{"id": "a", "enabled": True, **record}])


def test_rows_are_compared_where_a_warehouse_is_named(emulator):
    one = {"warehouses": {"by_name": ["Snowflake"]}, "arrived": {"destination": {"type": "duckdb"}, "tolerance": 0.05}}
    with loaded(one) as defs:
        keys = {key for key in defs.resolve_asset_graph().asset_check_keys if key.name == "events_arrived"}
        assert {key.asset_key.path[-1] for key in keys} == {"tracks", "pages", "screens", "identifies", "groups"}
        assert len(keys) == 5 * len({spec.metadata["segment/source_id"] for spec in specs_of(defs).values()})


def test_it_is_scaffolded(emulator):
    with create_defs_folder_sandbox() as project:
        path = project.scaffold_component(component_cls=SegmentWarehouseComponent, defs_path="dwh")
        refresh(project, path)
        with project.build_all_defs() as defs:
            assert specs_of(defs)
