"""Running the code location: whole, in parts, in a process of its own; and looking at what it left behind."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import orjson
import pytest

from segment_dagster.definitions import defs
from segment_dagster.emulator import Emulator, World
from segment_dagster.endpoints import CATALOGUE, Secrecy

NAMES = ("workspace", "sources", "destinations", "warehouses", "spaces", "segments")
REPOSITORY = Path(__file__).resolve().parents[2]
GUARDED_WHOLE = ("credentials", "webhooks")
"""Settings whose every text is taken for a secret: too much rather than too little."""

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}


class Outcome:
    """What a run did, in the words of the tests."""

    def __init__(self, result: dg.ExecuteInProcessResult) -> None:
        self.result = result
        self.success = result.success
        self.materialized = {
            event.materialization.asset_key.path[-1]: event.materialization
            for event in result.get_asset_materialization_events()
        }
        self.unchanged = {
            name: each
            for name, each in self.materialized.items()
            if (held := each.metadata.get("segment/rows_unchanged")) and held.value is True
        }
        self.written = {name: each for name, each in self.materialized.items() if name not in self.unchanged}
        observed = [each.asset_observation_data.asset_observation for each in result.get_asset_observation_events()]
        self.observed = {each.asset_key.path[-1]: each for each in observed}
        self.checks = {
            (evaluation.asset_key.path[-1], evaluation.check_name): evaluation
            for evaluation in result.get_asset_check_evaluations()
        }
        self.failed_checks = {name: check for name, check in self.checks.items() if not check.passed}
        failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
        said = [failure.user_failure_data for failure in failures]
        self.errors = [
            (each and each.description) or (failure.error and failure.error.to_string()) or ""
            for failure, each in zip(failures, said, strict=True)
        ]
        self.failure_metadata = {
            name: value.value for each in said if each for name, value in (each.metadata or {}).items()
        }

    @property
    def error(self) -> str:
        (error,) = self.errors
        return error

    def count(self, event_type: str) -> int:
        return sum(event.event_type_value == event_type for event in self.result.all_events)


def keys(*names: str) -> list[dg.AssetKey]:
    return [dg.AssetKey(["segment", name]) for name in names]


@pytest.fixture(scope="session")
def outcome_of() -> Callable[[dg.ExecuteInProcessResult], Outcome]:
    """What the run of another code location did."""
    return Outcome


@pytest.fixture(scope="session")
def code_location() -> dg.Definitions:
    """The definitions as Dagster loads them: one object for the whole session."""
    return defs()


@pytest.fixture(scope="session")
def one_instance() -> Iterator[dg.DagsterInstance]:
    """An instance for runs whose memory does not matter: making one takes longer than many of them."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def fresh() -> Iterator[dg.DagsterInstance]:
    """An instance that remembers nothing."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def sync(emulator: Emulator, code_location: dg.Definitions, one_instance: dg.DagsterInstance) -> Callable[..., Outcome]:
    """Run the part of the main job whose endpoints are named; the six that are read first where none is."""
    job = code_location.resolve_job_def("segment_sync")

    def run(*names: str, instance: dg.DagsterInstance = one_instance) -> Outcome:
        result = job.execute_in_process(
            instance=instance, asset_selection=keys(*(names or NAMES)), raise_on_error=False
        )
        return Outcome(result)

    return run


@pytest.fixture
def run_selection(code_location: dg.Definitions, one_instance: dg.DagsterInstance) -> Callable[..., Outcome]:
    """Run a job of one's own selection of assets and checks."""

    def run(
        selection: dg.AssetSelection,
        instance: dg.DagsterInstance = one_instance,
        location: dg.Definitions = code_location,
        **options: Any,
    ) -> Outcome:
        job = dg.define_asset_job("of_the_test", selection=selection, **options)
        merged = dg.Definitions.merge(location, dg.Definitions(jobs=[job]))
        result = merged.resolve_job_def("of_the_test").execute_in_process(instance=instance, raise_on_error=False)
        return Outcome(result)

    return run


