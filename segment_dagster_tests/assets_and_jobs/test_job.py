"""The main job: what lands, what it says of itself, and its parts."""

from concurrent.futures import CancelledError
from pathlib import Path

import dagster as dg
import pytest

from segment_dagster.assets import SegmentResource
from segment_dagster.client.errors import TokenError
from segment_dagster.emulator import Fault, running
from segment_dagster.endpoints import TABLES

pytestmark = pytest.mark.slow

NAMES = ("workspace", "sources", "destinations", "warehouses", "spaces", "segments")
COUNTS = {"workspace": 1, "sources": 40, "destinations": 80, "warehouses": 3, "spaces": 2, "segments": 2400}
REQUESTS = {"workspace": 1, "sources": 1, "destinations": 1, "warehouses": 1, "spaces": 1, "segments": 14}


def test_all_six_are_materialized_and_all_checks_pass(whole):
    assert whole.success
    assert set(whole.materialized) == set(NAMES)
    assert len(whole.checks) == 24
    assert whole.failed_checks == {}


@pytest.mark.parametrize("name", NAMES)
def test_metadata_tells_rows_requests_and_time(whole, name):
    metadata = {key: value.value for key, value in whole.materialized[name].metadata.items()}
    assert metadata["dagster/row_count"] == COUNTS[name]
    assert metadata["segment/rows_delivered"] == COUNTS[name]
    # one record alone comes without a pagination object
    assert metadata.get("segment/total_entries") == (None if name == "workspace" else COUNTS[name])
    assert metadata["segment/requests"] == REQUESTS[name]
    assert metadata["segment/duration_seconds"] > 0
    assert metadata["segment/waited_seconds"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_table_name_can_be_queried_as_it_stands(whole, old_tables, duck, name):
    table = whole.materialized[name].metadata["dagster/table_name"].value
    assert table == f"segment.segment_data.{name}"
    assert duck.query(f"SELECT count(*) FROM {table}") == [(COUNTS[name],)]


@pytest.mark.parametrize("name", NAMES)
def test_the_column_schema_is_that_of_the_table(whole, old_tables, duck, name):
    schema = whole.materialized[name].metadata["dagster/column_schema"].value
    found = [column for column in duck.columns(name) if not column.startswith("_dlt")]
    assert [column.name for column in schema.columns] == found
    assert all(column.description for column in schema.columns)


@pytest.mark.parametrize("name", NAMES)
def test_the_preview_shows_at_most_five_rows_of_declared_columns(whole, world, name):
    preview = whole.materialized[name].metadata["segment/preview"]
    assert isinstance(preview, dg.MarkdownMetadataValue)
    lines = preview.value.splitlines()
    assert lines[0].startswith("| id | ")
    rows = lines[2:]
    assert len(rows) == min(5, COUNTS[name])
    # escaping keeps every cell in its column, whatever a name holds
    cells = {line.replace("\\|", "").count("|") for line in lines}
    assert len(cells) == 1
    ids = {str(record["id"]).replace("_", "\\_") for record in world.records(name)}
    assert {row.split(" | ")[0].removeprefix("| ") for row in rows} <= ids


@pytest.mark.parametrize("name", NAMES)
def test_rows_equal_the_records_of_the_api(whole, old_tables, duck, expected, name):
    found = duck.records(name)
    wanted = expected(name)
    assert set(found) == set(wanted)
    for key, row in wanted.items():
        assert found[key] == row


def test_the_records_hold_what_breaks_careless_loaders(whole, old_tables, duck):
    # else the comparison above would prove less than it seems to
    names = "".join(name for (name,) in duck.query("SELECT name FROM segment_data.segments"))
    for odd in ("🎉", "日本語", "한국어", "\u2028", '"', "\\", "\n", "\t", "'"):
        assert odd in names
    records = duck.records("segments").values()
    assert any(record["definition"] is None for record in records)
    assert any(record["size"] is None for record in records)
    assert any(record["created_at"] % 1_000_000 for record in records)


def test_columns_have_the_types_of_the_catalogue(whole, old_tables, duck):
    types = duck.columns("segments")
    assert types["name"] == "VARCHAR"
    assert types["enabled"] == "BOOLEAN"
    assert types["created_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["definition"] == "JSON"


def test_a_json_column_answers_json_paths(whole, old_tables, duck):
    found = duck.query("SELECT count(*) FROM segment_data.sources WHERE metadata->>'name' = 'Python'")
    assert found[0][0] > 0


def test_running_twice_leaves_the_same_rows(sync, emulator, old_tables, duck):
    before = {name: duck.records(name) for name in NAMES}
    second = sync()
    assert second.success
    assert len(second.checks) == 24 and not second.failed_checks
    assert {name: duck.records(name) for name in NAMES} == before
    for name in NAMES:
        ((count, distinct),) = duck.query(f"SELECT count(*), count(DISTINCT id) FROM segment_data.{name}")
        assert count == distinct == COUNTS[name]
    assert emulator.stats.by_endpoint == REQUESTS


def test_rows_that_the_api_no_longer_has_go_away(sync, old_tables, duck, world):
    duck.change("INSERT INTO segment_data.warehouses (id) VALUES ('gone')")
    assert sync("warehouses").success
    assert set(duck.records("warehouses")) == {record["id"] for record in world.records("warehouses")}


def test_segments_alone_ask_for_spaces_once_and_do_not_load_them(sync, emulator, duck):
    outcome = sync("segments")
    assert outcome.success
    assert set(outcome.materialized) == {"segments"}
    assert duck.tables() == {"segments"}
    assert emulator.stats.by_endpoint == {"workspace": 1, "spaces": 1, "segments": 14}


def test_segments_alone_say_that_their_references_were_not_checked(sync):
    outcome = sync("segments")
    assert set(outcome.failed_checks) == {("segments", "references")}
    check = outcome.failed_checks["segments", "references"]
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.description == "not checked against spaces: materialize segment/spaces first."


def test_a_part_leaves_the_other_tables_alone(sync, old_tables, duck):
    duck.change("DELETE FROM segment_data.destinations")
    outcome = sync("sources", "spaces")
    assert set(outcome.materialized) == {"sources", "spaces"}
    assert {name for name, _ in outcome.checks} == {"sources", "spaces"}
    assert duck.query("SELECT count(*) FROM segment_data.destinations") == [(0,)]


def test_assets_can_be_materialized_without_the_job(emulator, code_location, one_instance, duck):
    job = code_location.resolve_implicit_global_asset_job_def()
    selection = [dg.AssetKey(["segment", "warehouses"])]
    assert job.execute_in_process(instance=one_instance, asset_selection=selection).success
    assert duck.tables() == {"warehouses"}


def test_an_empty_workspace_makes_typed_empty_tables(monkeypatch, sync, duck):
    with running(scale=0, minute=0.05) as empty:
        monkeypatch.setenv("SEGMENT_BASE_URL", empty.url)
        outcome = sync()
    assert outcome.success and not outcome.failed_checks
    assert duck.tables() == set(NAMES)
    assert duck.query("SELECT count(*) FROM segment_data.segments") == [(0,)]
    assert duck.columns("segments")["created_at"] == "TIMESTAMP WITH TIME ZONE"
    assert outcome.materialized["segments"].metadata["segment/preview"].value == "*No rows.*"


def test_the_versioned_layout_skips_spaces_and_loads_the_rest(monkeypatch, sync, emulator, duck, expected):
    monkeypatch.setenv("SEGMENT_API_LAYOUT", "versioned")
    outcome = sync()
    assert outcome.success
    assert set(outcome.materialized) == set(NAMES) - {"spaces"}
    assert "spaces" not in emulator.stats.by_endpoint
    assert {seen.path for seen in emulator.stats.requests} == {
        "/v1/workspace",
        "/v1/sources",
        "/v1/destinations",
        "/v1/warehouses",
        "/v3/segments",
    }
    (observation,) = outcome.result.get_asset_observation_events()
    observed = observation.asset_observation_data.asset_observation
    assert observed.asset_key.path[-1] == "spaces"
    assert observed.metadata["segment/skipped"].value == "the 'versioned' layout has no such endpoint"
    assert "spaces" not in duck.tables()
    assert len(duck.records("segments")) == COUNTS["segments"]
    for name in ("sources", "destinations", "warehouses"):
        assert duck.records(name) == expected(name)


def test_the_versioned_layout_leaves_an_old_table_of_spaces_alone(monkeypatch, sync, old_tables, duck):
    before = duck.records("spaces")
    monkeypatch.setenv("SEGMENT_API_LAYOUT", "versioned")
    assert sync("spaces", "workspace").success
    assert duck.records("spaces") == before


def test_small_pages_bring_the_same_rows(monkeypatch, sync, emulator, duck, expected):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "7")
    outcome = sync("workspace", "sources", "destinations")
    assert outcome.success and not outcome.failed_checks
    assert emulator.stats.by_endpoint == {"workspace": 1, "sources": 7, "destinations": 13}
    assert duck.records("sources") == expected("sources")
    assert outcome.materialized["sources"].metadata["segment/requests"].value == 7


def test_destination_dataset_and_file_follow_their_settings(monkeypatch, sync, duck, tmp_path):
    file = tmp_path / "elsewhere" / "house.duckdb"
    file.parent.mkdir()
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(file))
    monkeypatch.setenv("SEGMENT_DATASET", "raw")
    outcome = sync("warehouses")
    assert outcome.success
    assert outcome.materialized["warehouses"].metadata["dagster/table_name"].value == "house.raw.warehouses"
    assert duck.query("SELECT count(*) FROM house.raw.warehouses", str(file)) == [(3,)]
    assert not Path("segment.duckdb").exists()


