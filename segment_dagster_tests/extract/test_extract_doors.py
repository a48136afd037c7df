"""`segment_source` as it is in dagster-dlt: in `dlt_assets` and in its component."""

import os
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import dlt
import duckdb
import orjson
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox
from dagster_dlt import DagsterDltResource, dlt_assets

from segment_dagster.assets import SegmentTranslator
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import TABLES
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.resources import segment_source
from segment_dagster_tests.comparable_rows import moment_of, plain, row_of

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in TABLES}
NAMES = ["sources", "spaces", "segments", "audit_events"]
"""Replaced, read parent by parent, merged."""

NOW = datetime(2026, 3, 20, 6, 30, tzinfo=timezone.utc)
DAYS = 90
"""Of the audit trail, which are read first."""

TRANSLATORS = {"dagster-dlt's": (None, "dlt_segment_source_"), "ours": (SegmentTranslator(TABLES), "segment/")}
"""With what stands before the name in the asset key."""


@pytest.fixture(autouse=True)
def workspace(emulator, monkeypatch):
    """The workspace at one moment. Secrets land, so that rows are the emulator's records."""
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    monkeypatch.setenv("SEGMENT_INCLUDE_SECRETS", "true")
    emulator.clock.set(NOW)
    yield emulator
    emulator.clock.set(None)


@pytest.fixture
def define(monkeypatch):
    """Make what `dlt_assets` makes of a source, where there is no setting yet, as in a code location."""

    def defined(translator=None, **arguments):
        with monkeypatch.context() as code_location:
            for setting in [setting for setting in os.environ if setting.startswith("SEGMENT_")]:
                code_location.delenv(setting)

            @dlt_assets(
                dlt_source=segment_source(**arguments),
                dlt_pipeline=dlt.pipeline(
                    "doors",
                    destination=dlt.destinations.duckdb(str(Path("doors.duckdb").absolute())),
                    dataset_name="doors_data",
                ),
                dagster_dlt_translator=translator,
            )
            def segment_tables(context: dg.AssetExecutionContext, dlt: DagsterDltResource):
                yield from dlt.run(context=context)

        return segment_tables

    return defined


def materialize(assets, *selection, **options):
    return dg.materialize(
        [assets], resources={"dlt": DagsterDltResource()}, selection=list(selection) or None, **options
    )


def query(sql, file="doors.duckdb"):
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def tables(dataset="doors_data", file="doors.duckdb"):
    names = query(f"SELECT table_name FROM duckdb_tables() WHERE schema_name = '{dataset}'", file)
    return {name for (name,) in names if not name.startswith("_dlt")}


def landed(name, dataset="doors_data", file="doors.duckdb"):
    """A count of each row of a table."""
    columns = ROWS[name].columns
    # DuckDB needs pytz to hand out a time with its zone
    shown = [
        f"epoch_us({column_name(column.field)})" if column.type == "timestamp" else column_name(column.field)
        for column in columns
    ]
    found = query(f"SELECT {', '.join(shown)} FROM {dataset}.{name}", file)
    return Counter(
        tuple(plain(column, _value(column, value)) for column, value in zip(columns, row, strict=True)) for row in found
    )


def _value(column, value):
    if value is None:
        return None
    return {"timestamp": moment_of, "json": orjson.loads}.get(column.type, lambda as_is: as_is)(value)


def expected(name, emulator):
    """A count of each row that the emulator's records are to be."""
    if ROWS[name].time:
        records = emulator.audit_events(start=NOW.replace(hour=0, minute=0) - timedelta(days=DAYS))
    else:
        records = emulator.records(name)
    return Counter(row_of(ROWS[name], record) for record in records)


def materialized(result):
    events = result.get_asset_materialization_events()
    return {event.materialization.asset_key.to_user_string(): event.materialization.metadata for event in events}


def root_cause(result):
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    error = failure.error
    while error.cause:
        error = error.cause
    return error


@pytest.mark.parametrize(("translator", "prefix"), TRANSLATORS.values(), ids=TRANSLATORS)
def test_rows_are_the_emulators_records(translator, prefix, define, emulator):
    result = materialize(define(translator, endpoints=NAMES))
    assert result.success
    metadata = materialized(result)
    assert set(metadata) == {prefix + name for name in NAMES}
    for name in NAMES:
        assert landed(name) == expected(name, emulator)
        assert metadata[prefix + name]["rows_loaded"].value == landed(name).total()
    assert tables() == set(NAMES)


