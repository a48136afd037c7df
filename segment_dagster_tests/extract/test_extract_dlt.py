"""`segment_source` in a plain dlt pipeline."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dlt
import duckdb
import pytest
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.exceptions import PipelineStepFailed

from segment_dagster.config import ApiSettings, TokenMissingError
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import CATALOGUE, TABLES, Column, Endpoint
from segment_dagster.errors import SettingError
from segment_dagster.extract import Extractor
from segment_dagster.extract.columns import column_name, columns_of
from segment_dagster.extract.resources import segment_source, source_of_extracts
from segment_dagster_tests.text_finder import TextFinder
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
NAMES = ["workspace", "sources", "destinations", "warehouses", "spaces", "segments"]
FIRST = [ROWS[name] for name in NAMES]
"""What is read where it does not matter how much is."""


@pytest.fixture
def pipeline():
    return dlt.pipeline(
        "plain", destination=dlt.destinations.duckdb(str(Path("plain.duckdb").absolute())), dataset_name="plain_data"
    )


def run(pipeline, source):
    return pipeline.run(source, loader_file_format="parquet")


def query(sql, file="plain.duckdb"):
    with duckdb.connect(file, read_only=True) as connection:
        return connection.sql(sql).fetchall()


def tables():
    names = query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'plain_data'")
    return {name for (name,) in names if not name.startswith("_dlt")}


def counts():
    """Rows and distinct keys of every table of the catalogue that is there."""
    found = {}
    for endpoint in FIRST:
        if endpoint.name in tables():
            key = ", ".join(column_name(field) for field in endpoint.primary_key)
            (found[endpoint.name],) = query(f"SELECT count(*), count(DISTINCT ({key})) FROM plain_data.{endpoint.name}")
    return found


def world_counts(emulator, endpoints=FIRST):
    return {row.name: (len(emulator.world.records(row.name)),) * 2 for row in endpoints}


def test_the_whole_workspace_lands_and_a_second_run_changes_nothing(pipeline, emulator):
    run(pipeline, segment_source(endpoints=NAMES))
    assert counts() == world_counts(emulator)
    run(pipeline, segment_source(endpoints=NAMES))
    assert counts() == world_counts(emulator)
    assert tables() == set(NAMES)


def test_the_versioned_layout_lands_the_same_rows(pipeline, emulator):
    run(pipeline, segment_source(layout="versioned"))
    offered = [row for row in CATALOGUE if row.versioned]
    assert counts() == world_counts(emulator, offered)
    assert tables() == {row.name for row in offered}


@pytest.fixture(scope="module")
def whole(one_emulator, tmp_path_factory):
    """Queries a database that the whole workspace was loaded into."""
    directory = tmp_path_factory.mktemp("whole")
    file = str(directory / "whole.duckdb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_DATA_DIR", str(directory))
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        pipeline = dlt.pipeline("whole", destination=dlt.destinations.duckdb(file), dataset_name="plain_data")
        one_emulator.faults.clear()
        run(pipeline, segment_source(one_emulator.token, base_url=one_emulator.url, layout="public", endpoints=NAMES))
    return lambda sql: query(sql, file)


def test_columns_are_declared_with_their_types_and_none_is_exploded(whole, world):
    for endpoint in FIRST:
        types = dict(
            whole(
                "SELECT column_name, data_type FROM information_schema.columns "
                f"WHERE table_schema = 'plain_data' AND table_name = '{endpoint.name}'"
            )
        )
        wanted = {
            "text": "VARCHAR",
            "json": "JSON",
            "bool": "BOOLEAN",
            "timestamp": "TIMESTAMP WITH TIME ZONE",
            "bigint": "BIGINT",
            "double": "DOUBLE",
        }
        declared = {column_name(column.field): wanted[column.type] for column in endpoint.columns}
        assert {name: kind for name, kind in types.items() if not name.startswith("_dlt")} == declared


def test_values_land_as_the_api_gave_them(whole, world):
    found = dict(whole("SELECT id, definition FROM plain_data.segments"))
    for record in world.records("segments"):
        held = found[record["id"]]
        assert (None if held is None else json.loads(held)) == record["definition"]
    names = dict(whole("SELECT id, name FROM plain_data.sources"))
    assert names == {record["id"]: record.get("name") for record in world.records("sources")}


def test_no_secret_lands(whole, world):
    text = str([whole(f"SELECT * FROM plain_data.{name}") for name in NAMES])
    assert TextFinder(world.secrets).found(text) == set()


def test_secrets_land_where_they_are_asked_for(pipeline, emulator):
    run(pipeline, segment_source(include_secrets=True, endpoints=["sources"]))
    held = dict(query("SELECT id, write_keys FROM plain_data.sources"))
    assert {key: json.loads(text) for key, text in held.items()} == {
        record["id"]: record["writeKeys"] for record in emulator.world.records("sources")
    }


SELECTIONS = {
    "with_resources": lambda: segment_source().with_resources("segments"),
    "endpoints argument": lambda: segment_source(endpoints=["segments"]),
    "one resource": lambda: segment_source().segments,
    "resources": lambda: segment_source().resources["segments"],
}


@pytest.mark.parametrize("select", often(SELECTIONS.values(), 1), ids=SELECTIONS)
def test_a_child_alone_lands_alone_and_asks_its_parent_once(select, pipeline, emulator):
    run(pipeline, select())
    assert counts() == world_counts(emulator, [ROWS["segments"]])
    assert set(emulator.stats.by_endpoint) == {"spaces", "segments"}
    assert emulator.stats.by_endpoint["spaces"] == 1


def test_a_source_that_is_selected_from_and_kept_lands(pipeline, emulator):
    source = segment_source()
    run(pipeline, source.with_resources("spaces", "segments"))
    assert counts() == world_counts(emulator, [ROWS["spaces"], ROWS["segments"]])
    assert emulator.stats.by_endpoint["spaces"] == 1


def test_nothing_is_asked_before_the_rows_are(emulator):
    source = segment_source()
    assert set(source.resources) == {row.name for row in TABLES if not row.slow}
    assert emulator.stats.total == 0


def test_the_argument_is_the_token(pipeline, emulator, monkeypatch):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    run(pipeline, segment_source(emulator.token, endpoints=["workspace"]))
    assert tables() == {"workspace"}


def test_dlts_configuration_is_the_token(pipeline, emulator, monkeypatch):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    monkeypatch.setenv("SOURCES__SEGMENT_SOURCE__API_KEY", emulator.token)
    run(pipeline, segment_source(endpoints=["workspace"]))
    assert tables() == {"workspace"}


def test_dlts_secrets_file_is_the_token(emulator, monkeypatch):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text(f'[sources.segment_source]\napi_key = "{emulator.token}"\n')
    code = (
        "from segment_dagster.extract import segment_source; print(len(list((source := segment_source()).warehouses)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert emulator.stats.by_endpoint == {"warehouses": 1}


def test_without_a_token_the_run_ends_in_one_line(pipeline, emulator, monkeypatch):
    source = segment_source(endpoints=["workspace"])
    with monkeypatch.context() as patch, pytest.raises(PipelineStepFailed) as caught:
        patch.delenv("SEGMENT_API_TOKEN")
        run(pipeline, source)
    cause = root_cause(caught.value)
    assert isinstance(cause, TokenMissingError)
    assert str(caught.value).splitlines()[-1].endswith(str(cause))
    # the token may come later
    run(pipeline, source)
    assert counts() == world_counts(emulator, [ROWS["workspace"]])


def root_cause(failure):
    while failure.__cause__:
        failure = failure.__cause__
    return failure


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("SEGMENT_REGION", "mars", "SEGMENT_REGION is 'mars'"),
        ("SEGMENT_API_TOKEN", "two words", "SEGMENT_API_TOKEN holds a space"),
        ("SEGMENT_BASE_URL", "x", "SEGMENT_BASE_URL is no address"),
        ("RUNTIME__REQUEST_TIMEOUT", "0", "RUNTIME__REQUEST_TIMEOUT is 0"),
    ],
)
def test_a_bad_setting_is_told_when_the_source_is_run(setting, value, says, pipeline, emulator, monkeypatch):
    monkeypatch.setenv(setting, value)
    source = segment_source(endpoints=["workspace"])
    with pytest.raises(PipelineStepFailed) as caught:
        run(pipeline, source)
    cause = root_cause(caught.value)
    assert isinstance(cause, SettingError)
    assert str(cause).startswith(says)
    assert str(caught.value).splitlines()[-1].endswith(str(cause))
    with pytest.raises(ResourceExtractionError, match=says):
        list(source)
    assert emulator.stats.total == 0


@pytest.mark.parametrize(
    ("setting", "value"), [("SEGMENT_API_LAYOUT", "v1"), ("SEGMENT_HISTORY", "perhaps")], ids=["layout", "history"]
)
def test_a_bad_setting_that_decides_the_resources_is_told_at_once(setting, value, monkeypatch):
    monkeypatch.setenv(setting, value)
    with pytest.raises(SettingError, match=f"{setting} is '{value}'"):
        segment_source()


def test_a_name_that_no_layout_has_is_told_at_once_without_a_token():
    with pytest.raises(SettingError, match=r"endpoints names 'sorces', .*Did you mean sources"):
        segment_source(endpoints=["sorces"])
    with pytest.raises(SettingError, match=r"endpoints names 'qqqqqq', .*--list"):
        segment_source(endpoints=["sources", "qqqqqq"])


def test_the_environment_decides_the_resources_where_no_argument_does(monkeypatch):
    monkeypatch.setenv("SEGMENT_API_LAYOUT", "versioned")
    monkeypatch.setenv("SEGMENT_HISTORY", "true")
    versioned = {row.name for row in CATALOGUE if row.versioned}
    assert set(segment_source(history=False).resources) == versioned
    assert set(segment_source().resources) > versioned
    assert set(segment_source(layout="public", history=False).resources) == {row.name for row in TABLES if not row.slow}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"endpoints": ["sorces"]}, "endpoints names 'sorces'"),
        ({"endpoints": ["spaces"], "layout": "versioned"}, "endpoints names 'spaces', which the 'versioned' layout"),
        ({"region": "mars"}, "SEGMENT_REGION is 'mars'"),
        ({"layout": "v1"}, "SEGMENT_API_LAYOUT is 'v1'"),
        ({"page_size": 0}, "SEGMENT_PAGE_SIZE is '0'"),
        ({"concurrency": 0}, "SEGMENT_CONCURRENCY is '0'"),
        ({"base_url": "x"}, "SEGMENT_BASE_URL is no address"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_bad_argument_is_told_at_once(arguments, says, emulator):
    with pytest.raises(SettingError, match=says):
        segment_source(**arguments)
    assert emulator.stats.total == 0


def test_no_endpoints_are_an_empty_source(emulator):
    assert dict(segment_source(endpoints=[]).resources) == {}


def test_nothing_of_a_failed_endpoint_lands(pipeline, emulator):
    run(pipeline, segment_source(endpoints=NAMES))
    before = counts()
    emulator.faults.add(Fault("renamed-key", "destinations"))
    with pytest.raises(PipelineStepFailed, match="destinations: GET /destinations has no records"):
        run(pipeline, segment_source(endpoints=NAMES))
    pipeline.drop_pending_packages()
    assert counts() == before
    assert query("SELECT count(*) FROM plain_data.destinations") == [(80,)]


def test_a_list_that_is_empty_now_empties_its_table_and_keeps_its_columns(pipeline, emulator):
    from segment_dagster.emulator import running

    run(pipeline, segment_source(endpoints=["sources"]))
    with running(scale=0, minute=0.05) as empty:
        run(pipeline, segment_source(empty.token, base_url=empty.url, endpoints=["sources"]))
    assert counts() == {"sources": (0, 0)}
    assert query("SELECT enabled, settings FROM plain_data.sources") == []


def test_undeclared_fields_of_some_pages_land_as_one_json_column_each(pipeline, emulator):
    emulator.faults.add(Fault("extra-field", "sources", after=1, times=1))
    run(pipeline, segment_source(endpoints=["sources"], page_size=15))
    assert counts() == world_counts(emulator, [ROWS["sources"]])
    assert tables() == {"sources"}
    assert query("SELECT count(*) FROM plain_data.sources WHERE beta_tier = '\"gold\"'") == [(15,)]
    assert query("SELECT DISTINCT beta_limits->>'daily' FROM plain_data.sources WHERE beta_limits IS NOT NULL") == [
        ("10",)
    ]
    types = query(
        "SELECT DISTINCT data_type FROM information_schema.columns WHERE column_name IN ('beta_tier', 'beta_limits')"
    )
    assert types == [("JSON",)]


def test_an_undeclared_field_that_goes_away_again_leaves_nulls(pipeline, emulator):
    emulator.faults.add(Fault("extra-field", "sources"))
    run(pipeline, segment_source(endpoints=["sources"]))
    emulator.faults.clear()
    run(pipeline, segment_source(endpoints=["sources"]))
    assert query("SELECT count(*), count(beta_tier) FROM plain_data.sources") == [(40, 0)]


def test_a_row_of_the_catalogue_is_all_that_a_new_endpoint_needs(pipeline, emulator):
    made_up = Endpoint(
        name="source_slugs",
        domain="connections",
        description="Made up.",
        documentation="",
        path="/sources",
        selector=("data", "sources"),
        media_type="application/vnd.segment.v1+json",
        page_size=1000,
        primary_key=("slug",),
        columns=(Column(field="slug", type="text", description="Slug."),),
    )
    run(pipeline, segment_source(catalogue=[*CATALOGUE, made_up], endpoints=["source_slugs", "workspace"]))
    assert tables() == {"source_slugs", "workspace"}
    found = query("SELECT slug, enabled FROM plain_data.source_slugs")
    wanted = {record["slug"]: json.dumps(record["enabled"]) for record in emulator.world.records("sources")}
    assert dict(found) == wanted


def test_what_was_read_beforehand_is_the_same_source(pipeline, emulator):
    with Extractor(ApiSettings()) as extractor:
        extracts, _ = extractor.extract_all(FIRST)
        before = emulator.stats.total
        source = source_of_extracts(extracts)
        assert source.name == segment_source().name == "segment_source"
        run(pipeline, source)
    assert emulator.stats.total == before
    assert counts() == world_counts(emulator)


def test_a_resource_says_what_the_row_says(emulator):
    resource = segment_source().resources["segments"]
    schema = resource.compute_table_schema()
    assert schema["write_disposition"] == "replace"
    assert [name for name, column in schema["columns"].items() if column.get("primary_key")] == ["id"]
    assert schema["columns"]["id"]["nullable"] is False
    assert schema["columns"]["created_at"]["data_type"] == "timestamp"
    assert schema["columns"]["created_at"]["description"] == "When the audience was made."
    assert schema["columns"].keys() == columns_of(ROWS["segments"]).keys()


def test_keys_of_more_than_one_field_are_declared_whole(emulator):
    row = replace(ROWS["sources"], primary_key=("id", "workspaceId"))
    resource = segment_source(catalogue=[row]).resources["sources"]
    schema = resource.compute_table_schema()
    assert [name for name, column in schema["columns"].items() if column.get("primary_key")] == ["id", "workspace_id"]
    assert schema["columns"]["workspace_id"]["nullable"] is False


@pytest.mark.parametrize(
    ("field", "column"),
    [("id", "id"), ("workspaceId", "workspace_id"), ("writeKeys", "write_keys"), ("userID", "user_id"), ("a b", "a_b")],
)
def test_columns_are_named_as_dlt_names_them(field, column):
    assert column_name(field) == column


def test_a_source_that_is_gone_leaves_nothing_on_disk(pipeline, emulator, tmp_path, monkeypatch):
    import gc
    import tempfile

    spools = tmp_path / "spools"
    spools.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spools))
    source = segment_source(endpoints=["sources"])
    run(pipeline, source)
    del source
    pipeline = None
    gc.collect()
    assert list(spools.iterdir()) == []


@pytest.mark.long
def test_a_source_that_runs_again_reads_anew_and_keeps_one_runs_files(pipeline, emulator, spools):
    source = segment_source(endpoints=["sources", "spaces", "segments"])
    for number, each in enumerate(list(emulator.world.records("sources"))[:3]):
        emulator.edits.replace([Edit("sources", "modify", each["id"], {"name": "New"})])
        emulator.stats.clear()
        run(pipeline, source if number else source.with_resources("sources", "segments"))
        assert query("SELECT id FROM plain_data.sources WHERE name = 'New'") == [(each["id"],)]
        assert emulator.stats.by_endpoint["sources"] == emulator.stats.by_endpoint["spaces"] == 1
        assert len([path for path in spools.iterdir() if path.is_dir()]) == 1


def test_every_iteration_reads_anew(emulator):
    source = segment_source(endpoints=["sources", "warehouses"])
    for _ in range(2):
        assert len(list(source)) == 2
        assert len(list(source.warehouses)) == 1
    assert emulator.stats.by_endpoint == {"sources": 2, "warehouses": 4}


def test_files_are_compressed_as_dlts_settings_say_in_the_run(emulator, tmp_path, monkeypatch):
    source = segment_source(endpoints=["warehouses"], jsonl=True)
    monkeypatch.setenv("NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION", "true")
    there = dlt.destinations.filesystem(str(tmp_path / "lake"))
    dlt.pipeline("lines", destination=there, dataset_name="held").run(source, loader_file_format="jsonl")
    (file,) = (tmp_path / "lake" / "held" / "warehouses").glob("*.jsonl")
    ids = [json.loads(line)["id"] for line in file.read_text(encoding="utf-8").splitlines()]
    assert ids == [record["id"] for record in emulator.world.records("warehouses")]


def test_one_source_may_go_into_two_pipelines(emulator):
    source = segment_source(endpoints=["sources"])
    first, second = (
        dlt.pipeline(name, destination=dlt.destinations.duckdb(f"{name}.duckdb"), dataset_name="data")
        for name in ("first", "second")
    )
    emulator.faults.add(Fault("extra-field", "sources"))
    first.run(source)
    emulator.faults.clear()
    second.run(source)
    assert len(query("SELECT * FROM data.sources WHERE beta_tier IS NOT NULL", "first.duckdb")) == 40
    assert query("SELECT count(*) FROM data.sources", "second.duckdb") == [(40,)]
    assert emulator.stats.by_endpoint == {"sources": 2}


def test_the_steps_of_a_run_may_be_taken_one_by_one(pipeline, emulator):
    source = segment_source(endpoints=NAMES)
    pipeline.extract(source)
    asked = emulator.stats.total
    # what was extracted is dlt's: the source is not needed any more
    del source
    pipeline.normalize()
    pipeline.load()
    assert counts() == world_counts(emulator)
    assert emulator.stats.total == asked


def test_dlts_own_run_takes_the_source(emulator):
    destination = dlt.destinations.duckdb(str(Path("plain.duckdb").absolute()))
    dlt.run(segment_source(endpoints=NAMES), destination=destination, dataset_name="plain_data")
    assert counts() == world_counts(emulator)


def test_several_sources_may_be_one_run(pipeline, emulator):
    pipeline.run([segment_source(endpoints=["sources"]), segment_source(endpoints=["warehouses"])])
    source = segment_source(endpoints=["spaces", "segments"])
    pipeline.run([source.with_resources("spaces"), source.with_resources("segments")])
    assert counts() == world_counts(emulator, [ROWS[name] for name in ("sources", "warehouses", "spaces", "segments")])
    # parts of a source are read together
    assert emulator.stats.by_endpoint["spaces"] == 1


def test_the_token_is_in_no_trace(pipeline, monkeypatch, emulator):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    monkeypatch.setenv("SOURCES__SEGMENT_SOURCE__API_KEY", emulator.token)
    run(pipeline, segment_source(endpoints=["workspace"]))
    assert pipeline.last_trace.asdict()
    assert emulator.token not in json.dumps(pipeline.last_trace.asdict(), default=str)


def test_the_name_of_something_else_is_no_part_of_the_package():
    import segment_dagster.extract

    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        segment_dagster.extract.nothing  # noqa: B018


def test_the_package_hands_out_the_source_however_often_it_is_asked():
    code = """
import segment_dagster.extract.resources
from segment_dagster.extract import Extractor, segment_source
from segment_dagster.extract import segment_source as again
assert callable(segment_source) and again is segment_source and isinstance(Extractor, type)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
