"""`build_segment_defs`: workspaces under names of their own, in a project that was there before."""

from contextlib import contextmanager

import dagster as dg
import duckdb
import pytest

from segment_dagster import (
    DestinationResource,
    EndpointSelection,
    SegmentResource,
    SegmentTranslator,
    build_segment_defs,
)
from segment_dagster.components.build import InstanceError
from segment_dagster.emulator import running
from segment_dagster.endpoints import TABLES
from segment_dagster.errors import SettingError
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

SMALL = EndpointSelection(endpoints=("workspace", "sources", "warehouses"))


@contextmanager
def workspace_of(seed, **settings):
    """An emulator of a workspace of its own, and the resource that reads it."""
    with running(seed=seed, token=f"token-{seed}", minute=0.05, **settings) as emulator:
        yield emulator, SegmentResource(token=emulator.token, base_url=emulator.url)


class Prefixed(SegmentTranslator):
    def get_asset_spec(self, data):
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(key=spec.key.with_prefix("prod"))


class Short(SegmentTranslator):
    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(key=dg.AssetKey([data.resource.name]))


class Renamed(SegmentTranslator):
    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(key=dg.AssetKey(["raw", f"{data.name}_of_segment"]))


def of_segment(name):
    return dg.AssetKey(["raw", f"{name}_of_segment"])


TRANSLATORS = {
    Prefixed: lambda name: dg.AssetKey(["prod", "segment", name]),
    Short: lambda name: dg.AssetKey([name]),
    Renamed: of_segment,
}


def names(defs):
    repository = defs.get_repository_def()
    return {
        "jobs": {job.name for job in repository.get_all_jobs()} - {"__ASSET_JOB"},
        "schedules": {schedule.name for schedule in repository.schedule_defs},
        "sensors": {sensor.name for sensor in repository.sensor_defs},
        "ops": {made.node_def.name for made in repository.assets_defs_by_key.values()},
        "pools": {made.op.pool for made in repository.assets_defs_by_key.values()},
    }


def test_the_default_instance_keeps_its_names():
    found = names(build_segment_defs())
    assert found["jobs"] >= {"segment_sync", "segment_slow_sync", "segment_audit_sync", "segment_usage_sync"}
    assert found["sensors"] == {"segment_audit_sensor"}
    assert found["ops"] >= {"segment", "segment_slow", "segment_volume"}
    assert found["pools"] == {"segment_api_token"}


def test_every_name_of_another_instance_begins_with_its_own():
    found = names(build_segment_defs(name="prod"))
    del found["pools"]
    assert {name for kind in found.values() for name in kind if not name.startswith("prod")} == set()


def test_there_is_a_pool_for_each_token():
    def pools(token, name="prod", **settings):
        workspace = SegmentResource(token=token)
        found = names(build_segment_defs(name=name, workspace=workspace, select=SMALL, **settings))
        return found["pools"]

    assert pools(dg.EnvVar("PROD_SEGMENT_TOKEN")) == pools(dg.EnvVar("PROD_SEGMENT_TOKEN"), name="again")
    assert pools(dg.EnvVar("PROD_SEGMENT_TOKEN")) == {"prod_segment_token"}
    assert pools(None) == pools(dg.EnvVar("SEGMENT_API_TOKEN")) == {"segment_api_token"}
    assert pools("a-token") == pools("a-token", name="again") != pools("another")
    assert not any("a-token" in pool for pool in pools("a-token"))
    assert pools("a-token", pool="shared") == {"shared"}


def test_nothing_global_comes_with_the_definitions():
    defs = build_segment_defs()
    assert not defs.resources and defs.executor is None and not defs.loggers


