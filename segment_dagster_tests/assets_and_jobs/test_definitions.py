"""The code location before anything runs."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import dagster as dg
import dlt
import pytest
from dagster_dlt import build_dlt_asset_specs
from dagster_dlt.translator import DltResourceTranslatorData

from segment_dagster.assets import SegmentResource, SegmentTranslator, asset_spec
from segment_dagster.automation.families import DAILY, HOURLY, WEEKLY
from segment_dagster.definitions import defs
from segment_dagster.endpoints import CATALOGUE, TABLES
from segment_dagster.errors import SettingError
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.resources import segment_source
from segment_dagster.marts.models import MARTS

ROWS = {endpoint.name: endpoint for endpoint in TABLES}
IN_GROUP = {
    "workspace": """
        workspace
    """,
    "connections": """
        sources source_connected_destinations source_connected_warehouses source_schema_settings
        source_live_plugins destinations destination_filters destination_subscriptions warehouses
        warehouse_connected_sources warehouse_connection_states warehouse_advanced_sync_schedules
        warehouse_selective_syncs warehouse_syncs warehouse_source_syncs
    """,
    "catalog": """
        catalog_sources catalog_destinations catalog_warehouses
    """,
    "credentials": """
        credentials credential_warehouses credential_sources
    """,
    "protocols": """
        tracking_plans tracking_plan_rules tracking_plan_sources transformations
    """,
    "functions": """
        functions function_versions insert_function_instances
    """,
    "access": """
        users user_groups user_user_groups user_group_users user_group_invites invites roles labels
    """,
    "audit": """
        audit_events
    """,
    "usage": """
        usage_api_calls_daily usage_api_calls_per_source_daily usage_mtu_daily
        usage_mtu_per_source_daily usage_api_calls_daily_delta usage_api_calls_per_source_daily_delta
        usage_mtu_daily_delta usage_mtu_per_source_daily_delta
    """,
    "volume": """
        events_volume
    """,
    "delivery": """
        delivery_overview_successfully_received delivery_overview_failed_on_ingest
        delivery_overview_filtered_at_source delivery_overview_filtered_at_destination
        delivery_overview_failed_delivery delivery_overview_successful_delivery
        destination_delivery_metrics
    """,
    "privacy": """
        regulations source_regulations suppressions
    """,
    "reverse_etl": """
        reverse_etl_models reverse_etl_syncs
    """,
    "engage": """
        spaces segments audience_schedules audience_references audience_activations
        audience_destination_connections audience_supported_destinations computed_traits
        space_filters profiles_warehouses profiles_warehouse_selective_syncs space_entity_paths
        space_entity_properties space_events space_event_properties space_traits
    """,
}
"""The assets of each group."""

DELTAS = {row.name for row in TABLES} - {row.name for row in CATALOGUE}
MONTHLY = {name for name, row in ROWS.items() if row.domain == "usage"}
METRICS = "destination_delivery_metrics"
DAILY_SERIES = {name for name, row in ROWS.items() if row.domain in ("volume", "delivery")}

CHILDREN = {
    "sources": """
        source_connected_destinations source_connected_warehouses source_schema_settings
        source_live_plugins source_regulations delivery_overview_successfully_received
        delivery_overview_failed_on_ingest delivery_overview_filtered_at_source
    """,
    "destinations": """
        destination_filters destination_subscriptions destination_delivery_metrics
        delivery_overview_filtered_at_destination delivery_overview_failed_delivery
        delivery_overview_successful_delivery
    """,
    "warehouses": """
        warehouse_connected_sources warehouse_connection_states warehouse_advanced_sync_schedules
        warehouse_syncs
    """,
    "warehouse_connected_sources": """
        warehouse_selective_syncs warehouse_source_syncs
    """,
    "credentials": """
        credential_warehouses credential_sources
    """,
    "tracking_plans": """
        tracking_plan_rules tracking_plan_sources
    """,
    "functions": """
        function_versions insert_function_instances
    """,
    "users": """
        user_user_groups
    """,
    "user_groups": """
        user_group_users user_group_invites
    """,
    "destination_subscriptions": """
        reverse_etl_syncs
    """,
    "spaces": """
        space_filters segments computed_traits profiles_warehouses space_entity_paths space_events
        space_traits
    """,
    "segments": """
        audience_schedules audience_references audience_activations audience_destination_connections
        audience_supported_destinations
    """,
    "profiles_warehouses": """
        profiles_warehouse_selective_syncs
    """,
    "space_entity_paths": """
        space_entity_properties
    """,
    "space_events": """
        space_event_properties
    """,
}
"""By parent, what is asked for with its records, as the official SDK 73.2.0 has it."""

READ_WEEKLY = """
    warehouse_advanced_sync_schedules warehouse_selective_syncs warehouse_syncs warehouse_source_syncs
    audience_schedules audience_references audience_activations audience_destination_connections
    space_event_properties
