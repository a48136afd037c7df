"""Engines that `make test-destinations` installs: more than a suite should ask for, some not the destination itself."""

from segment_dagster_tests.destinations.engines import Engine
from segment_dagster_tests.destinations.engines_azure import azure
from segment_dagster_tests.destinations.engines_google import bigquery, storage
from segment_dagster_tests.destinations.engines_redshift import redshift
from segment_dagster_tests.destinations.engines_snowflake import snowflake

FURTHER_ENGINES = (
    Engine(
        "redshift",
        "PostgreSQL, with types of its own",
        redshift,
        parses=True,
        untested="the types SUPER and VARCHAR(MAX); what PostgreSQL takes and Redshift does not",
    ),
    Engine(
        "bigquery",
        "BigQuery's SQL on DuckDB, by local-bigquery",
        bigquery,
        parses=True,
        # a load job takes it seconds
        patience=3_600,
        untested="compressed files, quotas; what DuckDB takes and BigQuery does not",
    ),
    Engine("filesystem-gs", "Parquet files in fake-gcs-server", storage, merges=False, history=False),
    Engine("filesystem-az", "Parquet files in azurite", azure, merges=False, history=False),
    Engine(
        "snowflake",
        "Snowflake's SQL on DuckDB, by fakesnow",
        snowflake,
        untested="the words of PUT and COPY, put into others for fakesnow; what DuckDB takes and Snowflake does not",
    ),
)