@pytest.mark.parametrize(("translator", "prefix"), TRANSLATORS.values(), ids=TRANSLATORS)
def test_what_is_not_selected_is_not_read(translator, prefix, define, emulator):
    assets = define(translator, endpoints=NAMES)
    result = materialize(assets, f"{prefix}sources")
    assert set(materialized(result)) == {f"{prefix}sources"}
    assert emulator.stats.by_endpoint == {"sources": 1}
    assert tables() == {"sources"}
    emulator.stats.clear()
    # a child asks for its parent, which does not land
    assert set(materialized(materialize(assets, f"{prefix}segments"))) == {f"{prefix}segments"}
    assert set(emulator.stats.by_endpoint) == {"spaces", "segments"}
    assert tables() == {"sources", "segments"}


@pytest.mark.long
def test_the_same_definitions_read_anew_in_every_run(define, emulator):
    assets = define(endpoints=NAMES)
    first, second, *_ = (record["id"] for record in emulator.world.records("sources"))
    edits = []
    runs: list[tuple[list[str], list[Edit]]] = [
        ([], []),
        ([], [Edit("sources", "delete", first)]),
        (["dlt_segment_source_sources"], [Edit("sources", "modify", second, {"name": "New"})]),
        (["dlt_segment_source_segments"], []),
        ([], [Edit("sources", "delete", second)]),
    ]
    for selection, more in runs:
        edits += more
        emulator.edits.replace(edits)
        emulator.stats.clear()
        assert materialize(assets, *selection).success
        read = [name.removeprefix("dlt_segment_source_") for name in selection] or NAMES
        assert set(emulator.stats.by_endpoint) == {*read, *(["spaces"] if "segments" in read else [])}
        assert emulator.stats.by_endpoint.get("spaces", 1) == 1
        for name in read:
            assert landed(name) == expected(name, emulator)
    assert landed("sources").total() == len(emulator.world.records("sources")) - 2


def test_a_list_that_is_empty_now_empties_its_table(define, emulator):
    assets = define(endpoints=["warehouses"])
    materialize(assets)
    emulator.edits.replace([Edit("warehouses", "delete", each["id"]) for each in emulator.world.records("warehouses")])
    assert materialize(assets).success
    assert landed("warehouses") == Counter()


@pytest.mark.long
def test_histories_are_assets_of_their_own_and_come_with_their_tables(define, emulator):
    assets = define(endpoints=["sources", "warehouses"], history=True)
    first = emulator.world.records("sources")[0]["id"]
    counts = "SELECT count(*), count(valid_to) FROM doors_data.sources_history"
    keys = {"sources", "sources_history", "warehouses", "warehouses_history"}
    assert {key.path[-1].removeprefix("dlt_segment_source_") for key in assets.keys} == keys
    assert set(materialized(materialize(assets))) == {f"dlt_segment_source_{name}" for name in keys}
    assert query(counts) == [(40, 0)]
    emulator.edits.replace([Edit("sources", "modify", first, {"name": "New"})])
    emulator.stats.clear()
    assert set(materialized(materialize(assets, "dlt_segment_source_sources"))) == {"dlt_segment_source_sources"}
    assert query(counts) == [(41, 1)]
    assert emulator.stats.by_endpoint == {"sources": 1}


def test_dagster_dlt_can_count_the_rows(define, emulator):
    @dlt_assets(
        dlt_source=segment_source(endpoints=["warehouses"]),
        dlt_pipeline=dlt.pipeline("counted", destination=dlt.destinations.duckdb("counted.duckdb")),
    )
    def counted(context: dg.AssetExecutionContext, dlt: DagsterDltResource):
        yield from dlt.run(context=context).fetch_row_count()

    (metadata,) = materialized(materialize(counted)).values()
    assert metadata["dagster/row_count"].value == len(emulator.records("warehouses"))
    columns = {column.name for column in metadata["dagster/column_schema"].value.columns}
    assert columns >= {column_name(column.field) for column in ROWS["warehouses"].columns}