@pytest.fixture
def check(run_selection: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Run checks and nothing else: all of them, or those of the endpoints that are named."""

    def run(*names: str, instance: dg.DagsterInstance, **options: Any) -> Outcome:
        return run_selection(dg.AssetSelection.checks_for_assets(*keys(*(names or NAMES))), instance, **options)

    return run


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The whole load that tests start from: its directory and the instance that remembers it."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield SimpleNamespace(place=tmp_path_factory.mktemp("whole"), instance=instance, outcome=None)


@pytest.fixture
def whole(kept: SimpleNamespace, emulator: Emulator, code_location: dg.Definitions) -> Outcome:
    """One run of the six that are read first, done once and only looked at. Its files are in `kept.place`."""
    if kept.outcome is None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(kept.place)
            patch.setenv("DLT_DATA_DIR", str(kept.place / ".dlt"))
            job = code_location.resolve_job_def("segment_sync")
            result = job.execute_in_process(instance=kept.instance, asset_selection=keys(*NAMES), raise_on_error=False)
            kept.outcome = Outcome(result)
        emulator.stats.clear()
    assert kept.outcome.success, kept.outcome.errors
    outcome: Outcome = kept.outcome
    return outcome


@pytest.fixture
def old_tables(whole: Outcome, kept: SimpleNamespace) -> Path:
    """The DuckDB file of an earlier run, in the working directory."""
    return Path(shutil.copy(kept.place / "segment.duckdb", Path.cwd()))


@pytest.fixture
def earlier(old_tables: Path, kept: SimpleNamespace) -> dg.DagsterInstance:
    """The instance that remembers the run which made `old_tables`: for checks, not for loads of other rows."""
    instance: dg.DagsterInstance = kept.instance
    return instance


@pytest.fixture
def duck() -> SimpleNamespace:
    """The DuckDB file: `query`, `change`, `tables`, `records` of a table in plain Python values, all its text."""

    def query(sql: str, file: str = "segment.duckdb") -> list[tuple[Any, ...]]:
        with duckdb.connect(file, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def change(*statements: str) -> None:
        with duckdb.connect("segment.duckdb") as connection:
            for statement in statements:
                connection.execute(statement)

    def tables(schema: str = "segment_data", file: str = "segment.duckdb") -> set[str]:
        if not Path(file).exists():
            return set()
        names = query(f"SELECT table_name FROM duckdb_tables() WHERE schema_name = '{schema}'", file)
        return {name for (name,) in names if not name.startswith(("_dlt", "_segment"))}

    def columns(table: str, file: str = "segment.duckdb") -> dict[str, str]:
        return {row[0]: row[1] for row in query(f"DESCRIBE segment_data.{table}", file)}

    def records(table: str, file: str = "segment.duckdb") -> dict[str, dict[str, Any]]:
        types = columns(table, file)
        # DuckDB needs pytz to hand out a time with its zone
        shown = [f'epoch_us("{name}")' if "TIME ZONE" in kind else f'"{name}"' for name, kind in types.items()]
        found = query(f"SELECT {', '.join(shown)} FROM segment_data.{table}", file)
        made = [
            {
                name: orjson.loads(value) if kind == "JSON" and value is not None else value
                for (name, kind), value in zip(types.items(), row, strict=True)
            }
            for row in found
        ]
        by_id = {record["id"]: record for record in made}
        assert len(by_id) == len(made)
        return by_id

    return SimpleNamespace(query=query, change=change, tables=tables, columns=columns, records=records)


@pytest.fixture(scope="session")
def expected(world: World) -> Callable[..., dict[str, dict[str, Any]]]:
    """The rows that an endpoint's table should hold, by id, worked out from the emulator's records."""

    def rows(name: str, stand_in: Callable[[str], str] | None = lambda _: "[redacted]") -> dict[str, dict[str, Any]]:
        left_out = set(world.left_out(name, {}))
        return {record["id"]: _expected_row(name, record, left_out, world, stand_in) for record in world.records(name)}

    return rows


def _expected_row(
    name: str, record: Mapping[str, Any], left_out: set[str], world: World, stand_in: Callable[[str], str] | None
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in ROWS[name].columns:
        value = None if column.field in left_out else record.get(column.field)
        if stand_in and column.secrecy is not Secrecy.NONE:
            value = _without(value, world.secrets, stand_in)
        if column.type == "timestamp" and value is not None:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc)
            value = round(moment.timestamp() * 1_000_000)
        row[re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", column.field).lower()] = value
    return row


def _without(value: Any, secrets: frozenset[str], stand_in: Callable[[str], str], guarded: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            name: _without(held, secrets, stand_in, guarded or name in GUARDED_WHOLE) for name, held in value.items()
        }
    if isinstance(value, list):
        return [_without(held, secrets, stand_in, guarded) for held in value]
    if isinstance(value, str) and value and (guarded or any(part in secrets for part in [value, *value.split()])):
        return stand_in(value)
    return value


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the interpreter with arguments, in the working directory; settings may be added to the environment."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], env={**os.environ, **settings}, capture_output=True, text=True, timeout=100
        )

    return run


@pytest.fixture
def dagster() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the `dagster` command that stands beside the interpreter."""
    binary = str(Path(sys.executable).with_name("dagster"))

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [binary, *arguments], env={**os.environ, **settings}, capture_output=True, text=True, timeout=100
        )

    return run
