"""The UI as it is started by a person, spoken to over GraphQL as the UI does."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
import requests

from segment_dagster.automation import SENSOR
from segment_dagster.emulator import Edit, running
from segment_dagster.text import pluralize
from segment_dagster_tests.process_arguments import recorded_arguments, recording_arguments

pytestmark = [pytest.mark.server, pytest.mark.slow]

NAMES = ("workspace", "sources", "destinations", "warehouses", "spaces", "segments")
COUNTS = {"workspace": 1, "sources": 40, "destinations": 80, "warehouses": 3, "spaces": 2, "segments": 2400}
REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE = 60.0
TOKEN = "a-token-like-no-other-4711"

LAUNCH = """
mutation ($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""

STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"

MATERIALIZATIONS = """
query ($id: ID!) {
  runOrError(runId: $id) {
    ... on Run {
      assetMaterializations {
        assetKey { path }
        metadataEntries {
          label
          ... on IntMetadataEntry { intValue }
          ... on TextMetadataEntry { text }
          ... on MarkdownMetadataEntry { mdStr }
          ... on TableSchemaMetadataEntry { schema { columns { name type description } } }
        }
      }
    }
  }
}"""

CHECKS = """
query ($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      description
      groupName
      kinds
      owners { ... on TeamAssetOwner { team } }
      dependencyKeys { path }
      assetMaterializations(limit: 5) { runId }
      assetChecksOrError {
        ... on AssetChecks {
          checks { name executionForLatestMaterialization { runId status evaluation { success description } } }
        }
      }
    }
  }
}"""

LOADED = """
{
  workspaceOrError {
    ... on Workspace {
      locationEntries { name locationOrLoadError { __typename ... on PythonError { message } } }
    }
  }
  schedulesOrError(repositorySelector: {
    repositoryLocationName: "LOCATION", repositoryName: "__repository__"
  }) {
    ... on Schedules { results { name cronSchedule executionTimezone scheduleState { status } } }
  }
}"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def until(condition, what):
    """Ask again and again until there is an answer: GraphQL tells of a run's end by no other means."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if (answer := condition()) is not None:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {DEADLINE:.0f} s")


@pytest.fixture(scope="module")
def ui(world, tmp_path_factory):
    """`dagster dev` in a directory of its own, and a function that asks its GraphQL."""
    place = tmp_path_factory.mktemp("ui")
    home, work = place / "dagster_home", place / "work"
    home.mkdir()
    work.mkdir()
    (place / "started").mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\nnux:\n  enabled: false\n")
    shutil.copy(REPOSITORY / "workspace.yaml", work)
    port = free_port()
    foreign = ("SEGMENT_", "DESTINATION__", "SOURCES__", "DAGSTER_", "DLT_", "RUNTIME__")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    binary = str(Path(sys.executable).with_name("dagster"))
    command = [binary, "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    with running(world=world, minute=0.05, token=TOKEN, quiet_audit=True) as emulator, (place / "log").open("w") as log:
        settings = {
            **clean,
            **recording_arguments(place / "started"),
            "HOME": str(place),
            "DAGSTER_HOME": str(home),
            "DLT_DATA_DIR": str(place / ".dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "SEGMENT_BASE_URL": emulator.url,
            "SEGMENT_API_TOKEN": emulator.token,
            "SEGMENT_MINUTE_SECONDS": "0.05",
            "SEGMENT_AUDIT_SENSOR_SECONDS": "1",
        }
        process = subprocess.Popen(
            command, cwd=work, env=settings, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        address = f"http://127.0.0.1:{port}"

        def up():
            assert process.poll() is None, (place / "log").read_text()
            try:
                return requests.get(f"{address}/server_info", timeout=5).json()
            except requests.ConnectionError:
                return None

        def ask(query, **variables):
            answer = requests.post(
                f"{address}/graphql", json={"query": query, "variables": variables}, timeout=30
            ).json()
            assert "errors" not in answer, answer["errors"]
            return answer["data"]

        try:
            info = until(up, "the webserver answers")
            yield SimpleNamespace(
                ask=ask,
                info=info,
                emulator=emulator,
                work=work,
                log=place / "log",
                home=home,
                location=_location(ask),
                started=lambda: recorded_arguments(place / "started"),
            )
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            finally:
                _end(process.pid)


def _location(ask):
    """The name of the one code location, once it is loaded."""

    def loaded():
        entries = ask("{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }")
        found = entries["workspaceOrError"]["locationEntries"]
        return found[0]["name"] if found and found[0]["loadStatus"] == "LOADED" else None

    return until(loaded, "the code location is loaded")


def _end(group):
    """Nobody of the process group may outlive the test."""

    def gone():
        try:
            os.killpg(group, signal.SIGTERM)
        except ProcessLookupError:
            return True
        return None

    try:
        until(gone, "all processes of dagster dev have ended")
    except AssertionError:
        os.killpg(group, signal.SIGKILL)
        raise


def launch(ui, **selector):
    selection = {"repositoryLocationName": ui.location, "repositoryName": "__repository__", **selector}
    launched = ui.ask(LAUNCH, parameters={"selector": selection, "runConfigData": {}})["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]

    def ended():
        status = ui.ask(STATUS, id=run_id)["runOrError"]["status"]
        return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

    return run_id, until(ended, f"run {run_id} ends")


@pytest.fixture(scope="module")
def run(ui):
    """The main job, launched as the UI does, for six of its assets."""
    assets = [{"path": ["segment", name]} for name in NAMES]
    run_id, status = launch(ui, pipelineName="segment_sync", assetSelection=assets)
    assert status == "SUCCESS", ui.log.read_text()
    return run_id


def test_the_code_location_is_loaded_with_its_schedules_off(ui):
    found = ui.ask(LOADED.replace("LOCATION", ui.location))
    (entry,) = found["workspaceOrError"]["locationEntries"]
    assert entry["name"] == "segment_dagster"
    assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation"
    schedules = {schedule["name"]: schedule for schedule in found["schedulesOrError"]["results"]}
    assert {name: schedule["cronSchedule"] for name, schedule in schedules.items()} == {
        "segment_sync_daily": "0 6 * * *",
        "segment_slow_sync_weekly": "0 2 * * 0",
        "segment_health_daily": "30 7 * * *",
        "segment_audit_hourly": "5 * * * *",
        "segment_usage_daily": "15 3 * * *",
        "segment_usage_close_monthly": "45 3 8 * *",
        "segment_volume_daily": "15 0 * * *",
        "segment_delivery_daily": "30 0 * * *",
        "segment_delivery_metrics_daily": "45 0 * * *",
    }
    assert {schedule["executionTimezone"] for schedule in schedules.values()} == {"UTC"}
    assert {schedule["scheduleState"]["status"] for schedule in schedules.values()} == {"STOPPED"}


def test_the_job_runs_and_tells_of_its_rows(ui, run):
    made = {
        each["assetKey"]["path"][-1]: {entry.pop("label"): entry for entry in each["metadataEntries"]}
        for each in ui.ask(MATERIALIZATIONS, id=run)["runOrError"]["assetMaterializations"]
    }
    assert {name: entries["dagster/row_count"]["intValue"] for name, entries in made.items()} == COUNTS
    assert {name: entries["segment/rows_delivered"]["intValue"] for name, entries in made.items()} == COUNTS
    for name, entries in made.items():
        assert entries["dagster/table_name"]["text"].endswith(f"segment_data.{name}")
        assert entries["segment/preview"]["mdStr"].startswith("| id |")
        assert all(column["description"] for column in entries["dagster/column_schema"]["schema"]["columns"])
    assert (ui.work / "segment.duckdb").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_asset_page_shows_the_check_results(ui, run, name):
    node = ui.ask(CHECKS, key={"path": ["segment", name]})["assetNodeOrError"]
    assert run in {each["runId"] for each in node["assetMaterializations"]}
    checks = {
        check["name"]: check["executionForLatestMaterialization"] for check in node["assetChecksOrError"]["checks"]
    }
    assert set(checks) >= {"row_count", "schema", "primary_key"}
    assert all(execution["status"] == "SUCCEEDED" for execution in checks.values())
    assert checks["row_count"]["evaluation"]["description"] == f"{pluralize(COUNTS[name], 'row')} found, as delivered."
    assert set(node["kinds"]) == {"segment", "dlt", "duckdb"}
    assert node["owners"] == [{"team": "data"}]
    assert "documentation" in node["description"]


@pytest.mark.long
def test_checks_of_one_asset_run_alone(ui, run):
    before = ui.emulator.stats.total
    wanted = [{"assetKey": {"path": ["segment", "sources"]}, "name": name} for name in ("row_count", "references")]
    run_id, status = launch(ui, pipelineName="__ASSET_JOB", assetSelection=[], assetCheckSelection=wanted)
    assert status == "SUCCESS", ui.log.read_text()
    node = ui.ask(CHECKS, key={"path": ["segment", "sources"]})["assetNodeOrError"]
    by = {
        check["name"]: check["executionForLatestMaterialization"]["runId"]
        for check in node["assetChecksOrError"]["checks"]
    }
    assert by == {"row_count": run_id, "references": run_id, "schema": run, "primary_key": run}
    assert ui.ask(MATERIALIZATIONS, id=run_id)["runOrError"]["assetMaterializations"] == []
    assert ui.emulator.stats.total == before


TICKS = """query($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) { ... on Sensor {
    sensorState { ticks(limit: 50) { status skipReason runIds error { message } } } } } }"""
START = "mutation($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename } }"
ASKED_FOR = "query($id: ID!) { runOrError(runId: $id) { ... on Run { assetSelection { path } tags { key value } } } }"


@pytest.mark.long
def test_the_sensor_asks_for_what_was_changed_and_for_nothing_else(ui, run):
    sensor = {"repositoryLocationName": ui.location, "repositoryName": "__repository__", "sensorName": SENSOR}
    assert ui.ask(START, s=sensor)["startSensor"]["__typename"] == "Sensor"

    def ticks():
        found = ui.ask(TICKS, selector=sensor)["sensorOrError"]["sensorState"]["ticks"]
        assert not [tick for tick in found if tick["error"]], found
        return [tick for tick in found if tick["status"] != "STARTED"]

    def skipped(times):
        seen = ticks()
        return seen if sum(tick["status"] == "SKIPPED" for tick in seen) >= times else None

    quiet = until(lambda: skipped(2), "the sensor has looked twice")
    assert quiet[-1]["skipReason"] == "From now on, changes are seen."
    assert {tick["skipReason"] for tick in quiet[:-1]} == {"Nothing has happened since the last look."}
    warehouse = ui.emulator.records("warehouses")[0]
    ui.emulator.edits.add(Edit(endpoint="warehouses", action="modify", id=warehouse["id"], fields={"enabled": False}))
    (run_id,) = until(
        lambda: next((tick["runIds"] for tick in ticks() if tick["runIds"]), None), "the sensor asks for a run"
    )
    until(
        lambda: ui.ask(STATUS, id=run_id)["runOrError"]["status"] == "SUCCESS" or None, "the run of the sensor succeeds"
    )
    asked_for = {each["path"][-1] for each in ui.ask(ASKED_FOR, id=run_id)["runOrError"]["assetSelection"]}
    assert {"warehouses", "audit_events"} <= asked_for
    assert not asked_for & {"sources", "destinations", "segments"}
    with duckdb.connect(str(ui.work / "segment.duckdb"), read_only=True) as connection:
        found = connection.execute("SELECT enabled FROM segment_data.warehouses WHERE id = ?", [warehouse["id"]])
        assert found.fetchall() == [(False,)]
    # what was seen is not asked for again
    until(lambda: skipped(len(quiet) + 2), "the sensor has looked on")
    assert sum(len(tick["runIds"]) for tick in ticks()) == 1


def test_no_token_is_among_the_arguments_of_the_ui_and_of_what_it_starts(ui, run):
    assert run
    started = ui.started()
    assert "'dev'" in started and "dagster_webserver" in started and "grpc" in started
    assert TOKEN not in started
