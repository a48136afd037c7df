"""Write the tables of the example, as Segment would: `python make_warehouse.py`."""

import os

import duckdb

with duckdb.connect(os.environ.get("WAREHOUSE", "dbt/warehouse.duckdb")) as connection:
    for schema in ("web", "ios", "android"):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        connection.execute(
            f"CREATE OR REPLACE TABLE {schema}.tracks AS "  # noqa: S608 - the names above
            "SELECT i AS id, now() - i * INTERVAL 1 HOUR AS received_at FROM range(100) t(i)"
        )