"""
SLOW = set(READ_WEEKLY.split())
GROUPS = {name: group for group, names in IN_GROUP.items() for name in names.split()}
PARENT = {name: parent for parent, names in CHILDREN.items() for name in names.split()}
FIRST = ("workspace", "sources", "destinations", "warehouses", "spaces", "segments")
REQUESTS = {
    "workspace": "GET /",
    "sources": "GET /sources",
    "destinations": "GET /destinations",
    "warehouses": "GET /warehouses",
    "spaces": "GET /spaces",
    "segments": "GET /spaces/{spaceId}/audiences",
}

PROBE = """
import json, os, sys, threading
opened, asked = [], []
def audit(event, arguments):
    if event == "open":
        opened.append([str(arguments[0]), str(arguments[1])])
    elif event.startswith(("socket.connect", "socket.getaddrinfo", "socket.gethostby")):
        asked.append(event)
sys.addaudithook(audit)
from segment_dagster.definitions import defs
definitions = defs() if callable(defs) else defs
specs = list(definitions.resolve_all_asset_specs())
print(json.dumps({
    "versions": {spec.key.path[-1]: spec.code_version for spec in specs},
    "modules": sorted(sys.modules),
    "threads": threading.active_count(),
    "asked": asked,
    "opened": opened,
}))
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """What loading the code location does in a process of its own, with nothing set and nothing in its directories."""
    place = tmp_path_factory.mktemp("probe")
    work, home = place / "work", place / "home"
    work.mkdir()
    home.mkdir()
    foreign = ("SEGMENT_", "DESTINATION__", "SOURCES__", "DAGSTER_", "DLT_", "RUNTIME__")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=work,
        env={**environment, "HOME": str(home), "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    left = [str(path) for path in place.rglob("*") if path not in (work, home)]
    return {**json.loads(done.stdout), "left": left, "place": str(place), "stderr": done.stderr}


@pytest.fixture(scope="module")
def specs():
    return {spec.key.path[-1]: spec for spec in defs().resolve_all_asset_specs()}


def test_the_assets_are_these_and_no_others(code_location):
    assert len(GROUPS.keys() - DELTAS) == 71
    names = {*GROUPS, *(mart.name for mart in MARTS), "report"}
    assert set(code_location.resolve_all_asset_keys()) == {dg.AssetKey(["segment", name]) for name in names}


@pytest.mark.parametrize("name", GROUPS)
def test_group_kinds_owners_and_freshness(specs, name):
    spec = specs[name]
    assert spec.group_name == GROUPS[name]
    assert spec.kinds == {"segment", "dlt", "duckdb"}
    assert list(spec.owners) == ["team:data"]
    assert spec.freshness_policy == (WEEKLY if name in SLOW else HOURLY if name == "audit_events" else DAILY)


@pytest.mark.parametrize("name", GROUPS)
def test_lineage_is_what_an_endpoint_is_asked_with_and_what_its_records_name(specs, name):
    above = {dep.asset_key.path[-1] for dep in specs[name].deps}
    named = {reference.endpoint for reference in ROWS[name].references}
    made_of = {name.removesuffix("_delta")} if name in DELTAS else set()
    asked_with = {PARENT[name]} if name in PARENT else set()
    assert above == made_of | asked_with | named or (above == {"workspace"} and not named)
    assert bool(above) == (name != "workspace")


def test_the_workspace_is_above_all(specs):
    for name in set(GROUPS) - {"workspace"}:
        above, found = {name}, set()
        while above:
            above = {dep.asset_key.path[-1] for each in above for dep in specs[each].deps}
            found |= above
        assert "workspace" in found


@pytest.mark.parametrize("name", FIRST)
def test_the_description_says_what_it_is_and_where_it_is_documented(specs, name):
    spec = specs[name]
    assert spec.description.startswith(ROWS[name].description)
    documentation = ROWS[name].documentation
    assert f"`{REQUESTS[name]}` ([documentation]({documentation}))." in spec.description
    assert spec.metadata["segment/endpoint"] == REQUESTS[name]
    assert spec.metadata["segment/documentation"].value == documentation


def test_the_description_names_plan_and_limit(specs):
    limits = "Needs the feature 'Audience' in the workspace's plan. Segment allows 60 requests a minute."
    assert limits in specs["segments"].description
    assert "Needs the feature" not in specs["sources"].description


@pytest.mark.parametrize("name", GROUPS)
def test_every_column_is_described_before_anything_runs(specs, name):
    columns = specs[name].metadata["dagster/column_schema"].columns
    assert len(columns) == len(ROWS[name].columns)
    assert all(column.description for column in columns)
    key = [column_name(field) for field in ROWS[name].primary_key]
    required = [column_name(field) for field in ROWS[name].required_key]
    assert [column.name for column in columns if column.constraints.unique] == (key if len(key) == 1 else [])
    assert {column.name for column in columns if not column.constraints.nullable} == set(required)


def test_columns_tell_type_and_known_values(specs):
    columns = {column.name: column for column in specs["segments"].metadata["dagster/column_schema"].columns}
    assert (columns["created_at"].type, columns["definition"].type) == ("timestamp", "json")
    assert columns["audience_type"].description.endswith(" Known values: ACCOUNTS, LINKED, USERS.")


def checks_of(code_location):
    return {
        (spec.asset_key.path[-1], spec.name): spec for assets in code_location.assets for spec in assets.check_specs
    }


def test_the_checks_are_these_and_no_others(code_location):
    expected = {(name, check) for name in GROUPS for check in ("row_count", "schema", "primary_key")}
    expected |= {(name, "references") for name in GROUPS if ROWS[name].references}
    expected |= {(name, "gaps") for name in (*MONTHLY, *DAILY_SERIES)}
    expected |= {(name, "coverage") for name in GROUPS if ROWS[name].slow}
    expected |= {(name, "volume") for name in (*DELTAS, *DAILY_SERIES) if name != "destination_delivery_metrics"}
    expected |= {(mart.name, mart.offenders.check) for mart in MARTS}
    found = checks_of(code_location)
    assert {key for key in found if key[1] != "available"} == expected
    assert all(spec.description and not spec.blocking for spec in found.values())


def test_what_needs_a_feature_itself_or_by_its_parents_is_checked_to_be_available(code_location):
    found = {name for name, check in checks_of(code_location) if check == "available"}
    gated = set(GROUPS_OF_FEATURES.split())
    assert found == gated


GROUPS_OF_FEATURES = """
    source_live_plugins destination_subscriptions reverse_etl_syncs tracking_plans tracking_plan_rules
    tracking_plan_sources transformations functions function_versions insert_function_instances spaces space_filters
    segments audience_schedules audience_references audience_activations audience_destination_connections
    audience_supported_destinations computed_traits profiles_warehouses profiles_warehouse_selective_syncs
    space_entity_paths space_entity_properties space_events space_event_properties space_traits
"""


def test_check_descriptions_name_the_columns(code_location):
    said = {key: spec.description for key, spec in checks_of(code_location).items()}
    assert said["sources", "primary_key"] == "The key (id) is unique and nowhere null."
    assert said["tracking_plan_rules", "primary_key"] == (
        "The key (tracking_plan_id, type, key, version) is unique; key may be null."
    )
    assert said["destinations", "references"] == "Every source_id in sources is there."
    assert said["segments", "available"] == "The workspace's plan includes what it needs: Audience, Spaces."


def test_the_main_job_takes_the_configuration_and_the_trail(code_location):
    job = code_location.resolve_job_def("segment_sync")
    taken = {key.path[-1] for key in job.asset_layer.selected_asset_keys}
    assert taken == GROUPS.keys() - SLOW - {*MONTHLY, *DAILY_SERIES}
    assert "audit_events" in taken
    assert job.executor_def.name == "in_process"
    assert job.description


@pytest.mark.parametrize(
    ("name", "taken", "partitions"),
    [
        ("segment_audit_sync", {"audit_events"}, type(None)),
        ("segment_usage_sync", MONTHLY, dg.MonthlyPartitionsDefinition),
        ("segment_volume_sync", {"events_volume"}, dg.DailyPartitionsDefinition),
        ("segment_delivery_sync", DAILY_SERIES - {"events_volume", METRICS}, dg.DailyPartitionsDefinition),
        ("segment_delivery_metrics_sync", {METRICS}, dg.DailyPartitionsDefinition),
    ],
)
def test_each_kind_of_time_series_has_its_job(code_location, name, taken, partitions):
    job = code_location.resolve_job_def(name)
    assert {key.path[-1] for key in job.asset_layer.selected_asset_keys} == taken
    assert isinstance(job.partitions_def, partitions)
    assert job.executor_def.name == "in_process"
    assert job.description


def test_partitions_are_utc_from_the_day_that_is_set_to_the_present_one(monkeypatch):
    monkeypatch.setenv("SEGMENT_PARTITIONS_START", "2026-01-15")
    definitions = defs()
    now = datetime(2026, 3, 31, 23, 59, tzinfo=timezone.utc)
    monthly, daily = (definitions.resolve_job_def(f"segment_{of}_sync").partitions_def for of in ("usage", "volume"))
    assert isinstance(monthly, dg.MonthlyPartitionsDefinition) and isinstance(daily, dg.DailyPartitionsDefinition)
    assert monthly.get_partition_keys(now) == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert (daily.timezone, monthly.timezone) == ("UTC", "UTC")
    assert (daily.get_partition_keys(now)[0], daily.get_partition_keys(now)[-1]) == ("2026-01-15", "2026-03-31")


@pytest.mark.parametrize("start", ["yesterday", "2026-13-01", "2026-1", "9999-01-01"])
def test_a_bad_start_of_the_partitions_is_refused_in_one_line(monkeypatch, start):
    monkeypatch.setenv("SEGMENT_PARTITIONS_START", start)
    with pytest.raises(SettingError) as refusal:
        defs()
    assert str(refusal.value) == (
        f"SEGMENT_PARTITIONS_START is {start!r}. Set it to a day that has come, such as 2025-01-01."
    )


def test_a_backfill_is_one_run(code_location):
    policies = {assets.backfill_policy for assets in code_location.assets if assets.partitions_def}
    assert policies == {dg.BackfillPolicy.single_run()}


def test_the_slow_job_takes_the_slow_ones(code_location):
    job = code_location.resolve_job_def("segment_slow_sync")
    assert {key.path[-1] for key in job.asset_layer.selected_asset_keys} == SLOW
    assert job.executor_def.name == "in_process"
    assert job.description


def test_a_slow_one_says_so(specs):
    assert "Read by a job of its own, as it takes long." in specs["warehouse_syncs"].description
    assert "segment_slow_sync" not in specs["warehouses"].description


def test_endpoints_can_be_moved_to_the_slow_job(monkeypatch):
    monkeypatch.setenv("SEGMENT_SLOW", "tracking_plan_rules, destination_filters,")
    definitions = defs()
    slow = definitions.resolve_job_def("segment_slow_sync").asset_layer.selected_asset_keys
    assert {key.path[-1] for key in slow} == SLOW | {"tracking_plan_rules", "destination_filters"}
    assert len(set(definitions.resolve_all_asset_keys())) == len(GROUPS) + len(MARTS) + 1


def test_an_unknown_name_among_the_slow_ones_is_refused_in_one_line(monkeypatch):
    monkeypatch.setenv("SEGMENT_SLOW", "sources,nope")
    with pytest.raises(SettingError) as refusal:
        defs()
    assert str(refusal.value) == (
        "SEGMENT_SLOW names 'nope', which is none that can be read weekly. "
        "Legal values: names of endpoints that have no schedule of their own, separated by commas."
    )


def test_everything_that_makes_requests_is_in_one_pool(code_location):
    pools = {assets.op.name: assets.op.pool for assets in code_location.assets}
    assert pools.pop("segment_marts") is None and pools.pop("segment_report") is None
    assert set(pools.values()) == {"segment_api_token"}


def test_the_slow_schedule_is_weekly_and_off(code_location):
    schedule = code_location.resolve_schedule_def("segment_slow_sync_weekly")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * 0", "UTC")
    assert schedule.job_name == "segment_slow_sync"
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_the_schedule_is_daily_and_off(code_location):
    schedule = code_location.resolve_schedule_def("segment_sync_daily")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 6 * * *", "UTC")
    assert schedule.job_name == "segment_sync"
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_the_schedule_can_be_set(monkeypatch):
    monkeypatch.setenv("SEGMENT_SCHEDULE_CRON", "*/30 8-18 * * 1-5")
    monkeypatch.setenv("SEGMENT_SCHEDULE_TIMEZONE", "Europe/Berlin")
    schedule = defs().resolve_schedule_def("segment_sync_daily")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("*/30 8-18 * * 1-5", "Europe/Berlin")


@pytest.mark.parametrize("setting", ["SEGMENT_SCHEDULE_CRON", "SEGMENT_SLOW_SCHEDULE_CRON"])
@pytest.mark.parametrize("cron", ["61 * * * *", "every day", "* * *", " ", "0 6 31 2 *"])
def test_a_bad_cron_expression_is_refused_in_one_line(monkeypatch, cron, setting):
    monkeypatch.setenv(setting, cron)
    with pytest.raises(SettingError) as refusal:
        defs()
    assert str(refusal.value) == f"{setting} is {cron!r}. Set it to a cron expression such as 0 6 * * *."


@pytest.mark.parametrize("zone", ["Mars/Base", "Europe", "../etc/passwd", " ", "UTC+2"])
def test_a_bad_time_zone_is_refused_in_one_line(monkeypatch, zone):
    monkeypatch.setenv("SEGMENT_SCHEDULE_TIMEZONE", zone)
    with pytest.raises(SettingError) as refusal:
        defs()
    assert str(refusal.value) == (
        f"SEGMENT_SCHEDULE_TIMEZONE is {zone!r}. Set it to a name of the IANA database such as Europe/Berlin."
    )


def test_owners_can_be_set(monkeypatch):
    monkeypatch.setenv("SEGMENT_OWNERS", "jane@example.com, team:growth,")
    for spec in defs().resolve_all_asset_specs():
        assert list(spec.owners) == ["jane@example.com", "team:growth"]


@pytest.mark.parametrize("owner", ["nobody", "@", "jane@", "jane@host", "team:"])
def test_a_bad_owner_is_refused_in_one_line(monkeypatch, owner):
    monkeypatch.setenv("SEGMENT_OWNERS", f"team:data, {owner}")
    with pytest.raises(SettingError) as refusal:
        defs()
    assert str(refusal.value) == (
        f"SEGMENT_OWNERS holds {owner!r}. "
        "Legal values: e-mail addresses and `team:` followed by a name, separated by commas."
    )


def test_the_kind_follows_the_destination():
    assert asset_spec(ROWS["sources"], destination="snowflake").kinds == {"segment", "dlt", "snowflake"}


def test_freshness_warns_before_it_fails_and_outlasts_a_day():
    assert dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26)) == DAILY