def test_waiting_is_told(sync, emulator):
    emulator.faults.add(Fault("429-ms-before-next", "warehouses", times=1, value=0.01))
    outcome = sync("warehouses")
    metadata = outcome.materialized["warehouses"].metadata
    assert metadata["segment/waited_seconds"].value > 0
    assert metadata["segment/requests"].value == 2


def test_the_run_log_tells_what_was_read(sync, emulator, one_instance):
    emulator.faults.add(Fault("500", "warehouses", times=1))
    outcome = sync("warehouses")
    said = [(entry.level, entry.user_message) for entry in one_instance.all_logs(outcome.result.run_id)]
    assert any(message.startswith("warehouses: 3 rows in 2 requests, ") for _, message in said)
    # a passing fault is a warning of its own
    assert any(
        level == 30 and message.startswith("warehouses: GET /warehouses failed (500)") for level, message in said
    )


def test_verify_answers_whose_token_it_is(emulator, world):
    (record,) = world.records("workspace")
    workspace = SegmentResource().verify()
    assert (workspace.id, workspace.slug, workspace.name) == (record["id"], record["slug"], record["name"])
    assert emulator.stats.by_endpoint == {"workspace": 1}


def test_verify_with_a_wrong_token_says_what_to_do(emulator):
    with pytest.raises(TokenError) as failure:
        SegmentResource(token="not-the-right-one").verify()
    said = str(failure.value)
    assert said.startswith("workspace: GET / was refused: the token is not valid (401).")
    assert "Check SEGMENT_API_TOKEN and SEGMENT_REGION." in said
    assert "\n" not in said
    assert "not-the-right-one" not in said


