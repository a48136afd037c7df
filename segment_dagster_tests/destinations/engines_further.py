"""Engines that `make test-destinations` installs: more than a suite should ask for, some not the destination itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segment_dagster_tests.destinations.engines import CannotStartError, Engine, Settings
from segment_dagster_tests.destinations.engines_azure import azure
from segment_dagster_tests.destinations.engines_google import bigquery, storage
from segment_dagster_tests.destinations.engines_redshift import redshift


@contextmanager
def snowflake(directory: Path) -> Iterator[Settings]:
    """Nothing yet: fakesnow 0.12.1 takes neither dlt's PUT and COPY nor JSON in COPY."""
    raise CannotStartError("nothing is tested: fakesnow does not take the PUT and COPY that dlt writes")
    yield {}


FURTHER_ENGINES = (
    Engine(
        "redshift",
        "PostgreSQL, with types of its own",
        redshift,
        untested="the types SUPER and VARCHAR(MAX), and what PostgreSQL takes and Redshift does not",
    ),
    Engine(
        "bigquery",
        "BigQuery's SQL on DuckDB, by local-bigquery",
        bigquery,
        # a load job takes it seconds
        only=("audit_events", "destinations", "labels", "roles", "sources", "users"),
        untested="compressed files, quotas, and what DuckDB takes and BigQuery does not",
    ),
    Engine("filesystem-gs", "Parquet files in fake-gcs-server", storage, merges=False, history=False),
    Engine("filesystem-az", "Parquet files in azurite", azure, merges=False, history=False),
    Engine("snowflake", "none", snowflake),
)
