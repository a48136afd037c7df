"""What `_compat/dlt_information_schema.py` takes for granted of dlt's SQL clients."""

import dlt
import duckdb
import pytest
from dlt.destinations.sql_client import SqlClientBase

from segment_dagster._compat.dlt_information_schema import table_names

BREAKS = "a staging dataset of somebody else's is not noticed: see segment_dagster/_compat/dlt_information_schema.py"


@pytest.mark.parametrize("name", ["_get_information_schema_components", "_qualify_info_schema_table_name"])
def test_dlts_clients_name_the_information_schema(name):
    assert callable(getattr(SqlClientBase, name, None)), f"dlt has no SqlClientBase.{name}: {BREAKS}"


def test_tables_and_views_of_the_dataset_are_found_and_no_others(tmp_path):
    file = tmp_path / "any.duckdb"
    with duckdb.connect(str(file)) as connection:
        for statement in (
            "CREATE SCHEMA mine; CREATE TABLE mine.one (id int); CREATE VIEW mine.two AS SELECT 1 AS id",
            "CREATE SCHEMA other; CREATE TABLE other.three (id int)",
        ):
            connection.execute(statement)
    pipeline = dlt.pipeline(
        "compat", str(tmp_path), destination=dlt.destinations.duckdb(str(file)), dataset_name="mine"
    )
    with pipeline.sql_client() as client:
        assert table_names(client) == {"one", "two"}, f"dlt finds other tables: {BREAKS}"