def test_code_versions_are_the_same_in_every_process(probe, specs):
    assert probe["versions"] == {name: spec.code_version for name, spec in specs.items()}
    # the report has none: its page is made anew each time
    assert len(set(probe["versions"].values()) - {None}) == len(GROUPS) + len(MARTS)


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/v2/sources"},
        {"page_size": 500},
        {"columns": ROWS["sources"].columns[:-1]},
        {"description": "Something else."},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_code_version_changes_with_its_row(change):
    assert asset_spec(replace(ROWS["sources"], **change)).code_version != asset_spec(ROWS["sources"]).code_version
    assert asset_spec(replace(ROWS["sources"])).code_version == asset_spec(ROWS["sources"]).code_version


def test_loading_asks_nobody(probe):
    assert probe["asked"] == []
    assert probe["threads"] == 1


def test_loading_makes_no_file(probe):
    assert probe["left"] == []
    # and reads none of the directories in which a user keeps settings
    assert [path for path, _ in probe["opened"] if path.startswith(probe["place"])] == []


def test_loading_says_nothing(probe):
    assert probe["stderr"] == ""


def test_loading_reads_no_secret(probe):
    # no token is set in the probe, and dlt's files are not looked at
    assert [path for path, _ in probe["opened"] if path.endswith((".toml", ".env", "dagster.yaml"))] == []


