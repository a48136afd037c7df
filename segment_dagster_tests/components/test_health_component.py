"""`SegmentHealthComponent`: the marts of a workspace component."""

from contextlib import contextmanager

import dagster as dg
import pytest
from dagster.components.testing.utils import create_defs_folder_sandbox

from segment_dagster import SegmentHealthComponent, SegmentWorkspaceComponent
from segment_dagster.components.build_health import selected_marts
from segment_dagster.config import HealthSettings
from segment_dagster.errors import SettingError
from segment_dagster.marts.models import MARTS

pytestmark = pytest.mark.slow

PROD = {
    "name": "prod",
    "workspace": {"token_env": "SEGMENT_PROD_TOKEN"},
    "destination": {"dataset": "segment_prod", "database": "prod.duckdb"},
    "translation": {"key_prefix": "prod", "owners": ["team:growth"]},
}


@contextmanager
def loaded(health, *workspaces):
    """The definitions of a project with these workspaces and a health component."""
    with create_defs_folder_sandbox() as project:
        for each in workspaces:
            project.scaffold_component(
                component_cls=SegmentWorkspaceComponent,
                defs_path=each["name"],
                defs_yaml_contents={"type": "segment_dagster.SegmentWorkspaceComponent", "attributes": each},
            )
        project.scaffold_component(
            component_cls=SegmentHealthComponent,
            defs_path="health",
            defs_yaml_contents={"type": "segment_dagster.SegmentHealthComponent", "attributes": health},
        )
        with project.build_all_defs() as defs:
            yield defs


def test_the_marts_are_below_the_tables_of_the_workspace_and_translated_as_they_are():
    with loaded({"thresholds": {"quiet_days": 3}, "plan": {"mtu": 1000}}, PROD) as defs:
        specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
        spec = specs["prod/segment/health_sources"]
        assert {dep.asset_key.to_user_string() for dep in spec.deps} == {
            "prod/segment/destinations",
            "prod/segment/events_volume",
            "prod/segment/sources",
            "prod/segment/warehouse_connected_sources",
            "prod/segment/warehouses",
        }
        assert list(spec.owners) == ["team:growth"]
        assert spec.metadata["dagster/table_name"] == "segment_prod.health_sources"
        repository = defs.get_repository_def()
        assert "prod_health" in {job.name for job in repository.get_all_jobs()}
        assert {each.name: each.cron_schedule for each in repository.schedule_defs}["prod_health_daily"] == "30 7 * * *"
        checks = {(key.asset_key.to_user_string(), key.name) for key in defs.resolve_asset_graph().asset_check_keys}
        assert ("prod/segment/health_sources", "sources_send_events") in checks


def test_without_history_nothing_hangs_below_a_table_of_changes():
    with loaded({}, PROD) as defs:
        assert "changes" not in {key.path[-1] for key in defs.resolve_asset_graph().get_all_asset_keys()}
    with loaded({}, {**PROD, "history": True}) as defs:
        (spec,) = (each for each in defs.resolve_all_asset_specs() if each.key.path[-1] == "changes_weekly")
        assert dg.AssetKey(["prod", "segment", "changes"]) in {dep.asset_key for dep in spec.deps}


def test_a_mart_whose_tables_are_not_selected_is_not_there():
    with loaded({}, {**PROD, "select": {"domains": ["access"]}}) as defs:
        names = {spec.key.path[-1] for spec in defs.resolve_all_asset_specs()}
        assert names & {mart.name for mart in MARTS} == {"access_review"}


def test_of_several_workspaces_one_is_named():
    with loaded({"workspace": "dev"}, PROD, {"name": "dev", "translation": {"key_prefix": "dev"}}) as defs:
        keys = {spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()}
        assert "dev/segment/health_sources" in keys and "prod/segment/health_sources" not in keys


@pytest.mark.parametrize(
    ("health", "workspaces", "said"),
    [
        ({}, [], "workspace is not set. Workspace components of the project: none: add a SegmentWorkspaceComponent."),
        ({}, [PROD, {"name": "dev"}], "workspace is not set. Workspace components of the project: dev, prod."),
        ({"workspace": "eu"}, [PROD], "workspace is 'eu'. Workspace components of the project: prod."),
        ({"marts": ["health_source"]}, [PROD], "health_source"),
        ({"thresholds": {"quiet_days": 20}}, [PROD], "SEGMENT_HEALTH_DEAD_DAYS is 14, and quiet_days is 20."),
        ({"thresholds": {"success_rate": 2}}, [PROD], "SEGMENT_HEALTH_SUCCESS_RATE is '2.0'. Legal values: "),
        ({"schedule": "daily"}, [PROD], "'prod' cannot be loaded: schedule is 'daily'. Set it to a cron expression"),
        (
            {"marts": ["health_sources"]},
            [{**PROD, "select": {"domains": ["access"]}}],
            "marts names 'health_sources'. It needs sources: select that endpoint as well.",
        ),
    ],
    ids=str,
)
def test_a_wrong_attribute_is_told(health, workspaces, said):
    with pytest.raises(Exception) as caught, loaded(health, *workspaces):
        pass
    assert said in "".join(map(str, (caught.value, caught.value.__cause__, caught.value.__context__)))


