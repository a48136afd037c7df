"""A deployment: Dagster's instance on PostgreSQL, code served by gRPC, the queue, and Celery's workers with Redis."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import dagster as dg
import pytest
import requests
import yaml

from segment_dagster.emulator import Emulator, World, running
from segment_dagster_tests.budgets.redis_server import redis_server
from segment_dagster_tests.deploy.files import yaml_of
from segment_dagster_tests.destinations.engines import free_port, listens, postgres_server
from segment_dagster_tests.destinations.two_machines import drop_dataset
from segment_dagster_tests.scale.ended_run import EndedRun
from segment_dagster_tests.scale.machine import MODULE, Machine

PATIENCE = 240.0
"""Seconds that runs may take, and a program to listen."""

WORKERS = ("one", "other")
MACHINES = ("code", "webserver", "daemon", *WORKERS)

LAUNCH = """
mutation ($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""
LOADED = """
{
  workspaceOrError {
    ... on Workspace { locationEntries { loadStatus locationOrLoadError { __typename } } }
  }
}"""

_Answer = TypeVar("_Answer")


@dataclass
class Deployment:
    """What runs are started in.

    Args:
        emulator: The workspace.
        instance: Dagster's instance.
        address: The webserver.
        warehouse: The database that tables are loaded into.
        duckdb: The file that all machines have.
        files: The directory that all machines have.
        machines: By what runs on each.
    """

    emulator: Emulator
    instance: dg.DagsterInstance
    address: str
    warehouse: str
    duckdb: Path
    files: Path
    machines: dict[str, Machine]

    def run(self, **jobs: str | None) -> list[EndedRun]:
        """Put jobs into the queue, as the UI does, all at once; wait until they have ended.

        Args:
            jobs: The partition of each job.
        """
        begun = [self._launch(job, partition) for job, partition in jobs.items()]
        for run_id in begun:
            until(partial(self._ended, run_id), "a run ends", self.machines.values())
        return [EndedRun(self.instance, run_id) for run_id in begun]

    def drop(self) -> None:
        """Let the next run be the first."""
        drop_dataset(self.warehouse)
        self.duckdb.unlink(missing_ok=True)
        shutil.rmtree(self.files, ignore_errors=True)

    def _launch(self, job: str, partition: str | None) -> str:
        location = {"repositoryLocationName": MODULE, "repositoryName": "__repository__"}
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        parameters = {
            "selector": {**location, "pipelineName": job},
            "runConfigData": {},
            "executionMetadata": {"tags": tags},
        }
        launched = ask(self.address, LAUNCH, parameters=parameters)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id: str = launched["run"]["runId"]
        return run_id

    def _ended(self, run_id: str) -> bool | None:
        run = self.instance.get_run_by_id(run_id)
        return True if run is not None and run.is_finished else None


def ask(address: str, query: str, **variables: Any) -> Any:
    """Ask the webserver's GraphQL."""
    answer = requests.post(f"{address}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def until(condition: Callable[[], _Answer | None], what: str, machines: Iterable[Machine]) -> _Answer:
    """Ask again and again until there is an answer: nobody tells of it by himself."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (answer := condition()) is not None:
            return answer
        time.sleep(0.1)
    said = "\n".join(machine.said() for machine in machines)
    raise AssertionError(f"{what}: not within {PATIENCE:.0f} s\n{said}")


@contextmanager
def deployment(world: World, now: datetime, place: Path) -> Iterator[Deployment]:
    """Start all of it.

    Args:
        world: The workspace.
        now: What time it is for the runs and for the workspace.
        place: An empty directory.
    """
    with ExitStack() as stack:
        emulator = stack.enter_context(running(world=world, minute=0.05))
        emulator.clock.set(now)
        postgres = stack.enter_context(postgres_server("CREATE DATABASE dagster OWNER loader;"))
        shared, own = place / "shared", place / "redis"
        for directory in (shared, own):
            directory.mkdir()
        redis = stack.enter_context(redis_server(own))
        settings = {
            **_settings(emulator, now),
            **_servers(postgres, redis),
            "SHARED_DUCKDB": str(shared / "segment.duckdb"),
            "DESTINATION__POSTGRES__CREDENTIALS": postgres,
            "DESTINATION__FILESYSTEM__BUCKET_URL": str(shared / "lake"),
        }
        instance = _instance()
        machines = {name: Machine(place / name, settings, instance) for name in MACHINES}
        address = _begin(stack, machines)
        until(lambda: _loaded(address), "the code location is loaded", machines.values())
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**settings, "SCRATCH": str(own)}.items():
                patch.setenv(name, value)
            kept = stack.enter_context(dg.DagsterInstance.from_config(str(machines["webserver"].dagster_home)))
        yield Deployment(emulator, kept, address, postgres, shared / "segment.duckdb", shared / "lake", machines)


def _settings(emulator: Emulator, now: datetime) -> dict[str, str]:
    return {
        "SEGMENT_BASE_URL": emulator.url,
        "SEGMENT_API_TOKEN": emulator.token,
        "SEGMENT_MINUTE_SECONDS": "0.05",
        "SEGMENT_NOW": now.isoformat(),
        "SEGMENT_INCLUDE_SECRETS": "true",
        "SEGMENT_PARTITIONS_START": "2026-03-01",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "NORMALIZE__WORKERS": "1",
        "LOAD__WORKERS": "1",
    }


def _servers(postgres: str, redis: str) -> dict[str, str]:
    """The instance's database; the broker and the results; what counts the requests of all machines."""
    server = urlsplit(postgres)
    return {
        "DAGSTER_PG_HOST": str(server.hostname),
        "DAGSTER_PG_PORT": str(server.port),
        "DAGSTER_PG_DB": "dagster",
        "DAGSTER_PG_USERNAME": str(server.username),
        "DAGSTER_PG_PASSWORD": str(server.password),
        "CELERY_BROKER": f"{redis}/0",
        "CELERY_BACKEND": f"{redis}/0",
        "SEGMENT_BUDGET_URL": f"{redis}/1",
    }


def _instance() -> dict[str, Any]:
    """`deploy/dagster.yaml`, for runs that are processes of the code server, with a directory of each machine's own."""
    settings: dict[str, Any] = yaml_of("dagster.yaml")
    del settings["run_launcher"]
    settings["local_artifact_storage"]["config"]["base_dir"] = {"env": "SCRATCH"}
    return settings


def _begin(stack: ExitStack, machines: dict[str, Machine]) -> str:
    """Start the programs; return the address of the webserver."""
    code, ui = machines["code"], machines["webserver"]
    code_port = free_port()
    _serve(stack, code, code_port, "dagster", "api", "grpc", "-m", MODULE, "-h", "127.0.0.1", "-p", str(code_port))
    served = {"grpc_server": {"host": "127.0.0.1", "port": code_port, "location_name": MODULE}}
    for name in ("webserver", "daemon"):
        (machines[name].work / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [served]}))
    ui_port = free_port()
    _serve(stack, ui, ui_port, "dagster-webserver", "-w", "workspace.yaml", "-p", str(ui_port))
    stack.enter_context(machines["daemon"].started("dagster-daemon", "run", "-w", "workspace.yaml"))
    execution = {"broker": {"env": "CELERY_BROKER"}, "backend": {"env": "CELERY_BACKEND"}}
    for name in WORKERS:
        (machines[name].work / "celery.yaml").write_text(yaml.safe_dump({"execution": {"config": execution}}))
        worker = ("worker", "start", "-A", "dagster_celery.app", "-y", "celery.yaml", "-n", name)
        # one step at a time
        stack.enter_context(machines[name].started("dagster-celery", *worker, "--", "--concurrency=1"))
    return f"http://127.0.0.1:{ui_port}"


def _serve(stack: ExitStack, machine: Machine, port: int, program: str, *arguments: str) -> None:
    """Start a server; return once it listens."""
    process = stack.enter_context(machine.started(program, *arguments))

    def up() -> bool | None:
        assert process.poll() is None, machine.said()
        return True if listens(port) else None

    until(up, f"{program} listens", [machine])


def _loaded(address: str) -> bool | None:
    (entry,) = ask(address, LOADED)["workspaceOrError"]["locationEntries"] or [{"loadStatus": "LOADING"}]
    if entry["loadStatus"] != "LOADED":
        return None
    assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation", entry
    return True
