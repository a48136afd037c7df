"""`reverse_etl` of `SegmentWarehouseComponent`: models that Segment sends on, and that Dagster may start."""

from datetime import timedelta

import dagster as dg
import pytest
import yaml

from segment_dagster_tests.components.test_warehouse_component import chain, loaded, refresh, sandbox

pytestmark = pytest.mark.slow

ONE = {"by_id": ["mdl_0000"]}
KEY = dg.AssetKey(["segment_reverse_etl", "paying_customers_the_best_ones"])


def models_of(defs):
    return {
        spec.key.to_user_string(): spec
        for spec in defs.resolve_all_asset_specs()
        if "segment/model_id" in spec.metadata
    }


def names_of(defs):
    repository = defs.get_repository_def()
    return {sensor.name for sensor in repository.sensor_defs}


def test_nothing_is_asked_for_without_the_attribute(emulator):
    with loaded({}) as defs:
        assert models_of(defs) == {}
        assert names_of(defs) == {"dwh_sensor"}
    assert "reverse_etl_models" not in emulator.stats.by_endpoint
    assert "destination_subscriptions" not in emulator.stats.by_endpoint


def test_models_are_external_assets_that_nothing_starts(emulator):
    with sandbox({"reverse_etl": {}}) as (project, path):
        refresh(project, path)
        state = next(file for file in project.project_root.rglob("state") if file.is_file()).read_text()
        assert "mdl_0000" in state and "select" not in state.lower()
        emulator.stats.clear()
        with project.build_all_defs() as defs:
            enabled = [record for record in emulator.records("reverse_etl_models") if record["enabled"]]
            assert len(models_of(defs)) == len(enabled)
            assert names_of(defs) == {"dwh_sensor", "dwh_reverse_etl_sensor"}
            graph = defs.resolve_asset_graph()
            assert not graph.get(KEY).is_materializable
            assert dg.AssetCheckKey(KEY, "segment_sync") in graph.asset_check_keys
        assert emulator.stats.total == 0


@pytest.mark.long
def test_attributes_decide_what_models_look_like(emulator):
    attributes = {
        "models": ONE,
        "dialect": "snowflake",
        "key_prefix": "out",
        "group_name": "activation",
        "interval_seconds": 120,
        "translation": {"owners": ["team:growth"], "tags": {"model": "{{ model.id }}"}},
    }
    with loaded({"reverse_etl": attributes}) as defs:
        (spec,) = models_of(defs).values()
        assert spec.key.to_user_string() == "out/paying_customers_the_best_ones"
        assert [dep.asset_key.to_user_string() for dep in spec.deps] == ["analytics/users"]
        assert (spec.group_name, list(spec.owners), spec.tags["model"]) == ("activation", ["team:growth"], "mdl_0000")
        sensor = defs.get_repository_def().get_sensor_def("dwh_reverse_etl_sensor")
        assert sensor.minimum_interval_seconds == 120
    with loaded({"reverse_etl": {"models": ONE, "tables": {"mdl_0000": ["marts/customers"]}}}) as defs:
        (spec,) = models_of(defs).values()
        assert [dep.asset_key.to_user_string() for dep in spec.deps] == ["marts/customers"]


def test_a_model_starts_its_syncs_only_where_the_attribute_says_so(emulator):
    emulator.syncs.reverse_etl.lasts = timedelta(0)
    attributes = {
        "models": ONE,
        "trigger": True,
        "translation": {"automation_condition": "{{ dg.AutomationCondition.eager() }}"},
    }
    with loaded({"reverse_etl": attributes}) as defs:
        graph = defs.resolve_asset_graph()
        assert graph.get(KEY).is_materializable
        assert graph.get(KEY).automation_condition == dg.AutomationCondition.eager()
        assert names_of(defs) == {"dwh_sensor", "dwh_reverse_etl_sensor", "default_automation_condition_sensor"}
        assert emulator.stats.by_endpoint.get("reverse_etl_sync_start") is None
        subscriptions = models_of(defs)[KEY.to_user_string()].metadata["segment/subscriptions"]
        job = defs.resolve_implicit_global_asset_job_def()
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(instance=instance, asset_selection=[KEY])
        assert result.success
        assert emulator.stats.by_endpoint["reverse_etl_sync_start"] == len(subscriptions)
        assert len(emulator.syncs.reverse_etl.active) == len(subscriptions)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"trigger": "perhaps"}, "trigger"),
        ({"start": True}, "start"),
        ({"interval_seconds": 0}, "interval_seconds"),
        ({"dialect": "klingon"}, "'dwh' cannot be loaded: reverse_etl.dialect is 'klingon'. Legal values: "),
        ({"models": {"by_name": ["x"]}}, "'dwh' cannot be loaded: reverse_etl.models.by_name names 'x', which is no"),
        ({"models": {"by_id": ["x"]}}, "reverse_etl.models.by_id names 'x', which is no reverse ETL model of"),
        ({"tables": {"x": ["a"]}}, "'dwh' cannot be loaded: reverse_etl.tables names 'x', which is none of the models"),
        ({"models": {"by_slug": ["x"]}}, "by_slug"),
    ],
)
def test_what_is_wrong_is_told(emulator, attributes, said):
    with pytest.raises(Exception, match="dwh") as failure, loaded({"reverse_etl": attributes}):
        pass
    assert said in chain(failure.value)


def test_models_have_to_be_read_first(emulator):
    with sandbox({}) as (project, path):
        refresh(project, path)
        file = path / "defs.yaml"
        written = yaml.safe_load(file.read_text())
        written["attributes"]["reverse_etl"] = {}
        file.write_text(yaml.safe_dump(written))
        with pytest.raises(Exception, match="dwh") as failure, project.build_all_defs():
            pass
        said = "reverse_etl is set, and the models were not read yet. Run `dg utils refresh-defs-state`."
        assert said in chain(failure.value)
