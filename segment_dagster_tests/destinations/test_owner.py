"""A dataset belongs to one workspace: the token of another one is refused before anything is loaded."""

import dagster as dg
import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.definitions import defs
from segment_dagster.emulator import Fault, World, running
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.identity import identify
from segment_dagster.load import ForeignDatasetError, check_owner, inspect_dataset, load_extracts, resolve_destination
from segment_dagster.load.owner import OWNER_TABLE, TYPES, find_owner
from segment_dagster_tests.destinations.engines import ENGINES, LAKE_ENGINES
from segment_dagster_tests.variants import often

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def other_world():
    return World(0, seed=8)


@pytest.fixture(scope="module")
def other_emulator(other_world):
    """Another workspace: an empty one."""
    with running(world=other_world, minute=0.05) as emulator:
        yield emulator


@pytest.fixture
def other(other_emulator, monkeypatch):
    """Let the settings point at the other workspace."""
    other_emulator.stats.clear()

    def switch():
        monkeypatch.setenv("SEGMENT_BASE_URL", other_emulator.url)
        monkeypatch.setenv("SEGMENT_API_TOKEN", other_emulator.token)
        return other_emulator

    return switch


@pytest.fixture(params=often((*ENGINES, *LAKE_ENGINES), len(ENGINES)), ids=lambda engine: engine.name)
def engine(request, tmp_path, monkeypatch):
    directory = tmp_path / "engine"
    directory.mkdir()
    with request.param.started(directory) as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield request.param


def load(*names):
    """Read and load, as the script does."""
    destination = resolve_destination(DestinationSettings())
    with Extractor(ApiSettings()) as extractor:
        workspace = identify(extractor)
        check_owner(destination, workspace)
        extracts, failures = extractor.extract_all(extractor.endpoint(name) for name in names)
        assert not failures
        load_extracts(extracts, destination, workspace=workspace, now=utc_now())


def said(result):
    """What the only failed step of a run says."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data.description)


def rows(table):
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        return tables.count(table)


def test_every_destination_keeps_its_workspace_and_refuses_the_token_of_another(engine, emulator, other):
    load("labels")
    load("labels")
    kept = rows("labels")
    (mine,) = emulator.records("workspace")
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        (row,) = tables.read_stored(OWNER_TABLE, TYPES)
    assert (row["workspace_id"], row["slug"], row["name"]) == (mine["id"], mine["slug"], mine["name"])
    other()
    with pytest.raises(ForeignDatasetError) as refused:
        load("labels")
    assert rows("labels") == kept > 0
    assert f"belongs to the workspace 'Acme \"Outdoors\" 🏕️' (id {mine['id']!r})" in str(refused.value)
    assert "Set SEGMENT_DATASET to another name, or empty this one: " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_both_workspaces_are_named(emulator, other, other_world):
    load("labels")
    other()
    (mine,), (theirs,) = emulator.records("workspace"), other_world.records("workspace")
    with pytest.raises(ForeignDatasetError) as refused:
        load("labels")
    assert mine["id"] in str(refused.value) and theirs["id"] in str(refused.value)


def test_nothing_but_the_workspace_is_asked_for_before_the_refusal(emulator, other):
    load("labels")
    asked = other().stats
    with pytest.raises(ForeignDatasetError):
        load("labels")
    assert asked.by_endpoint == {"workspace": 1}


def test_another_dataset_takes_it(emulator, other, monkeypatch):
    load("labels")
    other()
    monkeypatch.setenv("SEGMENT_DATASET", "another_dataset")
    load("workspace")
    assert rows("workspace") == 1


def test_an_emptied_dataset_takes_it_as_the_message_says(emulator, other, other_world):
    load("workspace", "labels")
    other()
    with pytest.raises(ForeignDatasetError, match="drop its schema with all tables, and segment_data_staging beside"):
        load("workspace")
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute("DROP SCHEMA segment_data CASCADE; DROP SCHEMA segment_data_staging CASCADE")
    load("workspace")
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        assert [row["id"] for row in tables.rows("workspace", ["id"])] == [other_world.records("workspace")[0]["id"]]


def test_a_dataset_that_was_loaded_before_owners_were_recorded_is_known_by_its_table(emulator, other):
    load("workspace")
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(f"DROP TABLE segment_data.{OWNER_TABLE}")
    other()
    with pytest.raises(ForeignDatasetError):
        load("workspace")


def test_a_dataset_that_tells_of_no_workspace_becomes_the_tokens_own(emulator):
    load("labels")
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(f"DROP TABLE segment_data.{OWNER_TABLE}")
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        assert find_owner(tables) is None
    load("labels", "roles")
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        owner = find_owner(tables)
    assert owner is not None and owner.id == emulator.records("workspace")[0]["id"]


def test_two_first_runs_at_once_do_not_mix(emulator, other):
    destination = resolve_destination(DestinationSettings())
    with Extractor(ApiSettings()) as extractor:
        mine = identify(extractor)
        check_owner(destination, mine)
        extracts, _ = extractor.extract_all([extractor.endpoint("labels")])
        with Extractor(ApiSettings(base_url=other().url)) as another:
            theirs = identify(another)
            check_owner(destination, theirs)
            others, _ = another.extract_all([another.endpoint("workspace")])
            load_extracts(others, destination, workspace=theirs, now=utc_now())
        with pytest.raises(ForeignDatasetError):
            load_extracts(extracts, destination, workspace=mine, now=utc_now())
    with inspect_dataset(destination) as tables:
        assert not tables.columns("labels")


def test_a_workspace_that_cannot_be_asked_for_fails_alone(emulator, caplog):
    emulator.faults.add(Fault("not-found", "workspace"))
    load("labels")
    assert rows("labels") > 0
    assert "the workspace of the token is not known" in caplog.text


@pytest.mark.parametrize("job", often(["segment_sync", "segment_slow_sync", "segment_audit_sync"], 1))
def test_jobs_refuse_it_in_one_line(job, emulator, other):
    load("workspace")
    other()
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs().resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
    assert said(result).startswith("The dataset 'segment_data' of duckdb in ")
    assert "\n" not in said(result)
    assert not result.get_asset_materialization_events()


def test_a_token_that_is_not_valid_is_one_line_and_one_request(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_API_TOKEN", "not-the-token")
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs().resolve_job_def("segment_sync").execute_in_process(instance=instance, raise_on_error=False)
    assert said(result).startswith("workspace: GET / was refused: the token is not valid (401).")
    assert "\n" not in said(result)
    assert emulator.stats.by_endpoint == {"workspace": 1}
