"""What reverse ETL models look like as assets, and what they hang below."""

from dataclasses import replace

import dagster as dg
import pytest

from segment_dagster import segment_reverse_etl_assets, segment_reverse_etl_specs
from segment_dagster.client import SegmentClient
from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Edit
from segment_dagster.errors import SettingError
from segment_dagster.syncs.reverse_etl.checks import reverse_etl_checks
from segment_dagster.syncs.reverse_etl.models import ReverseEtlModel, ReverseEtlSelection, Subscription, fetch_models
from segment_dagster.syncs.reverse_etl.queries import read_tables
from segment_dagster.syncs.reverse_etl.sensor import build_segment_reverse_etl_sensor
from segment_dagster.syncs.topology import Topology

pytestmark = pytest.mark.slow

READ = read_tables("SELECT * FROM RAW.analytics.users", "snowflake")


def model(id_="m1", name="Paying customers", **options):
    return ReverseEtlModel(id=id_, name=name, source_id="s1", **options)


def deps_of(spec):
    return [dep.asset_key.to_user_string() for dep in spec.deps]


def test_a_model_is_below_the_tables_that_its_query_reads():
    (spec,) = segment_reverse_etl_specs([model(reads=READ)])
    assert spec.key.to_user_string() == "segment_reverse_etl/paying_customers"
    assert deps_of(spec) == ["analytics/users"]
    assert spec.metadata["segment/reads"] == "RAW.analytics.users, by its query."
    assert spec.group_name == "segment_reverse_etl" and spec.kinds == {"segment"}


def test_a_table_is_found_by_its_name_where_its_key_is_another():
    users = dg.AssetSpec(["dbt", "dim_users"], metadata={"dagster/table_name": "RAW.analytics.users"})
    other = dg.AssetSpec(["dbt", "other"], metadata={"dagster/table_name": "RAW.analytics.other"})
    defs = dg.Definitions(assets=[users, other, *segment_reverse_etl_specs([model(reads=READ)])])
    node = defs.resolve_asset_graph().get(dg.AssetKey(["segment_reverse_etl", "paying_customers"]))
    assert node.parent_keys == {users.key}


def test_what_is_not_certain_has_no_upstream_and_says_why():
    (spec,) = segment_reverse_etl_specs([model()])
    assert deps_of(spec) == []
    assert spec.metadata["segment/reads"] == (
        "Not known, as the dialect of the query is not: say it in `dialect`, or name the tables in `tables`."
    )


@pytest.mark.parametrize("name", ["m1", "Paying customers"])
def test_the_mapping_counts_before_the_query(name):
    (spec,) = segment_reverse_etl_specs([model(reads=READ)], tables={name: [dg.AssetKey(["dbt", "users"])]})
    assert deps_of(spec) == ["dbt/users"]
    assert spec.metadata["segment/reads"] == "As `tables` says."


def test_models_of_one_name_have_keys_of_their_own():
    specs = segment_reverse_etl_specs([model(), model("m2", "paying-Customers"), model("m3", "Ü")], key_prefix="out")
    keys = [spec.key.to_user_string() for spec in specs]
    assert keys == ["out/paying_customers_m1", "out/paying_customers_m2", "out/model"]


def test_subscriptions_of_one_name_are_told_apart():
    feeds = [Subscription(id=id_, name=name) for id_, name in (("a", "Track"), ("b", "Track"), ("c", "Identify"))]
    (spec,) = segment_reverse_etl_specs([model(subscriptions=feeds)])
    assert spec.metadata["segment/subscriptions"] == {"a": "Track (a)", "b": "Track (b)", "c": "Identify"}


def test_a_layout_without_reverse_etl_is_told(emulator):
    with (
        SegmentClient(ApiSettings(layout="versioned")) as client,
        pytest.raises(SettingError, match="SEGMENT_API_LAYOUT is one without reverse ETL"),
    ):
        fetch_models(client)


def test_a_translation_decides_what_the_asset_looks_like():
    (spec,) = segment_reverse_etl_specs(
        [model()], translate=lambda data: data.default_spec.replace_attributes(key=["x", data.model.id])
    )
    assert spec.key.to_user_string() == "x/m1"