def test_they_merge_with_a_project_that_has_an_executor_and_resources_of_the_same_names():
    class Own(dg.ConfigurableResource):
        value: str = "mine"

    @dg.asset(deps=[dg.AssetKey(["prod", "segment", "sources"])])
    def report(segment: Own, dlt: Own) -> str:
        return segment.value + dlt.value

    own = dg.Definitions(assets=[report], resources={"segment": Own(), "dlt": Own()}, executor=dg.multiprocess_executor)
    both = [build_segment_defs(name="eu", translator=Renamed()), build_segment_defs(name="prod", translator=Prefixed())]
    merged = dg.Definitions.merge(own, *both)
    assert merged.executor is dg.multiprocess_executor
    assert merged.get_job_def("eu_sync") and merged.get_job_def("prod_sync")
    result = dg.materialize([report], resources={"segment": Own(), "dlt": Own()})
    assert result.output_for_node("report") == "minemine"


def test_two_workspaces_are_loaded_each_into_its_dataset():
    with workspace_of(1) as (first, one), workspace_of(2) as (second, other):
        defs = dg.Definitions.merge(
            build_segment_defs(
                name="one",
                workspace=one,
                destination=DestinationResource(dataset="segment_one"),
                select=SMALL,
                translator=Renamed(),
            ),
            build_segment_defs(
                name="other",
                workspace=other,
                destination=DestinationResource(dataset="segment_other", database="other.duckdb"),
                select=SMALL,
                translator=Prefixed(),
            ),
        )
        with dg.DagsterInstance.ephemeral() as instance:
            for name in ("one", "other"):
                result = defs.resolve_job_def(f"{name}_sync").execute_in_process(instance=instance)
                assert all(check.passed for check in result.get_asset_check_evaluations())
        for emulator, file, dataset in (
            (first, "segment.duckdb", "segment_one"),
            (second, "other.duckdb", "segment_other"),
        ):
            with duckdb.connect(file, read_only=True) as connection:
                slugs = {row[0] for row in connection.execute(f"SELECT slug FROM {dataset}.sources").fetchall()}
                pipelines = connection.execute(f"SELECT DISTINCT pipeline_name FROM {dataset}._dlt_pipeline_state")
                assert pipelines.fetchall() == [(f"{dataset.removeprefix('segment_')}_pipeline",)]
            assert slugs == {record["slug"] for record in emulator.world.records("sources")}


@pytest.mark.parametrize("translator", often(TRANSLATORS, 1))
def test_checks_jobs_dependencies_and_metadata_follow_the_translator(translator, emulator):
    key = TRANSLATORS[translator]
    defs = build_segment_defs(translator=translator(), select=SMALL, history=True)
    expected = {key(name) for name in ("workspace", "sources", "warehouses", "changes")}
    assert set(defs.resolve_all_asset_keys()) == expected
    assert {check.asset_key for check in defs.resolve_asset_graph().asset_check_keys} <= expected
    specs = {spec.key: spec for spec in defs.resolve_all_asset_specs()}
    assert {dep.asset_key for dep in specs[key("sources")].deps} == {key("workspace")}
    assert {dep.asset_key for dep in specs[key("changes")].deps} == expected - {key("changes")}
    lineage = specs[key("changes")].metadata["dagster/column_lineage"].deps_by_column
    assert dg.TableColumnDep(key("sources"), "slug") in lineage["new_value"]
    assert dg.TableColumnDep(key("sources"), "id") in lineage["record_key"]
    assert {dep.asset_key for deps in lineage.values() for dep in deps} == expected - {key("changes")}
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            result = defs.resolve_job_def("segment_sync").execute_in_process(instance=instance)
            assert result.success
            found = {
                each.materialization.asset_key: each.materialization
                for each in result.get_asset_materialization_events()
            }
            assert set(found) == expected
            assert found[key("sources")].metadata["dagster/row_count"].value == 40
            assert {check.asset_key for check in result.get_asset_check_evaluations()} <= expected
        assert found[key("sources")].metadata["segment/rows_unchanged"].value is True