WRONG = {
    "no token": ({"SEGMENT_API_TOKEN": ""}, "TokenMissingError", "SEGMENT_API_TOKEN is not set. Make one in"),
    "setting": ({"SEGMENT_PAGE_SIZE": "0"}, "SettingError", "SEGMENT_PAGE_SIZE is '0'. Legal values"),
    "layout": ({"SEGMENT_API_LAYOUT": "versioned"}, "SettingError", "endpoints names 'roles', which the 'versioned'"),
    "dlt's setting": ({"RUNTIME__REQUEST_TIMEOUT": "0"}, "SettingError", "RUNTIME__REQUEST_TIMEOUT is 0"),
}


@pytest.mark.parametrize(("settings", "kind", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line_in_the_end(settings, kind, says, define, emulator, monkeypatch):
    assets = define(endpoints=["roles"])
    with monkeypatch.context() as run:
        for setting, value in settings.items():
            run.setenv(setting, value)
        result = materialize(assets, raise_on_error=False)
    error = root_cause(result)
    assert error.cls_name == kind
    assert says in error.message
    assert len(error.message.strip().splitlines()) == 1
    assert emulator.stats.total == 0
    # the definitions are as good as before
    assert materialize(assets).success
    assert landed("roles") == expected("roles", emulator)


def test_an_endpoint_that_fails_fails_the_run_in_one_line(define, emulator):
    assets = define(endpoints=["roles", "sources"])
    emulator.faults.add(Fault("forbidden", "roles"))
    error = root_cause(materialize(assets, raise_on_error=False))
    assert error.message.strip().partition(": ")[2].startswith("roles: GET /roles was refused (403)")
    emulator.faults.clear()
    assert materialize(assets).success
    assert {name: landed(name) for name in tables()} == {
        name: expected(name, emulator) for name in ("roles", "sources")
    }


MODULE = """
import sys

import dlt
import segment_dagster.extract.resources
from segment_dagster.extract import segment_source

@dlt.source
def other():
    yield dlt.resource([1], name="numbers")

# dlt reads its settings at the first source, whoever makes it
other()
events = []
sys.addaudithook(lambda event, arguments: events.append(f"{event}: {arguments}"))
for arguments in ({"endpoints": ["sources"]}, {}, {"history": True, "jsonl": True}):
    segment_source(**arguments)
touched = [event for event in events if event.startswith(("open:", "os.listdir:", "os.scandir:", "socket.", "subproc"))]
print(touched)
"""


def test_a_source_is_defined_without_settings_files_or_requests():
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text('[sources.segment_source]\napi_key = "S3cr3t"\n')
    without = {name: value for name, value in os.environ.items() if not name.startswith("SEGMENT_")}
    ran = subprocess.run(
        [sys.executable, "-c", MODULE], env=without, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "[]\n"), ran.stderr


LOADS = f"""
import dlt
from segment_dagster.extract import segment_source

segment = segment_source(endpoints={NAMES})
pipeline = dlt.pipeline(
    "component", destination=dlt.destinations.duckdb("component.duckdb"), dataset_name="component_data"
)
"""
COMPONENT: dict[str, Any] = {
    "type": "dagster_dlt.DltLoadCollectionComponent",
    "attributes": {"loads": [{"source": ".loads.segment", "pipeline": ".loads.pipeline"}]},
}


def test_the_component_takes_the_source(emulator, monkeypatch):
    with create_defs_folder_sandbox() as sandbox:
        directory = sandbox.defs_folder_path / "segment"
        directory.mkdir()
        (directory / "loads.py").write_text(LOADS)
        (directory / "defs.yaml").write_text(yaml.safe_dump(COMPONENT))
        with monkeypatch.context() as code_location:
            code_location.delenv("SEGMENT_API_TOKEN")
            with sandbox.build_all_defs() as defs:
                pass
        job = defs.resolve_implicit_global_asset_job_def()
        for edits in ([], [Edit("sources", "delete", emulator.world.records("sources")[0]["id"])]):
            emulator.edits.replace(edits)
            result = job.execute_in_process()
            assert set(materialized(result)) == {f"component_data/{name}" for name in NAMES}
            for name in NAMES:
                assert landed(name, "component_data", "component.duckdb") == expected(name, emulator)
        assert tables("component_data", "component.duckdb") == set(NAMES)
