"""The marts of several workspaces in one table each."""

import dagster as dg
import pytest

from segment_dagster import DestinationResource, HealthInstance, SegmentTranslator, build_segment_union_defs
from segment_dagster.config import DestinationSettings, HealthSettings
from segment_dagster.errors import SettingError
from segment_dagster.load import inspect_dataset, resolve_destination
from segment_dagster.marts.build_mart import build_mart
from segment_dagster_tests.marts import planted_truth as truth
from segment_dagster_tests.marts.conftest import load, mart
from segment_dagster_tests.variants import often

pytestmark = [pytest.mark.slow, pytest.mark.server]


class Prefixed(SegmentTranslator):
    """Keys begin with a name."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def get_asset_spec(self, data):
        """The spec under its own key."""
        return super().get_asset_spec(data).replace_attributes(key=data.default_spec.key.with_prefix(self.name))


@pytest.fixture
def instances(tmp_path, monkeypatch):
    """Two workspaces in one DuckDB file."""
    monkeypatch.setenv("SEGMENT_NOW", truth.NOW.isoformat())
    file = str(tmp_path / "both.duckdb")
    return [
        HealthInstance(
            name=name,
            destination=DestinationResource(database=file, dataset=f"segment_{name}"),
            translator=Prefixed(name),
        )
        for name in ("eu", "us")
    ]


def run(instances, destination):
    defs = build_segment_union_defs(instances, destination=destination)
    selection = dg.AssetSelection.assets(dg.AssetKey(["segment_all", "access_review"]))
    job = dg.Definitions(
        assets=defs.assets, jobs=[dg.define_asset_job("some", selection, executor_def=dg.in_process_executor)]
    ).resolve_job_def("some")
    return job.execute_in_process(raise_on_error=False)


def failure(result):
    (event,) = (event for event in result.all_events if event.is_step_failure)
    return event.step_failure_data.user_failure_data.description


@pytest.mark.parametrize("other", often([True, False], 1), ids=["another file", "the same file"])
def test_rows_of_all_workspaces_come_with_their_names(planted, instances, tmp_path, other):
    for each in instances:
        settings = each.place().settings()
        load(planted, settings, ("users", "audit_events"))
        build_mart(mart("access_review"), resolve_destination(settings), truth.NOW, HealthSettings())
    file = str(tmp_path / ("all.duckdb" if other else "both.duckdb"))
    place = DestinationResource(database=file, dataset="segment_all")
    result = run(instances, place)
    (made,) = result.asset_materializations_for_node("segment_all_marts")
    counts = made.metadata["segment/rows_by_workspace"].value
    assert counts["eu"] == counts["us"] > 0
    assert made.metadata["dagster/row_count"].value == counts["eu"] + counts["us"]
    with inspect_dataset(resolve_destination(DestinationSettings(database=file, dataset="segment_all"))) as tables:
        assert dict(tables.row_counts("access_review", ["workspace"])) == {("eu",): counts["eu"], ("us",): counts["us"]}
        rows = list(tables.rows("access_review", ["workspace", "user_email"]))
    emails = [{row["user_email"] for row in rows if row["workspace"] == name} for name in ("eu", "us")]
    assert emails[0] == emails[1] and "dora@planted.example" in emails[0]


def test_assets_are_below_those_of_each_workspace(instances):
    defs = build_segment_union_defs(instances, destination=DestinationResource(dataset="segment_all"))
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    spec = specs["segment_all/health_sources"]
    assert {dep.asset_key.to_user_string() for dep in spec.deps} == {
        "eu/segment/health_sources",
        "us/segment/health_sources",
    }
    assert spec.metadata["dagster/column_schema"].columns[0].name == "workspace"


def test_a_workspace_without_the_mart_is_named(planted, instances, tmp_path):
    load(planted, instances[0].place().settings(), ("users",))
    result = run(instances, DestinationResource(database=str(tmp_path / "all.duckdb"), dataset="segment_all"))
    assert failure(result).startswith("access_review of eu: the dataset segment_eu has no table access_review.")


def test_the_dataset_of_a_workspace_is_refused(instances, tmp_path):
    place = DestinationResource(database=str(tmp_path / "both.duckdb"), dataset="segment_us")
    assert failure(run(instances, place)) == (
        "union.destination is the dataset of 'us'. Give the union one of its own."
    )


def test_a_workspace_twice_or_none_is_refused(instances):
    for wrong in ([], [instances[0], instances[0]]):
        with pytest.raises(SettingError, match=r"union\.workspaces names no workspace, or one twice"):
            build_segment_union_defs(wrong, destination=DestinationResource(dataset="segment_all"))