def test_the_sensor_follows_the_translator(emulator):
    emulator.clock.set(None)
    defs = build_segment_defs(translator=Renamed(), name="prod")
    sensor = defs.get_repository_def().get_sensor_def("prod_audit_sensor")
    assert sensor.job_name == "prod_sync"
    with dg.DagsterInstance.ephemeral() as instance:
        with dg.build_sensor_context(instance, definitions=defs) as context:
            first = sensor.evaluate_tick(context)
        assert first.skip_message == "From now on, changes are seen."


def test_what_is_not_selected_is_not_there(emulator):
    select = EndpointSelection(domains=("usage",), endpoints=("segments",), exclude=("usage_mtu_daily",))
    wanted = {endpoint.name for endpoint in TABLES if endpoint.domain == "usage"} | {"segments"}
    defs = build_segment_defs(select=select)
    assert {key.path[-1] for key in defs.resolve_all_asset_keys()} == wanted - {"usage_mtu_daily"}
    assert {key.asset_key.path[-1] for key in defs.resolve_asset_graph().asset_check_keys} <= wanted
    result = defs.resolve_job_def("segment_sync").execute_in_process()
    assert result.success
    # the parent of a child is read, without an asset; who the workspace is is asked too
    assert set(emulator.stats.by_endpoint) == {"workspace", "spaces", "segments"}


@pytest.mark.parametrize(
    ("select", "said"),
    [
        (
            EndpointSelection(domains=("conections",)),
            r"select\.domains names 'conections'.* Did you mean connections",
        ),
        (EndpointSelection(endpoints=("source",)), r"select\.endpoints names 'source'.* Did you mean sources"),
        (EndpointSelection(exclude=("nothing_like_it",)), r"select\.exclude names 'nothing_like_it'.* Legal values: "),
        (EndpointSelection(endpoints=("sources",), exclude=("sources",)), "select leaves no endpoint"),
    ],
)
def test_a_selection_that_names_nothing_is_refused(select, said):
    with pytest.raises(SettingError, match=said):
        build_segment_defs(select=select)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"workspace": SegmentResource(region="mars")}, r"SEGMENT_REGION is 'mars'\. Legal values: us, eu\."),
        ({"destination": DestinationResource(dataset="No")}, r"SEGMENT_DATASET is 'No'"),
        ({"schedules": {"sync": "every day"}}, r"SEGMENT_SCHEDULE_CRON is 'every day'"),
        ({"schedules": {"weekly": "0 0 * * *"}}, r"schedules names 'weekly'\. Legal values: sync, audit, slow"),
    ],
)
def test_an_instance_that_cannot_be_made_is_named(given, said):
    with pytest.raises(InstanceError, match=r"^The Segment workspace 'prod' cannot be loaded: " + said):
        build_segment_defs(name="prod", **given)


@pytest.mark.parametrize("name", ["", "Prod", "a-b", "1st", "a__b"])
def test_a_name_that_dagster_cannot_use_is_refused(name):
    with pytest.raises(InstanceError, match="lower-case letters, digits and single underscores"):
        build_segment_defs(name=name)


def test_schedules_can_be_changed_and_left_out():
    def crons(**options):
        return {
            each.name: each.cron_schedule for each in build_segment_defs(**options).get_repository_def().schedule_defs
        }

    assert crons()["segment_sync_daily"] == "0 6 * * *"
    changed = crons(schedules={"sync": "0 5 * * *", "usage": None})
    assert changed["segment_sync_daily"] == "0 5 * * *"
    assert not [name for name in changed if "usage" in name]
    assert crons(schedules=None) == {}
    assert not build_segment_defs(audit_sensor=False).get_repository_def().sensor_defs


def test_no_token_is_needed_before_a_run_begins(emulator, monkeypatch):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    defs = build_segment_defs(workspace=SegmentResource(token=dg.EnvVar("MY_TOKEN")), select=SMALL)
    monkeypatch.setenv("MY_TOKEN", emulator.token)
    assert defs.resolve_job_def("segment_sync").execute_in_process().success