def test_a_name_that_is_none_of_the_models_is_told():
    said = "reverse_etl.tables names 'x', which is none of the models. There are: Paying customers."
    with pytest.raises(SettingError, match=said):
        segment_reverse_etl_specs([model()], tables={"x": []})
    with pytest.raises(
        SettingError, match=r"reverse_etl.models.by_name names 'x', which is no reverse ETL model of the"
    ):
        ReverseEtlSelection(model_names=["x"]).of([model()])
    with pytest.raises(SettingError, match=r"reverse_etl.models.by_id names 'x'"):
        ReverseEtlSelection(model_ids=["x"]).of([model()])


def test_models_that_are_enabled_count_unless_some_are_chosen():
    models = [model(), model("m2", "Leads", enabled=False)]
    assert ReverseEtlSelection().of(models) == models[:1]
    assert ReverseEtlSelection(model_names=["Leads"]).of(models) == models[1:]


def test_a_model_without_a_subscription_has_nothing_to_start_or_to_tell():
    specs = segment_reverse_etl_specs([model()])
    assert segment_reverse_etl_assets(specs) == []
    with pytest.raises(ValueError, match="no reverse ETL model with a subscription is among the specs"):
        build_segment_reverse_etl_sensor(specs)


def test_models_are_read_with_what_their_queries_read(emulator):
    records = emulator.records("reverse_etl_models")
    source = next(each for each in emulator.records("sources") if each["id"] == records[0]["sourceId"])
    emulator.edits.add(
        Edit("sources", "modify", source["id"], {"metadata": {**source["metadata"], "slug": "snowflake"}})
    )
    with SegmentClient(ApiSettings()) as client:
        found = fetch_models(client)
    assert emulator.stats.by_endpoint == {
        "reverse_etl_models": 1,
        "destinations": 1,
        "destination_subscriptions": len(emulator.records("destinations")),
        "sources": 1,
    }
    assert [each.id for each in found] == [record["id"] for record in records]
    first = found[0]
    assert [table.name for table in first.reads.tables] == ["analytics.users"]
    assert all(each.reads.problem for each in found if each.source_id != source["id"])
    enabled = {each["id"] for each in emulator.records("destination_subscriptions") if each["enabled"]}
    fed = [each["id"] for each in emulator.records("destination_subscriptions") if each.get("modelId") == first.id]
    assert [each.id for each in first.subscriptions] == [id_ for id_ in fed if id_ in enabled]
    # what is kept holds nothing else of the queries
    written = replace(Topology(), models=tuple(found)).to_json()
    assert "SELECT" not in written.upper() and "'pro'" not in written
    assert Topology.from_json(written).models == tuple(found)


def test_the_dialect_may_be_said(emulator):
    with SegmentClient(ApiSettings()) as client:
        found = fetch_models(client, "postgres")
        assert "sources" not in emulator.stats.by_endpoint
        assert [table.name for table in found[0].reads.tables] == ["analytics.users"]
        with pytest.raises(SettingError, match=r"reverse_etl.dialect is 'klingon'. Legal values: .*snowflake"):
            fetch_models(client, "klingon")


def test_the_check_asks_for_the_latest_sync_of_each_subscription(models):
    models.now(3)
    models.sync(0, 1, 2)
    models.fail(1, 1, 1.5)
    checks = reverse_etl_checks(models.specs)
    job = dg.define_asset_job("checks", selection=dg.AssetSelection.checks(checks))
    made = dg.Definitions(assets=models.specs, asset_checks=[checks], jobs=[job]).resolve_job_def("checks")
    evaluations = made.execute_in_process(instance=models.instance).get_asset_check_evaluations()
    by_name = {evaluation.asset_key.path[-1]: evaluation for evaluation in evaluations}
    assert not by_name["buyers"].passed and "Subscription 'buyers-1'" in str(by_name["buyers"].description)
    assert by_name["leads"].passed and by_name["leads"].description == "No sync has ended yet."
    assert models.emulator.stats.by_endpoint == {"reverse_etl_syncs": 3}
