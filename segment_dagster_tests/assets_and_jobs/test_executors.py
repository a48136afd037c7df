"""Executors and run launchers that do not share the working directory."""

from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher

from segment_dagster import EndpointSelection, build_segment_defs
from segment_dagster.assets.executor import LOCAL_EXECUTORS
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

LAUNCHER = {"run_launcher": {"module": __name__, "class": "ElsewhereLauncher"}}


class ElsewhereLauncher(SyncInMemoryRunLauncher):
    """A run launcher of another class than Dagster's local ones."""


def local() -> Any:
    return build_segment_defs(select=EndpointSelection(endpoints=("workspace", "labels"))).resolve_job_def(
        "segment_sync"
    )


def one_process(context):
    """Make an executor that is none of Dagster's own, though its steps run in one process."""
    make = dg.in_process_executor.executor_creation_fn
    assert make is not None
    return make(context)


def job_of(executor) -> Any:
    defs = build_segment_defs(select=EndpointSelection(endpoints=("workspace", "labels")))
    job = dg.define_asset_job("of_the_test", selection=dg.AssetSelection.all(), executor_def=executor)
    return dg.Definitions.merge(defs, dg.Definitions(jobs=[job])).resolve_job_def("of_the_test")


def remote() -> Any:
    schema = dg.in_process_executor.config_schema.as_field()
    return job_of(dg.ExecutorDefinition("celery", config_schema=schema, executor_creation_fn=one_process))


def renamed() -> Any:
    """Dagster's own executor under a name of the project's."""
    return job_of(dg.in_process_executor.configured({}, name="one_at_a_time"))


def run(job, **overrides):
    """Run a job. Return why it failed; `None` if it did not."""
    with (
        dg.instance_for_test(overrides=overrides) as instance,
        dg.execute_job(dg.reconstructable(job), instance) as result,
    ):
        failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
        assert result.success == (not failures)
        said = [failure.user_failure_data for failure in failures]
        return said[0].description if said and said[0] else None


@pytest.mark.parametrize(
    ("job", "overrides", "where"),
    [
        (remote, {}, "the executor 'celery' may run each step on another machine"),
        (local, LAUNCHER, "the run launcher ElsewhereLauncher may start each run on another machine"),
    ],
    ids=["executor", "launcher"],
)
@pytest.mark.parametrize("setting", often([None, "mine.duckdb"], 1))
def test_a_duckdb_file_in_the_working_directory_is_refused(emulator, monkeypatch, job, overrides, where, setting):
    if setting:
        monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", setting)
    said = run(job, **overrides)
    file = setting or "segment.duckdb"
    assert said == (
        f"DESTINATION__DUCKDB__CREDENTIALS leads to {file} in the working directory, and {where}. Set it to a whole "
        "path that all of them share, or load into a database: see docs/destinations.md."
    )
    assert not Path(file).exists() and not emulator.stats.by_endpoint


@pytest.mark.parametrize(
    ("job", "overrides"), often([(remote, {}), (local, LAUNCHER)], 1), ids=["executor", "launcher"]
)
def test_a_whole_path_is_for_the_user_to_share(emulator, monkeypatch, tmp_path, job, overrides):
    file = tmp_path / "shared.duckdb"
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(file))
    assert run(job, **overrides) is None
    with duckdb.connect(str(file), read_only=True) as connection:
        ((rows,),) = connection.execute("SELECT count(*) FROM segment_data.labels").fetchall()
    assert rows == len(list(emulator.world.records("labels")))


def test_the_names_are_those_of_dagsters_own_executors():
    own = dg.in_process_executor, dg.multiprocess_executor, dg.multi_or_in_process_executor
    assert {executor.name for executor in own} < set(LOCAL_EXECUTORS)


@pytest.mark.parametrize("job", often([local, renamed], 1), ids=["one process", "a name of its own"])
def test_a_local_executor_and_launcher_take_the_default_path(emulator, job):
    assert run(job) is None
    assert Path("segment.duckdb").exists()
    assert local().execute_in_process().success