def test_a_mart_that_is_none_is_refused():
    with pytest.raises(SettingError, match=r"marts names 'x'\. Legal values: health_sources, "):
        selected_marts(["x"], ["sources"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dead_days": 2}, "SEGMENT_HEALTH_DEAD_DAYS is 2, and quiet_days is 2. A source is quiet before it is dead"),
        ({"success_rate": 0}, "SEGMENT_HEALTH_SUCCESS_RATE is '0'"),
        ({"mtu_plan": -1}, "SEGMENT_HEALTH_MTU_PLAN is '-1'"),
    ],
    ids=str,
)
def test_a_threshold_without_a_meaning_is_refused(given, said):
    with pytest.raises(SettingError) as caught:
        HealthSettings(**given)
    assert said in str(caught.value)


def test_thresholds_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("SEGMENT_HEALTH_QUIET_DAYS", "5")
    monkeypatch.setenv("SEGMENT_HEALTH_VIOLATION_REASONS", "a, b")
    assert (HealthSettings().quiet_days, HealthSettings().violation_reasons) == (5, ("a", "b"))


def test_the_report_is_below_the_marts_and_can_be_left_out():
    with loaded({"report": {"url": "https://reports.example.com/prod.html"}}, PROD) as defs:
        specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
        deps = {dep.asset_key.to_user_string() for dep in specs["prod/segment/report"].deps}
        assert {"prod/segment/health_sources", "prod/segment/usage_forecast", "prod/segment/workspace"} <= deps
        job = defs.resolve_job_def("prod_health")
        assert dg.AssetKey(["prod", "segment", "report"]) in job.asset_layer.selected_asset_keys
    with loaded({"report": None}, PROD) as defs:
        assert "prod/segment/report" not in {key.to_user_string() for key in defs.resolve_all_asset_keys()}


def test_alerts_watch_the_workspace_and_its_marts():
    alerts = {"channels": ["ALERTS_CHAT"], "min_severity": "error", "digest": None, "interval_seconds": 120}
    with loaded({"alerts": alerts}, PROD) as defs:
        sensors = {each.name: each for each in defs.get_repository_def().sensor_defs}
        sensor = sensors["prod_alert_sensor"]
        assert (sensor.minimum_interval_seconds, sensor.default_status) == (120, dg.DefaultSensorStatus.STOPPED)
    with loaded({}, PROD) as defs:
        assert "prod_alert_sensor" not in {each.name for each in defs.get_repository_def().sensor_defs}


def test_the_marts_of_several_workspaces_are_united():
    union = {"workspaces": ["prod", "dev"], "destination": {"dataset": "segment_all"}}
    with loaded({"union": union}, PROD, {"name": "dev", "translation": {"key_prefix": "dev"}}) as defs:
        specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
        assert {dep.asset_key.to_user_string() for dep in specs["segment_all/unused"].deps} == {
            "prod/segment/unused",
            "dev/segment/unused",
        }
        assert "prod_health" not in {job.name for job in defs.get_repository_def().get_all_jobs()}
        assert "segment_all_health_daily" in {each.name for each in defs.get_repository_def().schedule_defs}


@pytest.mark.parametrize(
    ("health", "said"),
    [
        ({"union": {"workspaces": ["prod", "x"], "destination": {}}}, "workspace is 'x'."),
        ({"union": {"workspaces": [], "destination": {}}}, "union.workspaces names no workspace, or one twice."),
        ({"workspace": "prod", "union": {"workspaces": ["prod"], "destination": {}}}, "are both set: set one of them"),
        (
            {"thresholds": {"quiet_days": 3}, "union": {"workspaces": ["prod"], "destination": {}}},
            "thresholds and union are both set",
        ),
        ({"plan": {"mtu": 3}, "union": {"workspaces": ["prod"], "destination": {}}}, "plan and union are both set"),
        ({"alerts": {"channels": []}}, "channels is empty"),
        ({"alerts": {"channels": ["A"], "digest": {"weekday": "funday"}}}, "digest has the weekday 'funday'"),
        ({"alerts": {"channels": ["json://host"]}}, "an entry that is no name of an environment variable: number 1"),
    ],
    ids=str,
)
def test_a_wrong_union_or_alert_is_told(health, said):
    with pytest.raises(Exception) as caught, loaded(health, PROD):
        pass
    assert said in "".join(map(str, (caught.value, caught.value.__cause__, caught.value.__context__)))
