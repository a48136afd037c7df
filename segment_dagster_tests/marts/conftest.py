"""The planted workspace, loaded once into DuckDB and once into PostgreSQL."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings, HealthSettings
from segment_dagster.emulator import Emulator, running
from segment_dagster.endpoints import TABLES
from segment_dagster.extract import Extractor
from segment_dagster.load import Destination, inspect_dataset, resolve_destination
from segment_dagster.marts.build_mart import mart_rows
from segment_dagster.marts.mart import Mart
from segment_dagster.marts.models import MARTS
from segment_dagster.sync import sync
from segment_dagster_tests.conftest import MINUTE
from segment_dagster_tests.destinations.engines import FURTHER, postgres_server
from segment_dagster_tests.marts import planted_truth as truth

# it needs what `make test-destinations` installs
collect_ignore = [] if FURTHER else ["test_marts_further.py"]

READ = {table for mart in MARTS for table in mart.tables} - {"changes"}

CREDENTIALS = "DESTINATION__POSTGRES__CREDENTIALS"

ASSUMED = HealthSettings(violation_reasons=truth.BLOCKED_REASONS)
"""What the truth assumes."""


class Loaded:
    """A dataset with the tables that the marts read."""

    def __init__(self, destination: Destination, environment: Mapping[str, str]) -> None:
        self.destination = destination
        self.environment = environment

    def rows(self, name: str, **thresholds: Any) -> list[dict[str, Any]]:
        """Return the rows of a mart, which is not loaded."""
        settings = ASSUMED.model_copy(update=thresholds)
        with inspect_dataset(self.destination) as tables:
            return [dict(row) for row in mart_rows(mart(name), tables, truth.NOW, settings)]

    @contextmanager
    def altered(self, table: str, *statements: str) -> Iterator[None]:
        """Alter the rows of a table while the block runs.

        Args:
            table: The table.
            statements: SQL with `{table}`, and `{kept}` for a table with the rows as they were.
        """
        with inspect_dataset(self.destination) as tables:
            name = tables.qualified_name(table)
        kept = f"{name}_kept"
        self._execute(f"CREATE TABLE {kept} AS SELECT * FROM {name}")
        try:
            self._execute(*(each.format(table=name, kept=kept) for each in statements))
            yield
        finally:
            self._execute(f"DELETE FROM {name}", f"INSERT INTO {name} SELECT * FROM {kept}", f"DROP TABLE {kept}")

    def _execute(self, *statements: str) -> None:
        with ExitStack() as stack:
            if credentials := self.environment.get(CREDENTIALS):
                connection = stack.enter_context(closing(psycopg2.connect(credentials)))
                connection.autocommit = True
                cursor: Any = connection.cursor()
            else:
                cursor = stack.enter_context(duckdb.connect(str(self.destination.file)))
            for each in statements:
                cursor.execute(each)

    @contextmanager
    def without_rows(self, table: str, condition: str) -> Iterator[None]:
        """Take rows out of a table while the block runs."""
        with self.altered(table, f"DELETE FROM {{table}} WHERE {condition}"):
            yield


def load(emulator: Emulator, settings: DestinationSettings, names: Collection[str]) -> None:
    """Load endpoints of a workspace as a first run does."""
    api = ApiSettings(token=emulator.token, base_url=emulator.url, now=truth.NOW)
    with Extractor(api) as extractor:
        result = sync([each for each in TABLES if each.name in names], extractor, resolve_destination(settings))
    assert not result.failures


def mart(name: str) -> Mart:
    """The mart of a name."""
    return next(each for each in MARTS if each.name == name)


@pytest.fixture(scope="session")
def planted() -> Iterator[Emulator]:
    """The planted workspace."""
    with running(scale=0, planted=True, now=truth.NOW, minute=MINUTE) as emulator:
        yield emulator


@pytest.fixture(scope="session", params=["duckdb", "postgres"])
def dataset(
    request: pytest.FixtureRequest, planted: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loaded]:
    """The tables that the marts read, in a dataset."""
    place: Path = tmp_path_factory.mktemp("planted")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_DATA_DIR", str(place))
        patch.setenv("SEGMENT_MINUTE_SECONDS", str(MINUTE))
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        settings = DestinationSettings(type=request.param, lock_timeout=60)
        environment = {}
        if request.param == "postgres":
            environment[CREDENTIALS] = stack.enter_context(postgres_server())
            patch.setenv(CREDENTIALS, environment[CREDENTIALS])
        else:
            settings = DestinationSettings(type="duckdb", database=str(place / "planted.duckdb"))
        destination = resolve_destination(settings)
        load(planted, settings, READ)
        yield Loaded(destination, environment)


@pytest.fixture
def loaded(dataset: Loaded, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """The dataset, with the settings that a test does not inherit."""
    for name, value in dataset.environment.items():
        monkeypatch.setenv(name, value)
    return dataset