def test_the_ops_of_a_process_share_an_extractor_of_their_catalogue_until_the_run_ends(emulator):
    with SegmentResource().process_config_and_initialize_cm() as resource:
        shared = resource.shared_extractor()
        assert resource.shared_extractor(tuple(TABLES)) is shared
        other = resource.shared_extractor(TABLES[:3])
        assert [endpoint.name for endpoint in other.available()] == [endpoint.name for endpoint in TABLES[:3]]
        assert shared.extract(shared.endpoint("workspace")).rows == 1
    for extractor in (shared, other):
        with pytest.raises(CancelledError):
            extractor.extract(extractor.available()[1])
    assert emulator.stats.by_endpoint == {"workspace": 1}


def test_what_the_resource_sets_beats_the_environment(emulator, monkeypatch, world):
    monkeypatch.setenv("SEGMENT_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SEGMENT_API_TOKEN", "another")
    monkeypatch.setenv("SEGMENT_API_LAYOUT", "no-such")
    resource = SegmentResource(
        token=emulator.token,
        base_url=emulator.url,
        layout="versioned",
        concurrency=3,
        page_size=5,
        include_secrets=True,
    )
    settings = resource.settings()
    assert (settings.layout, settings.concurrency, settings.page_size, settings.include_secrets) == (
        "versioned",
        3,
        5,
        True,
    )
    assert resource.verify().id == world.records("workspace")[0]["id"]
    assert [seen.path for seen in emulator.stats.requests] == ["/v1/workspace"]
