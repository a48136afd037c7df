"""Engines that `make test-destinations` installs: more than a suite should ask for, some not the destination itself."""

from segment_dagster_tests.destinations.engines import Engine
from segment_dagster_tests.destinations.engines_azure import azure
from segment_dagster_tests.destinations.engines_google import bigquery, storage
from segment_dagster_tests.destinations.engines_redshift import redshift

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
)