@pytest.mark.parametrize(
    "module",
    [
        "segment_dagster.emulator",
        "segment_dagster.demo",
        "duckdb",
        "pandas",
        "uvicorn",
        "starlette",
        "ibis",
    ],
)
def test_loading_does_not_import(probe, module):
    assert module not in probe["modules"]


def test_two_loads_of_the_definitions_are_equal(specs):
    again = {spec.key.path[-1]: spec for spec in defs().resolve_all_asset_specs()}
    assert again == specs


def test_dagster_finds_the_definitions_loadable():
    dg.Definitions.validate_loadable(defs())


def test_the_resource_can_be_configured_by_environment_variable(monkeypatch, emulator):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    monkeypatch.setenv("OTHER_TOKEN", emulator.token)
    with SegmentResource(token=dg.EnvVar("OTHER_TOKEN")).process_config_and_initialize_cm() as resource:
        assert resource.settings().token == emulator.token


def test_the_translator_serves_dagster_dlt_too(emulator, specs):
    source = segment_source(api_key="unused", endpoints=["sources", "segments"])
    pipeline = dlt.pipeline("translated", destination="duckdb")
    translated = build_dlt_asset_specs(
        dlt_source=source, dlt_pipeline=pipeline, dagster_dlt_translator=SegmentTranslator(CATALOGUE)
    )
    for spec in translated:
        mine = specs[spec.key.path[-1]]
        assert (spec.key, spec.group_name, spec.description) == (mine.key, mine.group_name, mine.description)
        assert {dep.asset_key for dep in spec.deps} == {dep.asset_key for dep in mine.deps}
    assert {spec.key.path[-1] for spec in translated} == {"sources", "segments"}


def test_the_translator_gives_the_assets_spec(emulator):
    source = segment_source(api_key="unused", endpoints=["warehouses"])
    data = DltResourceTranslatorData(resource=source.resources["warehouses"], pipeline=None)
    assert SegmentTranslator(CATALOGUE).get_asset_spec(data) == asset_spec(ROWS["warehouses"])
